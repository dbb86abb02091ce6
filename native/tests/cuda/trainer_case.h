// A trainer on the emulated device beside one on the CPU, of the same options, weights and batches.
#pragma once
#include <string>

#include "core/error.h"
#include "model/cuda/trainer.h"
#include "tests/cuda_emulation/emulator.h"
#include "tests/cuda_emulation/runtime_emulated.h"
#include "tests/model_fixture.h"

namespace maque::test {

/// Our own kernels: what the CPU's bits are promised of.
inline cuda::DeviceOptions emulated_device() {
  cuda::DeviceOptions device;
  device.runtime = maque_cuda_runtime();
  device.products.library = cuda::ProductLibrary::own;
  return device;
}

inline void check_ok(Status status) {
  if (status != kOk) std::printf("%s %s\n", last_error(), emulation::mistake().c_str());
  CHECK_EQ(status, kOk);
}

/// Fails with `status` and a message that has `part` in it.
inline void check_fails(Status status, Status expected, const char* part) {
  CHECK_EQ(status, expected);
  const bool said = std::string(last_error()).find(part) != std::string::npos;
  if (!said) std::printf("  '%s' lacks '%s'\n", last_error(), part);
  CHECK(said);
}

inline TrainerOptions trainer_options(const Geometry& g, double dropout) {
  TrainerOptions o;
  o.seed = 5;
  o.weight_decay = 0.01;
  o.head_dropout = dropout;
  if (g.is_bert()) {
    o.hidden_dropout = o.attention_dropout = dropout;
  } else {
    o.embedding_dropout = g.has_lstm() ? dropout : 0;
    o.output_dropout = g.has_lstm() ? dropout : 0;
    o.ngram_dropout = g.has_ngrams() ? dropout : 0;
    o.train_vectors = g.kind == Kind::document;
  }
  return o;
}

inline StepOptions mixed_step() {
  StepOptions s;
  s.ce_weight = 0.4;
  s.soft_weight = 0.7;
  s.temperature = 2.5;
  return s;
}

/// Values, then m and v, of all tensors, read from either trainer.
struct Snapshot {
  std::vector<std::vector<float>> arrays;
  std::vector<std::string> names;

  static Snapshot of(const Trainer<float>& t) {
    Snapshot all;
    for (int64_t i = 0; i < t.tensor_count(); ++i) {
      all.add(t.tensor(i),
              [](const float* array, int64_t n, float* out) { std::copy(array, array + n, out); });
    }
    return all;
  }
  static Snapshot of(cuda::DeviceTrainer* t) {
    Snapshot all;
    for (int64_t i = 0; i < t->tensor_count(); ++i) {
      all.add(t->tensor(i),
              [t](const float* array, int64_t n, float* out) { check_ok(t->read(array, n, out)); });
    }
    return all;
  }

 private:
  template <class Read>
  void add(const TrainTensor<float>& tensor, const Read& read) {
    const char* kinds[] = {"value", "first", "second"};
    const float* sources[] = {tensor.value, tensor.first, tensor.second};
    for (int k = 0; k < 3; ++k) {
      std::vector<float> array(static_cast<size_t>(sources[k] == nullptr ? 0 : tensor.spec.size()));
      if (!array.empty()) read(sources[k], tensor.spec.size(), array.data());
      arrays.push_back(array);
      names.push_back(std::string(tensor.spec.name) + " " + kinds[k]);
    }
  }
};

inline void check_same_bits(const Snapshot& got, const Snapshot& expected) {
  CHECK_EQ(got.arrays.size(), expected.arrays.size());
  for (size_t i = 0; i < expected.arrays.size(); ++i) {
    CHECK_EQ(got.arrays[i].size(), expected.arrays[i].size());
    CHECK_BITS(got.arrays[i].data(), expected.arrays[i].data(),
               static_cast<int64_t>(expected.arrays[i].size()), expected.names[i].c_str());
  }
}

/// The largest difference of any values, state not among them.
inline double largest_difference(const Snapshot& a, const Snapshot& b) {
  double largest = 0;
  for (size_t i = 0; i < a.arrays.size(); i += 3) {
    for (size_t e = 0; e < a.arrays[i].size(); ++e) {
      const double d = std::fabs(static_cast<double>(a.arrays[i][e]) - static_cast<double>(b.arrays[i][e]));
      largest = d <= largest ? largest : d;
    }
  }
  return largest;
}

}  // namespace maque::test
