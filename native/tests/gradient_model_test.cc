// Gradients of whole models with the full objective, wholly in double, against central differences.
#include <string>

#include "tests/model_fixture.h"

namespace maque::test {
namespace {

constexpr double kStep = 1e-5;
// Central differences are off by kStep^2 times a third derivative and by the rounding of the loss over kStep.
constexpr double kTolerance = 2e-7;
constexpr int64_t kMostElements = 40;  // of one tensor

struct Checker {
  Trainer<double>& trainer;
  const OwnedBatch<double>& batch;

  double loss() {
    double report[9];
    trainer.value_written();
    CHECK_EQ(trainer.gradients(batch.train(), report), kOk);
    return report[0];
  }

  double difference(double* value) {
    const double kept = *value;
    *value = kept + kStep;
    const double up = loss();
    *value = kept - kStep;
    const double down = loss();
    *value = kept;
    return (up - down) / (2 * kStep);
  }

  /// Compares every tensor; returns how many are trained.
  int64_t run(const char* what) {
    int64_t trained = 0;
    double norm = 0;
    Random random(5);
    for (int64_t i = 0; i < trainer.tensor_count(); ++i) {
      const TrainTensor<double>& t = trainer.tensor(i);
      if (!t.trained) continue;
      ++trained;
      const int64_t n = t.spec.size();
      loss();
      std::vector<double> gradient(static_cast<size_t>(n));
      trainer.read_gradient(i, gradient.data());
      for (double x : gradient) norm += x * x;
      double worst = 0;
      for (int64_t k = 0; k < (n < kMostElements ? n : kMostElements); ++k) {
        const int64_t j = n < kMostElements ? k : random.below(n);
        const double error = std::abs(difference(t.value + j) - gradient[static_cast<size_t>(j)]);
        worst = error > worst || std::isnan(error) ? error : worst;
      }
      CHECK_LE(worst, kTolerance);
      if (!(worst <= kTolerance)) std::printf("  %s: %s: off by %g\n", what, t.spec.name, worst);
    }
    double report[9];
    trainer.value_written();
    CHECK_EQ(trainer.gradients(batch.train(), report), kOk);
    CHECK_LE(std::abs(report[8] - std::sqrt(norm)), 1e-9 * report[8]);
    return trained;
  }
};

/// Tries soft losses in turn; returns the number of trained tensors.
int64_t check(const Geometry& g, const TrainerOptions& options, const std::vector<int32_t>& lengths,
              const std::string& what) {
  const Weights<double> weights(g, 7);
  const OwnedBatch<double> batch(g, lengths, 11);
  Trainer<double> trainer;
  CHECK_EQ(trainer.create(g, options, kernels_ref_double, serial_executor(), weights.pointers.data()), kOk);
  trainer.step_options().ce_weight = 0.4;
  trainer.step_options().soft_weight = 0.7;
  trainer.step_options().temperature = 2.5;
  trainer.step_options().soft_loss = what.size() % 2 == 0 ? SoftLoss::mse : SoftLoss::kl;
  trainer.step_options().step = 3;
  return Checker{trainer, batch}.run(what.c_str());
}

TrainerOptions bert_options(TrainMode mode) {
  TrainerOptions o;
  o.mode = mode;
  o.last_layers = 1;
  o.seed = 42;
  o.hidden_dropout = 0.2;
  o.attention_dropout = 0.15;
  o.head_dropout = 0.3;
  return o;
}

const char* name(Pooling p) {
  switch (p) {
    case Pooling::pooler:
      return "pooler";
    case Pooling::cls:
      return "cls";
    case Pooling::mean:
      return "mean";
    case Pooling::max_logits:
      return "max-logits";
    case Pooling::max:
      return "max";
    case Pooling::last:
      return "last";
    case Pooling::none:
      break;
  }
  return "none";
}

TEST(bert_every_pooling_and_mode) {
  const double class_weights[] = {0.5, 2, 1};
  for (Pooling pooling : {Pooling::pooler, Pooling::cls, Pooling::mean}) {
    const Geometry g = bert_geometry(pooling);
    const int64_t head = 4, pooler = pooling == Pooling::pooler ? 2 : 0;
    for (TrainMode mode :
         {TrainMode::all, TrainMode::last_layers, TrainMode::last_tensors, TrainMode::head}) {
      TrainerOptions o = bert_options(mode);
      o.class_weights = class_weights;
      const std::string what =
          std::string("bert ") + name(pooling) + " " + std::to_string(static_cast<int>(mode));
      const int64_t trained = check(g, o, {5, 1, 9, 3}, what);
      const int64_t expected = mode == TrainMode::all            ? tensor_count(g)
                               : mode == TrainMode::last_layers  ? 16 + pooler + head
                               : mode == TrainMode::last_tensors ? 2 + pooler + head
                                                                 : head;
      CHECK_EQ(trained, expected);
    }
  }
}

TEST(bert_without_dropout_and_other_activations) {
  for (Activation act : {Activation::gelu_tanh, Activation::relu}) {
    Geometry g = bert_geometry(Pooling::cls, {});
    g.activation = act;
    TrainerOptions o;
    check(g, o, {4, 2}, "bert plain");
  }
  Geometry g = bert_geometry(Pooling::mean);  // every layer trained, the embeddings frozen
  TrainerOptions o;
  o.mode = TrainMode::last_layers;
  o.last_layers = 2;
  CHECK_EQ(check(g, o, {4, 2}, "bert last-layers:2"), 2 * 16 + 4);
}

TEST(sequence_every_pooling) {
  for (Pooling pooling : {Pooling::max_logits, Pooling::max, Pooling::mean, Pooling::last}) {
    for (bool drops : {false, true}) {
      TrainerOptions o;
      o.seed = 9;
      if (drops) o.embedding_dropout = o.output_dropout = o.head_dropout = 0.25;
      const Geometry g = student_geometry(Kind::sequence, pooling,
                                          drops ? std::vector<int64_t>{6, 5} : std::vector<int64_t>{});
      const std::string what = std::string("sequence ") + name(pooling) + (drops ? " dropout" : "");
      CHECK_EQ(check(g, o, {3, 0, 5, 1, 5}, what), tensor_count(g));
    }
  }
}

/// Nothing before any token, nothing but empty texts, and every text as long as the longest.
TEST(sequence_shortest_batches) {
  for (Pooling pooling : {Pooling::max_logits, Pooling::max, Pooling::mean, Pooling::last}) {
    for (const std::vector<int32_t>& lengths :
         {std::vector<int32_t>{1}, {1, 0, 1}, {0}, {0, 0}, {2}, {3, 3}}) {
      const Geometry g = student_geometry(Kind::sequence, pooling);
      CHECK_EQ(check(g, {}, lengths, std::string("short sequence ") + name(pooling)), tensor_count(g));
    }
  }
}

TEST(document_with_and_without_vectors) {
  for (bool vectors : {false, true}) {
    TrainerOptions o;
    o.embedding_dropout = o.output_dropout = o.head_dropout = 0.2;
    o.train_vectors = vectors;
    const Geometry g = student_geometry(Kind::document, Pooling::none);
    CHECK_EQ(check(g, o, {3, 0, 5, 1}, vectors ? "document vectors" : "document"),
             tensor_count(g) - (vectors ? 0 : 1));
  }
}

TEST(ngrams_beside_every_student) {
  for (Pooling pooling : {Pooling::max_logits, Pooling::max, Pooling::mean, Pooling::last}) {
    for (bool drops : {false, true}) {
      TrainerOptions o;
      o.seed = 9;
      if (drops) o.embedding_dropout = o.output_dropout = o.head_dropout = o.ngram_dropout = 0.25;
      const Geometry g = with_ngrams(student_geometry(
          Kind::sequence, pooling, drops ? std::vector<int64_t>{6, 5} : std::vector<int64_t>{}));
      const std::string what = std::string("n-grams, sequence ") + name(pooling) + (drops ? " dropout" : "");
      CHECK_EQ(check(g, o, {3, 0, 5, 1, 5}, what), tensor_count(g));
    }
  }
  TrainerOptions o;
  o.ngram_dropout = 0.3;
  const Geometry document = with_ngrams(student_geometry(Kind::document, Pooling::none));
  CHECK_EQ(check(document, o, {3, 0, 5, 1}, "n-grams, document"), tensor_count(document) - 1);
  for (const std::vector<int64_t>& head : {std::vector<int64_t>{}, {6}, {6, 4}}) {
    const Geometry bag = bag_geometry(head);
    CHECK_EQ(check(bag, o, {3, 0, 5, 1}, "bag"), tensor_count(bag));
  }
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
