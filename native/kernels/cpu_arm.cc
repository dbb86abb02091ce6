// Linux tells what an arm64 CPU has by two words of flags (the kernel's Documentation/arm64/elf_hwcaps.rst).
// The vector unit itself belongs to the architecture.
#if defined(__aarch64__)
#  include <sys/auxv.h>

#  include "kernels/cpu.h"

namespace maque::cpu {
namespace {

// Of asm/hwcap.h, whose older versions lack the newer ones.
constexpr unsigned long kAsimd = 1ul << 1, kAsimdDp = 1ul << 20;  // of AT_HWCAP
constexpr unsigned long kI8mm = 1ul << 13, kBf16 = 1ul << 14;     // of AT_HWCAP2

bool flag(unsigned long word, unsigned long mask) { return (getauxval(word) & mask) != 0; }

}  // namespace

bool has_neon() { return flag(AT_HWCAP, kAsimd); }
bool has_neon_dotprod() { return has_neon() && flag(AT_HWCAP, kAsimdDp); }
bool has_neon_bf16() { return has_neon() && flag(AT_HWCAP2, kBf16); }

void list_features(Feature (&features)[kFeatures]) {
  const Feature all[kFeatures] = {{has_neon(), "asimd"},
                                  {flag(AT_HWCAP, kAsimdDp), "asimddp"},
                                  {flag(AT_HWCAP2, kI8mm), "i8mm"},
                                  {flag(AT_HWCAP2, kBf16), "bf16"}};
  for (int i = 0; i < kFeatures; ++i) features[i] = all[i];
}

}  // namespace maque::cpu
#endif
