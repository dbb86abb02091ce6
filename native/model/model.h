// A model of any kind with packed weights, and its forward pass without dropout: what inference and
// evaluation during training share, and so have the same bits.
#pragma once
#include "core/memory.h"
#include "model/bert.h"
#include "model/bilstm.h"

namespace maque {

/// Texts laid end to end, checked: text i has ids[offsets[i] .. offsets[i + 1]); offsets need not begin at 0.
/// Its n-grams lie likewise in bag_ids. For kind bag offsets are those of the n-grams, and ids null.
struct Texts {
  const int32_t *ids, *offsets;
  int64_t count;
  const int32_t* type_ids;                                   // or null
  const int32_t *bag_ids = nullptr, *bag_offsets = nullptr;  // null where the model has no n-grams

  int64_t tokens() const { return offsets[count] - offsets[0]; }
  int64_t length(int64_t i) const { return offsets[i + 1] - offsets[i]; }
  int64_t longest() const;
  int64_t empty() const;
  int64_t ngrams() const { return bag_offsets == nullptr ? 0 : bag_offsets[count] - bag_offsets[0]; }
  BagBatch bag() const {
    BagBatch bag{};
    bag.ids = bag_ids;
    bag.offsets = bag_offsets;
    bag.texts = bag_offsets == nullptr ? 0 : count;
    return bag;
  }
};

/// Memory of one caller's passes; grows, never shrinks.
struct Scratch {
  Buffer<char> memory;

  int64_t bytes() const { return memory.bytes(); }
  /// At least n bytes, growing by half where it must grow. Null where memory runs out (with the message set).
  char* reserve(int64_t n);
};

/// Packed weights. Pointers into the tensors that are not packed (tables, biases, LayerNorms) must stay
/// valid.
template <class T>
struct Model {
  Geometry geometry;
  Arithmetic arithmetic;  // of all products with weights; set before plan
  BertWeights<T> bert;
  StudentWeights<T> student;

  /// backward_from: first encoder layer that needs the weights of a backward pass (layers + 1: none at all;
  /// students: 0 or 1).
  void plan(Carver* carver, const Geometry& g, int64_t backward_from);
  /// Everything but the encoder layers of bert. False where an int8 weight is out of range.
  bool pack_rest(const Compute<T>& compute, T* const* tensors);
};

/// The arithmetic of a precision on this CPU; kUnsupported where it lacks what bf16 needs.
Status choose_arithmetic(Precision precision, Arithmetic* arithmetic);

/// Lays out a batch of bert: local offsets, positions, sums of squares.
void lay_out_bert_batch(Carver* carver, const Texts& texts, bool first_row_only, BertBatch* batch);

/// One forward pass. from and to matter for bert only: rows at `from` are read where it is not kFromIds, and
/// rows at `to` are written to out. Students run from ids to logits.
template <class T>
struct ForwardRequest {
  Texts texts;
  const T* rows;
  BertPoint from, to;
  T* out;
};

/// Runs the request in chunks of texts, which do not show in the bits.
template <class T>
Status forward(const Model<T>& model, const Kernels<T>& kernels, const Executor& executor, Scratch* scratch,
               const ForwardRequest<T>& request);

}  // namespace maque
