#include "abi/train_any.h"

#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "kernels/dispatch.h"
#include "model/cuda/library.h"

namespace maque {
namespace {

Status finish_first() { return fail(kBadState, "a step is under way: it has to be finished first"); }

}  // namespace

Status AnyTrainer::create(const TrainSettings& settings, const Executor& executor,
                          const float* const* values) {
  if (settings.device < 0)
    return cpu_.create(settings.geometry, settings.trainer, kernels(), executor, values);
  cuda::DeviceOptions device;
  device.number = settings.device;
  device.products.library = settings.products;
  if (settings.cublaslt[0] != 0) device.products.path = settings.cublaslt;
  if (Status s = cuda::open_library(settings.cuda_library, &device.runtime)) return s;
  return device_.emplace().create(settings.geometry, settings.trainer, device, values);
}

const Geometry& AnyTrainer::geometry() const { return device_ ? device_->geometry() : cpu_.geometry(); }

StepOptions& AnyTrainer::step_options() { return device_ ? device_->step_options() : cpu_.step_options(); }

int32_t AnyTrainer::trunk_kind() const { return device_ ? device_->trunk_kind() : cpu_.trunk_kind(); }

int64_t AnyTrainer::tensor_count() const { return device_ ? device_->tensor_count() : cpu_.tensor_count(); }

const TrainTensor<float>& AnyTrainer::tensor(int64_t i) const {
  return device_ ? device_->tensor(i) : cpu_.tensor(i);
}

Status AnyTrainer::trunk(const Texts& texts, float* out) {
  return device_ ? device_->trunk(texts, out) : cpu_.trunk(texts, out);
}

Status AnyTrainer::gradients(const TrainBatch<float>& batch, double* report) {
  if (done_count_ > 0) return finish_first();
  return device_ ? device_->gradients(batch, report) : cpu_.gradients(batch, report);
}

Status AnyTrainer::update(double rate) {
  if (done_count_ > 0) return finish_first();
  return device_ ? device_->update(rate) : cpu_.update(rate);
}

Status AnyTrainer::forward(const Texts& texts, const float* rows, float* out) {
  return device_ ? device_->forward(texts, rows, out) : cpu_.forward(texts, rows, out);
}

Status AnyTrainer::ranges(const Texts& texts, float* out) {
  return device_ ? fail(kUnsupported, "ranges: measured on the CPU only") : cpu_.ranges(texts, out);
}

Status AnyTrainer::step(const TrainBatch<float>& batch, double rate, double* report) {
  if (device_) return device_->step(batch, rate, report);
  if (Status s = gradients(batch, report)) return s;
  return update(rate);
}

Status AnyTrainer::start(const TrainBatch<float>& batch, double rate) {
  if (device_) return device_->start(batch, rate);
  if (done_count_ == kMostDone)
    return fail(kBadState, "two steps are under way: one has to be finished first");
  Done done = {};
  done.status = cpu_.gradients(batch, done.report);
  if (done.status == kOk) done.status = cpu_.update(rate);
  if (done.status != kOk) snprintf(done.message, sizeof done.message, "%s", last_error());
  done_[done_count_++] = done;
  return kOk;
}

Status AnyTrainer::finish(double* report) {
  if (device_) return device_->finish(report);
  if (done_count_ == 0) return fail(kBadState, "no step is under way");
  const Done done = done_[0];
  done_[0] = done_[1];
  --done_count_;
  if (report != nullptr) memcpy(report, done.report, sizeof done.report);
  return done.status == kOk ? kOk : fail(done.status, "%s", done.message);
}

Status AnyTrainer::read(const float* array, int64_t n, float* out) {
  if (device_) return device_->read(array, n, out);
  memcpy(out, array, static_cast<size_t>(n) * sizeof(float));
  return kOk;
}

Status AnyTrainer::write(float* array, int64_t n, const float* in) {
  if (device_) return device_->write(array, n, in);
  memcpy(array, in, static_cast<size_t>(n) * sizeof(float));
  return kOk;
}

Status AnyTrainer::read_gradient(int64_t tensor, float* out) {
  if (device_) return device_->read_gradient(tensor, out);
  cpu_.read_gradient(tensor, out);
  return kOk;
}

Status AnyTrainer::write_gradient(int64_t tensor, const float* in) {
  return device_ ? device_->write_gradient(tensor, in) : cpu_.write_gradient(tensor, in);
}

void AnyTrainer::value_written() {
  if (device_) {
    device_->value_written();
  } else {
    cpu_.value_written();
  }
}

}  // namespace maque
