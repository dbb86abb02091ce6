// Makes a library believe that it runs on a processor with AVX2 and FMA, but without AVX-512, AVX-VNNI and
// AMX, where the library has no switch of its own. Its `cpuid` instructions must have been replaced by `ud2`,
// of the same length (benchmarks/cap.sh does that to a copy); each then raises SIGILL, and the handler here
// answers it as the processor would, with those features missing. Any other SIGILL goes to the handler that
// was installed before.
//   LD_PRELOAD           this library; before it libjsig.so, where a JVM installs handlers of its own
//   MAQUE_CPUID_LIBRARY  the copy's file name, without folder
//   MAQUE_CPUID_SITES    a file with the addresses in it that were replaced: hexadecimal, one a line
//   MAQUE_CPUID_REPORT   a file to which each process adds, when it ends, how many questions were answered
#ifndef __x86_64__
#  error "only x86 has CPUID"
#endif
#include <cpuid.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

namespace {

constexpr int kMostSites = 1024;
constexpr int kLength = 2;  // bytes of cpuid, and of ud2

const char* library = nullptr;
unsigned long sites[kMostSites];
int site_count = 0;
long answers = 0;
struct sigaction before;

/// Leaf 7, subleaf 0: AVX-512's parts, AMX.
constexpr unsigned kLeaf7Ebx =
    1u << 16 | 1u << 17 | 1u << 21 | 1u << 26 | 1u << 27 | 1u << 28 | 1u << 30 | 1u << 31;
constexpr unsigned kLeaf7Ecx = 1u << 1 | 1u << 6 | 1u << 11 | 1u << 12 | 1u << 14;
constexpr unsigned kLeaf7Edx = 1u << 2 | 1u << 3 | 1u << 8 | 1u << 22 | 1u << 23 | 1u << 24 | 1u << 25;
/// Leaf 7, subleaf 1: AVX-VNNI, AVX512-BF16, AMX-FP16, AVX-IFMA; AVX-VNNI-INT8, AVX-NE-CONVERT, AMX-COMPLEX,
/// AVX-VNNI-INT16, AVX10.
constexpr unsigned kLeaf71Eax = 1u << 4 | 1u << 5 | 1u << 21 | 1u << 23;
constexpr unsigned kLeaf71Edx = 1u << 4 | 1u << 5 | 1u << 8 | 1u << 10 | 1u << 19;

bool is_site(unsigned long pc) {
  Dl_info info;
  if (library == nullptr || dladdr(reinterpret_cast<void*>(pc), &info) == 0) return false;
  const char* slash = strrchr(info.dli_fname, '/');
  if (strcmp(slash == nullptr ? info.dli_fname : slash + 1, library) != 0) return false;
  const unsigned long offset = pc - reinterpret_cast<unsigned long>(info.dli_fbase);
  for (int i = 0; i < site_count; ++i) {
    if (sites[i] == offset) return true;
  }
  return false;
}

void answer(greg_t* registers) {
  const unsigned leaf = static_cast<unsigned>(registers[REG_RAX]);
  const unsigned subleaf = static_cast<unsigned>(registers[REG_RCX]);
  unsigned a, b, c, d;
  __cpuid_count(leaf, subleaf, a, b, c, d);
  if (leaf == 7 && subleaf == 0) b &= ~kLeaf7Ebx, c &= ~kLeaf7Ecx, d &= ~kLeaf7Edx;
  if (leaf == 7 && subleaf == 1) a &= ~kLeaf71Eax, d &= ~kLeaf71Edx;
  registers[REG_RAX] = a, registers[REG_RBX] = b, registers[REG_RCX] = c, registers[REG_RDX] = d;
  registers[REG_RIP] += kLength;
  ++answers;
}

void on_illegal(int signal, siginfo_t* info, void* context) {
  greg_t* registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  if (is_site(static_cast<unsigned long>(registers[REG_RIP]))) {
    answer(registers);
  } else if ((before.sa_flags & SA_SIGINFO) != 0) {
    before.sa_sigaction(signal, info, context);
  } else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
    before.sa_handler(signal);
  } else {
    sigaction(SIGILL, &before, nullptr);  // the instruction runs again and ends the process
  }
}

__attribute__((constructor)) void begin() {
  const char* path = getenv("MAQUE_CPUID_SITES");
  library = getenv("MAQUE_CPUID_LIBRARY");
  FILE* file = path == nullptr ? nullptr : fopen(path, "r");
  if (file == nullptr) return;
  while (site_count < kMostSites && fscanf(file, "%lx", &sites[site_count]) == 1) ++site_count;
  fclose(file);
  struct sigaction action = {};
  action.sa_sigaction = on_illegal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigaction(SIGILL, &action, &before);
}

__attribute__((destructor)) void end() {
  const char* path = getenv("MAQUE_CPUID_REPORT");
  FILE* file = path == nullptr || answers == 0 ? nullptr : fopen(path, "a");
  if (file == nullptr) return;
  fprintf(file, "%ld\n", answers);
  fclose(file);
}

}  // namespace
