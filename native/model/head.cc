#include "model/head.h"

namespace maque {

template <class T>
void Head<T>::plan(Carver* carver, const Geometry& g, const Arithmetic& arithmetic, bool backward) {
  layers = g.head_layers;
  for (int32_t i = 0; i <= layers; ++i)
    linear[i].plan(carver, arithmetic, g.head_in(i), g.head_out(i), backward);
}

template <class T>
void Head<T>::pack(const Compute<T>& compute, const Geometry& g, T* const* tensors) {
  for (int32_t i = 0; i <= layers; ++i) {
    const int64_t tensor = head_tensor(g) + 2 * i;
    linear[i].pack(compute, tensors[tensor], tensors[tensor + 1]);
  }
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

template <class T>
void head_forward(const Compute<T>& compute, const Head<T>& head, const T* features, int64_t rows,
                  const HeadBuffers<T>& buffers, const HeadDropout& dropout, T* logits) {
  const T* x = features;
  for (int32_t i = 0; i < head.layers; ++i) {
    const Linear<T>& layer = head.linear[i];
    Epilogue<T> relu;
    relu.activation = Activation::relu;
    linear_forward(compute, layer, x, layer.in, rows, buffers.hidden[i], relu);
    run_dropout(compute, dropout.key, dropout.p, dropout.site + static_cast<uint32_t>(i), buffers.hidden[i],
                rows * layer.out);
    x = buffers.hidden[i];
  }
  linear_forward(compute, head.linear[head.layers], x, head.linear[head.layers].in, rows, logits);
}

template <class T>
void head_backward(const Compute<T>& compute, const Head<T>& head, const T* features, int64_t rows,
                   const HeadBuffers<T>& buffers, const HeadDropout& dropout, const T* d_logits,
                   T* const* gradients, T* d_features) {
  const T* dy = d_logits;
  for (int32_t i = head.layers; i >= 0; --i) {
    const Linear<T>& layer = head.linear[i];
    const T* x = i == 0 ? features : buffers.hidden[i - 1];
    linear_weight_backward(compute, layer, x, layer.in, dy, layer.out, rows, buffers.pack, gradients[2 * i],
                           gradients[2 * i + 1]);
    T* dx = i == 0 ? d_features : buffers.gradient[i % 2];
    if (dx == nullptr) return;
    linear_input_backward(compute, layer, dy, layer.out, rows, dx);
    if (i == 0) return;
    const int64_t n = rows * layer.in;
    run_dropout(compute, dropout.key, dropout.p, dropout.site + static_cast<uint32_t>(i - 1), dx, n);
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
                                const HeadDropout&, T*);                                                     \
  template void head_backward<T>(const Compute<T>&, const Head<T>&, const T*, int64_t,                       \
                                 const HeadBuffers<T>&, const HeadDropout&, const T*, T* const*, T*);
MAQUE_INSTANTIATE(float)
MAQUE_INSTANTIATE(double)
#undef MAQUE_INSTANTIATE

}  // namespace maque
