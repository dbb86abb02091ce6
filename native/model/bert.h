// BERT (Devlin et al., arXiv 1810.04805) over ragged batches: forward and backward, in whole or from and to
// any layer.
//
// A pass runs between two points of the network. Rows are the tokens of all texts end to end; where the head
// reads nothing but the first row of each text, the last layer's queries, output projection, feed-forward
// part and LayerNorms run for those rows only, one for each text.
#pragma once
#include "model/head.h"

namespace maque {

/// Points of the network. 0 .. layers - 1: the input of that encoder layer [tokens, hidden]; then, counted
/// from `layers`: the input of the last LayerNorm [rows, hidden], its output [rows, hidden], the head's
/// features [texts, hidden], the logits.
using BertPoint = int64_t;
constexpr BertPoint kFromIds = -1;
inline BertPoint last_norm_point(const Geometry& g) { return g.layers; }
inline BertPoint last_hidden_point(const Geometry& g) { return g.layers + 1; }
inline BertPoint features_point(const Geometry& g) { return g.layers + 2; }
inline BertPoint logits_point(const Geometry& g) { return g.layers + 3; }

/// Packed weights of one encoder layer. Queries, keys and values are one product of 3 * padded columns,
/// padded being hidden rounded up to whole panels.
template <class T>
struct BertLayerWeights {
  Packed<T> qkv;
  T* qkv_bias;            // [3 * padded]
  Packed<T> qkv_back[3];  // [hidden, hidden] each, for the gradient of the input; without data in inference
  Linear<T> out, up, down;
  const T *gamma1, *beta1, *gamma2, *beta2;
};

template <class T>
struct BertWeights {
  const Geometry* geometry;
  int64_t padded;
  const T *word, *position, *type, *gamma, *beta;
  BertLayerWeights<T>* layers;
  Linear<T> pooler;
  Head<T> head;

  /// Cuts the packed weights from the carver. Layers from `backward_from` on (and pooler and head) also get
  /// those of the backward pass.
  void plan(Carver* carver, const Geometry& g, const Arithmetic& arithmetic, int64_t backward_from);
  /// False where an int8 weight is out of range, see gemm_int8_pack.
  bool pack_layer(const Compute<T>& compute, T* const* tensors, int64_t layer);
  /// Everything outside the encoder layers.
  bool pack_rest(const Compute<T>& compute, T* const* tensors);
};

/// The texts of one pass. offsets[0] = 0.
struct BertBatch {
  const int32_t *ids, *type_ids;  // type_ids may be null
  const int32_t* offsets;         // [texts + 1]
  const int32_t* positions;       // [tokens]
  const int64_t* squares;         // [texts]: sum of the squared lengths of the texts before
  int64_t texts, tokens, longest;
  int64_t sum_of_squares;
  bool first_row_only;  // of the last layer

  int64_t rows() const { return first_row_only ? texts : tokens; }
};

/// Dropout of a training step. key null: none.
struct BertDropout {
  const DropoutKey* key = nullptr;
  double hidden = 0, attention = 0, head = 0;
};

/// Activations of one encoder layer. Inference lets all layers share one set, leaves the training-only arrays
/// null and has, where a batch goes through a layer in blocks of texts, qkv, context, sum1 and up for one
/// block (or for the first row of every text).
template <class T>
struct BertLayerBuffers {
  T* in;                         // [tokens, hidden]
  T* first;                      // [texts, hidden]: first rows of `in` (last layer, first row only)
  T* first_q;                    // [texts, hidden]: their queries
  T* qkv;                        // [tokens, 3 * padded]
  T* probs;                      // training: attention probabilities of all texts and heads
  T* context;                    // [rows, hidden]
  T *sum1, *mean1, *rstd1, *y1;  // input and output of the first LayerNorm
  T *pre, *up;                   // [rows, intermediate] before and after the activation
  T *sum2, *mean2, *rstd2;       // input of the second LayerNorm
};

template <class T>
struct BertBuffers {
  int64_t first_layer, layer_count;  // layers[0] is layer first_layer
  int64_t block_rows;                // most tokens of a block of several texts
  BertLayerBuffers<T>* layers;
  T *embedded, *embedded_mean, *embedded_rstd;  // sum of the three embeddings, before its LayerNorm
  T* hidden;                                    // output of the last LayerNorm [rows, hidden]
  T* pooled_pre;                                // [texts, hidden] before tanh
  T* features;                                  // [texts, hidden]
  T* logits;                                    // [texts, num_labels]
  HeadBuffers<T> head;
  T* attention_scratch;  // one for each worker
  int64_t attention_scratch_size;
  // Backward only.
  T *d_rows, *d_hidden, *d_wide, *d_qkv, *d_q, *d_first, *d_features, *pack;
};

/// Sizes that buffers are planned for.
struct BertSizes {
  int64_t texts, tokens, longest, sum_of_squares;
  bool first_row_only, training;
  int32_t workers;
  BertPoint from, to;
};

template <class T>
void plan_bert_buffers(Carver* carver, const Geometry& g, const BertSizes& sizes, BertBuffers<T>* buffers);

/// Runs from `from` to `to`. Where `from` is not kFromIds its rows have been put into its array (see
/// bert_point_rows).
template <class T>
void bert_forward(const Compute<T>& compute, const BertWeights<T>& weights, const BertBatch& batch,
                  const BertDropout& dropout, const BertBuffers<T>& buffers, BertPoint from, BertPoint to);

/// The array of a point: a pass from it reads there, a pass to it leaves its result there.
template <class T>
T* bert_point_rows(const Geometry& g, const BertBuffers<T>& buffers, BertPoint point);
/// Number of rows at a point, and their width.
int64_t bert_point_row_count(const Geometry& g, const BertBatch& batch, BertPoint point);
int64_t bert_point_width(const Geometry& g, BertPoint point);

/// Gradients of all trained tensors (those whose pointer is not null) of a pass that bert_forward has run in
/// training from `from` to the logits. Weights overwrite; biases, LayerNorms and embedding tables accumulate
/// onto zeros that the caller has set. embedding_order: rows sorted by word id, by position and by type id
/// (see scatter_add_rows); null unless from is kFromIds.
struct EmbeddingOrder {
  const int32_t *by_word, *by_position, *by_type;
  const int32_t* type_ids;  // never null
};
template <class T>
void bert_backward(const Compute<T>& compute, const BertWeights<T>& weights, const BertBatch& batch,
                   const BertDropout& dropout, const BertBuffers<T>& buffers, BertPoint from,
                   const T* d_logits, const EmbeddingOrder* order, T* const* gradients);

/// Sites of dropout masks.
inline uint32_t embedding_site() { return 0; }
inline uint32_t attention_site(int64_t layer) { return static_cast<uint32_t>(1 + 3 * layer); }
inline uint32_t attention_output_site(int64_t layer) { return static_cast<uint32_t>(2 + 3 * layer); }
inline uint32_t ffn_output_site(int64_t layer) { return static_cast<uint32_t>(3 + 3 * layer); }
inline uint32_t features_site(const Geometry& g) { return static_cast<uint32_t>(1 + 3 * g.layers); }

}  // namespace maque
