// What the forward passes of all serving forms share: chunks of texts, and the layout of one.
#pragma once
#include <string.h>

#include "model/model.h"

namespace maque {

/// Tokens and texts of one chunk: few enough for activations to stay in the caches.
constexpr int64_t kServingTokens = 3072, kServingTexts = 512;

/// The texts [begin, ...) of the next chunk.
inline Texts next_serving_chunk(const Texts& all, int64_t begin) {
  int64_t end = begin + 1;
  while (end < all.count && end - begin < kServingTexts &&
         all.offsets[end + 1] - all.offsets[begin] <= kServingTokens)
    ++end;
  const int32_t* bag_offsets = all.bag_offsets == nullptr ? nullptr : all.bag_offsets + begin;
  return {all.ids, all.offsets + begin, end - begin, nullptr, all.bag_ids, bag_offsets};
}

/// Lays out a chunk: local offsets, the rows of its ids (map: or null), then plainly: no id that
/// occurs twice is looked for, a table needs no product for them. Returns the rows of the table
/// that are read, by row of the layout (sequence) or place (document); a bag has none.
inline const int32_t* lay_out_serving(Carver* carver, const Geometry& g, const Texts& texts,
                                      const int32_t* map, StudentBatch* batch) {
  const int64_t n = texts.count, tokens = texts.tokens(), base = texts.offsets[0];
  if (g.kind == Kind::bag) {
    *batch = {};
    batch->texts = batch->rows = n;
    batch->bag = texts.bag();
    return nullptr;
  }
  int32_t* offsets = carver->take<int32_t>(n + 1);
  int32_t* mapped = map == nullptr ? nullptr : carver->take<int32_t>(tokens);
  for (int64_t i = 0; i <= n && offsets != nullptr; ++i)
    offsets[i] = static_cast<int32_t>(texts.offsets[i] - base);
  for (int64_t i = 0; i < tokens && mapped != nullptr; ++i) mapped[i] = map[texts.ids[base + i]];
  const int32_t* ids = map != nullptr || texts.ids == nullptr ? mapped : texts.ids + base;
  lay_out_batch(carver, g, ids, offsets, n, tokens, texts.longest(), {}, batch);
  batch->rows = g.kind == Kind::document ? n : tokens + texts.empty();
  batch->bag = texts.bag();
  return g.kind == Kind::document ? ids : batch->row_ids;
}

/// Rows of y, of each text's rows, begin as the text's sums. Both have rows of `width` elements.
inline void copy_to_rows(const StudentBatch& batch, const float* sums, int64_t width, float* y) {
  const size_t bytes = static_cast<size_t>(width) * sizeof(float);
  for (int64_t i = 0; i < batch.texts; ++i) {
    for (int32_t s = batch.pool_offsets[i]; s < batch.pool_offsets[i + 1]; ++s)
      memcpy(y + batch.pool_rows[s] * width, sums + i * width, bytes);
  }
}

/// Runs f(carver, chunk, out) for each chunk twice: with a measuring carver (and out null), then with memory
/// from the scratch.
template <class F>
Status for_serving_chunks(const Texts& texts, int64_t classes, Scratch* scratch, float* out, const F& f) {
  for (int64_t begin = 0; begin < texts.count;) {
    const Texts chunk = next_serving_chunk(texts, begin);
    Carver measure(nullptr);
    f(&measure, chunk, static_cast<float*>(nullptr));
    char* memory = scratch->reserve(measure.used());
    if (memory == nullptr) return kOutOfMemory;
    Carver carver(memory);
    f(&carver, chunk, out + begin * classes);
    begin += chunk.count;
  }
  return kOk;
}

}  // namespace maque
