// Functions of the vector wrapper and of kernels/math.h as arrays, in every instruction set, for the tests.
#pragma once
#include "core/types.h"
#include "kernels/flavours.h"

namespace maque::test {

enum class Function : int32_t { exp, log, sigmoid, tanh, gelu_erf, gelu_tanh };
constexpr Function kFunctions[] = {Function::exp,  Function::log,      Function::sigmoid,
                                   Function::tanh, Function::gelu_erf, Function::gelu_tanh};

/// Words that probe writes.
constexpr int64_t kProbeWords = 16 * 96;

/// y[i] = f(x[i]), n a multiple of 16.
using MapFunction = void(Function f, const float* x, int64_t n, float* y);
/// Every operation of the wrapper on 16 x 16 floats and 2 x 16 integers; r lanes of the partial loads and
/// stores.
using ProbeFunction = void(const float* floats, const int32_t* ints, int64_t r, int32_t* out);

/// `steps` rounds of fused multiply-adds on twelve independent vectors; the result only keeps them alive.
using FmaLoop = float(int64_t steps);
constexpr int64_t kFmaLoopFlops = 12 * 16 * 2;  // of one step

}  // namespace maque::test

#define MAQUE_DECLARE_LANES(isa)      \
  namespace maque::isa {              \
  ::maque::test::MapFunction map;     \
  ::maque::test::ProbeFunction probe; \
  ::maque::test::FmaLoop fma_loop;    \
  }
MAQUE_DECLARE_LANES(emu)
MAQUE_FLAVOURS(MAQUE_DECLARE_LANES)
#undef MAQUE_DECLARE_LANES
