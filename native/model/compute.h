// How the layers call the kernels: which flavour, on which threads, with which scratch. Work is cut by its
// size alone and every unit writes its own outputs, so the number of threads does not show in the bits.
#pragma once
#include "core/executor.h"
#include "kernels/kernel_list.h"
#include "model/carver.h"

namespace maque {

/// Kernels, threads and the scratch of each thread.
template <class T>
struct Compute {
  const Kernels<T>& kernels;
  Executor executor;
  T* gemm_scratch;  // workers * kGemmScratch
};

/// Key of the dropout masks of one step; a null pointer means none (inference).
struct DropoutKey {
  uint64_t seed;
  uint32_t step;
};

constexpr int64_t kRowBlock = 32;           // rows of one unit of row-wise work
constexpr int64_t kColumnBlock = 64;        // columns of one unit of column-wise work
constexpr int64_t kElementBlock = 1 << 14;  // elements of one unit of element-wise work

inline int64_t round_up(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

/// f(begin, end, worker) over [0, n) in blocks.
template <class F>
void for_blocks(const Executor& executor, int64_t n, int64_t block, const F& f) {
  if (executor.workers == 1) {
    if (n > 0) f(int64_t{0}, n, 0);
    return;
  }
  executor.parallel_for((n + block - 1) / block, [&](int64_t i, int32_t worker) {
    const int64_t begin = i * block;
    f(begin, begin + block < n ? begin + block : n, worker);
  });
}

/// y = dropout(x), or of a gradient; y may be x.
template <class T>
void run_dropout_to(const Compute<T>& compute, const DropoutKey& key, double p, uint32_t site, const T* x,
                    int64_t n, T* y) {
  for_blocks(compute.executor, n, kElementBlock, [&](int64_t begin, int64_t end, int32_t) {
    const Dropout dropout{static_cast<float>(p), key.seed, key.step, site, static_cast<uint64_t>(begin)};
    compute.kernels.dropout(dropout, x + begin, end - begin, y + begin);
  });
}

/// Dropout in place; nothing where p is 0 or there is no key.
template <class T>
void run_dropout(const Compute<T>& compute, const DropoutKey* key, double p, uint32_t site, T* x, int64_t n) {
  if (key != nullptr && p > 0) run_dropout_to(compute, *key, p, site, x, n, x);
}

/// Dropout in place of some rows of a matrix, by the masks that the whole has: row i is number numbers[i]
/// there.
template <class T>
void run_dropout_rows(const Compute<T>& compute, const DropoutKey* key, double p, uint32_t site,
                      const int32_t* numbers, T* x, int64_t rows, int64_t width) {
  if (key == nullptr || p <= 0) return;
  for_blocks(compute.executor, rows, kRowBlock, [&](int64_t begin, int64_t end, int32_t) {
    for (int64_t i = begin; i < end; ++i) {
      const Dropout dropout{static_cast<float>(p), key->seed, key->step, site,
                            static_cast<uint64_t>(numbers[i] * width)};
      compute.kernels.dropout(dropout, x + i * width, width, x + i * width);
    }
  });
}

/// sums[j] += sum over rows of x[i, j].
template <class T>
void run_column_sums(const Compute<T>& compute, const T* x, int64_t ldx, int64_t rows, int64_t columns,
                     T* sums) {
  for_blocks(compute.executor, columns, kColumnBlock, [&](int64_t begin, int64_t end, int32_t) {
    compute.kernels.column_sums(x, ldx, rows, begin, end, sums);
  });
}

/// y += x.
template <class T>
void run_add(const Compute<T>& compute, const T* x, int64_t n, T* y) {
  for_blocks(compute.executor, n, kElementBlock, [&](int64_t begin, int64_t end, int32_t) {
    compute.kernels.add(x + begin, end - begin, y + begin);
  });
}

/// dx = act'(x) dy in place of dy.
template <class T>
void run_activation_backward(const Compute<T>& compute, Activation act, const T* x, int64_t n, T* dy) {
  for_blocks(compute.executor, n, kElementBlock, [&](int64_t begin, int64_t end, int32_t) {
    compute.kernels.activation_backward(act, x + begin, dy + begin, end - begin, dy + begin);
  });
}

}  // namespace maque
