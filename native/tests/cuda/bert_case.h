// One case of training BERT, on the CPU and on the emulated device.
#pragma once
#include <memory>

#include "tests/cuda/device_bert.h"

namespace maque::test {

/// A case of training.
struct BertCase {
  Geometry g;
  TrainMode mode;
  bool drops, typed;
  std::vector<int32_t> lengths;
  std::string name() const {
    return "pooling " + std::to_string(static_cast<int>(g.pooling)) + ", mode " +
           std::to_string(static_cast<int>(mode)) + (drops ? ", dropout" : "") + (typed ? ", types" : "");
  }
};

constexpr DropoutKey kBertKey = {42, 3};

inline BertDropout dropout_of(const BertCase& c) {
  return c.drops ? BertDropout{&kBertKey, 0.2, 0.15, 0.3} : BertDropout{};
}

template <class T>
void create(Trainer<T>* trainer, const BertCase& c, const Kernels<T>& kernels, const Arithmetic& arithmetic,
            const Weights<T>& weights) {
  TrainerOptions o;
  o.arithmetic = arithmetic;
  o.mode = c.mode;
  o.last_layers = 1;
  o.seed = kBertKey.seed;
  const BertDropout d = dropout_of(c);
  o.hidden_dropout = d.hidden, o.attention_dropout = d.attention, o.head_dropout = d.head;
  CHECK_EQ(trainer->create(c.g, o, kernels, serial_executor(), weights.pointers.data()), kOk);
  trainer->step_options().ce_weight = 0.4;
  trainer->step_options().soft_weight = 0.7;
  trainer->step_options().temperature = 2.5;
  trainer->step_options().soft_loss = SoftLoss::kl;
  trainer->step_options().step = kBertKey.step;
}

template <class T>
TrainBatch<T> batch_of(const BertCase& c, const OwnedBatch<T>& owned, const T* trunk) {
  TrainBatch<T> batch = owned.train(trunk);
  if (!c.typed) batch.texts.type_ids = nullptr;
  return batch;
}

/// The rows of the trunk's output, or none.
template <class T>
std::vector<T> trunk_rows(Trainer<T>* trainer, const TrainBatch<T>& batch) {
  if (trainer->trunk_kind() == 0) return {};
  const int64_t rows = trainer->trunk_kind() == 1 ? batch.texts.tokens() : batch.texts.count;
  std::vector<T> all(
      static_cast<size_t>(rows * bert_point_width(trainer->geometry(), trainer->trunk_point())));
  CHECK_EQ(trainer->trunk(batch.texts, all.data()), kOk);
  return all;
}

/// Gradients and loss of the CPU's trainer, in double the truth.
template <class T>
struct OnCpu {
  std::vector<std::vector<T>> gradients;
  std::vector<T> trunk;
  double loss;

  OnCpu(const BertCase& c, const Kernels<T>& kernels, const Arithmetic& arithmetic, float spread = 0.6f) {
    const Weights<T> weights(c.g, 7, spread);
    const OwnedBatch<T> owned(c.g, c.lengths, 11);
    Trainer<T> trainer;
    create(&trainer, c, kernels, arithmetic, weights);
    trunk = trunk_rows(&trainer, batch_of<T>(c, owned, nullptr));
    const TrainBatch<T> batch = batch_of<T>(c, owned, trunk.empty() ? nullptr : trunk.data());
    double report[9];
    CHECK_EQ(trainer.gradients(batch, report), kOk);
    loss = report[0];
    for (int64_t i = 0; i < trainer.tensor_count(); ++i) {
      const TrainTensor<T>& t = trainer.tensor(i);
      gradients.emplace_back();
      if (t.gradient != nullptr) gradients.back().assign(t.gradient, t.gradient + t.spec.size());
    }
  }
};

inline StepResult on_device(const BertCase& c, Precision precision, const std::vector<float>& trunk,
                            const std::vector<bool>& trained, float spread = 0.6f) {
  const Weights<float> weights(c.g, 7, spread);
  const OwnedBatch<float> owned(c.g, c.lengths, 11);
  DeviceBert model(c.g, precision, weights);
  Trainer<float> trainer;
  create(&trainer, c, kernels_ref, Arithmetic{}, weights);
  const std::unique_ptr<bool[]> flags(new bool[trained.size()]);
  std::copy(trained.begin(), trained.end(), flags.get());
  return model.step(batch_of<float>(c, owned, trunk.empty() ? nullptr : trunk.data()), trainer.trunk_point(),
                    dropout_of(c), flags.get());
}

template <class T>
std::vector<bool> trained_of(const OnCpu<T>& cpu) {
  std::vector<bool> trained;
  for (const auto& gradient : cpu.gradients) trained.push_back(!gradient.empty());
  return trained;
}

/// The largest error of a tensor's gradient in units of its norm (of a small one: of a thousandth of the norm
/// of all). A key's bias has no influence on a softmax, its gradient is rounding alone: in units of the norm
/// of all.
template <class A, class B>
double worst_error(const Geometry& g, const std::vector<std::vector<A>>& a,
                   const std::vector<std::vector<B>>& b, const std::string& what, double bound) {
  double whole = 0, worst = 0;
  for (const auto& tensor : b) {
    for (B x : tensor) whole += static_cast<double>(x) * static_cast<double>(x);
  }
  for (size_t i = 0; i < a.size(); ++i) {
    CHECK_EQ(a[i].size(), b[i].size());
    double error = 0, own = 0;
    for (size_t e = 0; e < a[i].size(); ++e) {
      const double d = static_cast<double>(a[i][e]) - static_cast<double>(b[i][e]);
      error += d * d, own += static_cast<double>(b[i][e]) * static_cast<double>(b[i][e]);
    }
    const std::string name = tensor_spec(g, static_cast<int64_t>(i)).name;
    if (name.find("key.bias") != std::string::npos) own = whole;
    const double found = std::sqrt(error) / (std::sqrt(own) + 1e-3 * std::sqrt(whole));
    if (!(found <= bound)) std::printf("  %s: %s off by %g\n", what.c_str(), name.c_str(), found);
    if (!(found <= worst)) worst = found;
  }
  return worst;
}

}  // namespace maque::test
