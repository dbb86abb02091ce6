#include "kernels/attention.h"

#include "kernels/math.h"
#include "kernels/simd/attention_product.h"

namespace maque::MAQUE_ISA {

namespace {

/// Keys of one panel of K^T (or V^T): [d, width], width = kPanelKeys, or the rest rounded up to 16.
constexpr int64_t kPanelKeys = 64;

MAQUE_INLINE int64_t panel_width(int64_t keys) {
  return min_of((keys + kLanes - 1) / kLanes * kLanes, kPanelKeys);
}

/// panel[p * width + j] = rows[j * ld + p] for j < keys; 0 in the columns past them.
void pack_transposed(const float* rows, int64_t ld, int64_t keys, int64_t d, float* panel) {
  const int64_t width = panel_width(keys);
  for (int64_t j = 0; j < width; j += kLanes) {
    for_lanes(d, [&](int64_t p, int64_t r) MAQUE_BODY {
      F block[kLanes];
      for (int64_t t = 0; t < kLanes; ++t) {
        block[t] = j + t < keys ? load(rows + (j + t) * ld + p, r) : F::zero();
      }
      transpose(block);
      for (int64_t t = 0; t < r; ++t) block[t].store(panel + (p + t) * width + j);
    });
  }
}

/// c [m, keys] = scale * a [m, d] rows^T, with rows [keys, d] packed panel by panel into `panel`.
void product_transposed(const float* a, int64_t lda, const float* rows, int64_t ld, int64_t m, int64_t keys,
                        int64_t d, float scale, float* c, float* panel) {
  for (int64_t j = 0; j < keys; j += kPanelKeys) {
    const int64_t count = min_of(kPanelKeys, keys - j);
    pack_transposed(rows + j * ld, ld, count, d, panel);
    product({a, lda, 1, panel, panel_width(count), m, count, d, scale, c + j, keys});
  }
}

/// c [m, d] = scale * a rows, with a(i, p) = a[i * a_row + p * a_k]. Rows that lie far apart are first copied
/// beside each other: every tile of a reads them again.
void product_rows(const float* a, int64_t a_row, int64_t a_k, const float* rows, int64_t ld, int64_t m,
                  int64_t k, int64_t d, float scale, float* c, int64_t ldc, float* copy) {
  if (ld != d && m > 2 * kTileRows) {
    for (int64_t p = 0; p < k; ++p) {
      for_lanes(d, [&](int64_t j, int64_t r)
                       MAQUE_BODY { store(load(rows + p * ld + j, r), copy + p * d + j, r); });
    }
    rows = copy;
    ld = d;
  }
  product({a, a_row, a_k, rows, ld, m, d, k, scale, c, ldc});
}

void softmax_row(float* row, int64_t n) {
  const F start = F::set1(row[0]);
  F largest = start;
  for_lanes(n, [&](int64_t j, int64_t r) MAQUE_BODY {
    const F x = load(row + j, r);
    largest = max(r == kLanes ? x : select(M::first_lanes(r), x, start), largest);
  });
  const F top = F::set1(reduce_max(largest));
  F total = F::zero();
  for_lanes(n, [&](int64_t j, int64_t r) MAQUE_BODY {
    const F e = first(math::exp(load(row + j, r) - top), r);
    store(e, row + j, r);
    total = total + e;
  });
  const F divisor = F::set1(sum(total));
  for_lanes(n, [&](int64_t j, int64_t r) MAQUE_BODY { store(load(row + j, r) / divisor, row + j, r); });
}

/// Rows that go through the steps of a softmax together: each step waits for the one before.
constexpr int kSoftmaxRows = MAQUE_VECTORS == 8 ? 2 : 4;

/// kRows rows of kBlocks blocks of lanes, of which the last has r.
template <int kRows, int kBlocks>
MAQUE_INLINE void softmax_tile(float* rows, int64_t n, int64_t r) {
  constexpr int kLast = kBlocks - 1;
  const M used = M::first_lanes(r);
  F x[kRows][kBlocks], top[kRows], total[kRows];
#pragma GCC unroll 4
  for (int i = 0; i < kRows; ++i) {
    const float* row = rows + i * n;
    F largest = F::set1(row[0]);
#pragma GCC unroll 4
    for (int b = 0; b < kLast; ++b) {
      x[i][b] = F::load(row + b * kLanes);
      largest = max(x[i][b], largest);
    }
    x[i][kLast] = select(used, F::load(row + kLast * kLanes, r), F::set1(row[0]));
    top[i] = F::set1(reduce_max(max(x[i][kLast], largest)));
  }
#pragma GCC unroll 4
  for (int i = 0; i < kRows; ++i) {
    total[i] = F::zero();
#pragma GCC unroll 4
    for (int b = 0; b < kBlocks; ++b) {
      const F e = math::exp(x[i][b] - top[i]);
      x[i][b] = b == kLast ? select(used, e, F::zero()) : e;
      total[i] = total[i] + x[i][b];
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < kRows; ++i) {
    const F divisor = F::set1(sum(total[i]));
#pragma GCC unroll 4
    for (int b = 0; b < kLast; ++b) (x[i][b] / divisor).store(rows + i * n + b * kLanes);
    (x[i][kLast] / divisor).store(rows + i * n + kLast * kLanes, r);
  }
}

template <int kBlocks>
void softmax_blocks(float* row, int64_t rows, int64_t n) {
  const int64_t r = n - (kBlocks - 1) * kLanes;
  int64_t i = 0;
  for (; i + kSoftmaxRows <= rows; i += kSoftmaxRows) {
    softmax_tile<kSoftmaxRows, kBlocks>(row + i * n, n, r);
  }
  for (; i < rows; ++i) softmax_tile<1, kBlocks>(row + i * n, n, r);
}

/// Softmax of every row of [rows, n]: short ones stay in registers.
void softmax_rows(float* row, int64_t rows, int64_t n) {
  switch ((n + kLanes - 1) / kLanes) {
    case 0:
      return;
    case 1:
      return softmax_blocks<1>(row, rows, n);
    case 2:
      return softmax_blocks<2>(row, rows, n);
    case 3:
      return softmax_blocks<3>(row, rows, n);
    default:
      for (int64_t i = 0; i < rows; ++i) softmax_row(row + i * n, n);
  }
}

void softmax_row_backward(const float* p, int64_t n, float* dp) {
  F total = F::zero();
  for_lanes(n, [&](int64_t j, int64_t r) MAQUE_BODY { total = fma(load(dp + j, r), load(p + j, r), total); });
  const F shift = F::set1(sum(total));
  for_lanes(n, [&](int64_t j, int64_t r)
                   MAQUE_BODY { store(load(p + j, r) * (load(dp + j, r) - shift), dp + j, r); });
}

}  // namespace

void attention_forward(const float* q, int64_t ldq, const float* k, int64_t ldk, const float* v, int64_t ldv,
                       int64_t nq, int64_t nk, int64_t d, float scale, const Dropout* mask, float* probs,
                       float* o, int64_t ldo, float* scratch) {
  float* kept_copy = scratch;
  float* rows_copy = kept_copy + nq * nk;
  product_transposed(q, ldq, k, ldk, nq, nk, d, scale, probs, rows_copy);
  softmax_rows(probs, nq, nk);
  const float* kept = probs;
  if (mask != nullptr) {
    dropout(*mask, probs, nq * nk, kept_copy);
    kept = kept_copy;
  }
  product_rows(kept, nk, 1, v, ldv, nq, nk, d, 1.0f, o, ldo, rows_copy);
}

void attention_backward(const float* q, int64_t ldq, const float* k, int64_t ldk, const float* v, int64_t ldv,
                        const float* probs, const float* d_o, int64_t ld_do, int64_t nq, int64_t nk,
                        int64_t d, float scale, const Dropout* mask, float* dq, int64_t ld_dq, float* dk,
                        int64_t ld_dk, float* dv, int64_t ld_dv, float* scratch) {
  float* ds = scratch;
  float* kept_copy = ds + nq * nk;
  float* rows_copy = kept_copy + nq * nk;
  product_transposed(d_o, ld_do, v, ldv, nq, nk, d, 1.0f, ds, rows_copy);
  const float* kept = probs;
  if (mask != nullptr) {
    dropout(*mask, probs, nq * nk, kept_copy);
    kept = kept_copy;
    dropout(*mask, ds, nq * nk, ds);
  }
  product_rows(kept, 1, nk, d_o, ld_do, nk, nq, d, 1.0f, dv, ld_dv, rows_copy);
  for (int64_t i = 0; i < nq; ++i) softmax_row_backward(probs + i * nk, nk, ds + i * nk);
  product_rows(ds, nk, 1, k, ldk, nq, nk, d, scale, dq, ld_dq, rows_copy);
  product_rows(ds, 1, nk, q, ldq, nk, nq, d, scale, dk, ld_dk, rows_copy);
}

}  // namespace maque::MAQUE_ISA
