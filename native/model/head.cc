#include "model/head.h"

#include <string.h>

namespace maque {

template <class T>
void Head<T>::plan(Carver* carver, const Geometry& g, const Arithmetic& arithmetic, bool backward) {
  layers = g.head_layers;
  const bool split = g.has_lstm() && g.has_ngrams();
  beside = {};
  if (split) beside.plan(carver, arithmetic, g.ngram_width, g.head_out(0), backward);
  for (int32_t i = 0; i <= layers; ++i) {
    const int64_t in = i == 0 && split ? g.lstm_features() : g.head_in(i);
    linear[i].plan(carver, arithmetic, in, g.head_out(i), backward);
  }
}

template <class T>
void Head<T>::pack(const Compute<T>& compute, const Geometry& g, T* const* tensors) {
  for (int32_t i = 0; i <= layers; ++i) {
    const int64_t tensor = head_tensor(g) + 2 * i;
    linear[i].pack(compute, tensors[tensor], tensors[tensor + 1], nullptr, g.head_in(i));
  }
  const T* first = tensors[head_tensor(g)];
  if (beside.in > 0)
    beside.pack(compute, first + linear[0].in, tensors[head_tensor(g) + 1], nullptr, g.head_in(0));
}

template <class T>
void HeadBuffers<T>::plan(Carver* carver, const Geometry& g, int64_t rows, bool backward) {
  int64_t widest = 0;
  for (int32_t i = 0; i < g.head_layers; ++i) {
    hidden[i] = carver->take<T>(rows * g.head[i]);
    if (g.head[i] > widest) widest = g.head[i];
  }
  if (!backward) return;
  for (T*& buffer : gradient) buffer = carver->take<T>(rows * widest);
  if (g.features() > widest) widest = g.features();
  pack = carver->take<T>(gemm_packed_size(rows, widest));
}

namespace {

/// y of each row = the sums of its text.
template <class T>
void start_sums(const Compute<T>& compute, const Head<T>& head, const BesideRows<T>& b, T* y) {
  T* sums = b.rows == nullptr ? y : b.sums;
  linear_forward(compute, head.beside, b.x, head.beside.in, b.texts, sums);
  const int64_t width = head.beside.out;
  for (int64_t i = 0; i < b.texts && b.rows != nullptr; ++i) {
    for (int32_t s = b.offsets[i]; s < b.offsets[i + 1]; ++s)
      memcpy(y + b.rows[s] * width, sums + i * width, static_cast<size_t>(width) * sizeof(T));
  }
}

/// From dy [rows, out] of the first layer's sums: gradients of its further columns and of what they read.
template <class T>
void beside_backward(const Compute<T>& compute, const Head<T>& head, const BesideRows<T>& b, const T* dy,
                     T* pack, T* dw) {
  const Linear<T>& layer = head.beside;
  const T* d_sums = b.rows == nullptr ? dy : b.d_sums;
  if (b.rows != nullptr) {
    for_blocks(compute.executor, b.texts, int64_t{8}, [&](int64_t begin, int64_t end, int32_t) {
      compute.kernels.sum_pool_forward(dy, layer.out, b.offsets + begin, b.rows, end - begin, layer.out,
                                       b.d_sums + begin * layer.out);
    });
  }
  const int64_t own = head.linear[0].in;
  linear_weight_backward(compute, layer, b.x, layer.in, d_sums, layer.out, b.texts, pack, dw + own,
                         static_cast<T*>(nullptr), own + layer.in);
  linear_input_backward(compute, layer, d_sums, layer.out, b.texts, b.d_x);
}

}  // namespace

template <class T>
void head_forward(const Compute<T>& compute, const Head<T>& head, const T* features, int64_t rows,
                  const HeadBuffers<T>& buffers, const HeadDropout& dropout, T* logits,
                  const BesideRows<T>* beside) {
  const T* x = features;
  if (beside != nullptr) start_sums(compute, head, *beside, head.layers > 0 ? buffers.hidden[0] : logits);
  for (int32_t i = 0; i < head.layers; ++i) {
    const Linear<T>& layer = head.linear[i];
    Epilogue<T> relu;
    relu.activation = Activation::relu;
    relu.accumulate = i == 0 && beside != nullptr;
    linear_forward(compute, layer, x, layer.in, rows, buffers.hidden[i], relu);
    run_dropout(compute, dropout.key, dropout.p, dropout.site + static_cast<uint32_t>(i), buffers.hidden[i],
                rows * layer.out);
    x = buffers.hidden[i];
  }
  Epilogue<T> plain;
  plain.accumulate = head.layers == 0 && beside != nullptr;
  linear_forward(compute, head.linear[head.layers], x, head.linear[head.layers].in, rows, logits, plain);
}

template <class T>
void head_backward(const Compute<T>& compute, const Head<T>& head, const T* features, int64_t rows,
                   const HeadBuffers<T>& buffers, const HeadDropout& dropout, const T* d_logits,
                   T* const* gradients, T* d_features, const BesideRows<T>* beside) {
  const T* dy = d_logits;
  for (int32_t i = head.layers; i >= 0; --i) {
    const Linear<T>& layer = head.linear[i];
    const T* x = i == 0 ? features : buffers.hidden[i - 1];
    linear_weight_backward(compute, layer, x, layer.in, dy, layer.out, rows, buffers.pack, gradients[2 * i],
                           gradients[2 * i + 1], i == 0 ? layer.in + head.beside.in : layer.in);
    if (i == 0 && beside != nullptr) beside_backward(compute, head, *beside, dy, buffers.pack, gradients[0]);
    T* dx = i == 0 ? d_features : buffers.gradient[i % 2];
    if (dx == nullptr) return;
    linear_input_backward(compute, layer, dy, layer.out, rows, dx);
    if (i == 0) return;
    const int64_t n = rows * layer.in;
    const uint32_t site = dropout.site + static_cast<uint32_t>(i - 1);
    if (dropout.numbers == nullptr) {
      run_dropout(compute, dropout.key, dropout.p, site, dx, n);
    } else {
      run_dropout_rows(compute, dropout.key, dropout.p, site, dropout.numbers, dx, rows, layer.in);
    }
    // A hidden value is positive exactly where its ReLU was open; where dropout made it 0 the gradient is 0
    // already.
    run_activation_backward(compute, Activation::relu, x, n, dx);
    dy = dx;
  }
}

#define MAQUE_INSTANTIATE(T)                                                                                 \
  template struct Head<T>;                                                                                   \
  template struct HeadBuffers<T>;                                                                            \
  template void head_forward<T>(const Compute<T>&, const Head<T>&, const T*, int64_t, const HeadBuffers<T>&, \
                                const HeadDropout&, T*, const BesideRows<T>*);                               \
  template void head_backward<T>(const Compute<T>&, const Head<T>&, const T*, int64_t,                       \
                                 const HeadBuffers<T>&, const HeadDropout&, const T*, T* const*, T*,         \
                                 const BesideRows<T>*);
MAQUE_INSTANTIATE(float)
MAQUE_INSTANTIATE(double)
#undef MAQUE_INSTANTIATE

}  // namespace maque
