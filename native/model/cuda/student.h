// The students on a GPU: model/bilstm.h's and model/bag.h's operations, dropout sites and order of tensors,
// issued as kernels. In fp32 the CPU's bits (but for sums over more than kChainRows rows: gradients of
// biases); in bf16 products have rounded factors.
//
// Otherwise than on the CPU, a document's forget gate is projected like the others (and then not read), rows
// of distinct tokens are projected into an array of their own, and the gradient of a document's vectors is
// summed row by row of the table.
#pragma once
#include "model/cuda/head.h"
#include "model/cuda/student_batch.h"

namespace maque::cuda {

/// Points to the tensors on the device, and has what is worked out of them.
struct StudentWeights {
  const Geometry* geometry = nullptr;
  int64_t gates = 0, padded = 0;  // 4 * hidden, and rounded up to whole 16 bytes of bf16
  const float *table = nullptr, *ngrams = nullptr;
  Linear input[2], recurrent[2];  // recurrent: sequence only
  const float *bias_ih[2] = {}, *bias_hh[2] = {};
  float* input_bias = nullptr;  // [2 * padded]: bias_ih + bias_hh
  Head head;

  /// g must stay where it is.
  void plan(Carver* carver, const Geometry& g, Precision precision);
  /// tensors: device pointers to all tensors of the model, by number.
  void set(float* const* tensors);
  /// After tensors have changed.
  void refresh(DeviceCompute& compute) const;
};

/// As maque::StudentBuffers, on the device.
struct StudentBuffers {
  Operand input;        // [tokens (distinct: those), embedding]; document: [texts, embedding]
  float* projected;     // where ids may be distinct: [distinct, 2 * padded], also of their gradients
  float* gates;         // [tokens or texts, 2 * padded]
  float* cells;         // [tokens or texts, 2 * hidden]
  Operand output;       // [rows, 2 * hidden]
  Operand features;     // what the head reads
  Operand ngrams;       // [texts, ngram_width]
  float* beside;        // [texts, first layer of the head], where the head runs on every row
  float* token_logits;  // max-logits: [rows, num_labels]
  float* logits;        // [texts, num_labels]
  int32_t* argmax;      // max-logits, max: [texts, width]
  uint32_t* arrivals;   // [2]
  uint16_t* halves;     // bf16: lstm_bf16_scratch(texts, hidden)
  HeadBuffers head;
  // Backward only.
  float *d_token_logits, *d_features, *d_output, *d_cells, *d_input, *d_words, *d_ngrams;
  Operand d_beside;
  Operand previous[2];  // [tokens, hidden]: each direction's states before
  Operand d_gates[2];   // rounded side alone: [tokens or texts, gates] of each direction
  float* ngram_rows;    // [bag.rows, ngram_width]: the gradient of the rows bag.row_ids of the n-grams' table
  float* sums;          // scratch of the sums over rows
};

/// batch: as staged, or as measured.
void plan_student_buffers(Carver* carver, const Geometry& g, Precision precision, const StudentPass& pass,
                          const StudentBatch& batch, StudentBuffers* buffers);

/// ids to buffers.logits. The recurrence runs step by step where its weights do not fit the device's shared
/// memory.
void student_forward(DeviceCompute& compute, const StudentWeights& weights, const StudentBatch& batch,
                     const StudentDropout& dropout, const StudentBuffers& buffers);

/// Gradients of all tensors whose pointer is not null, and of the n-grams' rows (buffers.ngram_rows). Weights
/// overwrite (a document's recurrent ones are left alone: they are zero); biases and the table accumulate
/// onto zeros that the caller has set. d_logits is read.
void student_backward(DeviceCompute& compute, const StudentWeights& weights, const StudentBatch& batch,
                      const StudentDropout& dropout, const StudentBuffers& buffers, float* d_logits,
                      float* const* gradients);

/// What the head reads beside its rows.
BesideRows beside_rows(const Geometry& g, const StudentBatch& batch, const StudentBuffers& buffers);

/// The recurrence over buffers.gates: forwards to states, backwards from d_output to the gates' gradients.
void recurrence_forward(DeviceCompute& compute, const StudentWeights& weights, const StudentBatch& batch,
                        const StudentBuffers& buffers);
void recurrence_backward(DeviceCompute& compute, const StudentWeights& weights, const StudentBatch& batch,
                         const StudentBuffers& buffers);

}  // namespace maque::cuda
