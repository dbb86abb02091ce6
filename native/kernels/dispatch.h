// Choice of the instruction set, once per process.
#pragma once
#include "kernels/bf16_list.h"
#include "kernels/flavours.h"
#include "kernels/int8_list.h"
#include "kernels/kernel_list.h"

namespace maque {

/// The best flavour that this CPU and operating system have, capped by MAQUE_MAX_ISA (ref, or one of
/// MAQUE_INSTRUCTION_SETS in flavours.h): chosen at the first call.
const Kernels<float>& kernels();
const Int8Kernels& int8_kernels();

/// A flavour by name, or null where it is unknown or this CPU lacks it ("emu": the vector sources on plain
/// C++ lanes, in tests only).
const Kernels<float>* kernels_for(const char* isa);
const Int8Kernels* int8_kernels_for(const char* isa);

/// Products in bf16, or null where this CPU lacks them (kBf16Feature) or MAQUE_MAX_ISA caps them away.
const Bf16Kernels* bf16_kernels();

/// The same by name (one of kBf16Flavours, "ref" or "emu"), or null.
const Bf16Kernels* bf16_kernels_for(const char* isa);

/// Comma-separated instruction sets of this CPU that matter here ("avx2,fma,avx512f,avx512_bf16,...",
/// "asimd,asimddp,...").
const char* cpu_features();

}  // namespace maque
