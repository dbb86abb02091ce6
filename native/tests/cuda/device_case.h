// What tests of the model's code for GPUs share: memory that stands for the device's, and comparisons.
#pragma once
#include <algorithm>

#include "core/memory.h"
#include "kernels/bf16_list.h"
#include "model/cuda/compute.h"
#include "tests/cuda_emulation/emulator.h"
#include "tests/model_fixture.h"

namespace maque::test {

/// Memory that stands for the device's: every byte 0xFF (NaN for floats) until something is written.
class DeviceBlock {
 public:
  explicit DeviceBlock(int64_t bytes) : memory_() {
    CHECK(memory_.allocate(bytes + 64));
    memset(memory_.data(), 0xFF, static_cast<size_t>(memory_.size()));
  }
  char* data() { return memory_.data(); }

 private:
  Buffer<char> memory_;
};

/// Runs plan(carver) twice: to measure, then to cut a block of that size.
template <class F>
DeviceBlock plan_on_device(const F& plan) {
  Carver measure(nullptr);
  plan(&measure);
  DeviceBlock block(measure.used());
  Carver carver(block.data());
  plan(&carver);
  CHECK_EQ(carver.used(), measure.used());
  return block;
}

/// A copy on the device.
inline float* on_device(std::vector<DeviceBlock>* blocks, const std::vector<float>& values) {
  blocks->emplace_back(static_cast<int64_t>(values.size() * sizeof(float)));
  float* x = reinterpret_cast<float*>(blocks->back().data());
  std::copy(values.begin(), values.end(), x);
  return x;
}

inline cuda::DeviceCompute device_compute(Precision precision) {
  static uint64_t seed = 0;
  emulation::set_seed(++seed);
  return {cuda::kCudaKernels, nullptr, precision, cuda::kSuccess};
}

/// Fails a check and says why if a call of the pass failed.
inline void check_pass(const cuda::DeviceCompute& compute) {
  if (compute.code != cuda::kSuccess)
    std::printf("code %d: %s\n", compute.code, emulation::mistake().c_str());
  CHECK_EQ(compute.code, cuda::kSuccess);
}

/// |a - b| / |b| in the norm of the whole array; NaN anywhere gives NaN.
inline double relative_error(const float* a, const float* b, int64_t n) {
  double difference = 0, whole = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double d = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    difference += d * d;
    whole += static_cast<double>(b[i]) * static_cast<double>(b[i]);
  }
  return std::sqrt(difference) / (std::sqrt(whole) + 1e-30);
}

}  // namespace maque::test
