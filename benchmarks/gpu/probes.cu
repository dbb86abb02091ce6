#include "kernels/cuda/elements.h"
#include "kernels/math.h"
#include "probes.h"

namespace maque::gpu {

using namespace maque::cuda;

namespace {

constexpr int32_t kThreads = static_cast<int32_t>(kProbeThreads),
                  kChains = static_cast<int32_t>(kProbeChains);

/// All factors are 0, so every sum stays what it was.
MAQUE_KERNEL(kThreads) multiply_matrices(int64_t rounds, float start, float* out) {
  FragmentC sums[kChains];
  MAQUE_UNROLL
  for (int32_t c = 0; c < kChains; ++c) sums[c] = {{start, start, start, start}};
  const FragmentA a = {{0, 0, 0, 0}};
  const FragmentB b = {{0, 0}};
  for (int64_t round = 0; round < rounds; ++round) {
    MAQUE_UNROLL
    for (int32_t c = 0; c < kChains; ++c) multiply_add(sums[c], a, b);
  }
  float sum = 0;
  MAQUE_UNROLL
  for (int32_t c = 0; c < kChains; ++c) sum += sums[c].c[0] + sums[c].c[1] + sums[c].c[2] + sums[c].c[3];
  if (sum != 4 * kChains * start) out[element_index()] = sum;
}

/// start is 0 and factor 0.5: no chain can be left out, since the compiler knows neither.
MAQUE_KERNEL(kThreads) multiply_numbers(int64_t rounds, float start, float factor, float* out) {
  float sums[kChains];
  MAQUE_UNROLL
  for (int32_t c = 0; c < kChains; ++c) sums[c] = start;
  for (int64_t round = 0; round < rounds; ++round) {
    MAQUE_UNROLL
    for (int32_t c = 0; c < kChains; ++c) sums[c] = math::fma(sums[c], factor, start);
  }
  float sum = 0;
  MAQUE_UNROLL
  for (int32_t c = 0; c < kChains; ++c) sum += sums[c];
  if (sum != start) out[element_index()] = sum;
}

/// Sums of what is read, which is 0.
MAQUE_KERNEL(kThreads) read_floats(const float* x, int64_t fours, float* out) {
  const Float4* from = reinterpret_cast<const Float4*>(x);
  const int64_t stride = static_cast<int64_t>(blocks_x()) * threads_x();
  float sum = 0;
  for (int64_t i = element_index(); i < fours; i += stride) {
    const Float4 four = from[i];
    sum += (four.x + four.y) + (four.z + four.w);
  }
  if (sum != 0) out[element_index()] = sum;
}

Launch shape(const char* name, int64_t blocks, Stream stream) {
  return {name, {static_cast<uint32_t>(blocks), 1, 1}, kThreads, 0, stream};
}

Code tensor(Stream stream, int64_t blocks, int64_t rounds, float* out) {
  if (compute_capability() < 80) return kInvalidDeviceFunction;
  return launch(shape("multiply_matrices", blocks, stream), multiply_matrices, rounds, 1.0f, out);
}

Code multiply_add_numbers(Stream stream, int64_t blocks, int64_t rounds, float* out) {
  return launch(shape("multiply_numbers", blocks, stream), multiply_numbers, rounds, 0.0f, 0.5f, out);
}

Code read(Stream stream, int64_t blocks, const float* x, int64_t n, float* out) {
  return launch(shape("read_floats", blocks, stream), read_floats, x, n / 4, out);
}

const Probes probes = {tensor, multiply_add_numbers, read};

}  // namespace
}  // namespace maque::gpu

extern "C" __attribute__((visibility("default"))) const maque::gpu::Probes* maque_gpu_probes() {
  return &maque::gpu::probes;
}
