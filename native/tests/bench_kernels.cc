// Time of every operation on every instruction set, at the shapes of a BERT of hidden size 384 and of a
// biLSTM student.
//   bench_kernels [substring of an operation's name]
#include <algorithm>
#include <chrono>
#include <functional>

#include "tests/kernel_test.h"

namespace maque::test {
namespace {

using Floats = std::vector<float>;

/// One measured call. `elements` is what its time is divided by for the last column; `call` may scribble over
/// its arrays.
struct Benchmark {
  const char* name;
  const char* shape;
  double elements;
  std::function<void(const Kernels<float>&)> call;
};

/// Nanoseconds of one call: the best of seven runs of about 5 ms.
double measure(const std::function<void()>& call) {
  using Clock = std::chrono::steady_clock;
  const auto run = [&](int64_t times) {
    const auto begin = Clock::now();
    for (int64_t i = 0; i < times; ++i) call();
    return std::chrono::duration<double, std::nano>(Clock::now() - begin).count();
  };
  int64_t times = 1;
  while (run(times) < 5e6) times *= 2;
  double best = HUGE_VAL;
  for (int i = 0; i < 7; ++i) best = std::min(best, run(times) / static_cast<double>(times));
  return best;
}

constexpr int64_t kTokens = 64, kHidden = 384, kInner = 1536;

void add_products(std::vector<Benchmark>* all) {
  static Floats a = Random(1).vector(kTokens * kInner), w = Random(2).vector(kInner * kHidden),
                packed(kInner * kHidden);
  static Floats c(kTokens * kInner), bias = Random(3).vector(kInner), scratch(kGemmScratch);
  all->push_back({"gemm_pack", "384 x 1536", kHidden * kInner, [](const Kernels<float>& k) {
                    k.gemm_pack(w.data(), 1, kHidden, kHidden, kInner, packed.data());
                  }});
  all->push_back(
      {"gemm", "64 x 384 x 1536, bias, GELU", kTokens * kHidden * kInner, [](const Kernels<float>& k) {
         GemmArgs<float> args = {};
         args.m = kTokens, args.n = kInner, args.k = kHidden;
         args.a = a.data(), args.a_row_stride = kHidden, args.a_k_stride = 1;
         args.b = packed.data(), args.c = c.data(), args.ldc = kInner;
         args.bias = bias.data(), args.activation = Activation::gelu_erf;
         args.scratch = scratch.data();
         k.gemm(args);
       }});
}

void add_activations(std::vector<Benchmark>* all) {
  constexpr int64_t n = 16 * kInner;
  static Floats x = Random(4).vector(n, -4.0f, 4.0f), dy = Random(5).vector(n), y(n);
  const struct {
    Activation act;
    const char* name;
  } kinds[] = {{Activation::relu, "relu, 24,576"},
               {Activation::tanh, "tanh, 24,576"},
               {Activation::gelu_erf, "gelu_erf, 24,576"},
               {Activation::gelu_tanh, "gelu_tanh, 24,576"}};
  for (const auto& kind : kinds) {
    const Activation act = kind.act;
    all->push_back({"activation_forward", kind.name, n,
                    [act](const Kernels<float>& k) { k.activation_forward(act, x.data(), n, y.data()); }});
    all->push_back({"activation_backward", kind.name, n, [act](const Kernels<float>& k) {
                      k.activation_backward(act, x.data(), dy.data(), n, y.data());
                    }});
  }
  all->push_back({"dropout", "p = 0.1, 24,576", n, [](const Kernels<float>& k) {
                    k.dropout({0.1f, 1, 2, 3, 4}, x.data(), n, y.data());
                  }});
  all->push_back({"add", "24,576", n, [](const Kernels<float>& k) { k.add(dy.data(), n, y.data()); }});
}

void add_rows(std::vector<Benchmark>* all) {
  constexpr int64_t rows = 64, n = rows * kHidden, vocabulary = 1000;
  static Floats x = Random(6).vector(n), gamma = Random(7).vector(kHidden), beta = Random(8).vector(kHidden),
                y(n);
  static Floats mean(rows, 0.01f), rstd(rows, 1.7f), dy = Random(9).vector(n),
                                                     table = Random(10).vector(vocabulary * kHidden);
  static std::vector<int32_t> ids(rows), order(rows);
  for (int32_t i = 0; i < rows; ++i) {
    ids[static_cast<size_t>(i)] = i / 2 * 13;
    order[static_cast<size_t>(i)] = i;
  }
  all->push_back({"layer_norm_forward", "64 x 384", n, [](const Kernels<float>& k) {
                    k.layer_norm_forward(x.data(), gamma.data(), beta.data(), 1e-12f, rows, kHidden, y.data(),
                                         nullptr, nullptr);
                  }});
  all->push_back({"layer_norm_backward", "64 x 384", n, [](const Kernels<float>& k) {
                    k.layer_norm_backward(x.data(), gamma.data(), mean.data(), rstd.data(), dy.data(), rows,
                                          kHidden, y.data());
                  }});
  all->push_back({"layer_norm_params_backward", "64 x 384", n, [](const Kernels<float>& k) {
                    k.layer_norm_params_backward(x.data(), mean.data(), rstd.data(), dy.data(), rows, kHidden,
                                                 0, kHidden, gamma.data(), beta.data());
                  }});
  all->push_back({"embedding_sum_forward", "64 x 384", n, [](const Kernels<float>& k) {
                    k.embedding_sum_forward(table.data(), table.data(), table.data(), ids.data(),
                                            order.data(), nullptr, rows, kHidden, y.data());
                  }});
  all->push_back({"gather_rows", "64 x 384", n, [](const Kernels<float>& k) {
                    k.gather_rows(table.data(), kHidden, ids.data(), rows, kHidden, y.data(), kHidden);
                  }});
  all->push_back({"scatter_add_rows", "64 x 384", n, [](const Kernels<float>& k) {
                    k.scatter_add_rows(dy.data(), kHidden, ids.data(), order.data(), 0, rows, kHidden,
                                       table.data(), kHidden);
                  }});
  all->push_back({"column_sums", "64 x 384", n, [](const Kernels<float>& k) {
                    k.column_sums(dy.data(), kHidden, rows, 0, kHidden, beta.data());
                  }});
}

void add_attention(std::vector<Benchmark>* all) {
  struct Shape {
    const char* name;
    int64_t nq, n, d;
  };
  static const Shape shapes[] = {{"1 x 32 x 32", 1, 32, 32},       {"8 x 8 x 32", 8, 8, 32},
                                 {"32 x 32 x 32", 32, 32, 32},     {"64 x 64 x 64", 64, 64, 64},
                                 {"128 x 128 x 32", 128, 128, 32}, {"128 x 128 x 64", 128, 128, 64},
                                 {"512 x 512 x 64", 512, 512, 64}};
  static Floats qkv = Random(11).vector(512 * 3 * kHidden), out(512 * 3 * kHidden), d_qkv(512 * 3 * kHidden),
                probs(512 * 512);
  static Floats scratch(static_cast<size_t>(attention_scratch(512, 512, 64)));
  constexpr int64_t ld = 3 * kHidden;
  for (const Shape& s : shapes) {
    const double products = static_cast<double>(s.nq * s.n * s.d);
    all->push_back({"attention_forward", s.name, 2 * products, [&s](const Kernels<float>& k) {
                      k.attention_forward(qkv.data(), ld, qkv.data() + kHidden, ld, qkv.data() + 2 * kHidden,
                                          ld, s.nq, s.n, s.d, 0.2f, nullptr, probs.data(), out.data(), ld,
                                          scratch.data());
                    }});
    all->push_back({"attention_backward", s.name, 4 * products, [&s](const Kernels<float>& k) {
                      k.attention_backward(qkv.data(), ld, qkv.data() + kHidden, ld, qkv.data() + 2 * kHidden,
                                           ld, probs.data(), qkv.data(), ld, s.nq, s.n, s.d, 0.2f, nullptr,
                                           d_qkv.data(), ld, d_qkv.data() + kHidden, ld,
                                           d_qkv.data() + 2 * kHidden, ld, scratch.data());
                    }});
  }
}

void add_recurrence(std::vector<Benchmark>* all) {
  constexpr int64_t rows = 32, hidden = 300, n = rows * hidden;
  static Floats gates = Random(12).vector(4 * n), c = Random(13).vector(n), next(n), h(n), dc(n),
                d_gates(4 * n);
  all->push_back({"lstm_cell_forward", "32 x 300", n, [](const Kernels<float>& k) {
                    k.lstm_cell_forward(gates.data(), 4 * hidden, c.data(), next.data(), hidden, h.data(),
                                        hidden, rows, hidden);
                  }});
  all->push_back({"lstm_cell_backward", "32 x 300", n, [](const Kernels<float>& k) {
                    k.lstm_cell_backward(gates.data(), 4 * hidden, c.data(), c.data(), hidden, h.data(),
                                         hidden, dc.data(), hidden, d_gates.data(), 4 * hidden, rows, hidden);
                  }});
}

void add_pooling(std::vector<Benchmark>* all) {
  constexpr int64_t texts = 8, length = 32, n = texts * length * kHidden;
  static Floats x = Random(14).vector(n), out(texts * kHidden), dx(n);
  static std::vector<int32_t> offsets, argmax(texts * kHidden, 0);
  for (int32_t i = 0; i <= texts; ++i) offsets.push_back(i * length);
  all->push_back({"max_pool_forward", "8 x 32 x 384", n, [](const Kernels<float>& k) {
                    k.max_pool_forward(x.data(), kHidden, offsets.data(), nullptr, texts, kHidden, out.data(),
                                       argmax.data());
                  }});
  all->push_back({"max_pool_backward", "8 x 384", texts * kHidden, [](const Kernels<float>& k) {
                    k.max_pool_backward(out.data(), argmax.data(), texts, kHidden, dx.data(), kHidden);
                  }});
  all->push_back({"mean_pool_forward", "8 x 32 x 384", n, [](const Kernels<float>& k) {
                    k.mean_pool_forward(x.data(), kHidden, offsets.data(), nullptr, texts, kHidden,
                                        out.data());
                  }});
  all->push_back({"mean_pool_backward", "8 x 32 x 384", n, [](const Kernels<float>& k) {
                    k.mean_pool_backward(out.data(), offsets.data(), nullptr, texts, kHidden, dx.data(),
                                         kHidden);
                  }});
}

void add_training(std::vector<Benchmark>* all) {
  constexpr int64_t n = 16 * 4096, batch = 32, classes = 10;
  static Floats w = Random(15).vector(n), grad = Random(16).vector(n), m(n), v(n), d(batch * classes);
  static const std::vector<int32_t> labels(batch, 3);
  static ObjectiveReport<float> report;
  static float sink;
  all->push_back({"objective", "32 x 10, CE and KL", batch * classes, [](const Kernels<float>& k) {
                    k.objective(w.data(), batch, classes, labels.data(), nullptr, grad.data(), nullptr,
                                {0.5f, 0.5f, 4.0f, SoftLoss::kl}, d.data(), &report);
                  }});
  all->push_back({"sgd_step", "65,536", n, [](const Kernels<float>& k) {
                    k.sgd_step(w.data(), grad.data(), m.data(), n, 1e-6f, 0.9f, 0.0f, 1.0f);
                  }});
  all->push_back({"adam_step", "65,536", n, [](const Kernels<float>& k) {
                    k.adam_step(w.data(), grad.data(), m.data(), v.data(), n, 1e-6f, 0.9, 0.999, 1e-8f, 0.01f,
                                0.9f, 0.9f, 1.0f);
                  }});
  all->push_back({"sum_of_squares", "4,096", kSumChunk,
                  [](const Kernels<float>& k) { sink = sink + k.sum_of_squares(grad.data(), kSumChunk); }});
}

int run(const char* filter) {
  std::vector<Benchmark> all;
  add_products(&all);
  add_activations(&all);
  add_rows(&all);
  add_attention(&all);
  add_recurrence(&all);
  add_pooling(&all);
  add_training(&all);
  std::printf("%-27s %-29s %-7s %12s %14s\n", "operation", "shape", "isa", "ns per call", "ns per element");
  for (const Benchmark& benchmark : all) {
    if (std::strstr(benchmark.name, filter) == nullptr) continue;
    for (const char* isa : {"ref", "avx2", "avx512"}) {
      const Kernels<float>* kernels = kernels_for(isa);
      if (kernels == nullptr) continue;
      const double ns = measure([&] { benchmark.call(*kernels); });
      std::printf("%-27s %-29s %-7s %12.0f %14.4f\n", benchmark.name, benchmark.shape, isa, ns,
                  ns / benchmark.elements);
    }
  }
  return 0;
}

}  // namespace
}  // namespace maque::test

int main(int argc, char** argv) { return maque::test::run(argc > 1 ? argv[1] : ""); }
