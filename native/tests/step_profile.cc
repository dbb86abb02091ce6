// Where a training step of the sequence student (300/300, 64 titles) goes: the operations of a trainer's
// table are replaced by ones that keep the time, and products are told apart by their shape. One thread.
//
//   step_profile [isa] [bf16] [dropout P] [steps N]
//
// Prints for each phase the sum of its calls, of each the least time in all steps: milliseconds, the share of
// the sum, calls, and for products GFLOP/s and their share of the core's peak. "the rest" is what no
// operation covers: copies, layout, the trainer itself.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "kernels/dispatch.h"
#include "tests/bench_clock.h"
#include "tests/isa/lanes.h"
#include "tests/model_fixture.h"

namespace maque::test {
namespace {

/// The calls of one kind in a step, in order; the same in every step.
struct Phase {
  std::vector<double> seconds;  // the least of each
  double flop = 0;
  size_t next = 0;

  double sum() const { return std::accumulate(seconds.begin(), seconds.end(), 0.0); }
};
using Phases = std::map<std::string, Phase>;

constexpr int64_t kWidth = 300, kMiddle = 192, kClasses = 15, kTexts = 64;

Kernels<float> own;
Bf16Kernels own_bf16;
Phases phases;

double noted = 0;       // of this step, with the clock's own time
double clock_cost = 0;  // between two readings

void measure_clock() {
  clock_cost = 1e9;
  for (int i = 0; i < 1000; ++i) {
    const double start = now();
    clock_cost = std::min(clock_cost, now() - start);
  }
}

void note(const std::string& name, double start, double flop = 0) {
  const double seconds = now() - start - clock_cost;
  Phase& phase = phases[name];
  if (phase.next == phase.seconds.size()) {
    phase.seconds.push_back(seconds);
    phase.flop += flop;
  } else {
    phase.seconds[phase.next] = std::min(phase.seconds[phase.next], seconds);
  }
  ++phase.next;
  noted += seconds + 2 * clock_cost;
}

/// What a product of this step computes.
std::string product_name(const GemmArgs<float>& g) {
  if (g.a_k_stride != 1) {
    if (g.m != 4 * kWidth) return "product: gradient of the head's weights";
    return "product: gradient of input and recurrent weights";
  }
  if (g.k == kWidth && g.n == 4 * kWidth) return "product: recurrence forward";
  if (g.k == kWidth) return "product: input, both directions";
  if (g.k == 4 * kWidth)
    return g.m <= kTexts ? "product: recurrence backward" : "product: gradient of the input";
  return g.k == 2 * kWidth || g.n == kClasses ? "product: head forward" : "product: head backward";
}

double flop(const GemmArgs<float>& g) {
  return 2 * static_cast<double>(g.m) * static_cast<double>(g.n) * static_cast<double>(g.k);
}

void gemm(const GemmArgs<float>& g) {
  const double start = now();
  own.gemm(g);
  note(product_name(g), start, flop(g));
}

void gemm_bf16(const GemmArgs<float>& g, const uint16_t* b) {
  const double start = now();
  own_bf16.gemm_bf16(g, b);
  note(product_name(g), start, flop(g));
}

/// An operation that keeps the time under its own name.
#define MAQUE_KEEP_TIME(name, own)         \
  struct Timed_##name {                    \
    template <class R, class... A>         \
    static auto function(R (*)(A...)) {    \
      return +[](A... a) -> R {            \
        struct Guard {                     \
          double start = now();            \
          ~Guard() { note(#name, start); } \
        } guard;                           \
        return own.name(a...);             \
      };                                   \
    }                                      \
  };
#define MAQUE_KEEP_TIME_FP32(name) MAQUE_KEEP_TIME(name, own)
MAQUE_KERNELS(MAQUE_KEEP_TIME_FP32)
MAQUE_KEEP_TIME(gemm_bf16_pack, own_bf16)

Kernels<float> timed_kernels() {
  Kernels<float> timed = own;
#define MAQUE_REPLACE(name) timed.name = Timed_##name::function(own.name);
  MAQUE_KERNELS(MAQUE_REPLACE)
#undef MAQUE_REPLACE
  timed.gemm = gemm;
  return timed;
}

Bf16Kernels timed_bf16() {
  Bf16Kernels timed = own_bf16;
  timed.gemm_bf16 = gemm_bf16;
  timed.gemm_bf16_pack = Timed_gemm_bf16_pack::function(own_bf16.gemm_bf16_pack);
  return timed;
}

struct Arguments {
  const char* isa = nullptr;
  bool bf16 = false;
  double dropout = 0;
  int steps = 60;

  Arguments(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
      const std::string word = argv[i];
      if (word == "bf16") {
        bf16 = true;
      } else if (word == "dropout" && i + 1 < argc) {
        dropout = std::atof(argv[++i]);
      } else if (word == "steps" && i + 1 < argc) {
        steps = std::max(1, std::atoi(argv[++i]));
      } else {
        isa = argv[i];
      }
    }
  }
};

Geometry sequence_student() {
  Geometry g = student_geometry(Kind::sequence, Pooling::max_logits, {kMiddle});
  g.num_labels = kClasses;
  g.vocab = 21128;
  g.embedding = g.hidden = kWidth;
  return g;
}

/// Titles of neighbouring lengths, as a batch of sorted ones has them; ids repeat as often as characters do.
OwnedBatch<float> titles(const Geometry& g) {
  Random random(17);
  std::vector<int32_t> lengths;
  for (int64_t i = 0; i < kTexts; ++i) lengths.push_back(static_cast<int32_t>(17 + random.below(4)));
  std::sort(lengths.begin(), lengths.end(), std::greater<int32_t>());
  OwnedBatch<float> batch(g, lengths, 3);
  for (int32_t& id : batch.ids) {
    const double u = random.uniform(0, 1);
    id = static_cast<int32_t>(3000 * u * u * u);
  }
  return batch;
}

/// GFLOP/s of multiply-adds in fp32 in a row, at best.
double peak_gflops() {
  constexpr int64_t kSteps = 20000;
  FmaLoop* const loop = std::strcmp(own.isa, "avx512") == 0 ? avx512::fma_loop : avx2::fma_loop;
  double best = 1e9;
  for (int i = 0; i < 5; ++i) {
    const double start = now();
    volatile float sink = loop(kSteps);
    static_cast<void>(sink);
    best = std::min(best, now() - start);
  }
  return static_cast<double>(kFmaLoopFlops * kSteps) / best * 1e-9;
}

void print(double peak) {
  double sum = 0, work = 0;
  std::vector<std::pair<std::string, Phase>> sorted(phases.begin(), phases.end());
  for (const auto& entry : sorted) sum += entry.second.sum();
  std::sort(sorted.begin(), sorted.end(),
            [](const auto& a, const auto& b) { return a.second.sum() > b.second.sum(); });
  for (const auto& [name, p] : sorted) {
    std::printf("%-50s %8.3f ms %5.1f %% %6zu calls", name.c_str(), p.sum() * 1e3, p.sum() / sum * 100,
                p.seconds.size());
    if (p.flop > 0) {
      const double gflops = p.flop / p.sum() * 1e-9;
      std::printf(" %7.1f GFLOP/s %5.1f %%", gflops, gflops / peak * 100);
    }
    work += p.flop;
    std::printf("\n");
  }
  std::printf("%-50s %8.3f ms %28.1f GFLOP/s %5.1f %% of %.0f\n", "sum", sum * 1e3, work / sum * 1e-9,
              work / sum * 1e-9 / peak * 100, peak);
}

int profile(const Arguments& arguments) {
  const Kernels<float>* kernels = arguments.isa == nullptr ? &maque::kernels() : kernels_for(arguments.isa);
  if (kernels == nullptr || (arguments.bf16 && bf16_kernels() == nullptr)) {
    std::printf("this CPU lacks %s\n", kernels == nullptr ? arguments.isa : "bf16");
    return 1;
  }
  own = *kernels;
  const Kernels<float> timed = timed_kernels();
  const Geometry g = sequence_student();
  TrainerOptions options;
  options.optimizer = Optimizer::sgd;
  options.embedding_dropout = options.output_dropout = options.head_dropout = arguments.dropout;
  Bf16Kernels halves{};
  if (arguments.bf16) {
    own_bf16 = *bf16_kernels();
    halves = timed_bf16();
    options.arithmetic.precision = Precision::bf16;
    options.arithmetic.bf16 = &halves;
  }
  const Weights<float> weights(g, 1, 0.05f);
  Trainer<float> trainer;
  CHECK_EQ(trainer.create(g, options, timed, serial_executor(), weights.pointers.data()), kOk);
  const OwnedBatch<float> batch = titles(g);
  double peak = 0;
  measure_clock();
  for (int step = 0; step <= arguments.steps; ++step) {
    if (step <= 1) phases.clear();  // the first grows the scratch
    for (auto& entry : phases) entry.second.next = 0;
    noted = 0;
    const double start = now();
    CHECK_EQ(trainer.gradients(batch.train(), nullptr), kOk);
    CHECK_EQ(trainer.update(1e-4), kOk);
    note("the rest", start + noted);
    if (step % 20 == 0) peak = std::max(peak, peak_gflops());
  }
  print(arguments.bf16 ? 2 * peak : peak);
  return state().failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace maque::test

int main(int argc, char** argv) { return maque::test::profile(maque::test::Arguments(argc, argv)); }
