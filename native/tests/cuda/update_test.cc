// Norm and update of all tensors of a model in one launch, rows of a table among them, against the CPU's
// operations tensor by tensor.
#include <algorithm>
#include <limits>

#include "kernels/cuda/cuda_list.h"
#include "tests/kernel_case.h"

namespace maque::test {
namespace {

constexpr int32_t kTensors = 4, kTable = 3;  // the last has a gradient by rows
constexpr int64_t kWidth = 13, kTableRows = 50;
const std::vector<int32_t> kIds = {3, 7, 49};

/// Three tensors, one of more than one piece, and a table of which three rows have a gradient.
struct Model {
  std::vector<float> w[kTensors], grad[kTensors], m[kTensors], v[kTensors];
  std::vector<cuda::TrainedTensor> tensors;
  std::vector<cuda::TensorPiece> pieces;

  Model() {
    Random random(4);
    const int64_t sizes[] = {5, 2 * kSumChunk + 17, 300, kTableRows * kWidth};
    for (int32_t t = 0; t < kTensors; ++t) {
      const int64_t n = sizes[t];
      w[t] = random.vector(n), m[t] = random.vector(n), v[t] = random.vector(n, 0, 1);
      grad[t] = random.vector(t == kTable ? static_cast<int64_t>(kIds.size()) * kWidth : n);
      for (int64_t begin = 0; begin < n && t != kTable; begin += kSumChunk)
        pieces.push_back({t, static_cast<int32_t>(std::min(kSumChunk, n - begin)), begin});
    }
  }

  static double rate_scale(int32_t t) { return 0.3 * (t + 1); }
  static float decay(int32_t t) { return t == 1 ? 0.01f : 0.0f; }

  cuda::TrainedPieces point(bool has_state) {
    for (int32_t t = 0; t < kTensors; ++t)
      tensors.push_back({w[t].data(), t == kTable ? nullptr : grad[t].data(),
                         has_state ? m[t].data() : nullptr, v[t].data(), rate_scale(t), decay(t)});
    const auto rows = static_cast<int64_t>(kIds.size());
    return {tensors.data(),
            pieces.data(),
            static_cast<int64_t>(pieces.size()),
            {kTable, rows, kWidth, kIds.data(), grad[kTable].data()}};
  }

  /// f(t, begin, gradient, n) of every tensor or row of it.
  template <class F>
  void each(const F& f) const {
    for (int32_t t = 0; t < kTable; ++t) f(t, int64_t{0}, grad[t].data(), static_cast<int64_t>(w[t].size()));
    for (size_t r = 0; r < kIds.size(); ++r)
      f(kTable, kIds[r] * kWidth, grad[kTable].data() + r * static_cast<size_t>(kWidth), kWidth);
  }
};

void check_same(const Model& got, const Model& expected) {
  for (int32_t t = 0; t < kTensors; ++t) {
    const auto n = static_cast<int64_t>(expected.w[t].size());
    CHECK_BITS(got.w[t].data(), expected.w[t].data(), n, "w");
    CHECK_BITS(got.m[t].data(), expected.m[t].data(), n, "m");
    CHECK_BITS(got.v[t].data(), expected.v[t].data(), n, "v");
  }
}

/// The norm's report, after checking each partial sum's bits.
cuda::ClipReport checked_norm(const Model& model, const cuda::TrainedPieces& pieces, double clip_norm) {
  std::vector<float> partial(static_cast<size_t>(pieces.sums()));
  cuda::ClipReport report = {};
  check_launched(cuda::global_norm(nullptr, pieces, clip_norm, nullptr, partial.data(), &report));
  std::vector<float> expected;
  for (const cuda::TensorPiece& piece : model.pieces)
    expected.push_back(kernels_ref.sum_of_squares(model.grad[piece.tensor].data() + piece.begin, piece.n));
  for (size_t r = 0; r < kIds.size(); ++r)
    expected.push_back(
        kernels_ref.sum_of_squares(model.grad[kTable].data() + r * static_cast<size_t>(kWidth), kWidth));
  CHECK_BITS(partial.data(), expected.data(), pieces.sums(), "sums of squares");
  double sum = 0;
  for (float square : expected) sum += static_cast<double>(square);
  CHECK_LE(std::fabs(report.norm - std::sqrt(sum)), 1e-14 * std::sqrt(sum));
  CHECK_EQ(report.stopped, 0);
  return report;
}

TEST(norm_and_update_of_all_tensors) {
  const cuda::StepScalars scalars = {1e-3, 0.19f, 0.05f};
  for (double clip_norm : {0.0, 1.0, 1e6}) {
    Model all, single;
    const cuda::TrainedPieces pieces = all.point(true);
    const cuda::ClipReport report = checked_norm(all, pieces, clip_norm);
    const float scale = clip_norm == 1.0 ? static_cast<float>(1 / (report.norm + 1e-6)) : 1.0f;
    CHECK_EQ(report.scale, scale);
    check_launched(cuda::adam_step_all(nullptr, pieces, 0.9, 0.999, 1e-8f, &scalars, &report));
    single.each([&](int32_t t, int64_t begin, const float* grad, int64_t n) {
      const auto lr = static_cast<float>(1e-3 * Model::rate_scale(t));
      kernels_ref.adam_step(single.w[t].data() + begin, grad, single.m[t].data() + begin,
                            single.v[t].data() + begin, n, lr, 0.9, 0.999, 1e-8f, Model::decay(t), 0.19f,
                            0.05f, scale);
    });
    check_same(all, single);
  }
}

TEST(sgd_of_all_tensors) {
  const cuda::StepScalars scalars = {1e-2, 0, 0};
  for (bool has_momentum : {false, true}) {
    Model all, single;
    const cuda::TrainedPieces pieces = all.point(has_momentum);
    check_launched(cuda::sgd_step_all(nullptr, pieces, 0.9f, &scalars, nullptr));
    single.each([&](int32_t t, int64_t begin, const float* grad, int64_t n) {
      const auto lr = static_cast<float>(1e-2 * Model::rate_scale(t));
      kernels_ref.sgd_step(single.w[t].data() + begin, grad,
                           has_momentum ? single.m[t].data() + begin : nullptr, n, lr, 0.9f, Model::decay(t),
                           1.0f);
    });
    check_same(all, single);
  }
}

/// A loss or a gradient that is not finite stops updates until the report is cleared.
TEST(what_is_not_finite_stops_updates) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), fine = 1;
  const cuda::StepScalars scalars = {1e-2, 0.1f, 0.1f};
  for (bool by_loss : {false, true}) {
    Model model;
    const Model before;
    const cuda::TrainedPieces pieces = model.point(true);
    if (!by_loss) model.grad[2][5] = nan;
    std::vector<float> partial(static_cast<size_t>(pieces.sums()));
    cuda::ClipReport report = {};
    check_launched(cuda::global_norm(nullptr, pieces, 1.0, by_loss ? &nan : &fine, partial.data(), &report));
    CHECK_EQ(report.stopped, 1);
    if (by_loss) CHECK(report.norm == 0);
    model.grad[2][5] = 0;
    check_launched(cuda::global_norm(nullptr, pieces, 1.0, &fine, partial.data(), &report));
    CHECK_EQ(report.stopped, 1);
    check_launched(cuda::adam_step_all(nullptr, pieces, 0.9, 0.999, 1e-8f, &scalars, &report));
    check_launched(cuda::sgd_step_all(nullptr, pieces, 0.9f, &scalars, &report));
    check_same(model, before);
  }
}

TEST(no_gradients_have_norm_zero) {
  cuda::ClipReport report = {1, 0, 0};
  check_launched(cuda::global_norm(nullptr, {}, 1.0, nullptr, nullptr, &report));
  CHECK(report.norm == 0 && report.scale == 1 && report.stopped == 0);
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
