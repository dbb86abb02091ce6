// The last step of a product: what gemm.h's GemmResult says, for one element.
#pragma once
#include "kernels/activation_gradient.h"
#include "kernels/bf16.h"
#include "kernels/cuda/device.h"
#include "kernels/cuda/gemm.h"
#include "kernels/math.h"

namespace maque::cuda {

/// Where the sum of element (i, j) starts.
MAQUE_DEVICE float first_term(const GemmResult& r, int64_t i, int64_t j) {
  return r.accumulate ? r.c[i * r.ldc + j] : 0.0f;
}

MAQUE_DEVICE_CALL float activated(Activation act, float x) { return math::activate(act, x); }

MAQUE_DEVICE_CALL float derivative(Activation act, float x) { return math::activation_gradient(act, x); }

MAQUE_DEVICE_CALL void put_result(const GemmResult& r, int64_t i, int64_t j, float sum) {
  if (r.bias != nullptr) sum += r.bias[j];
  if (r.pre_activation != nullptr) r.pre_activation[i * r.ld_pre + j] = sum;
  float result = sum;
  if (r.derivative_at != nullptr) {
    result = derivative(r.activation, r.derivative_at[i * r.ld_pre + j]) * sum;
  } else if (r.activation != Activation::none) {
    result = activated(r.activation, sum);
  }
  if (r.residual != nullptr) result += r.residual[i * r.ld_residual + j];
  if (r.c != nullptr) r.c[i * r.ldc + j] = result;
  if (r.c_bf16 != nullptr) r.c_bf16[i * r.ld_bf16 + j] = to_bf16(result);
}

/// Whether a group has a number of products that one launch takes.
template <class Factors>
bool is_group(const ProductGroup<Factors>& group) {
  return group.count >= 0 && group.count <= kMostProducts;
}

/// Tiles of tile x tile of the largest product in each dimension, for every product.
template <class Factors>
Grid grid_of(const ProductGroup<Factors>& group, int64_t tile) {
  int64_t m = 0, n = 0;
  for (int32_t i = 0; i < group.count; ++i) {
    if (group.factors[i].m > m) m = group.factors[i].m;
    if (group.factors[i].n > n) n = group.factors[i].n;
  }
  return {blocks_for(m, tile), blocks_for(n, tile), static_cast<uint32_t>(group.count)};
}

}  // namespace maque::cuda
