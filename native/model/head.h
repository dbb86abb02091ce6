// The classifier head: linear layers with a ReLU and dropout after each but the last.
#pragma once
#include "model/geometry.h"
#include "model/linear.h"

namespace maque {

template <class T>
struct Head {
  int32_t layers = 0;  // hidden ones
  Linear<T> linear[kMaxHeadLayers + 1];
  Linear<T> beside;  // the first layer's further columns, for what a text has beside its rows; in 0: none

  void plan(Carver* carver, const Geometry& g, const Arithmetic& arithmetic, bool backward);
  /// tensors: pointers to all tensors of the model, by number.
  void pack(const Compute<T>& compute, const Geometry& g, T* const* tensors);
};

/// Activations of a head over `rows` rows.
template <class T>
struct HeadBuffers {
  T* hidden[kMaxHeadLayers];  // after ReLU and dropout: what the backward pass needs
  T* gradient[2];             // backward only
  T* pack;                    // backward only

  void plan(Carver* carver, const Geometry& g, int64_t rows, bool backward);
};

/// What the head reads of a text beside the features of its rows (n-grams). Its part of the first layer's
/// sums, with the bias, is computed once for each text; the sum over the features of each of its rows starts
/// from it.
template <class T>
struct BesideRows {
  int64_t texts = 0;
  const int32_t *offsets = nullptr,
                *rows = nullptr;  // text i has the rows rows[offsets[i] .. offsets[i + 1]); null: row i alone
  const T* x = nullptr;           // [texts, beside.in]
  T* sums = nullptr;              // [texts, beside.out]; null where rows is
  T *d_sums = nullptr, *d_x = nullptr;  // backward only, as sums and x
};

/// Dropout of the hidden layers (students): site + i for layer i.
struct HeadDropout {
  const DropoutKey* key = nullptr;
  double p = 0;
  uint32_t site = 0;
  const int32_t* numbers = nullptr;  // of the rows going back among those of the forward pass; null: all
};

/// features [rows, in] -> logits [rows, classes]. beside: null where the head has none.
template <class T>
void head_forward(const Compute<T>& compute, const Head<T>& head, const T* features, int64_t rows,
                  const HeadBuffers<T>& buffers, const HeadDropout& dropout, T* logits,
                  const BesideRows<T>* beside = nullptr);

/// Gradients of the head's tensors (weights overwrite, biases accumulate) and, unless null, of the features
/// and of beside->x (overwrite). Rows without a gradient may be left out (dropout.numbers). gradients: by
/// tensor number of the model, starting with the head's first.
template <class T>
void head_backward(const Compute<T>& compute, const Head<T>& head, const T* features, int64_t rows,
                   const HeadBuffers<T>& buffers, const HeadDropout& dropout, const T* d_logits,
                   T* const* gradients, T* d_features, const BesideRows<T>* beside = nullptr);

}  // namespace maque
