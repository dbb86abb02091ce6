// What int8 weights are made from: how large the columns grow that products with weights read.
#include <string.h>

#include "core/error.h"
#include "model/trainer.h"

namespace maque {
namespace {

/// most[j] = the larger of it and all |x[i, j]|; a NaN stays.
template <class T>
void widen(const T* x, int64_t rows, int64_t columns, T* most) {
  for (int64_t i = 0; i < rows; ++i, x += columns) {
    for (int64_t j = 0; j < columns; ++j) {
      const T magnitude = x[j] < 0 ? -x[j] : x[j];
      if (!(magnitude <= most[j]) && most[j] == most[j]) most[j] = magnitude;
    }
  }
}

}  // namespace

/// Runs one batch with buffers of training, in which every layer's activations stay.
template <class T>
int64_t Trainer<T>::ranges_pass(const Texts& texts, char* memory, T* out) {
  const Geometry& g = model_.geometry;
  Carver carver(memory);
  BertBatch b;
  lay_out_bert_batch(&carver, texts, g.first_row_only(), &b);
  BertBuffers<T> buffers;
  const BertSizes sizes{b.texts, b.tokens,          b.longest, b.sum_of_squares, b.first_row_only,
                        true,    executor_.workers, kFromIds,  logits_point(g)};
  plan_bert_buffers(&carver, g, sizes, &buffers);
  if (memory == nullptr) return carver.used();
  const Compute<T> compute{*kernels_, executor_, gemm_scratch_.data()};
  bert_forward(compute, model_.bert, b, BertDropout{}, buffers, kFromIds, logits_point(g));
  for (int64_t l = 0; l < g.layers; ++l) {
    const BertLayerBuffers<T>& layer = buffers.layers[l];
    const int64_t rows = l == g.layers - 1 ? b.rows() : b.tokens;
    widen(layer.in, b.tokens, g.hidden, out);
    widen(layer.context, rows, g.hidden, out + g.hidden);
    widen(layer.y1, rows, g.hidden, out + 2 * g.hidden);
    widen(layer.up, rows, g.intermediate, out + 3 * g.hidden);
    out += 3 * g.hidden + g.intermediate;
  }
  return carver.used();
}

template <class T>
Status Trainer<T>::ranges(const Texts& texts, T* out) {
  refresh_weights();
  memset(out, 0, static_cast<size_t>(range_count(model_.geometry)) * sizeof(T));
  if (texts.count == 0) return kOk;
  char* memory = arena_.reserve(ranges_pass(texts, nullptr, out));
  if (memory == nullptr) return kOutOfMemory;
  ranges_pass(texts, memory, out);
  return kOk;
}

#define MAQUE_INSTANTIATE(T)                                         \
  template int64_t Trainer<T>::ranges_pass(const Texts&, char*, T*); \
  template Status Trainer<T>::ranges(const Texts&, T*);
MAQUE_INSTANTIATE(float)
MAQUE_INSTANTIATE(double)
#undef MAQUE_INSTANTIATE

}  // namespace maque
