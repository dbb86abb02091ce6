// BERT on the device: model/bert.h's passes, points, dropout sites and order of tensors.
//
// fp32: the products, LayerNorms, embeddings and pooling have the CPU's bits. Attention keeps the bounds of
// kernels/attention.h, and sums over more than kChainRows rows those of their headers; so a pass is as near
// the exact one as the CPU's is. bf16: products round both factors and add up in fp32, attention does where a
// head is a multiple of 8 wide (elsewhere it stays in fp32).
//
// One layer forwards takes 7 launches.
#pragma once
#include "model/bert.h"
#include "model/cuda/head.h"
#include "model/model.h"

namespace maque::cuda {

/// kUnsupported, with a message, where the device's kernels do not take a geometry that the CPU's do: a head
/// of attention wider than kLargestHead; in bf16 a hidden size that is no multiple of 8.
Status check_bert(const Geometry& g, Precision precision);

/// Whether attention is in bf16 where products are.
inline bool has_bf16_attention(const Geometry& g, Precision precision) {
  return precision == Precision::bf16 && g.hidden / g.heads % 8 == 0;
}

/// Cuts the tensors that are wanted (null: all) from the carver; the others become null. The weights of a
/// layer's queries, keys and values lie one behind the other, and so do their biases: they are one product,
/// of which `set` below makes sure. For values, gradients and optimiser state alike, of any kind of model.
void place_tensors(Carver* carver, const Geometry& g, const bool* wanted, float** tensors);

/// One encoder layer. Queries, keys and values are one product of 3 * hidden columns.
struct BertLayerWeights {
  Linear qkv, out, up, down;
  const float *gamma1, *beta1, *gamma2, *beta2;
};

struct BertWeights {
  const Geometry* geometry = nullptr;
  EmbeddingTables tables = {};
  const float *gamma = nullptr, *beta = nullptr;
  BertLayerWeights* layers = nullptr;  // the host's memory
  Linear pooler;
  Head head;

  /// Cuts the list of layers from the host's carver, rounded weights from the device's.
  void plan(Carver* host, Carver* device, const Geometry& g, Precision precision);
  /// tensors: device pointers by number, placed by place_tensors. False where they are not.
  bool set(float* const* tensors);
  /// After tensors have changed: of one layer, and of everything outside the layers.
  void refresh_layer(DeviceCompute& compute, int64_t layer) const;
  void refresh_rest(DeviceCompute& compute) const;
};

/// The texts of one pass, at most 65,535. All arrays lie on the device; offsets[0] = 0.
struct BertBatch {
  const int32_t *ids, *type_ids;  // null without ids; type_ids also where all are 0
  const int32_t* offsets;         // [texts + 1]
  const int32_t* positions;       // [tokens]
  const int32_t* numbers;         // [texts]: 0, 1, ...
  const int64_t* squares;         // [texts]: sum of the squared lengths of the texts before
  // Rows sorted by word, position and type (see kernels/embedding.h); null unless the tables are trained.
  const int32_t *by_word, *by_position, *by_type;
  int64_t texts, tokens, longest;
  bool first_row_only;  // of the last layer

  int64_t rows() const { return first_row_only ? texts : tokens; }
};

/// Between which points a pass runs, and whether a backward pass follows.
struct BertSpan {
  BertPoint from, to;
  bool training;
};

/// Cuts the arrays of a batch and, where the carver has memory, fills its host side. first_row_only as in
/// BertBatch; where the span begins behind the layers with first rows only, they are all the rows there are.
void stage_bert_batch(StagingCarver* carver, const Geometry& g, const Texts& texts, const BertSpan& span,
                      bool first_row_only, BertBatch* batch);

/// Activations of one encoder layer. Inference lets all layers share one set and leaves the training-only
/// arrays null. In bf16 some exist on their rounded side alone.
struct BertLayerBuffers {
  Operand in;                   // [tokens, hidden]
  Operand first, first_q;       // [texts, hidden]: first rows of `in` and their queries (first row only)
  Operand qkv;                  // [tokens, 3 * hidden]
  float* log_sums;              // [heads, rows]
  Operand context;              // [rows, hidden]
  float *sum1, *mean1, *rstd1;  // input of the first LayerNorm
  Operand y1;                   // its output
  float* pre;                   // [rows, intermediate] before the activation
  Operand up;                   // and after it
  float *sum2, *mean2, *rstd2;  // input of the second LayerNorm
};

struct BertBuffers {
  int64_t first_layer, layer_count;                 // layers[0] is layer first_layer
  BertLayerBuffers* layers;                         // the host's memory
  float *embedded, *embedded_mean, *embedded_rstd;  // sum of the three embeddings, before its LayerNorm
  Operand hidden;                                   // output of the last LayerNorm [rows, hidden]
  float* pooled_pre;                                // [texts, hidden] before tanh
  Operand features;                                 // [texts, hidden]
  float* logits;                                    // [texts, num_labels]
  HeadBuffers head;
  float* sums;  // of products of which the rounded side alone is kept, see GemmResult; null in fp32
  // Backward only.
  float *d_rows, *d_first, *row_sums, *scratch;
  Operand dropped, d_wide, d_context, d_qkv, d_q, d_features;
};

/// Cuts the list of layers from the host's carver, everything else from the device's.
void plan_bert_buffers(Carver* host, Carver* device, const Geometry& g, Precision precision,
                       const BertBatch& batch, const BertSpan& span, BertBuffers* buffers);

/// Runs the span. Where it does not begin at the ids its first rows have been put into their array (see
/// bert_point_rows). A span that ends before the logits has no dropout.
void bert_forward(DeviceCompute& compute, const BertWeights& weights, const BertBatch& batch,
                  const BertDropout& dropout, const BertBuffers& buffers, const BertSpan& span);

/// The array of a point: a pass from it reads there, a pass to it leaves its result there.
float* bert_point_rows(const Geometry& g, const BertBuffers& buffers, BertPoint point);
/// Number of rows at a point; their width is bert_point_width of model/bert.h.
int64_t bert_point_row_count(const Geometry& g, const BertBatch& batch, BertPoint point);

/// Gradients of all trained tensors (those whose pointer is not null; placed by place_tensors) of a pass that
/// bert_forward has run in training from `from` to the logits. Weights overwrite; biases, LayerNorms and
/// embedding tables accumulate onto zeros that the caller has set.
void bert_backward(DeviceCompute& compute, const BertWeights& weights, const BertBatch& batch,
                   const BertDropout& dropout, const BertBuffers& buffers, BertPoint from, float* d_logits,
                   float* const* gradients);

}  // namespace maque::cuda
