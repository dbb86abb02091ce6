// What a library that benchmarks/cap.sh changed sees of the processor, with cpuid_cap preloaded.
//   cpuid_cap_test LIBRARY            questions are answered, without AVX-512 and all else as it is
//   cpuid_cap_test LIBRARY --illegal  any other illegal instruction ends the process
#include <cpuid.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

namespace {

using Asks = void(unsigned leaf, unsigned subleaf, unsigned out[4]);
constexpr unsigned kAvx2 = 1u << 5, kAvx512f = 1u << 16, kVnni = 1u << 11, kAvxVnni = 1u << 4;

int fail(const char* what) {
  fprintf(stderr, "%s\n", what);
  return 1;
}

int check(Asks* asks) {
  unsigned seen[4], real[4];
  asks(7, 0, seen);
  __cpuid_count(7, 0, real[0], real[1], real[2], real[3]);
  if (seen[0] != real[0]) return fail("the number of subleaves changed");
  if ((seen[1] & kAvx2) != (real[1] & kAvx2)) return fail("AVX2 is hidden");
  if ((seen[1] & kAvx512f) != 0 || (seen[2] & kVnni) != 0) return fail("AVX-512 is seen");
  if ((seen[1] & ~real[1]) != 0 || (seen[2] & ~real[2]) != 0) return fail("something was added");
  asks(7, 1, seen);
  if ((seen[0] & kAvxVnni) != 0) return fail("AVX-VNNI is seen");
  asks(0, 0, seen);
  __cpuid_count(0, 0, real[0], real[1], real[2], real[3]);
  return memcmp(seen, real, sizeof seen) == 0 ? 0 : fail("the vendor changed");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return fail("usage: cpuid_cap_test LIBRARY [--illegal]");
  void* library = dlopen(argv[1], RTLD_NOW);
  if (library == nullptr) return fail(dlerror());
  Asks* asks = reinterpret_cast<Asks*>(dlsym(library, "asks"));
  if (argc > 2) __builtin_trap();
  return asks == nullptr ? fail("no asks") : check(asks);
}
