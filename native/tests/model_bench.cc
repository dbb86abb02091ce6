// Times whole models on one thread. Usage: model_bench [isa]
// Prints the best of several runs: milliseconds and GFLOP/s, counting matrix products only (a training step:
// three times its forward).
#include <time.h>

#include "tests/model_fixture.h"

namespace maque::test {
namespace {

double now() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);  // other work on the machine does not count
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

template <class F>
double best_seconds(int runs, const F& f) {
  double best = 1e9;
  for (int i = 0; i < runs; ++i) {
    const double start = now();
    f();
    const double seconds = now() - start;
    best = seconds < best ? seconds : best;
  }
  return best;
}

void report(const char* what, double seconds, double flop) {
  std::printf("%-40s %10.3f ms %8.1f GFLOP/s\n", what, seconds * 1e3, flop / seconds * 1e-9);
}

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

void forward_bench(const Kernels<float>& kernels, Trainer<float>* trainer, const char* name, int texts, int n,
                   int runs) {
  const Geometry& g = trainer->geometry();
  const OwnedBatch<float> batch(g, std::vector<int32_t>(static_cast<size_t>(texts), n), 3);
  std::vector<float> out(static_cast<size_t>(texts * g.num_labels));
  const auto run = [&] { CHECK_EQ(trainer->forward(batch.texts(), nullptr, out.data()), kOk); };
  run();
  report(
      (std::string(name) + " forward " + std::to_string(texts) + "x" + std::to_string(n) + " " + kernels.isa)
          .c_str(),
      best_seconds(runs, run), forward_flop(g, texts, n));
}

void step_bench(const Kernels<float>& kernels, Trainer<float>* trainer, const char* name, int texts, int n,
                int runs) {
  const Geometry& g = trainer->geometry();
  const OwnedBatch<float> batch(g, std::vector<int32_t>(static_cast<size_t>(texts), n), 3);
  const std::string what =
      std::string(name) + " step " + std::to_string(texts) + "x" + std::to_string(n) + " " + kernels.isa;
  const auto run = [&] {
    CHECK_EQ(trainer->gradients(batch.train(), nullptr), kOk);
    CHECK_EQ(trainer->update(1e-4), kOk);
  };
  run();
  report(what.c_str(), best_seconds(runs, run), 3 * forward_flop(g, texts, n));
}

void bench(const Kernels<float>& kernels) {
  {
    const Geometry g = bge_small();
    const Weights<float> w(g, 1, 0.05f);
    Trainer<float> trainer;
    TrainerOptions o;
    CHECK_EQ(trainer.create(g, o, kernels, serial_executor(), w.pointers.data()), kOk);
    forward_bench(kernels, &trainer, "bge-small", 64, 24, 5);
    forward_bench(kernels, &trainer, "bge-small", 1, 24, 50);
    step_bench(kernels, &trainer, "bge-small", 32, 32, 4);
  }
  const Geometry g = sequence_student();
  const Weights<float> w(g, 1, 0.05f);
  Trainer<float> trainer;
  TrainerOptions o;
  o.optimizer = Optimizer::sgd;
  CHECK_EQ(trainer.create(g, o, kernels, serial_executor(), w.pointers.data()), kOk);
  forward_bench(kernels, &trainer, "sequence student", 1, 24, 300);
  forward_bench(kernels, &trainer, "sequence student", 64, 24, 10);
  step_bench(kernels, &trainer, "sequence student", 64, 24, 10);
}

}  // namespace
}  // namespace maque::test

int main(int argc, char** argv) {
  const maque::Kernels<float>* kernels = argc > 1 ? maque::kernels_for(argv[1]) : &maque::kernels();
  if (kernels == nullptr) {
    std::printf("this CPU lacks %s\n", argv[1]);
    return 1;
  }
  maque::test::bench(*kernels);
  return maque::test::state().failures == 0 ? 0 : 1;
}
