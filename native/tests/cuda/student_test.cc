// The students' passes on an emulated GPU against the training on the CPU: logits and every gradient of every
// kind, pooling, dropout and head, with n-grams and without.
#include "model/cuda/student.h"

#include <string>

#include "tests/cuda_emulation/emulator.h"
#include "tests/model_fixture.h"

namespace maque::test {
namespace {

constexpr double kCe = 0.4, kSoft = 0.7, kTemperature = 2.5;

TrainerOptions options_of(double dropout, bool vectors) {
  TrainerOptions o;
  o.seed = 9;
  o.embedding_dropout = o.output_dropout = o.head_dropout = o.ngram_dropout = dropout;
  o.train_vectors = vectors;
  return o;
}

/// Logits, then every gradient, tensor by tensor; empty where a tensor is not trained.
struct Outcome {
  std::vector<float> logits;
  std::vector<std::vector<float>> gradients;
};

/// What the CPU makes of a batch.
Outcome on_cpu(const Geometry& g, const TrainerOptions& o, const Weights<float>& w,
               const OwnedBatch<float>& batch) {
  Trainer<float> trainer;
  CHECK_EQ(trainer.create(g, o, kernels(), serial_executor(), w.pointers.data()), kOk);
  trainer.step_options().ce_weight = kCe;
  trainer.step_options().soft_weight = kSoft;
  trainer.step_options().temperature = kTemperature;
  trainer.step_options().step = 3;
  Outcome all;
  all.logits.resize(static_cast<size_t>(batch.size() * g.num_labels));
  CHECK_EQ(trainer.forward(batch.texts(), nullptr, all.logits.data()), kOk);
  CHECK_EQ(trainer.gradients(batch.train(), nullptr), kOk);
  for (int64_t i = 0; i < trainer.tensor_count(); ++i) {
    const TrainTensor<float>& t = trainer.tensor(i);
    all.gradients.emplace_back(static_cast<size_t>(t.trained ? t.spec.size() : 0));
    if (t.trained) trainer.read_gradient(i, all.gradients.back().data());
  }
  return all;
}

/// Memory of the device: full of NaN, between guards.
class Block {
 public:
  explicit Block(int64_t bytes) : bytes_(bytes), all_(static_cast<size_t>(bytes / 4 + 64)) {
    std::memset(all_.data(), 0xFF, all_.size() * 4);
  }
  char* data() { return reinterpret_cast<char*>(all_.data() + kStart()); }
  bool has(const void* p) { return p == nullptr || (p >= data() && p < data() + bytes_); }
  bool intact() const {
    for (size_t i = 0; i < all_.size(); ++i) {
      const bool inside = i >= kStart() && i < kStart() + static_cast<size_t>(bytes_ / 4);
      if (!inside && all_[i] != 0xFFFFFFFFu) return false;
    }
    return true;
  }

 private:
  /// Carvers keep to 64 bytes from where they start.
  size_t kStart() const { return 16 + (64 - reinterpret_cast<uintptr_t>(all_.data()) % 64) / 4 % 16; }
  int64_t bytes_;
  std::vector<uint32_t> all_;
};

/// A student on the device.
class Student {
 public:
  Student(const Geometry& g, const TrainerOptions& o, Precision precision, const Weights<float>& w)
      : g_(g), options_(o), precision_(precision), tensors_(w.tensors), weights_memory_(weights_bytes()) {
    for (int64_t i = 0; i < tensor_count(g_); ++i) {
      std::vector<float>& values = tensors_[static_cast<size_t>(i)];
      const bool trained = i > 0 || g_.kind != Kind::document || o.train_vectors;
      const bool by_rows = g_.has_ngrams() && i == ngram_tensor(g_);
      values_.push_back(values.data());
      gradients_.emplace_back(trained && !by_rows ? values.size() : 0);
      gradient_pointers_.push_back(trained && !by_rows ? gradients_.back().data() : nullptr);
    }
    Carver carver(weights_memory_.data());
    weights_.plan(&carver, g_, precision_);
    weights_.set(values_.data());
  }

  std::vector<float>& tensor(size_t i) { return tensors_[i]; }

  std::vector<float> forward(const OwnedBatch<float>& batch) {
    Batch b(*this, batch, cuda::inference_pass(precision_));
    b.forward({});
    return b.logits();
  }

  /// Logits without dropout and the gradients of a step.
  Outcome step(const OwnedBatch<float>& batch) {
    Outcome all;
    all.logits = forward(batch);
    const DropoutKey key{options_.seed, 3};
    const StudentDropout dropout{&key, options_.embedding_dropout, options_.output_dropout,
                                 options_.head_dropout, options_.ngram_dropout};
    Batch b(*this, batch, cuda::training_pass(precision_, dropout, gradient_pointers_[0]));
    b.forward(dropout);
    for (auto& gradient : gradients_) std::fill(gradient.begin(), gradient.end(), 0.0f);
    loss_ = b.backward(dropout);
    all.gradients = gradients_;
    if (g_.has_ngrams()) all.gradients.back() = b.ngram_gradient();
    return all;
  }

  double loss() const { return static_cast<double>(loss_); }

 private:
  int64_t weights_bytes() {
    Carver measure(nullptr);
    weights_.plan(&measure, g_, precision_);
    return measure.used();
  }

  /// One pass over a batch, with its memory.
  class Batch {
   public:
    Batch(Student& s, const OwnedBatch<float>& batch, const cuda::StudentPass& pass)
        : s_(s), given_(batch), host_(measure(pass)), staged_(staging_bytes_), memory_(bytes_) {
      cuda::StagingCarver staging(host_.data(), staged_.data());
      cuda::stage_student_batch(&staging, s_.g_, given_.texts(), pass, &batch_);
      CHECK_LE(staging.used(), staging_bytes_);
      Carver carver(memory_.data());
      cuda::plan_student_buffers(&carver, s_.g_, s_.precision_, pass, batch_, &b_);
      d_logits_ = carver.take<float>(given_.size() * s_.g_.num_labels);
      CHECK_LE(carver.used(), bytes_);
      upload();
    }
    ~Batch() {
      CHECK_EQ(compute_.code, cuda::kSuccess);
      if (compute_.code != cuda::kSuccess) std::printf("  %s\n", emulation::mistake().c_str());
      CHECK(host_.intact() && staged_.intact() && memory_.intact());
    }

    void forward(const StudentDropout& dropout) {
      static uint64_t seed = 0;
      emulation::set_seed(++seed);
      s_.weights_.refresh(compute_);
      cuda::student_forward(compute_, s_.weights_, batch_, dropout, b_);
    }

    /// The loss.
    float backward(const StudentDropout& dropout) {
      const ObjectiveWeights<float> weights{float(kCe), float(kSoft), float(kTemperature), SoftLoss::mse};
      ObjectiveReport<float> report{};
      cuda::run(compute_, compute_.kernels.objective, b_.logits, given_.size(), s_.g_.num_labels,
                given_.labels.data(), nullptr, given_.soft.data(), given_.has_soft.data(), weights, d_logits_,
                &report);
      cuda::student_backward(compute_, s_.weights_, batch_, dropout, b_, d_logits_,
                             s_.gradient_pointers_.data());
      return report.loss;
    }

    std::vector<float> logits() const { return {b_.logits, b_.logits + given_.size() * s_.g_.num_labels}; }

    /// Of the whole table of n-grams.
    std::vector<float> ngram_gradient() const {
      const BagBatch& bag = batch_.device.bag;
      const int64_t width = s_.g_.ngram_width;
      std::vector<float> all(static_cast<size_t>(s_.g_.ngram_buckets * width));
      for (int64_t r = 0; r < bag.rows; ++r) {
        std::copy(b_.ngram_rows + r * width, b_.ngram_rows + (r + 1) * width,
                  all.begin() + bag.row_ids[r] * width);
      }
      return all;
    }

   private:
    int64_t measure(const cuda::StudentPass& pass) {
      cuda::StagingCarver staging(nullptr, nullptr);
      cuda::stage_student_batch(&staging, s_.g_, given_.texts(), pass, &batch_);
      Carver carver(nullptr);
      cuda::plan_student_buffers(&carver, s_.g_, s_.precision_, pass, batch_, &b_);
      carver.take<float>(given_.size() * s_.g_.num_labels);
      bytes_ = carver.used();
      return staging_bytes_ = staging.used();
    }

    /// Copies the staging block, and then spoils on the host what only the device may read.
    void upload() {
      std::memcpy(staged_.data(), host_.data(), static_cast<size_t>(staging_bytes_));
      maque::StudentBatch& h = batch_.host;
      if (h.start != nullptr) {  // what issues the pass reads these, at their addresses in `host`
        start_.assign(h.start, h.start + h.longest + 1);
        active_.assign(h.active, h.active + h.longest + 1);
        h.start = start_.data(), h.active = active_.data();
      }
      std::memset(host_.data(), 0x3F, static_cast<size_t>(staging_bytes_));
      for (std::vector<int32_t>* array : {&given_.ids, &given_.offsets, &given_.bag_ids, &given_.bag_offsets})
        std::fill(array->begin(), array->end(), 0x3F3F3F3F);
    }

    Student& s_;
    OwnedBatch<float> given_;
    std::vector<int64_t> start_;
    std::vector<int32_t> active_;
    int64_t staging_bytes_ = 0, bytes_ = 0;
    cuda::StudentBatch batch_;
    cuda::StudentBuffers b_;
    Block host_, staged_, memory_;
    float* d_logits_ = nullptr;
    cuda::DeviceCompute compute_{cuda::kCudaKernels, nullptr, s_.precision_, cuda::kSuccess};
  };

  Geometry g_;
  TrainerOptions options_;
  Precision precision_;
  std::vector<std::vector<float>> tensors_, gradients_;
  std::vector<float*> values_, gradient_pointers_;
  cuda::StudentWeights weights_;
  Block weights_memory_;
  float loss_ = 0;
};

/// Biases are summed otherwise than on the CPU where they have more than cuda::kChainRows rows.
void compare(const Geometry& g, const Outcome& got, const Outcome& expected, bool many_rows,
             const std::string& what) {
  CHECK_BITS(got.logits.data(), expected.logits.data(), static_cast<int64_t>(got.logits.size()),
             what.c_str());
  CHECK_EQ(got.gradients.size(), expected.gradients.size());
  for (size_t i = 0; i < got.gradients.size(); ++i) {
    const std::vector<float>&a = got.gradients[i], &b = expected.gradients[i];
    const std::string name = what + " " + tensor_spec(g, static_cast<int64_t>(i)).name;
    CHECK_EQ(a.size(), b.size());
    if (many_rows && name.find("bias") != std::string::npos) {
      CHECK_LE(max_error(a, to_double(b)), 1e-5);
    } else {
      CHECK_BITS(a.data(), b.data(), static_cast<int64_t>(a.size()), name.c_str());
    }
  }
}

void check(const Geometry& g, double dropout, const std::vector<int32_t>& lengths, const std::string& what,
           bool vectors = true) {
  const TrainerOptions o = options_of(dropout, vectors);
  const Weights<float> w(g, 7);
  const OwnedBatch<float> batch(g, lengths, 11);
  const Outcome expected = on_cpu(g, o, w, batch);
  Student student(g, o, Precision::fp32, w);
  compare(g, student.step(batch), expected, batch.offsets.back() + batch.size() > cuda::kChainRows, what);
}

constexpr Pooling kPoolings[] = {Pooling::max_logits, Pooling::max, Pooling::mean, Pooling::last};

std::vector<int64_t> head_of(bool deep) { return deep ? std::vector<int64_t>{6, 5} : std::vector<int64_t>{}; }

/// Every pooling, with n-grams and without; a deep head with the one or with the other.
void check_sequences(double dropout, bool deep_with_ngrams) {
  for (Pooling pooling : kPoolings) {
    for (bool ngrams : {false, true}) {
      const bool deep = ngrams == deep_with_ngrams;
      Geometry g = student_geometry(Kind::sequence, pooling, head_of(deep));
      if (ngrams) g = with_ngrams(g);
      const std::string what = "sequence, pooling " + std::to_string(static_cast<int>(pooling)) +
                               (ngrams ? ", n-grams" : "") + (deep ? ", deep head" : "");
      check(g, dropout, {3, 0, 5, 1, 5}, what);
    }
  }
}

TEST(sequences) { check_sequences(0, true); }

TEST(sequences_with_dropout) {
  check_sequences(0.25, true);
  check_sequences(0.25, false);
}

/// Every pass has another order of threads and blocks.
TEST(run_to_run) {
  const Geometry g = with_ngrams(student_geometry(Kind::sequence, Pooling::max_logits));
  const Weights<float> w(g, 7);
  const OwnedBatch<float> batch(g, {3, 0, 5, 1, 5}, 11);
  for (Precision precision : {Precision::fp32, Precision::bf16}) {
    Student student(g, options_of(0.25, true), precision, w);
    const Outcome first = student.step(batch);
    for (int round = 0; round < 3; ++round) compare(g, student.step(batch), first, false, "again");
  }
}

TEST(documents_and_bags) {
  for (double dropout : {0.0, 0.25}) {
    for (bool deep : {false, true}) {
      for (bool vectors : {false, true}) {
        const Geometry g = student_geometry(Kind::document, Pooling::none, head_of(deep));
        check(g, dropout, {3, 0, 5, 1}, "document", vectors);
        check(with_ngrams(g), dropout, {3, 0, 5, 1}, "document, n-grams", vectors);
      }
      check(bag_geometry(head_of(deep)), dropout, {3, 0, 5, 1}, "bag");
    }
  }
}

TEST(texts_of_one_token_and_of_none) {
  for (Pooling pooling : kPoolings) {
    const Geometry g = with_ngrams(student_geometry(Kind::sequence, pooling));
    for (const std::vector<int32_t>& lengths : {std::vector<int32_t>{1}, {0}, {0, 0}, {1, 1, 1}, {0, 1}})
      check(g, 0.25, lengths, "short texts");
    check(g, 0, {0, 0}, "empty texts");
  }
  const Geometry document = with_ngrams(student_geometry(Kind::document, Pooling::none));
  for (const std::vector<int32_t>& lengths : {std::vector<int32_t>{1}, {0}, {0, 1}}) {
    check(document, 0, lengths, "short documents");
    check(bag_geometry(), 0.25, lengths, "short bags");
  }
}

/// Sizes beyond one tile of a product and one chain of a sum, most tokens distinct or most of them not.
TEST(wide_students_and_long_batches) {
  const std::vector<int32_t> lengths = {9, 8, 1, 0, 9, 9, 8, 9, 9, 8};
  for (int64_t vocab : {20, 3000}) {
    Geometry g = student_geometry(Kind::sequence, Pooling::max, {40});
    g.vocab = vocab, g.embedding = 66, g.hidden = 18;
    check(g, 0, lengths, "wide sequence");
  }
  check(wide_student(Kind::document, Pooling::none), 0.1, lengths, "wide document");
}

/// A device that does not hold the recurrence in one launch.
TEST_ON_EMULATION(step_by_step) {
  emulation::device().multiprocessors = 1;
  emulation::device().blocks_per_multiprocessor = 1;
  cuda::LstmBatch probe = {};
  probe.texts = probe.longest = 1, probe.hidden = 7;
  CHECK_EQ(cuda::lstm_forward(nullptr, probe, nullptr), cuda::kCooperativeLaunchTooLarge);
  for (double dropout : {0.0, 0.25}) {
    check(student_geometry(Kind::sequence, Pooling::last), dropout, {3, 0, 5, 1, 5}, "step by step");
    check(student_geometry(Kind::sequence, Pooling::max_logits), dropout, {4, 4}, "step by step");
  }
  emulation::device() = {};
}

TEST(gradients_are_the_derivatives) {
  const Geometry g = with_ngrams(student_geometry(Kind::sequence, Pooling::mean, {}));
  const OwnedBatch<float> batch(g, {3, 0, 5, 1}, 11);
  Student student(g, options_of(0.25, true), Precision::fp32, Weights<float>(g, 7));
  const Outcome at = student.step(batch);
  constexpr float kStep = 1.0f / 64;
  Random random(3);
  for (size_t i = 0; i < at.gradients.size(); ++i) {
    std::vector<float>& values = student.tensor(i);
    const std::vector<float> kept = values, direction = random.vector(static_cast<int64_t>(kept.size()));
    double slope = 0, loss[2];
    for (size_t j = 0; j < kept.size(); ++j)
      slope += static_cast<double>(at.gradients[i][j]) * static_cast<double>(direction[j]);
    for (int side = 0; side < 2; ++side) {
      for (size_t j = 0; j < kept.size(); ++j)
        values[j] = kept[j] + (side == 0 ? kStep : -kStep) * direction[j];
      student.step(batch);
      loss[side] = student.loss();
    }
    values = kept;
    const double found = (loss[0] - loss[1]) / static_cast<double>(2 * kStep);
    CHECK_LE(std::fabs(found - slope), 2e-3 * (0.05 + std::fabs(slope)));
    if (!(std::fabs(found - slope) <= 2e-3 * (0.05 + std::fabs(slope))))
      std::printf("  %s: %g, not %g\n", tensor_spec(g, static_cast<int64_t>(i)).name, slope, found);
  }
}

/// |a - b| / |b|, Euclidean.
double distance(const std::vector<float>& a, const std::vector<float>& b) {
  double difference = 0, whole = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
    difference += (x - y) * (x - y);
    whole += y * y;
  }
  return std::sqrt(difference) / (std::sqrt(whole) + 1e-30);
}

/// The bounds of bf16 on the CPU (bf16_model_test): 2 % of a tensor's norm, where nothing has a kink.
void check_bf16(Geometry g) {
  const std::vector<int32_t> lengths = {7, 12, 1, 0, 5};
  const Weights<float> w(g, 3, 0.2f);
  const OwnedBatch<float> batch(g, lengths, 20);
  const TrainerOptions o = options_of(0.1, true);
  const Outcome exact = on_cpu(g, o, w, batch);
  Student student(g, o, Precision::bf16, w);
  const Outcome rounded = student.step(batch);
  CHECK_LE(distance(rounded.logits, exact.logits), 0.02);
  CHECK(distance(rounded.logits, exact.logits) > 0);  // else it was fp32 all the same
  for (size_t i = 0; i < exact.gradients.size(); ++i)
    CHECK_LE(distance(rounded.gradients[i], exact.gradients[i]), 0.02);
}

TEST_ON_EMULATION(bf16_is_fp32_but_for_rounding) {
  for (Pooling pooling : {Pooling::mean, Pooling::last}) {
    check_bf16(student_geometry(Kind::sequence, pooling, {}));
    check_bf16(with_ngrams(student_geometry(Kind::sequence, pooling, {})));
  }
  check_bf16(with_ngrams(student_geometry(Kind::document, Pooling::none, {})));
  check_bf16(bag_geometry({}));
  emulation::device().multiprocessors = 1;
  emulation::device().blocks_per_multiprocessor = 1;
  check_bf16(student_geometry(Kind::sequence, Pooling::mean, {}));
  emulation::device() = {};
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
