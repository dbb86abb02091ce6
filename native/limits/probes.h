// Loops that do nothing but keep one part of a core busy: what an ideal kernel could reach there. One object
// for each instruction set; a caller asks the processor before it calls into one.
#ifndef MAQUE_LIMITS_PROBES_H_
#define MAQUE_LIMITS_PROBES_H_
#include <stdint.h>

namespace maque {
namespace limits {

/// Independent accumulators of a loop: enough to hide the latency of any core's multiply-add.
constexpr int64_t kChains = 12;

/// A loop of `steps` rounds of kChains instructions (for int8 without VNNI: triples of instructions).
using Loop = void (*)(int64_t steps);
/// Reads `bytes` (a multiple of 1,024) from a 64-byte boundary; the result depends on every byte.
using Reader = uint64_t (*)(const char* from, int64_t bytes);

/// What one instruction set has; null for what it has not.
struct Probes {
  int64_t lanes;  ///< floats in a register
  Loop fma;       ///< fp32: 2 * lanes operations an instruction
  Loop bf16;      ///< vdpbf16ps: 4 * lanes
  Loop vnni;      ///< vpdpbusd: 8 * lanes
  Loop maddubs;   ///< vpmaddubsw, vpmaddwd, vpaddd: 8 * lanes a triple
  Reader read;
};

extern const Probes avx2_probes;
extern const Probes avx512_probes;

}  // namespace limits
}  // namespace maque
#endif
