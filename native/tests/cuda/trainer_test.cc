// Steps on the emulated device against steps on the CPU, and against themselves.
#include "tests/cuda/trainer_case.h"

namespace maque::test {
namespace {

constexpr int kSteps = 3;
constexpr double kRate = 1e-2;

/// Batches of different lengths, an empty text among them where there may be one.
std::vector<OwnedBatch<float>> batches(const Geometry& g) {
  const std::vector<std::vector<int32_t>> lengths =
      g.is_bert() ? std::vector<std::vector<int32_t>>{{5, 1, 9, 3}, {2, 4}, {7, 7, 1}}
                  : std::vector<std::vector<int32_t>>{{4, 1, 0, 6}, {2, 3, 3}, {9, 1}};
  std::vector<OwnedBatch<float>> all;
  for (size_t i = 0; i < lengths.size(); ++i) all.emplace_back(g, lengths[i], 20 + i);
  return all;
}

struct Case {
  Geometry g;
  TrainerOptions options;
  StepOptions step = mixed_step();
  Weights<float> weights;

  Case(const Geometry& geometry, double dropout)
      : g(geometry), options(trainer_options(geometry, dropout)), weights(geometry, 3) {}
};

Snapshot on_cpu(const Case& c) {
  Trainer<float> t;
  check_ok(t.create(c.g, c.options, kernels_ref, serial_executor(), c.weights.pointers.data()));
  t.step_options() = c.step;
  for (const OwnedBatch<float>& b : batches(c.g)) {
    check_ok(t.gradients(b.train(), nullptr));
    check_ok(t.update(kRate));
  }
  return Snapshot::of(t);
}

enum class How { step, apart, pipelined };

Snapshot on_device(const Case& c, How how) {
  cuda::DeviceTrainer t;
  check_ok(t.create(c.g, c.options, emulated_device(), c.weights.pointers.data()));
  t.step_options() = c.step;
  double report[9];
  int under_way = 0;
  for (const OwnedBatch<float>& b : batches(c.g)) {
    if (how == How::step) check_ok(t.step(b.train(), kRate, report));
    if (how == How::apart) {
      check_ok(t.gradients(b.train(), report));
      check_ok(t.update(kRate));
    }
    if (how != How::pipelined) continue;
    check_ok(t.start(b.train(), kRate));
    if (++under_way < 2) continue;
    check_ok(t.finish(report));
    --under_way;
  }
  if (under_way > 0) check_ok(t.finish(report));
  CHECK_EQ(t.step_options().step, kSteps);
  return Snapshot::of(&t);
}

std::vector<Geometry> students() {
  return {student_geometry(Kind::document, Pooling::none),
          student_geometry(Kind::sequence, Pooling::max_logits),
          student_geometry(Kind::sequence, Pooling::mean, {}),
          with_ngrams(student_geometry(Kind::sequence, Pooling::max)),
          with_ngrams(student_geometry(Kind::document, Pooling::none, {})),
          bag_geometry()};
}

TEST(students_have_the_cpus_bits) {
  for (const Geometry& g : students()) {
    for (double dropout : {0.0, 0.3}) {
      const Case c(g, dropout);
      check_same_bits(on_device(c, How::step), on_cpu(c));
    }
  }
}

TEST(every_optimiser_has_the_cpus_bits) {
  Case c(with_ngrams(student_geometry(Kind::document, Pooling::none)), 0.1);
  c.options.optimizer = Optimizer::sgd;
  check_same_bits(on_device(c, How::step), on_cpu(c));
  c.options.momentum = 0.9;
  check_same_bits(on_device(c, How::step), on_cpu(c));
  c.options.rate_scale_count = 1;
  c.options.rate_scales[0] = {"classifier", 0.25};
  const double class_weights[] = {0.5, 2, 1};
  c.options.class_weights = class_weights;
  c.step.soft_loss = SoftLoss::kl;
  check_same_bits(on_device(c, How::step), on_cpu(c));
}

/// The norm of all gradients adds up in another order.
TEST(clipping_within_a_bound) {
  Case c(student_geometry(Kind::sequence, Pooling::last), 0.2);
  c.options.clip_norm = 0.05;
  CHECK_LE(largest_difference(on_device(c, How::step), on_cpu(c)), 1e-6);
}

TEST(bert_in_every_mode) {
  for (TrainMode mode : {TrainMode::all, TrainMode::last_layers, TrainMode::last_tensors, TrainMode::head}) {
    Case c(bert_geometry(mode == TrainMode::last_layers ? Pooling::mean : Pooling::pooler), 0.1);
    c.options.mode = mode;
    c.options.last_layers = 1;
    // Adam's first steps are of the rate's size whatever the gradient's: 1e-2 * what rounding may turn round.
    c.options.optimizer = Optimizer::sgd;
    CHECK_LE(largest_difference(on_device(c, How::step), on_cpu(c)), 2e-6);
  }
}

/// However a step is asked for, and at every run.
TEST(the_same_bits_each_time) {
  for (const Geometry& g :
       {bert_geometry(Pooling::cls), with_ngrams(student_geometry(Kind::sequence, Pooling::max))}) {
    Case c(g, 0.2);
    if (g.is_bert()) {
      c.g.hidden = 24;
      c.g.precision = Precision::bf16;
      c.weights = Weights<float>(c.g, 3);
    }
    c.options.clip_norm = 1;
    const Snapshot first = on_device(c, How::step);
    check_same_bits(on_device(c, How::step), first);
    check_same_bits(on_device(c, How::apart), first);
    check_same_bits(on_device(c, How::pipelined), first);
  }
}

/// Products of rounded factors: near the CPU's in fp32.
TEST(bf16_stays_near) {
  for (Geometry g : {bert_geometry(Pooling::cls), student_geometry(Kind::sequence, Pooling::max_logits)}) {
    if (g.is_bert()) g.hidden = 24;
    Case c(g, 0);
    c.options.optimizer = Optimizer::sgd;
    const Snapshot exact = on_cpu(c);
    c.g.precision = Precision::bf16;
    const double difference = largest_difference(on_device(c, How::step), exact);
    CHECK_LE(difference, 5e-3);
    CHECK(difference > 0);
  }
}

/// Logits of the same weights, in chunks too; and the trunk's output, which stands in for the ids.
TEST(forward_and_trunk) {
  Case c(bert_geometry(Pooling::cls), 0);
  c.options.mode = TrainMode::last_layers;
  c.options.last_layers = 1;
  cuda::DeviceTrainer t;
  Trainer<float> cpu;
  check_ok(t.create(c.g, c.options, emulated_device(), c.weights.pointers.data()));
  check_ok(cpu.create(c.g, c.options, kernels_ref, serial_executor(), c.weights.pointers.data()));
  const OwnedBatch<float> b(c.g, {5, 1, 9, 3}, 8);
  const auto tokens = static_cast<size_t>(b.offsets.back());
  std::vector<float> rows(tokens * 12), cpu_rows(rows), logits(12), by_rows(12), cpu_logits(12);
  check_ok(t.trunk(b.texts(), rows.data()));
  check_ok(cpu.trunk(b.texts(), cpu_rows.data()));
  for (size_t i = 0; i < rows.size(); ++i) CHECK_LE(std::fabs(rows[i] - cpu_rows[i]), 1e-5f);
  check_ok(t.forward(b.texts(), nullptr, logits.data()));
  check_ok(t.forward(b.texts(), rows.data(), by_rows.data()));
  check_ok(cpu.forward(b.texts(), nullptr, cpu_logits.data()));
  CHECK_BITS(by_rows.data(), logits.data(), 12, "logits from rows");
  for (size_t i = 0; i < 12; ++i) CHECK_LE(std::fabs(logits[i] - cpu_logits[i]), 1e-5f);
  double from_ids[9], from_rows[9];
  check_ok(t.gradients(b.train(), from_ids));
  check_ok(t.gradients(b.train(rows.data()), from_rows));
  for (int i = 0; i < 9; ++i) CHECK_EQ(from_ids[i], from_rows[i]);
}

/// What checkpoints do: arrays written to another trainer go on as the first does.
TEST(state_moves_to_another_trainer) {
  const Case c(with_ngrams(student_geometry(Kind::sequence, Pooling::mean)), 0.2);
  const std::vector<OwnedBatch<float>> all = batches(c.g);
  cuda::DeviceTrainer first, second;
  check_ok(first.create(c.g, c.options, emulated_device(), c.weights.pointers.data()));
  const Weights<float> others(c.g, 77);
  check_ok(second.create(c.g, c.options, emulated_device(), others.pointers.data()));
  check_ok(first.step(all[0].train(), kRate, nullptr));
  check_ok(second.step(all[1].train(), kRate, nullptr));
  for (int64_t i = 0; i < first.tensor_count(); ++i) {
    const TrainTensor<float>&from = first.tensor(i), &to = second.tensor(i);
    const float* sources[] = {from.value, from.first, from.second};
    float* targets[] = {to.value, to.first, to.second};
    std::vector<float> array(static_cast<size_t>(from.spec.size()));
    for (int k = 0; k < 3; ++k) {
      if (sources[k] == nullptr) continue;
      check_ok(first.read(sources[k], from.spec.size(), array.data()));
      check_ok(second.write(targets[k], from.spec.size(), array.data()));
    }
  }
  second.value_written();
  second.step_options() = first.step_options();
  check_ok(first.step(all[2].train(), kRate, nullptr));
  check_ok(second.step(all[2].train(), kRate, nullptr));
  check_same_bits(Snapshot::of(&second), Snapshot::of(&first));
}

/// Gradients that are read, changed and written back, those of rows among them.
TEST(gradients_from_outside) {
  const Case c(with_ngrams(student_geometry(Kind::document, Pooling::none)), 0);
  const OwnedBatch<float> b(c.g, {4, 1, 6}, 4);
  Trainer<float> cpu;
  cuda::DeviceTrainer t;
  check_ok(cpu.create(c.g, c.options, kernels_ref, serial_executor(), c.weights.pointers.data()));
  check_ok(t.create(c.g, c.options, emulated_device(), c.weights.pointers.data()));
  check_ok(cpu.gradients(b.train(), nullptr));
  check_ok(t.gradients(b.train(), nullptr));
  for (int64_t i = 0; i < t.tensor_count(); ++i) {
    const auto n = static_cast<size_t>(t.tensor(i).spec.size());
    std::vector<float> gradient(n), expected(n);
    check_ok(t.read_gradient(i, gradient.data()));
    cpu.read_gradient(i, expected.data());
    CHECK_BITS(gradient.data(), expected.data(), t.tensor(i).spec.size(), t.tensor(i).spec.name);
    for (float& x : gradient) x *= 0.5f;
    check_ok(t.write_gradient(i, gradient.data()));
    check_ok(cpu.write_gradient(i, gradient.data()));
  }
  check_ok(t.update(kRate));
  check_ok(cpu.update(kRate));
  check_same_bits(Snapshot::of(&t), Snapshot::of(cpu));
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
