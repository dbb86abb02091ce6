// Arrays of bf16 numbers as tensor cores take them.
#pragma once
#include <cstdint>
#include <vector>

namespace maque::test {

/// An array whose first element lies at a multiple of 16 bytes.
class AlignedHalves {
 public:
  AlignedHalves(int64_t n, uint16_t fill) : all_(static_cast<size_t>(n) + 16, fill) {}
  uint16_t* data() {
    const auto address = reinterpret_cast<uintptr_t>(all_.data());
    return all_.data() + (16 - address % 16) % 16 / 2;
  }

 private:
  std::vector<uint16_t> all_;
};

}  // namespace maque::test
