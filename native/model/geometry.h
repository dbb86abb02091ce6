// The geometry of a model and the tensors that follow from it.
#pragma once
#include "core/types.h"

namespace maque {

enum class Kind : int32_t { none, bert, sequence, document, bag };
enum class Pooling : int32_t { none, pooler, cls, mean, max_logits, max, last };

/// What a student's tensors are: those of training, or a serving form of them (model/serving.h), with the
/// input projection beside its table or folded into it.
enum class Form : int32_t { training, factors, folded };

/// Most hidden layers of a head.
constexpr int32_t kMaxHeadLayers = 8;
/// Widest row of a table of n-grams: one partial sum of the gradient's norm.
constexpr int64_t kMaxNgramWidth = 4096;

/// Sizes of a model. Fields that a kind does not have are 0.
struct Geometry {
  Kind kind;
  Pooling pooling;
  int64_t num_labels;
  int32_t head_layers;           // hidden layers of the head; -1: not given
  int64_t head[kMaxHeadLayers];  // their sizes
  int64_t vocab, hidden;         // every kind but a bag; hidden: of one direction for the students
  int64_t layers, heads, intermediate, positions, types;  // bert
  double eps;                                             // bert
  Activation activation;                                  // bert
  int64_t embedding;                                      // students with a biLSTM
  int64_t ngram_buckets, ngram_width;                     // students; 0 where there are no n-grams
  Precision precision;                                    // of the products with weights
  Form form;                                              // students

  bool is_bert() const { return kind == Kind::bert; }
  bool has_lstm() const { return kind == Kind::sequence || kind == Kind::document; }
  bool has_ngrams() const { return ngram_width > 0; }
  /// Whether the head runs on every token and its logits are pooled.
  bool head_per_token() const { return kind == Kind::sequence && pooling == Pooling::max_logits; }
  /// Width of the biLSTM's features.
  int64_t lstm_features() const { return has_lstm() ? 2 * hidden : 0; }
  /// Width of what the head reads: the biLSTM's features, then the mean of the n-grams.
  int64_t features() const { return is_bert() ? hidden : lstm_features() + ngram_width; }
  /// Whether the head reads nothing but the first row of each text.
  bool first_row_only() const { return pooling == Pooling::pooler || pooling == Pooling::cls; }
  int64_t head_in(int32_t i) const { return i == 0 ? features() : head[i - 1]; }
  int64_t head_out(int32_t i) const { return i == head_layers ? num_labels : head[i]; }
};

/// Numbers of the tensors: bert has 5 + 16 * layers (+ 2 of the pooler), the students with a biLSTM 9, then
/// two for each layer of the head; a student's table of n-grams is the last.
enum BertTensor : int64_t { kWord, kPosition, kType, kEmbeddingGamma, kEmbeddingBeta, kBertLayers };
enum BertLayerTensor : int64_t {
  kQueryWeight,
  kQueryBias,
  kKeyWeight,
  kKeyBias,
  kValueWeight,
  kValueBias,
  kOutWeight,
  kOutBias,
  kGamma1,
  kBeta1,
  kUpWeight,
  kUpBias,
  kDownWeight,
  kDownBias,
  kGamma2,
  kBeta2,
  kBertLayerTensors
};
enum LstmTensor : int64_t { kWeightIh, kWeightHh, kBiasIh, kBiasHh, kLstmTensors };

inline int64_t bert_tensor(int64_t layer, int64_t which) {
  return kBertLayers + layer * kBertLayerTensors + which;
}
inline int64_t pooler_tensor(const Geometry& g) { return bert_tensor(g.layers, 0); }
inline int64_t lstm_tensor(int64_t direction, int64_t which) { return 1 + direction * kLstmTensors + which; }
inline int64_t head_tensor(const Geometry& g) {
  if (!g.is_bert()) return g.has_lstm() ? 1 + 2 * kLstmTensors : 0;
  return pooler_tensor(g) + (g.pooling == Pooling::pooler ? 2 : 0);
}
/// The table of n-grams, or where it would stand.
inline int64_t ngram_tensor(const Geometry& g) { return head_tensor(g) + 2 * (g.head_layers + 1); }

/// The weights of bert's layers that are I8 where its precision is int8; so is the pooler's. Each has a
/// tensor of scales, one for each row; these come next, then factors of the input of each layer's first
/// product and of that of the feed-forward part.
constexpr BertLayerTensor kInt8Weights[] = {kQueryWeight, kKeyWeight, kValueWeight,
                                            kOutWeight,   kUpWeight,  kDownWeight};
constexpr int64_t kInt8LayerWeights = sizeof kInt8Weights / sizeof kInt8Weights[0];
inline bool has_int8_bert(const Geometry& g) { return g.is_bert() && g.precision == Precision::int8; }
/// The scales of weight kInt8Weights[which] of a layer; of the pooler: layer = layers, which = 0.
inline int64_t scale_tensor(const Geometry& g, int64_t layer, int64_t which) {
  return ngram_tensor(g) + layer * kInt8LayerWeights + which;
}
/// The factors of queries', keys' and values' input (which = 0), or of the feed-forward part's (1).
constexpr int64_t kInt8LayerFactors = 2;
inline int64_t factor_tensor(const Geometry& g, int64_t layer, int64_t which) {
  return scale_tensor(g, g.layers, g.pooling == Pooling::pooler ? 1 : 0) + layer * kInt8LayerFactors + which;
}
inline int64_t tensor_count(const Geometry& g) {
  return has_int8_bert(g) ? factor_tensor(g, g.layers, 0) : ngram_tensor(g) + (g.has_ngrams() ? 1 : 0);
}

enum class DType : int32_t { f32, i8, bf16, i32 };

/// Name, shape and type of one tensor, as the ABI has them.
struct TensorSpec {
  char name[96];
  int32_t rank;
  int64_t dims[2];
  DType dtype;
  bool is_scale;  // no element is below 0
  int64_t size() const { return rank == 2 ? dims[0] * dims[1] : dims[0]; }
};

/// The spec of tensor `index`, 0 <= index < tensor_count(g).
TensorSpec tensor_spec(const Geometry& g, int64_t index);

/// The number of the tensor of this name, or -1.
int64_t find_tensor(const Geometry& g, const char* name);

/// Whether weight decay leaves a tensor of this name alone: biases (of an LSTM too) and LayerNorms.
bool is_free_of_decay(const char* name);

/// An empty geometry, for set_geometry_option.
Geometry empty_geometry();

/// Sets one option of the ABI's list. *known tells whether the key is one of a geometry's; a bad value is
/// kInvalidArgument with a message.
Status set_geometry_option(Geometry* g, const char* key, const char* value, bool* known);

/// Checks that all that the kind needs has been given and fits together.
Status check_geometry(const Geometry& g);

/// A whole decimal number in [low, high], or false.
bool parse_int(const char* text, int64_t low, int64_t high, int64_t* out);
/// A finite decimal number, or false. Independent of the locale.
bool parse_double(const char* text, double* out);

}  // namespace maque
