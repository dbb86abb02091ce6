// A student's batch on the host, where the pass is issued, and on the device, where it runs.
#pragma once
#include "model/bilstm.h"
#include "model/cuda/compute.h"
#include "model/model.h"

namespace maque::cuda {

/// What decides how much of a batch is laid out and which buffers there are.
struct StudentPass {
  bool training = false;
  bool trains_table = false;  // the words' or tokens' table has a gradient
  // Whether an id that occurs again is projected once, as on the CPU where many do: not where some may be
  // dropped from the embedding. Never in bf16, where a product costs less than copying its rows.
  bool distinct = false;
  bool output_dropout = false;
};

/// Without dropout and gradients.
inline StudentPass inference_pass(Precision precision) {
  return {false, false, precision != Precision::bf16, false};
}

/// A step of training; table: the gradient of tensor 0, or null.
inline StudentPass training_pass(Precision precision, const StudentDropout& dropout, const float* table) {
  return {true, table != nullptr, precision != Precision::bf16 && dropout.embedding == 0, dropout.output > 0};
}

/// The arrays of `host` and `device` are the same, on each side; sizes stand in both.
struct StudentBatch {
  maque::StudentBatch host, device;
  // What follows is on the device alone.
  const int32_t* places;  // 0, 1, 2, ...: an order for scatter_add_rows where no two rows have an id
  // Where ids are distinct: rows distinct_rows[distinct_offsets[i] .. distinct_offsets[i + 1]) have the i-th,
  // in their order.
  const int32_t *distinct_offsets, *distinct_rows;
  // Where n-grams stand beside each row: [rows] the number of its text.
  const int32_t* text_of;
  // Documents whose vectors are trained: their tokens turned round; rows stands for the host, too.
  BagBatch words;
};

/// Lays out texts. While the carver measures sizes are bounds from above: host.rows, host.bag.rows,
/// words.rows.
void stage_student_batch(StagingCarver* staging, const Geometry& g, const Texts& texts,
                         const StudentPass& pass, StudentBatch* batch);

}  // namespace maque::cuda
