#include "kernels/dispatch.h"

#include <cpuid.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/tables.h"

namespace maque {
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

bool has_avx2(const Cpu& cpu) { return cpu.avx2 && cpu.fma && cpu.f16c; }

bool has_avx512(const Cpu& cpu) {
  return has_avx2(cpu) && cpu.avx512f && cpu.avx512bw && cpu.avx512dq && cpu.avx512vl;
}

bool has_avx512vnni(const Cpu& cpu) { return has_avx512(cpu) && cpu.avx512_vnni; }

bool has_avx512_bf16(const Cpu& cpu) { return has_avx512(cpu) && cpu.avx512_bf16; }

bool capped_to(const char* isa) {
  const char* cap = getenv("MAQUE_MAX_ISA");
  return cap != nullptr && strcmp(cap, isa) == 0;
}

const Kernels<float>* choose() {
  const Cpu cpu = detect();
  if (capped_to("ref")) return &kernels_ref;
  if (has_avx512(cpu) && !capped_to("avx2")) return &kernels_avx512;
  return has_avx2(cpu) ? &kernels_avx2 : &kernels_ref;
}

const Int8Kernels* choose_int8() {
  const Cpu cpu = detect();
  if (capped_to("ref")) return &int8_kernels_ref;
  if (has_avx512(cpu) && !capped_to("avx2")) {
    return has_avx512vnni(cpu) && !capped_to("avx512") ? &int8_kernels_avx512vnni : &int8_kernels_avx512;
  }
  return has_avx2(cpu) ? &int8_kernels_avx2 : &int8_kernels_ref;
}

/// *chosen, or what `choose` gives, kept there. Two first callers may both choose; they choose the same.
template <class Table>
const Table& chosen_once(const Table** chosen, const Table* (*choose)()) {
  const Table* found = __atomic_load_n(chosen, __ATOMIC_ACQUIRE);
  if (found == nullptr) {
    found = choose();
    __atomic_store_n(chosen, found, __ATOMIC_RELEASE);
  }
  return *found;
}

}  // namespace

const Kernels<float>& kernels() {
  static const Kernels<float>* chosen = nullptr;
  return chosen_once(&chosen, choose);
}

const Int8Kernels& int8_kernels() {
  static const Int8Kernels* chosen = nullptr;
  return chosen_once(&chosen, choose_int8);
}

const Kernels<float>* kernels_for(const char* isa) {
  if (strcmp(isa, "ref") == 0) return &kernels_ref;
  if (strcmp(isa, "avx2") == 0) return has_avx2(detect()) ? &kernels_avx2 : nullptr;
  if (strcmp(isa, "avx512") == 0) return has_avx512(detect()) ? &kernels_avx512 : nullptr;
  if (strcmp(isa, "emu") == 0) return &kernels_emu;
  return nullptr;
}

const Int8Kernels* int8_kernels_for(const char* isa) {
  if (strcmp(isa, "ref") == 0) return &int8_kernels_ref;
  if (strcmp(isa, "avx2") == 0) return has_avx2(detect()) ? &int8_kernels_avx2 : nullptr;
  if (strcmp(isa, "avx512") == 0) return has_avx512(detect()) ? &int8_kernels_avx512 : nullptr;
  if (strcmp(isa, "avx512vnni") == 0) return has_avx512vnni(detect()) ? &int8_kernels_avx512vnni : nullptr;
  if (strcmp(isa, "emu") == 0) return &int8_kernels_emu;
  return nullptr;
}

const Bf16Kernels* bf16_kernels() {
  constexpr const char* kLower[] = {"ref", "avx2", "avx512", "avx512vnni"};
  for (const char* lower : kLower) {
    if (capped_to(lower)) return nullptr;
  }
  return bf16_kernels_for("avx512bf16");
}

const Bf16Kernels* bf16_kernels_for(const char* isa) {
  if (strcmp(isa, "ref") == 0) return &bf16_kernels_ref;
  if (strcmp(isa, "avx512bf16") == 0) return has_avx512_bf16(detect()) ? &bf16_kernels_avx512bf16 : nullptr;
  if (strcmp(isa, "emu") == 0) return &bf16_kernels_emu;
  return nullptr;
}

const char* cpu_features() {
  // Written byte by byte with the same bytes by every caller, and whole before `ready` is seen.
  static char text[128];
  static int ready = 0;
  if (__atomic_load_n(&ready, __ATOMIC_ACQUIRE) != 0) return text;
  const Cpu cpu = detect();
  const struct {
    bool present;
    const char* name;
  } features[] = {{cpu.avx2, "avx2"},
                  {cpu.fma, "fma"},
                  {cpu.f16c, "f16c"},
                  {cpu.avx512f, "avx512f"},
                  {cpu.avx512bw, "avx512bw"},
                  {cpu.avx512dq, "avx512dq"},
                  {cpu.avx512vl, "avx512vl"},
                  {cpu.avx512_vnni, "avx512_vnni"},
                  {cpu.avx512_bf16, "avx512_bf16"},
                  {cpu.avx_vnni, "avx_vnni"}};
  size_t length = 0;
  for (const auto& feature : features) {
    if (!feature.present) continue;
    if (length > 0) __atomic_store_n(&text[length++], ',', __ATOMIC_RELAXED);
    for (const char* s = feature.name; *s != 0; ++s) __atomic_store_n(&text[length++], *s, __ATOMIC_RELAXED);
  }
  __atomic_store_n(&ready, 1, __ATOMIC_RELEASE);
  return text;
}

}  // namespace maque
