// One BERT on the emulated device, its tensors and passes: what a trainer does around model/cuda/bert.h, and
// no more.
#pragma once
#include <string>

#include "model/cuda/bert.h"
#include "tests/cuda/device_case.h"

namespace maque::test {

/// What a step leaves behind.
struct StepResult {
  std::vector<float> logits;                  // of the training pass
  std::vector<std::vector<float>> gradients;  // by tensor; empty where not trained
  ObjectiveReport<float> report;
};

class DeviceBert {
 public:
  DeviceBert(const Geometry& g, Precision precision, const Weights<float>& w)
      : g_(g), precision_(precision), pointers_(w.tensors.size()), values_(w.tensors) {
    blocks_.push_back(
        plan_on_device([&](Carver* carver) { cuda::place_tensors(carver, g_, nullptr, pointers_.data()); }));
    for (size_t i = 0; i < pointers_.size(); ++i)
      std::copy(values_[i].begin(), values_[i].end(), pointers_[i]);
    Carver measure_host(nullptr), measure(nullptr);
    weights_.plan(&measure_host, &measure, g_, precision_);
    blocks_.emplace_back(measure_host.used());
    blocks_.emplace_back(measure.used());
    Carver host(blocks_[1].data()), device(blocks_[2].data());
    weights_.plan(&host, &device, g_, precision_);
    CHECK(weights_.set(pointers_.data()));
    refresh();
  }

  float* value(int64_t tensor) { return pointers_[static_cast<size_t>(tensor)]; }
  void refresh() {
    cuda::DeviceCompute compute = device_compute(precision_);
    for (int64_t l = 0; l < g_.layers; ++l) weights_.refresh_layer(compute, l);
    weights_.refresh_rest(compute);
    check_pass(compute);
  }

  /// Rows at `to` of a pass without dropout; rows: those at `from`, or null.
  std::vector<float> forward(const Texts& texts, const float* rows, BertPoint from, BertPoint to) {
    const cuda::BertSpan span = {from, to, false};
    Pass pass(*this, texts, span, g_.first_row_only() && to != last_hidden_point(g_));
    pass.put(rows);
    cuda::DeviceCompute compute = device_compute(precision_);
    cuda::bert_forward(compute, weights_, pass.batch, BertDropout{}, pass.buffers, span);
    check_pass(compute);
    const float* out = cuda::bert_point_rows(g_, pass.buffers, to);
    return {out, out + cuda::bert_point_row_count(g_, pass.batch, to) * bert_point_width(g_, to)};
  }

  /// Forward, objective and backward; trained: those tensors whose gradient is wanted.
  StepResult step(const TrainBatch<float>& batch, BertPoint from, const BertDropout& dropout,
                  const bool* trained) {
    const cuda::BertSpan span = {from, logits_point(g_), true};
    Pass pass(*this, batch.texts, span, g_.first_row_only());
    std::vector<float*> gradients(pointers_.size());
    const DeviceBlock block =
        plan_on_device([&](Carver* carver) { cuda::place_tensors(carver, g_, trained, gradients.data()); });
    StepResult result{};
    for (size_t i = 0; i < gradients.size(); ++i) {
      const bool accumulates = i <= kType || tensor_spec(g_, static_cast<int64_t>(i)).rank == 1;
      if (gradients[i] != nullptr && accumulates) std::fill_n(gradients[i], values_[i].size(), 0.0f);
    }
    pass.put(batch.trunk);
    cuda::DeviceCompute compute = device_compute(precision_);
    cuda::bert_forward(compute, weights_, pass.batch, dropout, pass.buffers, span);
    const int64_t n = batch.texts.count, classes = g_.num_labels;
    result.logits.assign(pass.buffers.logits, pass.buffers.logits + n * classes);
    std::vector<float> d_logits(static_cast<size_t>(n * classes));
    const ObjectiveWeights<float> weights{0.4f, 0.7f, 2.5f, SoftLoss::kl};
    cuda::run(compute, compute.kernels.objective, pass.buffers.logits, n, classes, batch.labels, nullptr,
              batch.soft, batch.has_soft, weights, d_logits.data(), &result.report);
    cuda::bert_backward(compute, weights_, pass.batch, dropout, pass.buffers, from, d_logits.data(),
                        gradients.data());
    check_pass(compute);
    for (size_t i = 0; i < gradients.size(); ++i) {
      result.gradients.emplace_back();
      if (gradients[i] != nullptr)
        result.gradients.back().assign(gradients[i], gradients[i] + values_[i].size());
    }
    return result;
  }

 private:
  /// Memory of one pass, its batch staged.
  struct Pass {
    const Geometry& g;
    cuda::BertSpan span;
    std::vector<DeviceBlock> blocks;
    cuda::BertBatch batch;
    cuda::BertBuffers buffers;

    Pass(const DeviceBert& model, const Texts& texts, const cuda::BertSpan& s, bool first_row_only)
        : g(model.g_), span(s) {
      cuda::StagingCarver measure(nullptr, nullptr);
      cuda::stage_bert_batch(&measure, g, texts, span, first_row_only, &batch);
      blocks.emplace_back(measure.used());
      blocks.emplace_back(measure.used());
      cuda::StagingCarver staging(blocks[0].data(), blocks[1].data());
      cuda::stage_bert_batch(&staging, g, texts, span, first_row_only, &batch);
      CHECK_EQ(staging.used(), measure.used());
      memcpy(blocks[1].data(), blocks[0].data(), static_cast<size_t>(measure.used()));
      Carver measure_host(nullptr), measure_device(nullptr);
      cuda::plan_bert_buffers(&measure_host, &measure_device, g, model.precision_, batch, span, &buffers);
      blocks.emplace_back(measure_host.used());
      blocks.emplace_back(measure_device.used());
      Carver host(blocks[2].data()), device(blocks[3].data());
      cuda::plan_bert_buffers(&host, &device, g, model.precision_, batch, span, &buffers);
      CHECK(host.used() == measure_host.used() && device.used() == measure_device.used());
    }
    void put(const float* rows) {
      if (rows == nullptr) return;
      const int64_t n = cuda::bert_point_row_count(g, batch, span.from) * bert_point_width(g, span.from);
      std::copy(rows, rows + n, cuda::bert_point_rows(g, buffers, span.from));
    }
  };

  Geometry g_;
  Precision precision_;
  std::vector<float*> pointers_;
  std::vector<std::vector<float>> values_;
  std::vector<DeviceBlock> blocks_;
  cuda::BertWeights weights_;
};

}  // namespace maque::test
