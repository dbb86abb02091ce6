// A linear layer y = x W^T + b with weights packed for both directions.
#pragma once
#include "model/compute.h"

namespace maque {

/// Weights of a layer. W is [out, in] as in PyTorch.
template <class T>
struct Linear {
  int64_t in = 0, out = 0;
  T* packed = nullptr;       // [in, out] for x W^T
  T* packed_back = nullptr;  // [out, in] for dy W; null in inference
  const T* bias = nullptr;

  /// Sets the sizes and cuts the packed arrays from the carver.
  void plan(Carver* carver, int64_t in_size, int64_t out_size, bool backward) {
    in = in_size;
    out = out_size;
    packed = carver->take<T>(gemm_packed_size(in, out));
    packed_back = backward ? carver->take<T>(gemm_packed_size(out, in)) : nullptr;
  }

  void pack(const Compute<T>& compute, const T* weight, const T* bias_vector) {
    run_pack(compute, weight, 1, in, in, out, packed);
    if (packed_back != nullptr) run_pack(compute, weight, in, 1, out, in, packed_back);
    bias = bias_vector;
  }
};

/// What a forward product does to its result besides the bias.
template <class T>
struct Epilogue {
  Activation activation = Activation::none;
  T* pre_activation = nullptr;  // [rows, out] contiguous
  const T* residual = nullptr;  // [rows, out] contiguous
};

/// y [rows, out] contiguous = act(x W^T + b) + residual.
template <class T>
void linear_forward(const Compute<T>& compute, const Linear<T>& layer, const T* x, int64_t ldx, int64_t rows,
                    T* y, const Epilogue<T>& epilogue = {}) {
  GemmArgs<T> args = gemm_args(rows, layer.out, layer.in, x, ldx, layer.packed, y, layer.out);
  args.bias = layer.bias;
  args.activation = epilogue.activation;
  args.pre_activation = epilogue.pre_activation;
  args.ld_pre = layer.out;
  args.residual = epilogue.residual;
  args.ld_residual = layer.out;
  run_gemm(compute, args);
}

/// dx [rows, in] contiguous = dy W + residual.
template <class T>
void linear_input_backward(const Compute<T>& compute, const Linear<T>& layer, const T* dy, int64_t ld_dy,
                           int64_t rows, T* dx, const T* residual = nullptr) {
  GemmArgs<T> args = gemm_args(rows, layer.in, layer.out, dy, ld_dy, layer.packed_back, dx, layer.in);
  args.residual = residual;
  args.ld_residual = layer.in;
  run_gemm(compute, args);
}

/// dw [out, in] = dy^T x, a single chain over the rows for each element; x is packed already (k = rows, n =
/// in).
template <class T>
void weight_backward_packed(const Compute<T>& compute, const T* packed_x, const T* dy, int64_t ld_dy,
                            int64_t rows, int64_t out, int64_t in, T* dw) {
  GemmArgs<T> args = gemm_args(out, in, rows, dy, int64_t{1}, packed_x, dw, in);
  args.a_k_stride = ld_dy;
  run_gemm(compute, args);
}

/// dw overwrites, db accumulates. pack: gemm_packed_size(rows, in) elements.
template <class T>
void linear_weight_backward(const Compute<T>& compute, const Linear<T>& layer, const T* x, int64_t ldx,
                            const T* dy, int64_t ld_dy, int64_t rows, T* pack, T* dw, T* db) {
  run_pack(compute, x, ldx, int64_t{1}, rows, layer.in, pack);
  weight_backward_packed(compute, pack, dy, ld_dy, rows, layer.out, layer.in, dw);
  run_column_sums(compute, dy, ld_dy, rows, layer.out, db);
}

}  // namespace maque
