// Every backward pass against central differences of its forward pass, wholly in double.
#include <algorithm>
#include <functional>

#include "tests/kernel_test.h"

namespace maque::test {
namespace {

using Doubles = std::vector<double>;
const Kernels<double>& k = kernels_ref_double;

Doubles random_doubles(int64_t n, uint64_t seed, float lo = -1.0f, float hi = 1.0f) {
  return to_double(Random(seed).vector(n, lo, hi));
}

double dot(const Doubles& a, const Doubles& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// `gradient` is that of f with respect to x, at x; looked at in every `stride`-th element.
void check_gradient(Doubles& x, const Doubles& gradient, const std::function<double()>& f,
                    size_t stride = 1) {
  constexpr double kStep = 1e-5;
  double scale = 1;
  for (double g : gradient) scale = std::max(scale, std::fabs(g));
  CHECK_EQ(x.size(), gradient.size());
  for (size_t i = 0; i < x.size(); i += stride) {
    const double at = x[i];
    x[i] = at + kStep;
    const double above = f();
    x[i] = at - kStep;
    const double below = f();
    x[i] = at;
    CHECK_LE(std::fabs((above - below) / (2 * kStep) - gradient[i]), 1e-8 * scale);
  }
}

TEST(activations) {
  for (Activation act :
       {Activation::none, Activation::relu, Activation::tanh, Activation::gelu_erf, Activation::gelu_tanh}) {
    const int64_t n = 50;
    Doubles x = random_doubles(n, 1, -4.0f, 4.0f), dy = random_doubles(n, 2), y(x.size()), dx(x.size());
    k.activation_backward(act, x.data(), dy.data(), n, dx.data());
    check_gradient(x, dx, [&] {
      k.activation_forward(act, x.data(), n, y.data());
      return dot(y, dy);
    });
  }
}

TEST(layer_norm) {
  for (int64_t n : {2, 5, 16, 33}) {
    const int64_t rows = 3;
    Doubles x = random_doubles(rows * n, 1), gamma = random_doubles(n, 2), beta = random_doubles(n, 3);
    const Doubles dy = random_doubles(rows * n, 4);
    Doubles y(x.size()), mean(3), rstd(3), dx(x.size()), dgamma(gamma.size()), dbeta(gamma.size());
    const auto loss = [&] {
      k.layer_norm_forward(x.data(), gamma.data(), beta.data(), 1e-2, rows, n, y.data(), mean.data(),
                           rstd.data());
      return dot(y, dy);
    };
    loss();
    k.layer_norm_backward(x.data(), gamma.data(), mean.data(), rstd.data(), dy.data(), rows, n, dx.data());
    k.layer_norm_params_backward(x.data(), mean.data(), rstd.data(), dy.data(), rows, n, 0, n, dgamma.data(),
                                 dbeta.data());
    check_gradient(x, dx, loss);
    check_gradient(gamma, dgamma, loss);
    check_gradient(beta, dbeta, loss);
  }
}

TEST(embedding_rows) {
  const int64_t rows = 7, n = 5;
  const int32_t ids[rows] = {3, 0, -1, 3, 2, 0, 3}, order[rows] = {2, 1, 5, 4, 0, 3, 6};
  Doubles table = random_doubles(4 * n, 1), y(static_cast<size_t>(rows * n)), d_table(table.size());
  const Doubles dy = random_doubles(rows * n, 2);
  k.scatter_add_rows(dy.data(), n, ids, order, 0, rows, n, d_table.data(), n);
  check_gradient(table, d_table, [&] {
    k.gather_rows(table.data(), n, ids, rows, n, y.data(), n);
    return dot(y, dy);
  });
}

TEST(attention_with_and_without_dropout) {
  struct Shape {
    int64_t nq, nk, d;
  };
  for (const Shape& s : {Shape{1, 1, 4}, Shape{1, 6, 3}, Shape{5, 5, 8}, Shape{4, 17, 2}}) {
    for (bool with_dropout : {false, true}) {
      const Dropout dropout = {0.3f, 11, 2, 4, 6};
      const Dropout* mask = with_dropout ? &dropout : nullptr;
      Doubles q = random_doubles(s.nq * s.d, 1), key = random_doubles(s.nk * s.d, 2),
              v = random_doubles(s.nk * s.d, 3);
      const Doubles d_o = random_doubles(s.nq * s.d, 4);
      Doubles probs(static_cast<size_t>(s.nq * s.nk)), o(q.size()), dq(q.size()), dk(key.size()),
          dv(v.size());
      Doubles scratch(static_cast<size_t>(attention_scratch(s.nq, s.nk, s.d)));
      const auto loss = [&] {
        k.attention_forward(q.data(), s.d, key.data(), s.d, v.data(), s.d, s.nq, s.nk, s.d, 0.8, mask,
                            probs.data(), o.data(), s.d, scratch.data());
        return dot(o, d_o);
      };
      loss();
      k.attention_backward(q.data(), s.d, key.data(), s.d, v.data(), s.d, probs.data(), d_o.data(), s.d, s.nq,
                           s.nk, s.d, 0.8, mask, dq.data(), s.d, dk.data(), s.d, dv.data(), s.d,
                           scratch.data());
      check_gradient(q, dq, loss);
      check_gradient(key, dk, loss);
      check_gradient(v, dv, loss);
    }
  }
}

TEST(dropout) {
  const int64_t n = 40;
  const Dropout mask = {0.4f, 5, 6, 7, 9};
  Doubles x = random_doubles(n, 1), y(x.size()), dx(x.size());
  const Doubles dy = random_doubles(n, 2);
  k.dropout(mask, dy.data(), n, dx.data());
  check_gradient(x, dx, [&] {
    k.dropout(mask, x.data(), n, y.data());
    return dot(y, dy);
  });
}

/// Two steps of an LSTM, so that the carried gradient of c is exercised too; the second step's
/// pre-activations do not depend on h.
TEST(lstm_steps) {
  for (int64_t hidden : {1, 4, 19}) {
    for (bool zero_state : {false, true}) {
      const int64_t rows = 2, ld = 4 * hidden;
      Doubles pre1 = random_doubles(rows * ld, 1, -2.0f, 2.0f),
              pre2 = random_doubles(rows * ld, 2, -2.0f, 2.0f);
      Doubles c0 = random_doubles(rows * hidden, 3);
      const Doubles dh1 = random_doubles(rows * hidden, 4), dh2 = random_doubles(rows * hidden, 5),
                    dc2 = random_doubles(rows * hidden, 6);
      Doubles gates1, gates2, c1(c0.size()), c2(c0.size()), h1(c0.size()), h2(c0.size());
      const double* start = zero_state ? nullptr : c0.data();
      const auto loss = [&] {
        gates1 = pre1;
        gates2 = pre2;
        k.lstm_cell_forward(gates1.data(), ld, start, c1.data(), hidden, h1.data(), hidden, rows, hidden);
        k.lstm_cell_forward(gates2.data(), ld, c1.data(), c2.data(), hidden, h2.data(), hidden, rows, hidden);
        return dot(h1, dh1) + dot(h2, dh2) + dot(c2, dc2);
      };
      loss();
      Doubles dc = dc2, d_pre1(pre1.size()), d_pre2(pre2.size());
      k.lstm_cell_backward(gates2.data(), ld, c1.data(), c2.data(), hidden, dh2.data(), hidden, dc.data(),
                           hidden, d_pre2.data(), ld, rows, hidden);
      k.lstm_cell_backward(gates1.data(), ld, start, c1.data(), hidden, dh1.data(), hidden, dc.data(), hidden,
                           d_pre1.data(), ld, rows, hidden);
      check_gradient(pre1, d_pre1, loss);
      check_gradient(pre2, d_pre2, loss);
      if (!zero_state) check_gradient(c0, dc, loss);
    }
  }
}

TEST(pooling) {
  const int64_t n = 6, batch = 4, tokens = 9;
  const int32_t offsets[] = {0, 3, 3, 4, 9}, rows[] = {8, 7, 6, 5, 4, 3, 2, 1, 0};
  for (const int32_t* row : {static_cast<const int32_t*>(nullptr), rows}) {
    Doubles x = random_doubles(tokens * n, 1), out(batch * n), d_max(x.size()), d_mean(x.size());
    const Doubles d_out = random_doubles(batch * n, 2);
    std::vector<int32_t> argmax(batch * n);
    k.max_pool_forward(x.data(), n, offsets, row, batch, n, out.data(), argmax.data());
    k.max_pool_backward(d_out.data(), argmax.data(), batch, n, d_max.data(), n);
    check_gradient(x, d_max, [&] {
      k.max_pool_forward(x.data(), n, offsets, row, batch, n, out.data(), nullptr);
      return dot(out, d_out);
    });
    k.mean_pool_backward(d_out.data(), offsets, row, batch, n, d_mean.data(), n);
    check_gradient(x, d_mean, [&] {
      k.mean_pool_forward(x.data(), n, offsets, row, batch, n, out.data());
      return dot(out, d_out);
    });
  }
}

struct ObjectiveCase {
  int64_t batch = 5, classes;
  ObjectiveWeights<double> weights;
  Doubles logits, soft, class_weights, d_logits;
  std::vector<int32_t> labels = {1, -1, 0, 1, -1}, has_soft = {1, 1, 0, 1, 0};

  ObjectiveCase(int64_t classes_, ObjectiveWeights<double> w)
      : classes(classes_),
        weights(w),
        logits(random_doubles(5 * classes_, 1, -3.0f, 3.0f)),
        soft(random_doubles(5 * classes_, 2, -3.0f, 3.0f)),
        class_weights(random_doubles(classes_, 3, 0.5f, 2.0f)),
        d_logits(logits.size()) {}
  ObjectiveReport<double> run() {
    ObjectiveReport<double> report;
    k.objective(logits.data(), batch, classes, labels.data(), class_weights.data(), soft.data(),
                has_soft.data(), weights, d_logits.data(), &report);
    return report;
  }
};

TEST(objective) {
  for (int64_t classes : {2, 3, 17}) {
    for (double temperature : {1.0, 2.0, 4.0, 8.0, 20.0}) {
      for (SoftLoss soft_loss : {SoftLoss::none, SoftLoss::mse, SoftLoss::kl}) {
        ObjectiveCase c(classes, {0.4, 1.7, temperature, soft_loss});
        c.run();
        const Doubles gradient = c.d_logits;
        check_gradient(c.logits, gradient, [&] { return c.run().loss; });
      }
    }
  }
}

/// T^2 times the divergence, summed over classes, meant over the rows with soft targets, term by term.
double kl_by_definition(const ObjectiveCase& c) {
  const double temperature = c.weights.temperature;
  double sum = 0, rows = 0;
  for (int64_t i = 0; i < c.batch; ++i) {
    if (c.has_soft[static_cast<size_t>(i)] == 0) continue;
    const double *s = c.logits.data() + i * c.classes, *t = c.soft.data() + i * c.classes;
    double zs = 0, zt = 0;
    for (int64_t k = 0; k < c.classes; ++k) {
      zs += std::exp(s[k] / temperature);
      zt += std::exp(t[k] / temperature);
    }
    for (int64_t k = 0; k < c.classes; ++k) {
      const double p = std::exp(t[k] / temperature) / zt, q = std::exp(s[k] / temperature) / zs;
      sum += p * std::log(p / q);
    }
    rows += 1;
  }
  return temperature * temperature * sum / rows;
}

// A mean over classes in the place of the sum, or a forgotten T^2, would be off by 2 to 1,000 times.
TEST(kl_is_a_sum_over_classes_times_the_square_of_t) {
  for (int64_t classes : {2, 1000}) {
    for (double temperature : {1.0, 2.0, 4.0, 8.0, 20.0}) {
      ObjectiveCase c(classes, {0.0, 1.0, temperature, SoftLoss::kl});
      const double expected = kl_by_definition(c);
      CHECK_LE(std::fabs(c.run().soft - expected), 1e-10 * expected);
      CHECK_LE(std::fabs(c.run().loss - expected), 1e-10 * expected);
      const Doubles gradient = c.d_logits;
      check_gradient(
          c.logits, gradient, [&] { return kl_by_definition(c); }, classes == 2 ? 1 : 13);
    }
  }
}

TEST(objective_norms_are_those_of_its_parts) {
  for (SoftLoss soft_loss : {SoftLoss::mse, SoftLoss::kl}) {
    ObjectiveCase both(4, {0.4, 1.7, 3.0, soft_loss}), ce(4, {0.4, 0.0, 3.0, soft_loss}),
        rest(4, {0.0, 1.7, 3.0, soft_loss});
    const ObjectiveReport<double> report = both.run();
    ce.run();
    rest.run();
    CHECK_LE(std::fabs(report.ce_grad_norm - std::sqrt(dot(ce.d_logits, ce.d_logits))), 1e-12);
    CHECK_LE(std::fabs(report.soft_grad_norm - std::sqrt(dot(rest.d_logits, rest.d_logits))), 1e-12);
  }
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
