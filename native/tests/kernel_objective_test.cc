// The combined objective: bits on every flavour, values by hand, empty parts, errors against double.
#include <algorithm>

#include "tests/kernel_case.h"

namespace maque::test {
namespace {

enum Missing { kNothing = 0, kLabels = 1, kClassWeights = 2, kSoft = 4, kHasSoft = 8, kGradient = 16 };

struct Case {
  int64_t batch, classes;
  int missing = 0;
  SoftLoss soft_loss = SoftLoss::kl;
  float ce_weight = 0.3f, soft_weight = 0.7f, temperature = 1.0f;
  std::vector<float> logits, soft, class_weights;
  std::vector<int32_t> labels, has_soft;

  Case(int64_t batch_, int64_t classes_, float range = 10.0f) : batch(batch_), classes(classes_) {
    Random random(static_cast<uint64_t>(batch * 7919 + classes));
    logits = random.vector(batch * classes, -range, range);
    soft = random.vector(batch * classes, -range, range);
    class_weights = random.vector(classes, 0.2f, 3.0f);
    for (int64_t i = 0; i < batch; ++i) {
      labels.push_back(static_cast<int32_t>(random.below(classes + 1)) - 1);
      has_soft.push_back(random.below(3) != 0);
    }
  }

  template <class K>
  auto operator()(const K& kernels) const {
    return run(kernels);
  }

  /// d_logits, then loss, ce, soft, the two norms, the three counts.
  template <class T>
  std::vector<T> run(const Kernels<T>& kernels) const {
    Array<T> s(logits), t(soft), w(class_weights), d(batch * classes), numbers(8);
    const ObjectiveWeights<T> weights = {T(ce_weight), T(soft_weight), T(temperature), soft_loss};
    ObjectiveReport<T> r;
    kernels.objective(s.data(), batch, classes, missing & kLabels ? nullptr : labels.data(),
                      missing & kClassWeights ? nullptr : w.data(), missing & kSoft ? nullptr : t.data(),
                      missing & kHasSoft ? nullptr : has_soft.data(), weights,
                      missing & kGradient ? nullptr : d.data(), &r);
    const T values[8] = {r.loss,           r.ce,          r.soft,         r.ce_grad_norm,
                         r.soft_grad_norm, T(r.labelled), T(r.with_soft), T(r.correct)};
    std::copy(values, values + 8, numbers.data());
    return collect<T>({&d, &numbers});
  }
};

#ifdef MAQUE_TEST_CUDA
/// On a GPU squares are added within rows first: sums of squares, and what they are in, have bounds alone.
const Kernels<float>& measured() { return *simd_flavours()[0]; }
void check_case(const Case& c) {
  const std::vector<float> expected = c.run(kernels_ref), got = c.run(measured());
  const size_t n = c.logits.size();
  CHECK_BITS(got.data(), expected.data(), static_cast<int64_t>(n), "d_logits");
  CHECK_BITS(got.data() + n + 1, expected.data() + n + 1, 1, "cross entropy");
  CHECK_BITS(got.data() + n + 5, expected.data() + n + 5, 3, "counts");
}
#else
const Kernels<float>& measured() { return kernels_ref; }
void check_case(const Case& c) { check_flavours(c, "objective"); }
#endif

constexpr SoftLoss kSoftLosses[] = {SoftLoss::none, SoftLoss::mse, SoftLoss::kl};

TEST(bits) {
  for (int64_t classes : {2, 3, 10, 15, 16, 17, 31, 33, 100, 1003}) {
    for (int64_t batch : {0, 1, 9}) {
      Case c(batch, classes);
      for (c.missing = 0; c.missing < 32; ++c.missing) {
        for (SoftLoss soft_loss : kSoftLosses) {
          c.soft_loss = soft_loss;
          c.temperature = 1.0f + static_cast<float>(c.missing % 5);
          check_case(c);
        }
      }
    }
  }
}

TEST(the_gradient_is_optional) {
  Case c(6, 20);
  std::vector<float> with = c.run(kernels_ref);
  c.missing = kGradient;
  const std::vector<float> without = c.run(kernels_ref);
  CHECK_BITS(without.data() + 120, with.data() + 120, 8, "report");
}

TEST(empty_parts_are_zero) {
  for (const Kernels<float>* kernels : simd_flavours()) {
    for (SoftLoss soft_loss : kSoftLosses) {
      Case c(4, 5);
      c.soft_loss = soft_loss;
      c.missing = kLabels | kSoft;
      for (float x : c.run(*kernels)) CHECK_EQ(x, 0.0f);
      c.missing = 0;
      std::fill(c.labels.begin(), c.labels.end(), -1);
      std::fill(c.has_soft.begin(), c.has_soft.end(), 0);
      for (float x : c.run(*kernels)) CHECK_EQ(x, 0.0f);
      c.labels[1] = 3;  // labelled, but of weight 0
      std::fill(c.class_weights.begin(), c.class_weights.end(), 0.0f);
      const std::vector<float> r = c.run(*kernels);
      for (size_t i = 0; i < 25; ++i) CHECK_EQ(r[i], 0.0f);
      CHECK_EQ(r[25], 1.0f);
    }
  }
}

TEST(values_by_hand) {
  Case c(2, 2);
  c.logits = {std::log(3.0f), 0.0f, 0.0f, std::log(4.0f)};  // softmax 3/4 1/4 and 1/5 4/5
  c.soft = {0.0f, 0.0f, 0.0f, 0.0f};                        // 1/2 1/2
  c.labels = {0, 0};
  c.class_weights = {2.0f, 1.0f};
  c.has_soft = {1, 0};
  c.ce_weight = 1.0f;
  c.soft_weight = 2.0f;
  const std::vector<double> kl = c.run(kernels_ref_double);
  const double ce = (std::log(4.0 / 3.0) + std::log(5.0)) / 2,
               divergence = 0.5 * std::log(0.5 / 0.75) + 0.5 * std::log(0.5 / 0.25);
  CHECK_LE(std::fabs(kl[5] - ce), 1e-7);
  CHECK_LE(std::fabs(kl[6] - divergence), 1e-7);
  CHECK_LE(std::fabs(kl[4] - (ce + 2 * divergence)), 1e-7);
  CHECK_LE(std::fabs(kl[0] - (0.5 * (0.75 - 1) + 2 * (0.75 - 0.5))), 1e-7);
  CHECK_LE(std::fabs(kl[2] - 0.5 * (0.2 - 1)), 1e-7);
  CHECK(kl[9] == 2 && kl[10] == 1 && kl[11] == 1);
  c.soft_loss = SoftLoss::mse;
  const std::vector<double> mse = c.run(kernels_ref_double);
  CHECK_LE(std::fabs(mse[6] - std::log(3.0) * std::log(3.0) / 2), 1e-6);
  CHECK_LE(std::fabs(mse[0] - (0.5 * (0.75 - 1) + 2 * std::log(3.0))), 1e-6);
}

TEST(ties_count_for_the_first_class_only) {
  Case c(2, 3);
  c.logits = {1, 2, 2, 1, 2, 2};
  c.labels = {1, 2};
  for (const Kernels<float>* kernels : simd_flavours()) CHECK_EQ(c.run(*kernels)[6 + 7], 1.0f);
}

void check_errors(const Case& c) {
  const std::vector<float> got = c.run(measured());
  const std::vector<double> truth = c.run(kernels_ref_double);
  const size_t n = c.logits.size();
  double weights = 0;
  for (int32_t label : c.labels)
    weights += label < 0 ? 0.0 : static_cast<double>(c.class_weights[static_cast<size_t>(label)]);
  const double soft_rows = std::max(1.0, truth[n + 6]);
  const double ce = static_cast<double>(c.ce_weight) * (weights > 0 ? max_abs(c.class_weights) / weights : 0);
  const double temperature = static_cast<double>(c.temperature);
  CHECK_LE(error_in(got, truth, 0, n), 1e-5 * (ce + static_cast<double>(c.soft_weight) / soft_rows));
  CHECK_LE(error_in(got, truth, n + 1, n + 2), 1e-5 * (1 + truth[n + 1]));
  CHECK_LE(error_in(got, truth, n + 2, n + 3), 1e-5 * (1 + truth[n + 2]) + 2e-6 * temperature * temperature);
  CHECK_LE(error_in(got, truth, n + 3, n + 5), 1e-5 * (1 + truth[n + 3] + truth[n + 4]));
  CHECK_EQ(got[n + 5], truth[n + 5]);
  CHECK_EQ(got[n + 6], truth[n + 6]);
  CHECK_EQ(got[n + 7], truth[n + 7]);
}

TEST(errors_are_within_the_header_bounds) {
  for (int64_t classes : {2, 3, 15, 100, 1000}) {
    for (int64_t batch : {1, 64, 1000}) {
      for (float temperature : {1.0f, 2.0f, 4.0f, 8.0f, 20.0f}) {
        for (SoftLoss soft_loss : {SoftLoss::mse, SoftLoss::kl}) {
          if (batch * classes > 100000) continue;
          Case c(batch, classes, 30.0f);
          c.temperature = temperature;
          c.soft_loss = soft_loss;
          check_errors(c);
          for (size_t e = 0; e < c.soft.size(); ++e) c.soft[e] = c.logits[e] + c.soft[e] * 1e-3f;
          check_errors(c);
        }
      }
    }
  }
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
