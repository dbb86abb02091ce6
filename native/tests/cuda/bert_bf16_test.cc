// BERT in bf16 on the emulated device against fp32.
#include "tests/cuda/bert_case.h"

namespace maque::test {
namespace {

/// Sizes for bf16: heads of 8, or of 12 that attention takes in fp32; rows of 20 that are padded.
Geometry bf16_geometry(Pooling pooling, int64_t heads) {
  Geometry g = bert_geometry(pooling, {});
  g.hidden = 24, g.heads = heads;
  return g;
}

/// As far from fp32 as the CPU's bf16 may be (bf16_model_test): products of a few layers whose factors are
/// rounded by up to 2^-9, and twice that where attention rounds too.
TEST(gradients_in_bf16) {
  for (Pooling pooling : {Pooling::pooler, Pooling::cls, Pooling::mean}) {
    for (int64_t heads : {3, 2}) {
      for (TrainMode mode : {TrainMode::all, TrainMode::last_layers, TrainMode::last_tensors}) {
        const BertCase c = {bf16_geometry(pooling, heads), mode, heads == 3, true, {5, 1, 9, 3}};
        const OnCpu<float> exact(c, kernels_ref, Arithmetic{}, 0.3f);
        const std::vector<bool> trained = trained_of(exact);
        const StepResult got = on_device(c, Precision::bf16, exact.trunk, trained, 0.3f);
        const double bound = heads == 3 ? 0.04 : 0.02;
        const double worst = worst_error(c.g, got.gradients, exact.gradients, c.name() + " in bf16", bound);
        CHECK_LE(worst, bound);
        CHECK_LE(1e-4, worst);  // it is bf16 indeed
        CHECK_LE(std::fabs(static_cast<double>(got.report.loss) - exact.loss), 0.005 * exact.loss);
        if (mode != TrainMode::all) continue;
        const StepResult again = on_device(c, Precision::bf16, exact.trunk, trained, 0.3f);
        for (size_t i = 0; i < got.gradients.size(); ++i)
          CHECK_BITS(again.gradients[i].data(), got.gradients[i].data(),
                     static_cast<int64_t>(got.gradients[i].size()), "run to run");
      }
    }
  }
}

TEST(forwards_in_bf16) {
  for (Pooling pooling : {Pooling::pooler, Pooling::cls, Pooling::mean}) {
    const Geometry g = bf16_geometry(pooling, 3);
    const Weights<float> weights(g, 7, 0.3f);
    const OwnedBatch<float> owned(g, {5, 1, 9, 3}, 11);
    DeviceBert exact(g, Precision::fp32, weights), rounded(g, Precision::bf16, weights);
    const BertPoint to = logits_point(g);
    const std::vector<float> expected = exact.forward(owned.texts(), nullptr, kFromIds, to);
    const std::vector<float> got = rounded.forward(owned.texts(), nullptr, kFromIds, to);
    const auto n = static_cast<int64_t>(got.size());
    CHECK_LE(relative_error(got.data(), expected.data(), n), 0.02);
    CHECK_LE(1e-5, relative_error(got.data(), expected.data(), n));
    const std::vector<float> rows = rounded.forward(owned.texts(), nullptr, kFromIds, 1);
    const std::vector<float> split = rounded.forward(owned.texts(), rows.data(), 1, to);
    CHECK_BITS(split.data(), got.data(), n, "from the trunk");
  }
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
