// A library that asks the processor what it has, as those that benchmarks/cap.sh changes do.
#include <cpuid.h>

extern "C" {
__attribute__((visibility("default"))) void asks(unsigned leaf, unsigned subleaf, unsigned out[4]);

void asks(unsigned leaf, unsigned subleaf, unsigned out[4]) {
  __cpuid_count(leaf, subleaf, out[0], out[1], out[2], out[3]);
}
}
