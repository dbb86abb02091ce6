// What one core can do at most, as JSON: multiply-adds a second in fp32, bf16 and int8 of the instruction set
// that Maque would use (MAQUE_MAX_ISA caps it), and bytes a second read from each level of the caches and
// from memory. Best of many short rounds.
//   taskset -c 0 maque_limits          one core
//   maque_limits --pair 0 1            fp32 of two CPUs at once by one alone: near 2 for two cores, near 1
//   for two threads of one
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "limits/probes.h"

namespace maque {
namespace limits {
namespace {

double seconds(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

/// Least time of one run of `work` among those that fit into `budget` seconds, 5 at least.
template <class Work>
double least_seconds(double budget, const Work& work) {
  const double start = seconds(CLOCK_MONOTONIC);
  double least = 1e9;
  for (int round = 0; round < 5 || seconds(CLOCK_MONOTONIC) - start < budget; ++round) {
    const double before = seconds(CLOCK_MONOTONIC);
    work();
    const double time = seconds(CLOCK_MONOTONIC) - before;
    if (time < least) least = time;
  }
  return least;
}

/// 10^9 operations a second; 0 where the instruction set has no such loop.
double peak(Loop loop, int64_t operations_per_instruction) {
  if (loop == nullptr) return 0;
  constexpr int64_t kSteps = 200000;
  const double time = least_seconds(0.4, [&] { loop(kSteps); });
  return static_cast<double>(kSteps * kChains * operations_per_instruction) / time / 1e9;
}

/// 10^9 bytes a second, from a buffer that is read again and again.
double bandwidth(Reader read, const char* buffer, int64_t bytes) {
  constexpr int64_t kAtLeast = 1 << 28;  // a millisecond or more: far above the clock's own step
  const int64_t repeats = bytes < kAtLeast ? kAtLeast / bytes : 1;
  uint64_t sink = 0;
  const double time = least_seconds(0.4, [&] {
    for (int64_t i = 0; i < repeats; ++i) sink |= read(buffer, bytes);
  });
  if (sink == 0) fprintf(stderr, "the buffer holds ones\n");
  return static_cast<double>(repeats * bytes) / time / 1e9;
}

struct Choice {
  const char* isa;
  Probes probes;  // without what this processor has not
};

/// As Maque's own choice: capped by MAQUE_MAX_ISA.
bool choose(Choice* choice) {
  const char* cap = getenv("MAQUE_MAX_ISA");
  const bool below_avx512 = cap != nullptr && (strcmp(cap, "avx2") == 0 || strcmp(cap, "ref") == 0);
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (!avx2) return false;
  if (!avx512 || below_avx512) {
    *choice = {"avx2", avx2_probes};
    return true;
  }
  *choice = {"avx512", avx512_probes};
  if (!__builtin_cpu_supports("avx512bf16")) choice->probes.bf16 = nullptr;
  if (!__builtin_cpu_supports("avx512vnni")) choice->probes.vnni = nullptr;
  return true;
}

/// First line of one of the system's files about a cache of CPU 0; empty where there is none.
void describe(int index, const char* field, char* line, int capacity) {
  char path[96];
  snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/%s", index, field);
  line[0] = 0;
  FILE* file = fopen(path, "r");
  if (file == nullptr) return;
  if (fgets(line, capacity, file) == nullptr) line[0] = 0;
  fclose(file);
}

/// Bytes of the data cache of this level, or `otherwise` where the system does not say. (CPUID's own figures
/// are those of the host where this is a virtual machine, so sysconf's are too.)
int64_t cache_bytes(int level, int64_t otherwise) {
  for (int index = 0; index < 8; ++index) {
    char line[32];
    describe(index, "level", line, sizeof line);
    if (atoi(line) != level) continue;
    describe(index, "type", line, sizeof line);
    if (strncmp(line, "Instruction", 11) == 0) continue;
    describe(index, "size", line, sizeof line);
    const int64_t size = atoi(line);
    if (size > 0) return size * (strchr(line, 'M') != nullptr ? 1 << 20 : 1 << 10);
  }
  return otherwise;
}

int64_t whole_kilobytes(int64_t bytes) { return bytes / 1024 * 1024; }

int print_core() {
  Choice choice;
  if (!choose(&choice)) {
    fprintf(stderr, "this processor has no AVX2\n");
    return 1;
  }
  const Probes& p = choice.probes;
  const int64_t l1 = cache_bytes(1, 32 << 10), l2 = cache_bytes(2, 256 << 10), l3 = cache_bytes(3, 8 << 20);
  const int64_t memory = l3 * 4 > (256 << 20) ? l3 * 4 : 256 << 20;
  void* mapped =
      mmap(nullptr, static_cast<size_t>(memory), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) {
    perror("memory");
    return 1;
  }
  madvise(mapped, static_cast<size_t>(memory), MADV_HUGEPAGE);
  char* buffer = static_cast<char*>(mapped);
  memset(buffer, 1, static_cast<size_t>(memory));

  const int64_t lanes = p.lanes;
  const double vnni = peak(p.vnni, 8 * lanes), maddubs = peak(p.maddubs, 8 * lanes);
  printf("{\"isa\": \"%s\", \"fp32_gflops\": %.2f, \"bf16_gflops\": %.2f,\n", choice.isa,
         peak(p.fma, 2 * lanes), peak(p.bf16, 4 * lanes));
  printf(" \"int8_gops\": %.2f, \"int8_instruction\": \"%s\", \"maddubs_gops\": %.2f,\n",
         vnni > 0 ? vnni : maddubs, vnni > 0 ? "vpdpbusd" : "vpmaddubsw", maddubs);
  printf(" \"read_gb\": {\"l1\": %.2f, \"l2\": %.2f, ", bandwidth(p.read, buffer, whole_kilobytes(l1 / 2)),
         bandwidth(p.read, buffer, whole_kilobytes(l2 / 2)));
  printf("\"l3\": %.2f, \"memory\": %.2f},\n",
         bandwidth(p.read, buffer, whole_kilobytes(l3 / 4 > 2 * l2 ? l3 / 4 : 2 * l2)),
         bandwidth(p.read, buffer, whole_kilobytes(memory)));
  printf(" \"cache_bytes\": {\"l1\": %lld, \"l2\": %lld, \"l3\": %lld}}\n", static_cast<long long>(l1),
         static_cast<long long>(l2), static_cast<long long>(l3));
  return 0;
}

bool pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(cpu), &set);
  return sched_setaffinity(0, sizeof set, &set) == 0;
}

/// Runs of the loop a second of this thread's processor time, for half a second.
double rate(Loop loop) {
  constexpr int64_t kSteps = 200000;
  const double end = seconds(CLOCK_MONOTONIC) + 0.5, before = seconds(CLOCK_THREAD_CPUTIME_ID);
  int64_t runs = 0;
  for (; seconds(CLOCK_MONOTONIC) < end; ++runs) loop(kSteps);
  return static_cast<double>(runs) / (seconds(CLOCK_THREAD_CPUTIME_ID) - before);
}

int print_pair(int first, int second) {
  Choice choice;
  if (!choose(&choice) || !pin(first)) {
    fprintf(stderr, "cannot run on CPU %d\n", first);
    return 1;
  }
  const double alone = rate(choice.probes.fma);
  int ends[2];
  if (pipe(ends) != 0) return 1;
  const pid_t child = fork();
  if (child < 0) return 1;
  if (child == 0) {
    const double other = pin(second) ? rate(choice.probes.fma) : 0;
    _exit(write(ends[1], &other, sizeof other) == sizeof other ? 0 : 1);
  }
  const double mine = rate(choice.probes.fma);
  double other = 0;
  const bool got = read(ends[0], &other, sizeof other) == sizeof other;
  waitpid(child, nullptr, 0);
  if (!got || other == 0) {
    fprintf(stderr, "cannot run on CPU %d\n", second);
    return 1;
  }
  printf("{\"cpus\": [%d, %d], \"fp32_scaling\": %.3f}\n", first, second, (mine + other) / alone);
  return 0;
}

}  // namespace
}  // namespace limits
}  // namespace maque

int main(int argc, char** argv) {
  if (argc == 4 && strcmp(argv[1], "--pair") == 0) {
    return maque::limits::print_pair(atoi(argv[2]), atoi(argv[3]));
  }
  if (argc == 1) return maque::limits::print_core();
  fprintf(stderr, "usage: maque_limits [--pair CPU CPU]\n");
  return 2;
}
