// The classifier head on the device: model/head.h's operations, dropout sites and order of tensors.
#pragma once
#include "model/cuda/linear.h"
#include "model/geometry.h"

namespace maque::cuda {

struct Head {
  int32_t layers = 0;  // hidden ones
  Linear linear[kMaxHeadLayers + 1];
  Linear beside;  // the first layer's further columns, for what a text has beside its rows; in 0: none

  void plan(Carver* carver, const Geometry& g, Precision precision);
  /// tensors: device pointers to all tensors of the model, by number.
  void set(const Geometry& g, float* const* tensors);
  /// After tensors have changed.
  void refresh(DeviceCompute& compute) const;
};

/// Arrays of a head over `rows` rows.
struct HeadBuffers {
  Operand hidden[kMaxHeadLayers];  // after ReLU and dropout: what the backward pass needs
  Operand gradient[2];             // backward only, as what follows
  Operand d_logits;                // rounded side alone
  float* scratch;                  // of the sums over rows

  void plan(Carver* carver, const Geometry& g, Precision precision, int64_t rows, bool backward);
};

/// What the head reads of a text beside the features of its rows (n-grams), see model/head.h.
struct BesideRows {
  int64_t texts = 0;
  const int32_t *offsets = nullptr,
                *rows = nullptr;  // text i has the rows rows[offsets[i] .. offsets[i + 1]); null: row i alone
  const int32_t* text_of = nullptr;  // the text of each row; null where rows is
  Operand x;                         // [texts, beside.in]
  float* sums = nullptr;             // [texts, beside.out]; null where rows is
  Operand d_sums;                    // backward only: [texts, beside.out]; nothing where rows is null
  float* d_x = nullptr;              // backward only: [texts, beside.in]
};

/// Dropout of the hidden layers (students): site + i for layer i.
struct HeadDropout {
  const DropoutKey* key = nullptr;
  double p = 0;
  uint32_t site = 0;
};

/// features [rows, in] -> logits [rows, classes]. beside: null where the head has none.
void head_forward(DeviceCompute& compute, const Head& head, const Operand& features, int64_t rows,
                  const HeadBuffers& buffers, const HeadDropout& dropout, float* logits,
                  const BesideRows* beside = nullptr);

/// Gradients of the head's tensors (weights overwrite, biases accumulate) and, unless null, of the features
/// [rows, in] and of beside->x (overwrite). gradients: by tensor number of the model, starting with the
/// head's first.
void head_backward(DeviceCompute& compute, const Head& head, const Operand& features, int64_t rows,
                   const HeadBuffers& buffers, const HeadDropout& dropout, float* d_logits,
                   float* const* gradients, float* d_features, const BesideRows* beside = nullptr);

}  // namespace maque::cuda
