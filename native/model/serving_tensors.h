// The tensors of a student's serving form. With h the hidden size of one direction, e the embedding's and G
// gates (sequence: 4, PyTorch's i f g o; document: 3, i g o):
//
//   folded    gates.weight [rows, 2 G h], each row's gate pre-activations, the forward direction's first; a
//             sequence's hold the biases, a document's stand in gates.bias [2 G h]
//   factors   embedding.weight (document: vectors.weight) [rows, e]; of each direction lstm.weight_ih_l0
//             [G h, e] and lstm.bias_l0 [G h]
//   sequence  lstm.weight_hh_l0 [4 h, h] of each direction
//   n-grams   ngrams.weight [buckets, width]; a bag has these and the head alone
//   head      head.K.weight [out, in], head.K.bias [out]
//   ids.map   I32 [vocabulary], each id's row; absent where every id has its own
//
// Weights have the precision's type, all else is F32. A weight in I8 has NAME.scale, one for each row;
// gates.scale is [rows, 2], one for each row and direction.
#pragma once
#include "model/tensor_store.h"

namespace maque {

/// A weight, and its scales (int8 only).
struct ServingWeight {
  const void* data = nullptr;
  const float* scale = nullptr;

  const int8_t* int8() const { return static_cast<const int8_t*>(data); }
};

/// The data of all tensors; null where the form has none.
struct ServingTensors {
  int64_t rows = 0;  // of the table of ids
  const int32_t* map = nullptr;
  ServingWeight table;  // gates.weight, embedding.weight or vectors.weight
  const float* gates_bias = nullptr;
  ServingWeight input[2], recurrent[2], ngrams;
  const float* bias[2] = {};
  ServingWeight head[kMaxHeadLayers + 1];
  const float* head_bias[kMaxHeadLayers + 1] = {};
};

/// Gates that are computed of each unit.
inline int64_t serving_gates(const Geometry& g) { return g.kind == Kind::document ? 3 : 4; }

/// Finds and checks them: shapes, types, scales of at least 0, rows of the map that there are, int8 weights
/// above -128.
Status find_serving_tensors(const Geometry& g, TensorStore* store, ServingTensors* tensors);

}  // namespace maque
