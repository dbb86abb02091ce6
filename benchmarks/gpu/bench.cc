// Answers on standard output what is asked on standard input, a line for a line, so that a script can take
// turns with other programs that do the same work:
//   device                     device<TAB>NAME<TAB>CAPABILITY<TAB>MULTIPROCESSORS<TAB>BYTES<TAB>LIBRARY OF
//   PRODUCTS tasks                      tasks<TAB>NAME CONTENDER<TAB>NAME CONTENDER... lengths TEXTS LONGEST
//   lengths<TAB>those of the first texts of a ragged batch NAME CONTENDER ok<TAB>SECONDS<TAB>WORK, of one
//   round; or failed<TAB>why
#include <stdio.h>
#include <string.h>

#include <iostream>
#include <sstream>

#include "session.h"

namespace maque::gpu {
namespace {

std::string one_line(std::string text) {
  for (char& c : text) {
    if (c == '\n' || c == '\t') c = ' ';
  }
  return text;
}

void print_device(Session& session) {
  const cuda::DeviceInfo& info = session.info();
  std::string products = "own kernels";
  try {
    products = session.products(cuda::ProductLibrary::cublaslt).reason();
  } catch (const Failed& failed) {
    products += std::string(": ") + failed.what();
  }
  printf("device\t%s\t%d\t%d\t%lld\t%s\n", one_line(info.name).c_str(), info.capability, info.multiprocessors,
         static_cast<long long>(info.memory), one_line(products).c_str());
}

void print_lengths(const std::string& line) {
  int64_t texts = 0, longest = 0;
  std::istringstream(line.substr(7)) >> texts >> longest;
  printf("lengths\t");
  if (texts < 1 || longest < 2) texts = 0, longest = 2;
  for (int32_t length : lengths(texts, longest)) printf("%d ", length);
  printf("\n");
}

void answer(const std::map<std::string, Task>& tasks, Session& session, const std::string& line) {
  if (line == "device") return print_device(session);
  if (line.rfind("lengths", 0) == 0) return print_lengths(line);
  if (line == "tasks") {
    printf("tasks");
    for (const auto& task : tasks) printf("\t%s", task.first.c_str());
    printf("\n");
    return;
  }
  const auto task = tasks.find(line);
  if (task == tasks.end()) {
    printf("failed\tno such task: %s\n", line.c_str());
    return;
  }
  try {
    const Round round = task->second(session);
    printf("ok\t%.9g\t%.9g\n", round.seconds, round.work);
  } catch (const std::exception& failed) {
    printf("failed\t%s\n", one_line(failed.what()).c_str());
  }
}

int run(int argc, char** argv) {
  std::string cublaslt;
  bool dry = false;
  for (int i = 3; i < argc; ++i) {
    if (strcmp(argv[i], "--dry") == 0) {
      dry = true;
    } else if (strcmp(argv[i], "--cublaslt") == 0 && i + 1 < argc) {
      cublaslt = argv[++i];
    } else {
      argc = 0;
    }
  }
  if (argc < 3) {
    fprintf(stderr, "usage: maque_gpu_bench LIBMAQUE_CUDA LIBMAQUE_GPU_PROBES [--cublaslt PATH] [--dry]\n");
    return 2;
  }
  try {
    Session session(argv[1], argv[2], cublaslt, dry);
    std::map<std::string, Task> tasks;
    add_kernel_tasks(&tasks, dry);
    add_model_tasks(&tasks, dry);
    for (std::string line; std::getline(std::cin, line);) {
      answer(tasks, session, line);
      fflush(stdout);
    }
    return 0;
  } catch (const std::exception& failed) {
    fprintf(stderr, "%s\n", failed.what());
    return 3;
  }
}

}  // namespace
}  // namespace maque::gpu

int main(int argc, char** argv) { return maque::gpu::run(argc, argv); }
