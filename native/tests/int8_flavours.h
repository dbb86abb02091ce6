// The flavours of the operations on 8-bit integers, for tests.
#pragma once
#include <vector>

#include "tests/kernel_test.h"

namespace maque::test {

/// The flavours beside ref; the missing ones are counted as skipped, once a process.
inline std::vector<const Int8Kernels*> int8_flavours() {
  static bool counted = false;
  std::vector<const Int8Kernels*> flavours;
  for (const char* isa : {"emu", "avx2", "avx512", "avx512vnni"}) {
    if (const Int8Kernels* kernels = int8_kernels_for(isa)) {
      flavours.push_back(kernels);
    } else if (!counted) {
      std::printf("skipped: this CPU lacks %s (its source runs as emu)\n", isa);
      ++state().skipped;
    }
  }
  counted = true;
  return flavours;
}

}  // namespace maque::test
