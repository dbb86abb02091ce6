#if defined(__x86_64__)
#  include <cpuid.h>
#  include <stdint.h>

#  include "kernels/cpu.h"

namespace maque::cpu {
namespace {

struct Cpu {
  bool avx2, fma, f16c, avx512f, avx512bw, avx512dq, avx512vl, avx512_vnni, avx512_bf16, avx_vnni;
};

bool bit(uint32_t word, int index) { return (word >> index & 1) != 0; }

/// Which register states the operating system saves; the CPUID bits alone do not say.
uint32_t saved_states() {
  uint32_t eax, edx;
  __asm__ volatile("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
  return eax;
}

Cpu detect() {
  Cpu cpu = {};
  uint32_t a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !bit(c, 27)) return cpu;
  const uint32_t states = saved_states();
  const bool ymm = (states & 0x6) == 0x6, zmm = (states & 0xE6) == 0xE6;
  cpu.fma = ymm && bit(c, 12);
  cpu.f16c = ymm && bit(c, 29);
  const bool avx = ymm && bit(c, 28);
  if (!avx || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return cpu;
  const uint32_t subleaves = a;
  cpu.avx2 = bit(b, 5);
  cpu.avx512f = zmm && bit(b, 16);
  cpu.avx512dq = zmm && bit(b, 17);
  cpu.avx512bw = zmm && bit(b, 30);
  cpu.avx512vl = zmm && bit(b, 31);
  cpu.avx512_vnni = zmm && bit(c, 11);
  if (subleaves >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) {
    cpu.avx_vnni = bit(a, 4);
    cpu.avx512_bf16 = zmm && bit(a, 5);
  }
  return cpu;
}

bool avx2(const Cpu& cpu) { return cpu.avx2 && cpu.fma && cpu.f16c; }

bool avx512(const Cpu& cpu) {
  return avx2(cpu) && cpu.avx512f && cpu.avx512bw && cpu.avx512dq && cpu.avx512vl;
}

}  // namespace

bool has_avx2() { return avx2(detect()); }

bool has_avx512() { return avx512(detect()); }

bool has_avx512vnni() {
  const Cpu cpu = detect();
  return avx512(cpu) && cpu.avx512_vnni;
}

bool has_avx512bf16() {
  const Cpu cpu = detect();
  return avx512(cpu) && cpu.avx512_bf16;
}

void list_features(Feature (&features)[kFeatures]) {
  const Cpu cpu = detect();
  const Feature all[kFeatures] = {{cpu.avx2, "avx2"},
                                  {cpu.fma, "fma"},
                                  {cpu.f16c, "f16c"},
                                  {cpu.avx512f, "avx512f"},
                                  {cpu.avx512bw, "avx512bw"},
                                  {cpu.avx512dq, "avx512dq"},
                                  {cpu.avx512vl, "avx512vl"},
                                  {cpu.avx512_vnni, "avx512_vnni"},
                                  {cpu.avx512_bf16, "avx512_bf16"},
                                  {cpu.avx_vnni, "avx_vnni"}};
  for (int i = 0; i < kFeatures; ++i) features[i] = all[i];
}

}  // namespace maque::cpu
#endif
