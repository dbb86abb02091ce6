// A linear layer y = x W^T + b with weights packed for both directions, in the precision of its model.
#pragma once
#include "model/packed.h"

namespace maque {

/// Weights of a layer. W is [out, in] as in PyTorch.
template <class T>
struct Linear {
  int64_t in = 0, out = 0;
  Packed<T> packed;       // [in, out] for x W^T
  Packed<T> packed_back;  // [out, in] for dy W; without data in inference
  const T* bias = nullptr;

  /// Sets the sizes and cuts the packed arrays from the carver.
  void plan(Carver* carver, const Arithmetic& arithmetic, int64_t in_size, int64_t out_size, bool backward) {
    in = in_size;
    out = out_size;
    packed.plan(carver, arithmetic, in, out);
    if (backward) packed_back.plan(carver, arithmetic, out, in);
  }

  /// scale: of int8 weights, see pack_weight. columns: of a row of the weight, of which the layer (never an
  /// int8 one then) has the first `in`; 0: in.
  bool pack(const Compute<T>& compute, const T* weight, const T* bias_vector, const T* scale = nullptr,
            int64_t columns = 0) {
    const int64_t ld = columns == 0 ? in : columns;
    bias = bias_vector;
    if (packed_back.data != nullptr) run_pack(compute, weight, ld, int64_t{1}, in, packed_back);
    if (ld == in) return pack_weight(compute, weight, scale, out, packed);
    run_pack(compute, weight, int64_t{1}, ld, out, packed);
    return true;
  }
};

/// What a forward product does to its result besides the bias.
template <class T>
struct Epilogue {
  Activation activation = Activation::none;
  T* pre_activation = nullptr;  // [rows, out] contiguous
  const T* residual = nullptr;  // [rows, out] contiguous
  bool accumulate = false;      // y holds what stands in the bias's place
  Soon soon;
};

/// y [rows, out] contiguous = act(x W^T + b) + residual, or act(x W^T + y).
template <class T>
void linear_forward(const Compute<T>& compute, const Linear<T>& layer, const T* x, int64_t ldx, int64_t rows,
                    T* y, const Epilogue<T>& epilogue = {}) {
  GemmArgs<T> args = gemm_args(rows, layer.out, layer.in, x, ldx, y, layer.out);
  args.bias = epilogue.accumulate ? nullptr : layer.bias;
  args.accumulate = epilogue.accumulate;
  args.activation = epilogue.activation;
  args.pre_activation = epilogue.pre_activation;
  args.ld_pre = layer.out;
  args.residual = epilogue.residual;
  args.ld_residual = layer.out;
  args.soon = epilogue.soon.data;
  args.soon_bytes = epilogue.soon.bytes;
  run_gemm(compute, args, layer.packed);
}

/// dx [rows, in] contiguous = dy W + residual.
template <class T>
void linear_input_backward(const Compute<T>& compute, const Linear<T>& layer, const T* dy, int64_t ld_dy,
                           int64_t rows, T* dx, const T* residual = nullptr) {
  GemmArgs<T> args = gemm_args(rows, layer.in, layer.out, dy, ld_dy, dx, layer.in);
  args.residual = residual;
  args.ld_residual = layer.in;
  run_gemm(compute, args, layer.packed_back);
}

/// Activations x [rows, columns] packed for weight gradients in `arithmetic`; memory: gemm_packed_size(rows,
/// columns) elements.
template <class T>
Packed<T> pack_rows(const Compute<T>& compute, const Arithmetic& arithmetic, const T* x, int64_t ldx,
                    int64_t rows, int64_t columns, T* memory) {
  const Packed<T> packed{arithmetic, rows, memory};
  run_pack(compute, x, ldx, int64_t{1}, columns, packed);
  return packed;
}

/// dw [out, in] = dy^T x, a single chain over the rows for each element. ld_dw: from row to row of dw; 0: in.
template <class T>
void weight_backward_packed(const Compute<T>& compute, const Packed<T>& x, const T* dy, int64_t ld_dy,
                            int64_t out, int64_t in, T* dw, int64_t ld_dw = 0) {
  GemmArgs<T> args = gemm_args(out, in, x.k, dy, int64_t{1}, dw, ld_dw == 0 ? in : ld_dw);
  args.a_k_stride = ld_dy;
  run_gemm(compute, args, x);
}

/// dw overwrites, db (unless null) accumulates. memory: gemm_packed_size(rows, in) elements. ld_dw: 0: in.
template <class T>
void linear_weight_backward(const Compute<T>& compute, const Linear<T>& layer, const T* x, int64_t ldx,
                            const T* dy, int64_t ld_dy, int64_t rows, T* memory, T* dw, T* db,
                            int64_t ld_dw = 0) {
  const Packed<T> packed = pack_rows(compute, layer.packed.arithmetic, x, ldx, rows, layer.in, memory);
  weight_backward_packed(compute, packed, dy, ld_dy, layer.out, layer.in, dw, ld_dw);
  if (db != nullptr) run_column_sums(compute, dy, ld_dy, rows, layer.out, db);
}

}  // namespace maque
