// Models in bf16: near the fp32 model, the same bits for any number of threads and any company in the batch.
// Where the processor lacks it: bf16_cap_test.
#include <string>

#include "tests/abi_fixture.h"

namespace maque::test {
namespace {

std::vector<Geometry> geometries() {
  return {wide_bert(Pooling::pooler), wide_bert(Pooling::mean),
          wide_student(Kind::sequence, Pooling::max_logits), wide_student(Kind::sequence, Pooling::mean),
          wide_student(Kind::document, Pooling::none)};
}

std::vector<int32_t> lengths(const Geometry& g, int64_t texts, uint64_t seed) {
  Random random(seed);
  std::vector<int32_t> all;
  for (int64_t i = 0; i < texts; ++i) {
    all.push_back(static_cast<int32_t>(random.below(30)) + (!g.is_bert() && i % 17 == 3 ? 0 : 1));
  }
  return all;
}

std::vector<const Bf16Kernels*> flavours() {
  static bool counted = false;
  std::vector<const Bf16Kernels*> all = present_flavours(kBf16Flavours, bf16_kernels_for, &counted);
  all.insert(all.begin(), &bf16_kernels_ref);
  return all;
}

TrainerOptions options_for(const Geometry& g, const Bf16Kernels* bf16) {
  TrainerOptions o;
  if (bf16 != nullptr) o.arithmetic = {Precision::bf16, bf16};
  o.optimizer = Optimizer::adamw;
  o.weight_decay = 0.01;
  o.clip_norm = 1;
  o.seed = 77;
  o.head_dropout = 0.2;
  if (g.is_bert()) {
    o.hidden_dropout = o.attention_dropout = 0.1;
  } else {
    o.embedding_dropout = o.output_dropout = 0.1;
    o.train_vectors = g.kind == Kind::document;
  }
  return o;
}

/// A trainer with its threads.
struct Run {
  ThreadPool pool;
  Trainer<float> trainer;

  Run(const Geometry& g, const Bf16Kernels* bf16, int32_t threads, const Weights<float>& w) {
    CHECK(pool.start(threads));
    CHECK_EQ(trainer.create(g, options_for(g, bf16), kernels(), pool.executor(), w.pointers.data()), kOk);
    trainer.step_options().ce_weight = 0.5;
    trainer.step_options().soft_weight = 1;
  }

  /// The logits of some texts, all gradients, and all tensors after two steps.
  std::vector<float> train() {
    const Geometry& g = trainer.geometry();
    std::vector<float> all;
    for (uint64_t step = 0; step < 2; ++step) {
      const OwnedBatch<float> batch(g, lengths(g, 36, 5 + step), 20 + step);
      std::vector<float> logits(static_cast<size_t>(batch.size() * g.num_labels));
      CHECK_EQ(trainer.forward(batch.texts(), nullptr, logits.data()), kOk);
      all.insert(all.end(), logits.begin(), logits.end());
      CHECK_EQ(trainer.gradients(batch.train(), nullptr), kOk);
      for (int64_t i = 0; i < trainer.tensor_count(); ++i) {
        const TrainTensor<float>& t = trainer.tensor(i);
        if (t.gradient != nullptr) all.insert(all.end(), t.gradient, t.gradient + t.spec.size());
      }
      CHECK_EQ(trainer.update(0.01), kOk);
    }
    for (int64_t i = 0; i < trainer.tensor_count(); ++i) {
      const TrainTensor<float>& t = trainer.tensor(i);
      all.insert(all.end(), t.value, t.value + t.spec.size());
    }
    return all;
  }
};

/// |x - y| / |y|, Euclidean.
double distance(const float* x, const float* y, int64_t n) {
  double difference = 0, whole = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double a = static_cast<double>(x[i]), b = static_cast<double>(y[i]);
    difference += (a - b) * (a - b);
    whole += b * b;
  }
  return std::sqrt(difference) / (std::sqrt(whole) + 1e-30);
}

/// What is smooth: a ReLU or a maximum that rounding turns the other way changes a gradient by all of an
/// element.
std::vector<Geometry> smooth_geometries() {
  std::vector<Geometry> all = {
      wide_bert(Pooling::pooler), wide_bert(Pooling::mean), wide_student(Kind::sequence, Pooling::mean),
      wide_student(Kind::sequence, Pooling::last), wide_student(Kind::document, Pooling::none)};
  for (Geometry& g : all) g.head_layers = 0;
  return all;
}

/// Two factors rounded by up to 2^-9 in each product of a few layers: 2 % of a tensor's norm; 6 % of those of
/// queries and keys, which a softmax makes small differences.
double gradient_bound(const std::string& name) {
  return name.find("key.") != std::string::npos || name.find("query.") != std::string::npos ? 0.06 : 0.02;
}

TEST(gradients_are_those_of_fp32_but_for_rounding) {
  for (const Geometry& g : smooth_geometries()) {
    const Weights<float> w(g, 3, 0.2f);
    const OwnedBatch<float> batch(g, lengths(g, 36, 5), 20);
    for (const Bf16Kernels* bf16 : flavours()) {
      Run exact(g, nullptr, 1, w), rounded(g, bf16, 1, w);
      double report[2][9];
      CHECK_EQ(exact.trainer.gradients(batch.train(), report[0]), kOk);
      CHECK_EQ(rounded.trainer.gradients(batch.train(), report[1]), kOk);
      CHECK_LE(std::fabs(report[0][0] - report[1][0]), 0.005 * report[0][0]);
      CHECK(report[0][0] != report[1][0]);  // else it was fp32 all the same
      for (int64_t i = 0; i < exact.trainer.tensor_count(); ++i) {
        const TrainTensor<float>&a = rounded.trainer.tensor(i), &b = exact.trainer.tensor(i);
        const std::string name = a.spec.name;
        // The key's bias has no influence on a softmax: its gradient is rounding alone.
        if (a.gradient == nullptr || name.find("key.bias") != std::string::npos) continue;
        const double found = distance(a.gradient, b.gradient, a.spec.size());
        CHECK_LE(found, gradient_bound(name));
        if (!(found <= gradient_bound(name))) std::printf("  %s: %g\n", a.spec.name, found);
      }
    }
  }
}

TEST(any_number_of_threads_has_the_same_bits) {
  for (const Geometry& g : geometries()) {
    const Weights<float> w(g, 3, 0.2f);
    Run first(g, flavours().back(), 1, w);
    const std::vector<float> expected = first.train();
    for (int32_t threads : {2, 4}) {
      Run run(g, flavours().back(), threads, w);
      CHECK_BITS(run.train().data(), expected.data(), static_cast<int64_t>(expected.size()), "threads");
    }
    Run reference(g, &bf16_kernels_ref, 1, w), emulated(g, &bf16_kernels_emu, 1, w);
    CHECK_BITS(reference.train().data(), emulated.train().data(), static_cast<int64_t>(expected.size()),
               "emu");
  }
}

TEST(a_text_alone_has_the_bits_that_it_has_in_company) {
  for (const Geometry& g : geometries()) {
    const Weights<float> w(g, 3, 0.2f);
    Run run(g, flavours().back(), 2, w);
    const OwnedBatch<float> batch(g, lengths(g, 40, 5), 20);
    std::vector<float> all(static_cast<size_t>(batch.size() * g.num_labels)),
        one(static_cast<size_t>(g.num_labels));
    CHECK_EQ(run.trainer.forward(batch.texts(), nullptr, all.data()), kOk);
    for (int64_t i = 0; i < batch.size(); ++i) {
      Texts text = batch.texts();
      text.offsets += i;
      text.count = 1;
      CHECK_EQ(run.trainer.forward(text, nullptr, one.data()), kOk);
      CHECK_BITS(one.data(), all.data() + i * g.num_labels, g.num_labels, "alone");
    }
  }
}

TEST(a_students_training_form_is_not_served_in_bf16) {
  const Geometry g = wide_student(Kind::sequence, Pooling::mean);
  const Weights<float> w(g, 3, 0.2f);
  int64_t builder = 0, model = 0;
  expect(maque_builder_new(&builder), MAQUE_OK, "builder");
  for (const auto& [key, value] : options_of(g)) maque_builder_option(builder, key.c_str(), value.c_str());
  expect(maque_builder_option(builder, "precision", "bf16"), MAQUE_OK, "precision");
  give_tensors(builder, g, w, false);
  CHECK_EQ(maque_builder_build(builder, &model), MAQUE_UNSUPPORTED);
  maque_builder_free(builder);
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
