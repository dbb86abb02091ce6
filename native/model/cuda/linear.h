// Products with weights on the device: in fp32 the CPU's bits; in bf16 both factors are rounded, and a weight
// is rounded once for all products until it changes.
#pragma once
#include "model/cuda/compute.h"

namespace maque::cuda {

/// A matrix of the device that products read or write: fp32, and where products are bf16 the same rounded.
/// Either may be null where nobody reads it (fp32 products read x, bf16 products `rounded`). A rounded row
/// begins at a multiple of 16 bytes.
struct Operand {
  float* x = nullptr;
  int64_t ld = 0;
  uint16_t* rounded = nullptr;
  int64_t ld_rounded = 0;

  /// The columns from j on; j is a multiple of 8 where products are bf16.
  Operand columns(int64_t j) const {
    return {x == nullptr ? nullptr : x + j, ld, rounded == nullptr ? nullptr : rounded + j, ld_rounded};
  }
  /// The rows from i on.
  Operand rows(int64_t i) const {
    return {x == nullptr ? nullptr : x + i * ld, ld, rounded == nullptr ? nullptr : rounded + i * ld_rounded,
            ld_rounded};
  }
};

/// Adds the rounded side to x [rows, columns], whose rows are ld apart; nothing in fp32.
inline Operand plan_rounded(Carver* carver, Precision precision, float* x, int64_t rows, int64_t columns,
                            int64_t ld) {
  if (precision != Precision::bf16) return {x, ld, nullptr, 0};
  const int64_t ld_rounded = round_up(columns, 8);
  return {x, ld, carver->take<uint16_t>(rows * ld_rounded), ld_rounded};
}

/// Both sides of a matrix [rows, columns].
inline Operand plan_operand(Carver* carver, Precision precision, int64_t rows, int64_t columns) {
  float* x = carver->take<float>(rows * columns);
  return plan_rounded(carver, precision, x, rows, columns, columns);
}

/// The one side of a matrix [rows, columns] that products read.
inline Operand plan_factor(Carver* carver, Precision precision, int64_t rows, int64_t columns) {
  if (precision == Precision::bf16) return plan_rounded(carver, precision, nullptr, rows, columns, columns);
  return {carver->take<float>(rows * columns), columns, nullptr, 0};
}

/// A factor's rows are those of a table [.., columns], row stride ld, at ids, after dropout.
inline void gather_factor(DeviceCompute& compute, const float* table, int64_t ld, const int32_t* ids,
                          int64_t rows, int64_t columns, const Dropout& dropout, const Operand& factor) {
  run(compute, compute.kernels.gather_rows_masked, table, ld, ids, rows, columns, dropout, factor.x,
      factor.rounded, factor.ld_rounded);
}

/// rounded = x; nothing in fp32.
inline void round_operand(DeviceCompute& compute, const Operand& a, int64_t rows, int64_t columns) {
  if (!compute.is_bf16()) return;
  run(compute, compute.kernels.round_to_bf16, a.x, a.ld, rows, columns, a.rounded, a.ld_rounded);
}

/// dropout(x) in place, contiguous; nothing where there is none.
inline void run_dropout(DeviceCompute& compute, const Dropout& dropout, float* x, int64_t n) {
  if (dropout.p > 0) run(compute, compute.kernels.dropout, dropout, x, n, x);
}

/// A result that goes to c, and nothing else said.
inline GemmResult result_in(const Operand& c) {
  GemmResult r = {};
  r.c = c.x, r.ldc = c.ld;
  r.c_bf16 = c.rounded, r.ld_bf16 = c.ld_rounded;
  return r;
}

/// c [m, n] = a b^T for a [m, k] and b [n, k], as a weight lies that is applied to rows.
inline void multiply_transposed(DeviceCompute& compute, int64_t m, int64_t n, int64_t k, const Operand& a,
                                const Operand& b, const GemmResult& c) {
  if (compute.is_bf16()) {
    const GemmBf16Factors f = {m, n, k, a.rounded, a.ld_rounded, false, b.rounded, b.ld_rounded, true};
    return run_product(compute, f, c);
  }
  run_product(compute, GemmFactors{m, n, k, a.x, a.ld, 1, b.x, 1, b.ld}, c);
}

/// c [m, n] = a b for a [m, k] and b [k, n].
inline void multiply(DeviceCompute& compute, int64_t m, int64_t n, int64_t k, const Operand& a,
                     const Operand& b, const GemmResult& c) {
  if (compute.is_bf16()) {
    const GemmBf16Factors f = {m, n, k, a.rounded, a.ld_rounded, false, b.rounded, b.ld_rounded, false};
    return run_product(compute, f, c);
  }
  run_product(compute, GemmFactors{m, n, k, a.x, a.ld, 1, b.x, b.ld, 1}, c);
}

/// dw [out, in], rows ld_dw apart, = dy^T x for dy [rows, out] and x [rows, in].
struct WeightGradient {
  Operand x, dy;
  int64_t rows, out, in;
  float* dw;
  int64_t ld_dw;

  GemmFactors factors() const { return {out, in, rows, dy.x, 1, dy.ld, x.x, x.ld, 1}; }
  GemmBf16Factors bf16_factors() const {
    return {out, in, rows, dy.rounded, dy.ld_rounded, true, x.rounded, x.ld_rounded, false};
  }
};

inline void weight_backward(DeviceCompute& compute, const WeightGradient& g) {
  const GemmResult r = result_in({g.dw, g.ld_dw});
  compute.is_bf16() ? run_product(compute, g.bf16_factors(), r) : run_product(compute, g.factors(), r);
}

/// Gradients of several weights, at most kMostProducts: in one launch where kernels of ours make them.
inline void weights_backward(DeviceCompute& compute, const WeightGradient* gradients, int32_t count) {
  if (compute.products != nullptr && compute.products->has_cublaslt()) {
    for (int32_t i = 0; i < count; ++i) weight_backward(compute, gradients[i]);
    return;
  }
  ProductGroup<GemmFactors> group = {};
  ProductGroup<GemmBf16Factors> bf16_group = {};
  group.count = bf16_group.count = count;
  for (int32_t i = 0; i < count; ++i) {
    group.factors[i] = gradients[i].factors();
    bf16_group.factors[i] = gradients[i].bf16_factors();
    group.results[i] = bf16_group.results[i] = result_in({gradients[i].dw, gradients[i].ld_dw});
  }
  compute.is_bf16() ? run(compute, compute.kernels.gemm_bf16_group, bf16_group)
                    : run(compute, compute.kernels.gemm_group, group);
}

/// db += the sums of the columns of dy [rows, n], of its fp32 side where it has one. scratch:
/// chain_scratch(rows, 1, n) floats.
inline void bias_backward(DeviceCompute& compute, const Operand& dy, int64_t rows, int64_t n, float* db,
                          float* scratch) {
  if (dy.x == nullptr) {
    run(compute, compute.kernels.column_sums_bf16, dy.rounded, dy.ld_rounded, rows, n, db, scratch);
  } else {
    run(compute, compute.kernels.column_sums, dy.x, dy.ld, rows, n, db, scratch);
  }
}

/// y = x W^T + b; W [out, in] as in PyTorch.
struct Linear {
  int64_t in = 0, out = 0;
  Operand weight;
  const float* bias = nullptr;

  /// Sets the sizes and cuts the rounded weight from the carver.
  void plan(Carver* carver, Precision precision, int64_t in_size, int64_t out_size) {
    in = in_size;
    out = out_size;
    weight = plan_rounded(carver, precision, nullptr, out, in, in);
  }

  /// Points to the tensors, whose rows have `columns` elements, of which the layer has the first `in` (0:
  /// in).
  void set(float* w, const float* b, int64_t columns = 0) {
    weight.x = w;
    weight.ld = columns == 0 ? in : columns;
    bias = b;
  }

  /// After the tensor has changed.
  void refresh(DeviceCompute& compute) const { round_operand(compute, weight, out, in); }
};

/// What a forward product does to its result besides the bias.
struct Epilogue {
  Activation activation = Activation::none;
  float* pre_activation = nullptr;  // [rows, out] contiguous
  const float* residual = nullptr;  // [rows, out] contiguous
  bool accumulate = false;          // y.x holds what stands in the bias's place
  float* sums = nullptr;            // see GemmResult
};

/// y [rows, out] = act(x W^T + b) + residual, or act(x W^T + y).
inline void linear_forward(DeviceCompute& compute, const Linear& layer, const Operand& x, int64_t rows,
                           const Operand& y, const Epilogue& epilogue = {}) {
  GemmResult r = result_in(y);
  r.bias = epilogue.accumulate ? nullptr : layer.bias;
  r.accumulate = epilogue.accumulate;
  r.activation = epilogue.activation;
  r.pre_activation = epilogue.pre_activation, r.ld_pre = layer.out;
  r.residual = epilogue.residual, r.ld_residual = layer.out;
  r.sums = epilogue.sums;
  multiply_transposed(compute, rows, layer.out, layer.in, x, layer.weight, r);
}

/// dx [rows, in] = dy W + residual [rows, in], contiguous, or null.
inline void linear_input_backward(DeviceCompute& compute, const Linear& layer, const Operand& dy,
                                  int64_t rows, const Operand& dx, const float* residual = nullptr) {
  GemmResult r = result_in(dx);
  r.residual = residual, r.ld_residual = layer.in;
  multiply(compute, rows, layer.in, layer.out, dy, layer.weight, r);
}

/// dw overwrites, db (unless null) accumulates. scratch: chain_scratch(rows, 1, out) floats. ld_dw: 0: in.
inline void linear_weight_backward(DeviceCompute& compute, const Linear& layer, const Operand& x,
                                   const Operand& dy, int64_t rows, float* dw, float* db, float* scratch,
                                   int64_t ld_dw = 0) {
  weight_backward(compute, {x, dy, rows, layer.out, layer.in, dw, ld_dw == 0 ? layer.in : ld_dw});
  if (db != nullptr) bias_backward(compute, dy, rows, layer.out, db, scratch);
}

}  // namespace maque::cuda
