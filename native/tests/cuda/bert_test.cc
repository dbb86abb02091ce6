// BERT on the emulated device against the CPU's, on the same weights and batches: every pooling, every mode
// of training, with and without dropout and types, forwards between any two points. In bf16: bert_bf16_test.
#include "tests/cuda/bert_case.h"

namespace maque::test {
namespace {

std::vector<BertCase> cases() {
  std::vector<BertCase> all;
  for (Pooling pooling : {Pooling::pooler, Pooling::cls, Pooling::mean}) {
    for (TrainMode mode :
         {TrainMode::all, TrainMode::last_layers, TrainMode::last_tensors, TrainMode::head}) {
      const bool odd = (all.size() & 1) != 0;
      all.push_back({bert_geometry(pooling), mode, true, !odd, {5, 1, 9, 3}});
      all.push_back({bert_geometry(pooling, {}), mode, false, odd, {2, 4}});
    }
  }
  return all;
}

/// As near the truth as the CPU is asked to be.
constexpr double kBound = 2e-5;

TEST(gradients_in_every_mode) {
  for (const BertCase& c : cases()) {
    const OnCpu<double> truth(c, kernels_ref_double, Arithmetic{});
    const OnCpu<float> cpu(c, kernels_ref, Arithmetic{});
    const StepResult got = on_device(c, Precision::fp32, cpu.trunk, trained_of(cpu));
    CHECK_LE(worst_error(c.g, cpu.gradients, truth.gradients, c.name() + " on the CPU", kBound), kBound);
    CHECK_LE(worst_error(c.g, got.gradients, truth.gradients, c.name(), kBound), kBound);
    CHECK_LE(std::fabs(static_cast<double>(got.report.loss) - truth.loss), 1e-5 * truth.loss);
    if (c.mode == TrainMode::last_tensors || c.mode == TrainMode::head) {
      // No attention: the same bits.
      for (size_t i = 0; i < cpu.gradients.size(); ++i)
        CHECK_BITS(got.gradients[i].data(), cpu.gradients[i].data(),
                   static_cast<int64_t>(cpu.gradients[i].size()), c.name().c_str());
    }
  }
}

/// With one token a text attention is exact too: what lies above the last layer's queries and keys has the
/// CPU's bits.
TEST(everything_but_attention_has_the_cpus_bits) {
  for (Pooling pooling : {Pooling::pooler, Pooling::cls, Pooling::mean}) {
    const BertCase c = {bert_geometry(pooling), TrainMode::all, true, true, std::vector<int32_t>(20, 1)};
    const OnCpu<float> cpu(c, kernels_ref, Arithmetic{});
    const StepResult got = on_device(c, Precision::fp32, {}, trained_of(cpu));
    const auto loss = static_cast<double>(got.report.loss);
    CHECK_LE(std::fabs(loss - cpu.loss), 1e-6 * loss);
    for (int64_t i = bert_tensor(c.g.layers - 1, kValueWeight); i < tensor_count(c.g); ++i) {
      const auto& expected = cpu.gradients[static_cast<size_t>(i)];
      CHECK_BITS(got.gradients[static_cast<size_t>(i)].data(), expected.data(),
                 static_cast<int64_t>(expected.size()), tensor_spec(c.g, i).name);
    }
  }
}

/// More rows than one chain of a sum has, runs of ids of all lengths.
TEST(gradients_of_a_larger_batch) {
  BertCase c = {wide_bert(Pooling::cls), TrainMode::all, true, true, {33, 1, 40, 26}};
  c.g.layers = 1;
  c.g.vocab = 7;
  const OnCpu<double> truth(c, kernels_ref_double, Arithmetic{}, 0.2f);
  const StepResult got = on_device(c, Precision::fp32, {}, trained_of(truth), 0.2f);
  CHECK_LE(worst_error(c.g, got.gradients, truth.gradients, "larger", kBound), kBound);
  const StepResult again = on_device(c, Precision::fp32, {}, trained_of(truth), 0.2f);
  for (size_t i = 0; i < got.gradients.size(); ++i)
    CHECK_BITS(again.gradients[i].data(), got.gradients[i].data(),
               static_cast<int64_t>(got.gradients[i].size()), "run to run");
}

/// Forwards without dropout, from and to every point.
TEST(forwards_between_any_points) {
  for (Pooling pooling : {Pooling::pooler, Pooling::cls, Pooling::mean}) {
    const Geometry g = bert_geometry(pooling);
    const Weights<float> weights(g, 7);
    const OwnedBatch<float> owned(g, {5, 1, 9, 3}, 11);
    DeviceBert model(g, Precision::fp32, weights);
    Trainer<float> cpu;
    create(&cpu, {g, TrainMode::all, false, true, {}}, kernels_ref, Arithmetic{}, weights);
    std::vector<float> expected(static_cast<size_t>(owned.size() * g.num_labels));
    CHECK_EQ(cpu.forward(owned.texts(), nullptr, expected.data()), kOk);
    for (BertPoint point = 0; point <= features_point(g); ++point) {
      if (g.first_row_only() && point == last_hidden_point(g)) continue;  // all rows there, first rows below
      const std::vector<float> rows = model.forward(owned.texts(), nullptr, kFromIds, point);
      const std::vector<float> logits = model.forward(owned.texts(), rows.data(), point, logits_point(g));
      CHECK_LE(relative_error(logits.data(), expected.data(), static_cast<int64_t>(expected.size())), 1e-5);
    }
    const std::vector<float> direct = model.forward(owned.texts(), nullptr, kFromIds, logits_point(g));
    CHECK_LE(relative_error(direct.data(), expected.data(), static_cast<int64_t>(expected.size())), 1e-5);
    const int64_t hidden = owned.texts().tokens() * g.hidden;
    CHECK_EQ(
        static_cast<int64_t>(model.forward(owned.texts(), nullptr, kFromIds, last_hidden_point(g)).size()),
        hidden);
  }
}

/// Of the device's own loss, by central differences.
TEST(gradients_are_those_of_the_loss) {
  Geometry g = bert_geometry(Pooling::pooler, {});
  g.hidden = 4, g.heads = 2, g.intermediate = 5, g.layers = 1, g.vocab = 3, g.positions = 4;
  const BertCase c = {g, TrainMode::all, true, true, {3, 2}};
  const Weights<float> weights(g, 7);
  const OwnedBatch<float> owned(g, c.lengths, 11);
  DeviceBert model(g, Precision::fp32, weights);
  const TrainBatch<float> batch = owned.train();
  const StepResult step = model.step(batch, kFromIds, dropout_of(c), nullptr);
  Random random(5);
  for (int64_t i = 0; i < tensor_count(g); ++i) {
    const int64_t j = random.below(tensor_spec(g, i).size());
    float* value = model.value(i) + j;
    const float kept = *value, h = 0.01f;
    double loss[2];
    for (int side = 0; side < 2; ++side) {
      *value = side == 0 ? kept - h : kept + h;
      loss[side] = static_cast<double>(model.step(batch, kFromIds, dropout_of(c), nullptr).report.loss);
    }
    *value = kept;
    const double found = (loss[1] - loss[0]) / (2 * static_cast<double>(h));
    CHECK_LE(std::fabs(found -
                       static_cast<double>(step.gradients[static_cast<size_t>(i)][static_cast<size_t>(j)])),
             5e-4);
  }
}

TEST(what_the_device_does_not_take) {
  Geometry g = bert_geometry(Pooling::cls);
  CHECK_EQ(cuda::check_bert(g, Precision::fp32), kOk);
  CHECK_EQ(cuda::check_bert(g, Precision::bf16), kUnsupported);  // hidden 12
  g.hidden = 24;
  CHECK_EQ(cuda::check_bert(g, Precision::bf16), kOk);
  g.hidden = 258, g.heads = 2;
  CHECK_EQ(cuda::check_bert(g, Precision::fp32), kUnsupported);
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
