// Tasks of whole models: a training step of BERT-base and of the sequence student, and scoring of titles.
#include <algorithm>

#include "core/error.h"
#include "model/cuda/trainer.h"
#include "session.h"

namespace maque::gpu {
namespace {

using cuda::DeviceTrainer;

/// Batches of one size that a step takes turns with.
constexpr int64_t kBatches = 4;

Geometry teacher_geometry(bool dry) {
  Geometry g = {};
  g.kind = Kind::bert, g.pooling = Pooling::pooler, g.num_labels = dry ? 3 : 15;
  g.vocab = dry ? 50 : 21128, g.hidden = dry ? 16 : 768, g.layers = dry ? 2 : 12, g.heads = dry ? 2 : 12;
  g.intermediate = dry ? 32 : 3072, g.positions = dry ? 16 : 512, g.types = 2;
  g.eps = 1e-12, g.activation = Activation::gelu_erf, g.precision = Precision::bf16;
  return g;
}

Geometry student_geometry(Precision precision, bool dry) {
  Geometry g = {};
  g.kind = Kind::sequence, g.pooling = Pooling::max, g.num_labels = dry ? 3 : 15;
  g.vocab = dry ? 50 : 21128, g.embedding = g.hidden = dry ? 8 : 300, g.precision = precision;
  return g;
}

/// Texts of `texts` lengths, cut into batches of `each`.
struct Batches {
  std::vector<int32_t> ids, labels;
  std::vector<std::vector<int32_t>> offsets;
  std::vector<int64_t> first;  // token of each batch
  double tokens = 0, squares = 0;

  Batches(int64_t texts, int64_t each, int64_t longest, const Geometry& g) {
    const std::vector<int32_t> sizes = lengths(texts, longest);
    for (int64_t t = 0; t < texts; ++t) {
      const int32_t size = sizes[static_cast<size_t>(t)];
      if (t % each == 0) {
        first.push_back(static_cast<int64_t>(tokens));
        offsets.push_back({0});
      }
      offsets.back().push_back(offsets.back().back() + size);
      labels.push_back(static_cast<int32_t>(t % g.num_labels));
      tokens += size;
      squares += static_cast<double>(size) * size;
    }
    for (float x : numbers(static_cast<int64_t>(tokens), 5))
      ids.push_back(static_cast<int32_t>((x + 1) / 2 * static_cast<float>(g.vocab - 1)));
  }
  TrainBatch<float> at(int64_t i) const {
    const auto& o = offsets[static_cast<size_t>(i)];
    TrainBatch<float> batch = {};
    batch.texts.ids = ids.data() + first[static_cast<size_t>(i)];
    batch.texts.offsets = o.data();
    batch.texts.count = static_cast<int64_t>(o.size()) - 1;
    batch.labels = labels.data() + i * (static_cast<int64_t>(offsets[0].size()) - 1);
    return batch;
  }
};

/// Operations of the products of a forward pass over all batches.
double forward_operations(const Geometry& g, const Batches& b, double texts) {
  const auto h = static_cast<double>(g.hidden);
  if (!g.is_bert()) return b.tokens * 2 * 2 * 4 * h * (static_cast<double>(g.embedding) + h);
  const auto wide = static_cast<double>(g.intermediate), layers = static_cast<double>(g.layers);
  const double whole = b.tokens * 2 * (4 * h * h + 2 * h * wide) + 4 * h * b.squares;
  const double last = b.tokens * 4 * h * h + texts * 2 * (2 * h * h + 2 * h * wide) + 4 * h * b.tokens;
  return (layers - 1) * whole + last;
}

void check(Status status) {
  if (status != kOk) throw Failed(last_error());
}

std::unique_ptr<DeviceTrainer> make_trainer(Session& s, const Geometry& g) {
  const int64_t count = tensor_count(g);
  std::vector<std::vector<float>> values;
  std::vector<const float*> pointers;
  for (int64_t i = 0; i < count; ++i) {
    values.push_back(numbers(tensor_spec(g, i).size(), static_cast<uint32_t>(i)));
    for (float& x : values.back()) x *= 0.03f;
    pointers.push_back(values.back().data());
  }
  TrainerOptions options = {};
  options.seed = 1, options.clip_norm = 1.0, options.weight_decay = 0.01;
  if (g.is_bert()) options.hidden_dropout = options.attention_dropout = options.head_dropout = 0.1;
  options.train_vectors = true;
  cuda::DeviceOptions device = {};
  device.runtime = &s.runtime();
  device.products.path = s.cublaslt().empty() ? nullptr : s.cublaslt().c_str();
  auto trainer = std::make_unique<DeviceTrainer>();
  check(trainer->create(g, options, device, pointers.data()));
  return trainer;
}

/// One for each geometry: the task before leaves it as it is.
DeviceTrainer& trainer_of(Session& s, const std::string& name, const Geometry& g) {
  static std::map<std::string, std::unique_ptr<DeviceTrainer>> trainers;
  std::unique_ptr<DeviceTrainer>& trainer = trainers[name];
  if (trainer == nullptr) trainer = make_trainer(s, g);
  return *trainer;
}

/// Steps over all batches, two under way at a time, as training has them.
void run_steps(DeviceTrainer* trainer, const Batches& batches) {
  double report[9];
  for (int64_t i = 0; i < kBatches; ++i) {
    check(trainer->start(batches.at(i), 2e-5));
    if (i > 0) check(trainer->finish(report));
  }
  check(trainer->finish(report));
}

Task step_task(const std::string& model, const std::string& name, const Geometry& g, int64_t each,
               int64_t longest) {
  return [=](Session& s) {
    static std::map<std::string, std::unique_ptr<Batches>> kept;
    std::unique_ptr<Batches>& batches = kept[name];
    if (batches == nullptr) batches = std::make_unique<Batches>(kBatches * each, each, longest, g);
    DeviceTrainer& trainer = trainer_of(s, model, g);
    const double seconds = s.seconds(name, [&] {
      run_steps(&trainer, *batches);
      return cuda::kSuccess;
    });
    const double work = 3 * forward_operations(g, *batches, static_cast<double>(kBatches * each));
    return Round{seconds / kBatches, work / kBatches};
  };
}

Task score_task(const Geometry& g, int64_t texts, int64_t longest) {
  return [=](Session& s) {
    static const Batches batch(texts, texts, longest, g);
    static std::vector<float> logits(static_cast<size_t>(texts * g.num_labels));
    DeviceTrainer& trainer = trainer_of(s, "teacher", g);
    const double seconds = s.seconds("score", [&] {
      check(trainer.forward(batch.at(0).texts, nullptr, logits.data()));
      return cuda::kSuccess;
    });
    return Round{seconds, forward_operations(g, batch, static_cast<double>(texts))};
  };
}

}  // namespace

void add_model_tasks(std::map<std::string, Task>* tasks, bool dry) {
  const Geometry teacher = teacher_geometry(dry);
  for (const auto& [each, longest] : {std::pair<int64_t, int64_t>{32, 128}, {256, 32}}) {
    const std::string name = "teacher_step_" + std::to_string(each) + "x" + std::to_string(longest);
    (*tasks)[name + " maque"] = step_task("teacher", name, teacher, dry ? 2 : each, dry ? 6 : longest);
  }
  (*tasks)["teacher_score maque"] = score_task(teacher, dry ? 8 : 2048, dry ? 6 : 32);
  for (const auto& [each, longest] : {std::pair<int64_t, int64_t>{64, 24}, {256, 50}}) {
    for (Precision precision : {Precision::fp32, Precision::bf16}) {
      const std::string model = precision == Precision::fp32 ? "fp32" : "bf16";
      const std::string name =
          "student_step_" + std::to_string(each) + "x" + std::to_string(longest) + "_" + model;
      (*tasks)[name + " maque"] = step_task("student " + model, name, student_geometry(precision, dry),
                                            dry ? 2 : each, dry ? 6 : longest);
    }
  }
}

}  // namespace maque::gpu
