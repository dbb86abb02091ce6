// Times whole models on one thread, in fp32, int8 (forward of bert) and, where the CPU has it, bf16, in
// turns. Usage: model_bench [isa] [base]; base: BERT-base geometry too, which takes some gigabytes. Prints
// the best of several runs: milliseconds, GFLOP/s, counting matrix products only (a training step: three
// times its forward), and the share of the peak.
#include <algorithm>
#include <functional>
#include <memory>

#include "kernels/dispatch.h"
#include "tests/bench_clock.h"
#include "tests/isa/lanes.h"
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

/// Time of one step of the loop of multiply-adds, best of a few short ones.
double fma_seconds() {
  constexpr int64_t kSteps = 20000;
  static FmaLoop* const loop = std::strcmp(kernels().isa, "avx2") == 0 ? avx2::fma_loop : avx512::fma_loop;
  double best = 1e9;
  for (int i = 0; i < 3; ++i) {
    const double start = now();
    volatile float sink = loop(kSteps);
    static_cast<void>(sink);
    best = std::min(best, (now() - start) / kSteps);
  }
  return best;
}

/// One way to do the work, and the operations that a multiply-add instruction does there by those in fp32.
struct Runner {
  const char* precision;
  double width;
  std::function<void()> run;
};

/// Runs them in turns and prints the best of each beside the peak of fp32 of that moment, times its width
/// (int8 on this CPU's vpdpbusd, where it has that).
void race(const std::string& what, int runs, double flop, const std::vector<Runner>& runners) {
  std::vector<double> best(runners.size(), 1e9);
  double step = 1e9;
  for (int i = 0; i <= runs; ++i) {  // the first, which grows the scratch, does not count
    for (size_t r = 0; r < runners.size(); ++r) {
      const double start = now();
      runners[r].run();
      const double seconds = now() - start;
      if (i > 0) best[r] = std::min(best[r], seconds);
    }
    step = std::min(step, fma_seconds());
  }
  const double peak = kFmaLoopFlops / step * 1e-9;
  std::printf("%-32s", what.c_str());
  for (size_t r = 0; r < runners.size(); ++r) {
    const double gflops = flop / best[r] * 1e-9;
    std::printf("  %s %9.3f ms %6.1f GFLOP/s %5.1f %%", runners[r].precision, best[r] * 1e3, gflops,
                gflops / (peak * runners[r].width) * 100);
  }
  std::printf("\n");
}

/// A bert with int8 weights, as it serves.
struct Int8Teacher {
  const Kernels<float>& kernels;
  Weights<float> weights;
  std::vector<std::vector<int8_t>> bytes;
  Buffer<char> memory;
  Model<float> model{};
  Scratch scratch;

  Int8Teacher(const Kernels<float>& flavour, Geometry g) : kernels(flavour), weights(int8(&g), 1, 0.05f) {
    model.geometry = g;
    CHECK_EQ(choose_arithmetic(Precision::int8, &model.arithmetic), kOk);
    Carver measure(nullptr);
    model.plan(&measure, model.geometry, g.layers + 1);
    CHECK(memory.allocate(measure.used()));
    Carver carver(memory.data());
    model.plan(&carver, model.geometry, g.layers + 1);
    const std::vector<float*> tensors = fill();
    const Compute<float> compute{kernels, serial_executor(), nullptr};
    for (int64_t l = 0; l < g.layers; ++l) CHECK(model.bert.pack_layer(compute, tensors.data(), l));
    CHECK(model.pack_rest(compute, tensors.data()));
  }

  void forward(const Texts& texts, float* out) {
    const ForwardRequest<float> request{texts, nullptr, kFromIds, logits_point(model.geometry), out};
    CHECK_EQ(maque::forward(model, kernels, serial_executor(), &scratch, request), kOk);
  }

 private:
  static const Geometry& int8(Geometry* g) {
    g->precision = Precision::int8;
    return *g;
  }

  std::vector<float*> fill() {
    Random random(5);
    std::vector<float*> tensors;
    bytes.resize(weights.tensors.size());
    for (size_t i = 0; i < bytes.size(); ++i) {
      const TensorSpec spec = tensor_spec(model.geometry, static_cast<int64_t>(i));
      const bool is_bytes = spec.dtype == DType::i8;
      bytes[i].resize(is_bytes ? static_cast<size_t>(spec.size()) : 0);
      for (int8_t& byte : bytes[i]) byte = static_cast<int8_t>(random.below(129) - 64);
      for (float& x : weights.tensors[i]) x = spec.is_scale ? 0.001f : x;
      tensors.push_back(is_bytes ? reinterpret_cast<float*>(bytes[i].data()) : weights.tensors[i].data());
    }
    return tensors;
  }
};

/// The same model in fp32 and in bf16 (if there is that), and a bert's shapes in int8.
struct Contest {
  std::vector<std::unique_ptr<Trainer<float>>> trainers;
  std::unique_ptr<Int8Teacher> int8;

  Contest(const Kernels<float>& kernels, const Geometry& g, Optimizer optimizer) {
    const Weights<float> w(g, 1, 0.05f);
    for (Precision precision : {Precision::fp32, Precision::bf16}) {
      TrainerOptions o;
      o.optimizer = optimizer;
      if (choose_arithmetic(precision, &o.arithmetic) != kOk) continue;
      trainers.push_back(std::make_unique<Trainer<float>>());
      CHECK_EQ(trainers.back()->create(g, o, kernels, serial_executor(), w.pointers.data()), kOk);
    }
    if (g.is_bert()) int8 = std::make_unique<Int8Teacher>(kernels, g);
  }

  template <class F>
  std::vector<Runner> runners(const F& f) const {
    std::vector<Runner> all;
    for (const auto& trainer : trainers) {
      all.push_back(
          {all.empty() ? "fp32" : "bf16", all.empty() ? 1.0 : 2.0, [f, &trainer] { f(trainer.get()); }});
    }
    return all;
  }

  void forward(const char* name, const std::vector<int32_t>& lengths, int runs) {
    const Geometry& g = trainers[0]->geometry();
    const OwnedBatch<float> batch(g, lengths, 3);
    std::vector<float> out(lengths.size() * static_cast<size_t>(g.num_labels));
    std::vector<Runner> all = runners([&](Trainer<float>* trainer) {
      CHECK_EQ(trainer->forward(batch.texts(), nullptr, out.data()), kOk);
    });
    if (int8 != nullptr) all.push_back({"int8", 4, [&] { int8->forward(batch.texts(), out.data()); }});
    race(std::string(name) + " forward", runs, flop(g, lengths), all);
  }

  void step(const char* name, const std::vector<int32_t>& lengths, int runs) {
    const Geometry& g = trainers[0]->geometry();
    const OwnedBatch<float> batch(g, lengths, 3);
    race(std::string(name) + " step", runs, 3 * flop(g, lengths), runners([&](Trainer<float>* trainer) {
           CHECK_EQ(trainer->gradients(batch.train(), nullptr), kOk);
           CHECK_EQ(trainer->update(1e-4), kOk);
         }));
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

/// Lengths as news titles have them: 8 to 40 tokens, 24 on average; sorted.
std::vector<int32_t> titles(int texts) {
  Random random(17);
  std::vector<int32_t> lengths;
  for (int i = 0; i < texts; ++i) {
    lengths.push_back(static_cast<int32_t>(8 + random.below(17) + random.below(17)));
  }
  std::sort(lengths.begin(), lengths.end());
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
