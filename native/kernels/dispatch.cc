#include "kernels/dispatch.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/cpu.h"
#include "kernels/tables.h"

namespace maque {
namespace {

/// An instruction set beyond the reference's.
struct Level {
  const char* isa;
  bool (*present)();
};
#define MAQUE_LEVEL(isa) {#isa, cpu::has_##isa},
constexpr Level kLevels[] = {MAQUE_INSTRUCTION_SETS(MAQUE_LEVEL)};
#undef MAQUE_LEVEL
constexpr int kLevelCount = sizeof kLevels / sizeof kLevels[0];

/// Its place in the list, or -1: what has no place (ref, and the tests' emulation) runs anywhere.
int level_of(const char* isa) {
  for (int i = 0; i < kLevelCount; ++i) {
    if (strcmp(kLevels[i].isa, isa) == 0) return i;
  }
  return -1;
}

bool present(const char* isa) {
  const int level = level_of(isa);
  return level < 0 || kLevels[level].present();
}

/// The highest place that MAQUE_MAX_ISA allows; a name that is none allows all.
int highest_allowed() {
  const char* cap = getenv("MAQUE_MAX_ISA");
  if (cap == nullptr) return kLevelCount - 1;
  const int level = level_of(cap);
  return level >= 0 || strcmp(cap, "ref") == 0 ? level : kLevelCount - 1;
}

#define MAQUE_TABLE(isa) &kernels_##isa,
constexpr const Kernels<float>* kTables[] = {&kernels_ref, MAQUE_FLAVOURS(MAQUE_TABLE)};
#undef MAQUE_TABLE
#define MAQUE_TABLE(isa) &int8_kernels_##isa,
constexpr const Int8Kernels* kInt8Tables[] = {&int8_kernels_ref, MAQUE_INT8_FLAVOURS(MAQUE_TABLE)};
#undef MAQUE_TABLE
#define MAQUE_TABLE(isa) &bf16_kernels_##isa,
constexpr const Bf16Kernels* kBf16Tables[] = {&bf16_kernels_ref, MAQUE_BF16_FLAVOURS(MAQUE_TABLE)};
#undef MAQUE_TABLE

/// The last of the tables that this CPU has and the cap allows.
template <class Table, size_t N>
const Table* best(const Table* const (&tables)[N]) {
  const int most = highest_allowed();
  size_t i = N - 1;
  while (i > 0 && (level_of(tables[i]->isa) > most || !present(tables[i]->isa))) --i;
  return tables[i];
}

/// The one of that name, `emulation` (null where it is not linked) being another; null where this CPU lacks
/// it.
template <class Table, size_t N>
const Table* named(const Table* const (&tables)[N], const Table* emulation, const char* isa) {
  for (const Table* table : tables) {
    if (strcmp(table->isa, isa) == 0) return present(isa) ? table : nullptr;
  }
  return strcmp(isa, "emu") == 0 ? emulation : nullptr;
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
  return chosen_once(
      &chosen, +[] { return best(kTables); });
}

const Int8Kernels& int8_kernels() {
  static const Int8Kernels* chosen = nullptr;
  return chosen_once(
      &chosen, +[] { return best(kInt8Tables); });
}

const Bf16Kernels* bf16_kernels() {
  static const Bf16Kernels* chosen = nullptr;
  const Bf16Kernels& found = chosen_once(
      &chosen, +[] { return best(kBf16Tables); });
  return &found == &bf16_kernels_ref ? nullptr : &found;
}

const Kernels<float>* kernels_for(const char* isa) { return named(kTables, &kernels_emu, isa); }

const Int8Kernels* int8_kernels_for(const char* isa) { return named(kInt8Tables, &int8_kernels_emu, isa); }

const Bf16Kernels* bf16_kernels_for(const char* isa) { return named(kBf16Tables, &bf16_kernels_emu, isa); }

const char* cpu_features() {
  // Written byte by byte with the same bytes by every caller, and whole before `ready` is seen.
  static char text[128];
  static int ready = 0;
  if (__atomic_load_n(&ready, __ATOMIC_ACQUIRE) != 0) return text;
  cpu::Feature features[cpu::kFeatures];
  cpu::list_features(features);
  size_t length = 0;
  for (const cpu::Feature& feature : features) {
    if (!feature.present) continue;
    if (length > 0) __atomic_store_n(&text[length++], ',', __ATOMIC_RELAXED);
    for (const char* s = feature.name; *s != 0; ++s) __atomic_store_n(&text[length++], *s, __ATOMIC_RELAXED);
  }
  __atomic_store_n(&ready, 1, __ATOMIC_RELEASE);
  return text;
}

}  // namespace maque
