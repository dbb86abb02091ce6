// Packed right operands of products: the one place where the precision of a layer decides what is called.
#pragma once
#include "kernels/bf16_list.h"
#include "kernels/int8_list.h"
#include "model/compute.h"

namespace maque {

/// A precision, and the kernels that it needs beside Kernels<T>: float only.
struct Arithmetic {
  Precision precision = Precision::fp32;
  const Bf16Kernels* bf16 = nullptr;
  const Int8Kernels* int8 = nullptr;
};

/// What the products after one will read: see GemmArgs::soon.
struct Soon {
  const void* data = nullptr;
  int64_t bytes = 0;
};

/// A packed matrix [k, n]: a layer's weights, or the activations of a weight's gradient.
template <class T>
struct Packed {
  Arithmetic arithmetic;
  int64_t k = 0;
  void* data = nullptr;
  int32_t* offsets = nullptr;  // int8 only, as is scale: [columns]
  float* scale = nullptr;
  float* factor =
      nullptr;  // int8 only: of the columns of the left operand [k], see quantize_rows_affine; or null

  /// Cuts the memory of an [rows, columns] matrix from the carver.
  void plan(Carver* carver, const Arithmetic& kernels, int64_t rows, int64_t columns) {
    arithmetic = kernels;
    k = rows;
    if (is_bf16()) {
      data = carver->take<uint16_t>(gemm_bf16_packed_size(rows, columns));
    } else if (is_int8()) {
      data = carver->take<int8_t>(gemm_int8_packed_size(rows, columns));
      offsets = carver->take<int32_t>(int8_whole_n(columns));
      scale = carver->take<float>(int8_whole_n(columns));
    } else {
      data = carver->take<T>(gemm_packed_size(rows, columns));
    }
  }

  bool is_bf16() const { return arithmetic.precision == Precision::bf16; }
  bool is_int8() const { return arithmetic.precision == Precision::int8; }

  /// Bytes of a matrix of so many columns; 0 in int8.
  int64_t bytes(int64_t columns) const {
    if (is_int8()) return 0;
    return is_bf16() ? gemm_bf16_packed_size(k, columns) * static_cast<int64_t>(sizeof(uint16_t))
                     : gemm_packed_size(k, columns) * static_cast<int64_t>(sizeof(T));
  }

  /// Its first columns, to be asked for.
  Soon soon(int64_t columns) const { return {data, bytes(columns)}; }

  /// Cuts the memory of the left operand's factors too.
  void plan_factor(Carver* carver) {
    if (is_int8()) factor = carver->take<float>(k);
  }

  /// The columns from j on, a multiple of kPanel.
  Packed columns(int64_t j) const {
    Packed part = *this;
    if (is_bf16()) {
      part.data = static_cast<uint16_t*>(data) + j * (k + k % 2);
    } else if (is_int8()) {
      part.data = static_cast<int8_t*>(data) + j * int8_whole_k(k);
      part.offsets = offsets + j;
      part.scale = scale + j;
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

/// Packs a layer's int8 weights [n, k] and their scales [n]. False where a weight is out of range, see
/// gemm_int8_pack.
inline bool pack_int8(const int8_t* weights, const float* scale, int64_t n, const Packed<float>& packed) {
  for (int64_t j = 0; j < int8_whole_n(n); ++j) packed.scale[j] = j < n ? scale[j] : 0;
  return gemm_int8_pack(weights, packed.k, packed.k, n, kZeroPoint8, static_cast<int8_t*>(packed.data),
                        packed.offsets);
}

/// A product of float activations, quantised row by row on the way, with int8 weights: by blocks of rows
/// whose bytes fit the scratch of one gemm.
inline void call_gemm_int8(const GemmArgs<float>& args, const Packed<float>& b) {
  const Int8Kernels& kernels = *b.arithmetic.int8;
  // An odd number of cache lines: rows a power of two apart would fall into the same sets of a cache.
  const int64_t lda = ((args.k + 63) / 64 | 1) * 64;
  const int64_t scratch = kGemmScratch * static_cast<int64_t>(sizeof(float));
  const int64_t most = scratch / (lda + static_cast<int64_t>(sizeof(float) + sizeof(int32_t)));
  float* scales = args.scratch;
  int32_t* zeros = reinterpret_cast<int32_t*>(scales + most);
  uint8_t* rows = reinterpret_cast<uint8_t*>(zeros + most);
  GemmInt8Args g{};
  g.n = args.n, g.k = args.k;
  g.a = rows, g.lda = lda, g.a_scale = scales, g.a_scale_stride = 1, g.a_zero = zeros;
  g.b = static_cast<const int8_t*>(b.data), g.offsets = b.offsets, g.w_scale = b.scale;
  g.ldc = args.ldc, g.bias = args.bias, g.activation = args.activation, g.ld_residual = args.ld_residual;
  for (int64_t i = 0; i < args.m; i += most) {
    g.m = args.m - i < most ? args.m - i : most;
    g.c = args.c + i * args.ldc;
    g.residual = args.residual == nullptr ? nullptr : args.residual + i * args.ld_residual;
    kernels.quantize_rows_affine(args.a + i * args.a_row_stride, args.a_row_stride, b.factor, g.m, g.k, rows,
                                 lda, scales, zeros);
    kernels.gemm_int8(g);
  }
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
    if (b.is_int8()) return call_gemm_int8(args, b);
  }
  args.b = static_cast<const T*>(b.data);
  compute.kernels.gemm(args);
}

/// How a product is cut for threads: into equal parts, of rows while they are many (a part packs its rows
/// once and meets all of B), then of columns. Their number is a multiple of the threads that most machines
/// have.
struct GemmCut {
  int64_t m, n, rows, columns;  // rows, columns: parts

  GemmCut(int64_t m_size, int64_t n_size, int64_t k) : m(m_size), n(n_size), rows(1), columns(1) {
    const int64_t panels = (n + kPanel - 1) / kPanel, most = m * n * k / kLeastPart;
    while (rows < kParts && m / (2 * rows) >= kLeastRows && 2 * rows <= most) rows *= 2;
    if (rows == kParts) rows = round_up((m + kMostRows - 1) / kMostRows, kParts);
    while (rows * columns < kParts && panels / (2 * columns) >= kLeastPanels && 2 * rows * columns <= most)
      columns *= 2;
  }

  int64_t row(int64_t i) const { return i * m / rows; }
  int64_t column(int64_t j) const {
    const int64_t begin = j * ((n + kPanel - 1) / kPanel) / columns * kPanel;
    return begin < n ? begin : n;
  }

 private:
  static constexpr int64_t kParts = 8, kLeastRows = 64, kMostRows = 192, kLeastPanels = 4;
  static constexpr int64_t kLeastPart = 1 << 19;  // multiply-adds
};

/// Packs over blocks of columns.
template <class T>
void run_pack(const Compute<T>& compute, const T* b, int64_t row_stride, int64_t col_stride, int64_t n,
              const Packed<T>& packed) {
  for_blocks(compute.executor, n, kPanel * 4, [&](int64_t begin, int64_t end, int32_t) {
    call_pack(compute, b + begin * col_stride, row_stride, col_stride, end - begin, packed.columns(begin));
  });
}

/// Packs the weights [n, k] of a layer for x W^T. In int8 they are I8 behind the pointer and have scales
/// [n]; false where one is out of range, see gemm_int8_pack.
template <class T>
bool pack_weight(const Compute<T>& compute, const T* weight, const T* scale, int64_t n,
                 const Packed<T>& packed) {
  if constexpr (sizeof(T) == sizeof(float)) {
    if (packed.is_int8()) return pack_int8(reinterpret_cast<const int8_t*>(weight), scale, n, packed);
  }
  run_pack(compute, weight, int64_t{1}, packed.k, n, packed);
  return true;
}

/// A product over parts of C.
template <class T>
void run_gemm(const Compute<T>& compute, const GemmArgs<T>& args, const Packed<T>& b) {
  if (args.m <= 0 || args.n <= 0) return;
  if (compute.executor.workers == 1) {
    call_gemm(compute, args, b, 0);
    return;
  }
  const GemmCut cut(args.m, args.n, args.k);
  compute.executor.parallel_for(cut.rows * cut.columns, [&](int64_t unit, int32_t worker) {
    const int64_t row = unit / cut.columns, column = unit % cut.columns;
    const int64_t i = cut.row(row), j = cut.column(column);
    GemmArgs<T> part = args;
    part.soon = nullptr;
    part.m = cut.row(row + 1) - i;
    part.n = cut.column(column + 1) - j;
    part.a = args.a + i * args.a_row_stride;
    part.c = args.c + i * args.ldc + j;
    if (args.bias != nullptr) part.bias = args.bias + j;
    if (args.pre_activation != nullptr) part.pre_activation = args.pre_activation + i * args.ld_pre + j;
    if (args.residual != nullptr) part.residual = args.residual + i * args.ld_residual + j;
    call_gemm(compute, part, b.columns(j), worker);
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
