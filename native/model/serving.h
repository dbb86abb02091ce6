// The serving forms of the students (tensors: model/serving_tensors.h): what training wrote, packed for
// inference alone. Where the form is folded a step reads a row of a table of gate pre-activations and adds
// the recurrent product. Texts are laid out as in training (model/bilstm.h). Gates lie in block order, each
// direction's units are padded to whole blocks, and the head's first layer has columns of zeros where the
// padding lies (kernels/lstm_int8.h).
//
// int8: the arithmetic of kernels/lstm_int8.h, gemm_int8.h, quantize_int8.h and pooling_int8.h, all
// activations with 7 bits. The features are bounded, one step being 1 / 63; the head's hidden layers, a
// document's mean, the mean of n-grams and the embeddings of a form that is not folded have a scale for each
// row. Where n-grams stand beside a biLSTM, the head's first layer is two products, each with its own scale
// of activations, over the columns of one quantised weight:
//
//   y = (float(acc_h) * (s_w * s_h)) + ((float(acc_n) * (s_w * s_n)) + bias)
//
// s_h: of the features, 1 / 63; s_n: of the mean of n-grams. What stands right of the first + is computed
// once for each text, also where the head runs on every token; then comes the ReLU.
//
// bf16: the recurrent weights and a sequence's folded table stay in bf16; all other weights are widened once.
// Where the processor multiplies in bf16 the state is rounded for the recurrent product
// (kernels/lstm_bf16.h), elsewhere the weights are widened on the way (kernels/lstm_step.h): the answers of
// the two are equal within a bound only. Sums are fp32, as in training: those of a first layer beside n-grams
// begin with the n-grams' part and the bias.
#pragma once
#include "kernels/bf16_list.h"
#include "kernels/int8_list.h"
#include "model/model.h"
#include "model/serving_tensors.h"

namespace maque {

/// The weights [n, k] of an int8 layer, packed.
struct Int8Layer {
  int64_t k, n;
  int8_t* packed;
  int32_t* offsets;
  float* scale;
  float* bias;

  void plan(Carver* carver, int64_t inputs, int64_t outputs);
};

/// An int8 student.
struct Int8Student {
  const Geometry* geometry;
  int64_t whole, gates;  // padded hidden; gates of a unit
  int64_t rows;
  int32_t* map;  // or null
  // The table: gate pre-activations [rows, 2 * gates * whole] in block order, or a document's vectors [rows,
  // embedding]; its row's scales at table_scale[row * scale_stride + direction].
  int8_t* table;
  int64_t ld_table;
  float* table_scale;
  int64_t scale_stride;
  uint8_t* embedding;      // a sequence that is not folded: quantised rows [rows, ld_table]
  Int8Layer input;         // not folded: both directions' gates in block order
  float* gates_bias;       // folded document: [2 * gates * whole] in block order
  Int8Layer recurrent[2];  // sequence: scale is times kLstmStateStep
  // n-grams: [buckets, ngram_width] and a block of zeros, so that means are taken by whole blocks of columns.
  int8_t* ngrams;
  float* ngram_scale;
  Int8Layer beside;  // of a biLSTM's head: the first layer's columns of the n-grams, and its bias
  Int8Layer head[kMaxHeadLayers + 1];

  void plan(Carver* carver, const Geometry& g, int64_t table_rows, bool mapped);
  /// False where memory runs out.
  bool pack(const ServingTensors& tensors, const Int8Kernels& kernels);
  bool is_folded() const { return geometry->form == Form::folded; }
  int64_t ngram_places() const { return lstm_whole(geometry->ngram_width); }

 private:
  void plan_lstm(Carver* carver, const Geometry& g, int64_t table_rows, bool mapped);
  bool pack_lstm(const ServingTensors& tensors, const Int8Kernels& kernels);
};

/// The weights [n, k] of a layer in fp32, packed for gemm.
struct FloatLayer {
  int64_t k, n;
  float *packed, *bias;

  void plan(Carver* carver, int64_t inputs, int64_t outputs);
};

/// A student in fp32 or with bf16 weights.
struct FloatStudent {
  const Geometry* geometry;
  int64_t whole, gates, rows;
  int32_t* map;  // or null
  // The table: gate pre-activations in block order, embeddings or vectors; a folded sequence in bf16 has them
  // in table_bf16, in pairs (kernels/lstm_step.h).
  float* table;
  uint16_t* table_bf16;
  int64_t ld_table;
  FloatLayer input;     // not folded: both directions' gates in block order
  float* gates_bias;    // folded document: [2 * gates * whole] in block order
  float* recurrent[2];  // sequence: one of these two
  uint16_t* recurrent_bf16[2];
  float* ngrams;      // [buckets, ngram_width]
  FloatLayer beside;  // of a biLSTM's head: the first layer's columns of the n-grams, and its bias
  FloatLayer head[kMaxHeadLayers + 1];

  void plan(Carver* carver, const Geometry& g, int64_t table_rows, bool mapped);
  /// False where memory runs out.
  bool pack(const ServingTensors& tensors, const Kernels<float>& kernels);
  bool is_folded() const { return geometry->form == Form::folded; }
  bool is_bf16() const { return geometry->precision == Precision::bf16; }

 private:
  void plan_lstm(Carver* carver, const Geometry& g, int64_t table_rows, bool mapped);
  bool pack_lstm(const ServingTensors& tensors, const Kernels<float>& kernels);
};

/// Logits of the texts [texts.count, num_labels]. bf16: or null.
Status serve_float(const FloatStudent& student, const Kernels<float>& kernels, const Bf16Kernels* bf16,
                   Scratch* scratch, const Texts& texts, float* out);
Status serve_int8(const Int8Student& student, const Int8Kernels& int8, const Kernels<float>& kernels,
                  Scratch* scratch, const Texts& texts, float* out);

}  // namespace maque
