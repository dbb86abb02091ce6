// Packed right operands of products: the one place where the precision of a layer decides what is called.
#pragma once
#include "kernels/gemm_bf16.h"
#include "model/compute.h"

namespace maque {

/// A precision, and the kernels that it needs beside Kernels<T>: float only.
struct Arithmetic {
  Precision precision = Precision::fp32;
  const Bf16Kernels* bf16 = nullptr;
};

/// A packed matrix [k, n]: a layer's weights, or the activations of a weight's gradient.
template <class T>
struct Packed {
  Arithmetic arithmetic;
  int64_t k = 0;
  void* data = nullptr;

  /// Cuts the memory of an [rows, columns] matrix from the carver.
  void plan(Carver* carver, const Arithmetic& kernels, int64_t rows, int64_t columns) {
    arithmetic = kernels;
    k = rows;
    if (is_bf16()) {
      data = carver->take<uint16_t>(gemm_bf16_packed_size(rows, columns));
    } else {
      data = carver->take<T>(gemm_packed_size(rows, columns));
    }
  }

  bool is_bf16() const { return arithmetic.precision == Precision::bf16; }

  /// The columns from j on, a multiple of kPanel.
  Packed columns(int64_t j) const {
    Packed part = *this;
    if (is_bf16()) {
      part.data = static_cast<uint16_t*>(data) + j * (k + k % 2);
    } else {
      part.data = static_cast<T*>(data) + j * k;
    }
    return part;
  }
};

/// Packs [k, n], element (p, j) at b[p * row_stride + j * col_stride], on this thread.
template <class T>
void call_pack(const Compute<T>& compute, const T* b, int64_t row_stride, int64_t col_stride, int64_t n,
               const Packed<T>& packed) {
  if constexpr (sizeof(T) == sizeof(float)) {
    if (packed.is_bf16()) {
      packed.arithmetic.bf16->gemm_bf16_pack(b, row_stride, col_stride, packed.k, n,
                                             static_cast<uint16_t*>(packed.data));
      return;
    }
  }
  compute.kernels.gemm_pack(b, row_stride, col_stride, packed.k, n, static_cast<T*>(packed.data));
}

/// One product on this thread. args.b and args.scratch are set here.
template <class T>
void call_gemm(const Compute<T>& compute, GemmArgs<T> args, const Packed<T>& b, int32_t worker) {
  args.scratch = compute.gemm_scratch + worker * kGemmScratch;
  if constexpr (sizeof(T) == sizeof(float)) {
    if (b.is_bf16()) {
      b.arithmetic.bf16->gemm_bf16(args, static_cast<const uint16_t*>(b.data));
      return;
    }
  }
  args.b = static_cast<const T*>(b.data);
  compute.kernels.gemm(args);
}

/// Packs over blocks of columns.
template <class T>
void run_pack(const Compute<T>& compute, const T* b, int64_t row_stride, int64_t col_stride, int64_t n,
              const Packed<T>& packed) {
  for_blocks(compute.executor, n, kPanel * 4, [&](int64_t begin, int64_t end, int32_t) {
    call_pack(compute, b + begin * col_stride, row_stride, col_stride, end - begin, packed.columns(begin));
  });
}

/// A product over tiles of C.
template <class T>
void run_gemm(const Compute<T>& compute, const GemmArgs<T>& args, const Packed<T>& b) {
  if (args.m <= 0 || args.n <= 0) return;
  if (compute.executor.workers == 1) {
    call_gemm(compute, args, b, 0);
    return;
  }
  const int64_t rows = (args.m + kGemmRows - 1) / kGemmRows,
                columns = (args.n + kGemmColumns - 1) / kGemmColumns;
  compute.executor.parallel_for(rows * columns, [&](int64_t unit, int32_t worker) {
    const int64_t i = unit / columns * kGemmRows, j = unit % columns * kGemmColumns;
    GemmArgs<T> tile = args;
    tile.m = args.m - i < kGemmRows ? args.m - i : kGemmRows;
    tile.n = args.n - j < kGemmColumns ? args.n - j : kGemmColumns;
    tile.a = args.a + i * args.a_row_stride;
    tile.c = args.c + i * args.ldc + j;
    if (args.bias != nullptr) tile.bias = args.bias + j;
    if (args.pre_activation != nullptr) tile.pre_activation = args.pre_activation + i * args.ld_pre + j;
    if (args.residual != nullptr) tile.residual = args.residual + i * args.ld_residual + j;
    call_gemm(compute, tile, b.columns(j), worker);
  });
}

/// Plain product C = A B of row-major A, with nothing fused.
template <class T>
GemmArgs<T> gemm_args(int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, T* c, int64_t ldc) {
  GemmArgs<T> args{};
  args.m = m;
  args.n = n;
  args.k = k;
  args.a = a;
  args.a_row_stride = lda;
  args.a_k_stride = 1;
  args.c = c;
  args.ldc = ldc;
  return args;
}

}  // namespace maque
