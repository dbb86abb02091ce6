#include "model/bag.h"

#include "model/sort.h"

namespace maque {
namespace {

constexpr int64_t kTexts = 8;  // of one unit of the mean

/// Number of the text of each n-gram.
void find_texts(const BagBatch& bag, int32_t* text_of) {
  for (int64_t i = 0; i < bag.texts; ++i) {
    for (int32_t s = bag.offsets[i]; s < bag.offsets[i + 1]; ++s)
      text_of[s - bag.offsets[0]] = static_cast<int32_t>(i);
  }
}

}  // namespace

void lay_out_bag(Carver* carver, BagBatch* bag) {
  const int64_t n = bag->offsets[bag->texts] - bag->offsets[0];
  int32_t* row_ids = carver->take<int32_t>(n);
  int32_t* row_offsets = carver->take<int32_t>(n + 1);
  int32_t* row_texts = carver->take<int32_t>(n);
  int32_t* text_of = carver->take<int32_t>(n);
  int32_t* order = carver->take<int32_t>(n);
  bag->rows = n;
  if (row_ids == nullptr) return;  // measuring
  const int32_t* ids = bag->ids == nullptr ? nullptr : bag->ids + bag->offsets[0];
  sort_rows(ids, n, order, row_texts);
  find_texts(*bag, text_of);
  int32_t rows = 0;
  for (int64_t i = 0; i < n; ++i) {
    const int32_t id = ids[order[i]];
    if (rows == 0 || id != row_ids[rows - 1]) {
      row_ids[rows] = id;
      row_offsets[rows++] = static_cast<int32_t>(i);
    }
    row_texts[i] = text_of[order[i]];
  }
  row_offsets[rows] = static_cast<int32_t>(n);
  bag->rows = rows;
  bag->row_ids = row_ids;
  bag->row_offsets = row_offsets;
  bag->row_texts = row_texts;
}

template <class T>
void bag_forward(const Compute<T>& compute, const T* table, int64_t width, const BagBatch& bag, T* out) {
  for_blocks(compute.executor, bag.texts, kTexts, [&](int64_t begin, int64_t end, int32_t) {
    compute.kernels.mean_pool_forward(table, width, bag.offsets + begin, bag.ids, end - begin, width,
                                      out + begin * width);
  });
}

template <class T>
void bag_backward(const Compute<T>& compute, int64_t width, const BagBatch& bag, T* d_out, T* gradient) {
  for (int64_t i = 0; i < bag.texts; ++i) {
    const T length = static_cast<T>(bag.offsets[i + 1] - bag.offsets[i]);
    for (int64_t j = 0; j < width && length > 0; ++j) d_out[i * width + j] /= length;
  }
  for_blocks(compute.executor, bag.rows, kRowBlock, [&](int64_t begin, int64_t end, int32_t) {
    compute.kernels.sum_pool_forward(d_out, width, bag.row_offsets + begin, bag.row_texts, end - begin, width,
                                     gradient + begin * width);
  });
}

#define MAQUE_INSTANTIATE(T)                                                               \
  template void bag_forward<T>(const Compute<T>&, const T*, int64_t, const BagBatch&, T*); \
  template void bag_backward<T>(const Compute<T>&, int64_t, const BagBatch&, T*, T*);
MAQUE_INSTANTIATE(float)
MAQUE_INSTANTIATE(double)
#undef MAQUE_INSTANTIATE

}  // namespace maque
