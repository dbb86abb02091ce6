// What this CPU and its operating system have: cpu_x86.cc, cpu_arm.cc.
#pragma once
#include "kernels/flavours.h"

namespace maque::cpu {

/// has_avx2(), ...: can this instruction set's objects run here?
#define MAQUE_DECLARE(isa) bool has_##isa();
MAQUE_INSTRUCTION_SETS(MAQUE_DECLARE)
#undef MAQUE_DECLARE

/// One of the CPU's instruction sets that matter here, as its maker names it.
struct Feature {
  bool present;
  const char* name;
};
constexpr int kFeatures = 10;
/// All of them, absent ones too; what is left of the array has no name.
void list_features(Feature (&features)[kFeatures]);

}  // namespace maque::cpu
