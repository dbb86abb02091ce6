// The flavours of the operations on 8-bit integers, for tests.
#pragma once
#include <vector>

#include "tests/kernel_test.h"

namespace maque::test {

/// The flavours beside ref.
inline std::vector<const Int8Kernels*> int8_flavours() {
  static bool counted = false;
  return present_flavours(kInt8Flavours, int8_kernels_for, &counted);
}

}  // namespace maque::test
