// Times whole models on one thread, in fp32 and, where the CPU has it, bf16, in turns.
// Usage: model_bench [isa] [base]; base: BERT-base geometry too, which takes some gigabytes.
// Prints the best of several runs: milliseconds and GFLOP/s, counting matrix products only (a training step:
// three times its forward), and how many times faster bf16 is.
#include <algorithm>
#include <memory>

#include "tests/bench_clock.h"
#include "tests/model_fixture.h"

namespace maque::test {
namespace {

Geometry bge_small() {
  Geometry g = bert_geometry(Pooling::cls, {192});
  g.num_labels = 15;
  g.vocab = 21128;
  g.hidden = 512;
  g.layers = 4;
  g.heads = 8;
  g.intermediate = 2048;
  g.positions = 512;
  return g;
}

Geometry bert_base() {
  Geometry g = bge_small();
  g.hidden = 768;
  g.layers = 12;
  g.heads = 12;
  g.intermediate = 3072;
  return g;
}

Geometry sequence_student() {
  Geometry g = student_geometry(Kind::sequence, Pooling::max_logits, {192});
  g.num_labels = 15;
  g.vocab = 21128;
  g.embedding = 300;
  g.hidden = 300;
  return g;
}

/// Products of one forward pass of `texts` texts of n tokens.
double forward_flop(const Geometry& g, double texts, double n) {
  const double h = static_cast<double>(g.hidden), tokens = texts * n;
  if (!g.is_bert()) {
    const double e = static_cast<double>(g.embedding);
    return tokens * (2 * 2 * 4 * h * (e + h) + 2 * (2 * h * 192 + 192 * 15));
  }
  const double whole =
      tokens * 2 * (4 * h * h + 2 * h * static_cast<double>(g.intermediate)) + texts * 4 * n * n * h;
  const double last = tokens * 4 * h * h +
                      texts * 2 * (2 * h * h + 2 * h * static_cast<double>(g.intermediate)) +
                      texts * 4 * n * h;
  return whole * static_cast<double>(g.layers - 1) + last;
}

/// The same model in fp32 and in bf16 (if there is that).
struct Contest {
  std::vector<std::unique_ptr<Trainer<float>>> trainers;

  Contest(const Kernels<float>& kernels, const Geometry& g, Optimizer optimizer) {
    const Weights<float> w(g, 1, 0.05f);
    for (Precision precision : {Precision::fp32, Precision::bf16}) {
      TrainerOptions o;
      o.optimizer = optimizer;
      if (choose_arithmetic(precision, &o.arithmetic) != kOk) continue;
      trainers.push_back(std::make_unique<Trainer<float>>());
      CHECK_EQ(trainers.back()->create(g, o, kernels, serial_executor(), w.pointers.data()), kOk);
    }
  }

  template <class F>
  void run(const std::string& what, int runs, double flop, const F& f) {
    double best[2] = {1e9, 1e9};
    for (int i = 0; i <= runs; ++i) {  // the first, which grows the scratch, does not count
      for (size_t t = 0; t < trainers.size(); ++t) {
        const double start = now();
        f(trainers[t].get());
        const double seconds = now() - start;
        if (i > 0) best[t] = std::min(best[t], seconds);
      }
    }
    std::printf("%-32s fp32 %9.3f ms %6.1f GFLOP/s", what.c_str(), best[0] * 1e3, flop / best[0] * 1e-9);
    if (trainers.size() == 2) {
      std::printf("   bf16 %9.3f ms %6.1f GFLOP/s   %.2f times as fast", best[1] * 1e3, flop / best[1] * 1e-9,
                  best[0] / best[1]);
    }
    std::printf("\n");
  }

  void forward(const char* name, const std::vector<int32_t>& lengths, int runs) {
    const Geometry& g = trainers[0]->geometry();
    const OwnedBatch<float> batch(g, lengths, 3);
    std::vector<float> out(lengths.size() * static_cast<size_t>(g.num_labels));
    run(std::string(name) + " forward", runs, flop(g, lengths), [&](Trainer<float>* trainer) {
      CHECK_EQ(trainer->forward(batch.texts(), nullptr, out.data()), kOk);
    });
  }

  void step(const char* name, const std::vector<int32_t>& lengths, int runs) {
    const Geometry& g = trainers[0]->geometry();
    const OwnedBatch<float> batch(g, lengths, 3);
    run(std::string(name) + " step", runs, 3 * flop(g, lengths), [&](Trainer<float>* trainer) {
      CHECK_EQ(trainer->gradients(batch.train(), nullptr), kOk);
      CHECK_EQ(trainer->update(1e-4), kOk);
    });
  }

  static double flop(const Geometry& g, const std::vector<int32_t>& lengths) {
    double sum = 0;
    for (int32_t n : lengths) sum += forward_flop(g, 1, n);
    return sum;
  }
};

std::vector<int32_t> equal(int texts, int32_t n) {
  return std::vector<int32_t>(static_cast<size_t>(texts), n);
}

/// Lengths as news titles have them: 8 to 40 tokens, 24 on average.
std::vector<int32_t> titles(int texts) {
  Random random(17);
  std::vector<int32_t> lengths;
  for (int i = 0; i < texts; ++i) {
    lengths.push_back(static_cast<int32_t>(8 + random.below(17) + random.below(17)));
  }
  return lengths;
}

void bench(const Kernels<float>& kernels, bool base) {
  {
    Contest small(kernels, bge_small(), Optimizer::adamw);
    small.forward("bge-small 1x24", equal(1, 24), 50);
    small.forward("bge-small 64 titles", titles(64), 5);
    small.step("bge-small 32x32", equal(32, 32), 4);
  }
  {
    Contest student(kernels, sequence_student(), Optimizer::sgd);
    student.forward("sequence student 1x24", equal(1, 24), 300);
    student.forward("sequence student 64 titles", titles(64), 10);
    student.step("sequence student 64 titles", titles(64), 10);
  }
  if (!base) return;
  Contest large(kernels, bert_base(), Optimizer::adamw);
  large.forward("bert-base 64x32", equal(64, 32), 2);
  large.step("bert-base 32x32", equal(32, 32), 2);
}

}  // namespace
}  // namespace maque::test

int main(int argc, char** argv) {
  const bool base = argc > 1 && std::strcmp(argv[argc - 1], "base") == 0;
  const char* isa = argc > (base ? 2 : 1) ? argv[1] : nullptr;
  const maque::Kernels<float>* kernels = isa == nullptr ? &maque::kernels() : maque::kernels_for(isa);
  if (kernels == nullptr) {
    std::printf("this CPU lacks %s\n", isa);
    return 1;
  }
  maque::test::bench(*kernels, base);
  return maque::test::state().failures == 0 ? 0 : 1;
}
