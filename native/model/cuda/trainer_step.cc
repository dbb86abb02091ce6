// A step on the device: what is issued, the graph that it becomes, and what comes back.
#include "core/error.h"
#include "model/cuda/trainer.h"

namespace maque::cuda {

StepScalars DeviceTrainer::scalars_at(double rate) const {
  const Corrections c = corrections_after(options_, step_options_.step);
  return {rate, static_cast<float>(c.first), static_cast<float>(c.sqrt_second)};
}

/// The rows at the trunk's end: those that were staged, or those of a pass up to there.
void DeviceTrainer::issue_trunk_rows(DeviceCompute* compute, const Batch& b) {
  const Geometry& g = geometry_;
  const float* rows = b.trunk_rows;
  if (runs_trunk(b)) {
    bert_forward(*compute, bert_, b.trunk_bert, BertDropout{}, b.trunk_buffers, trunk_span());
    rows = bert_point_rows(g, b.trunk_buffers, trunk_point_);
  }
  const int64_t n = bert_point_row_count(g, b.bert, trunk_point_) * bert_point_width(g, trunk_point_);
  run(*compute, compute->kernels.copy, rows, n, bert_point_rows(g, b.bert_buffers, trunk_point_));
}

void DeviceTrainer::issue_objective(DeviceCompute* compute, const Batch& b) {
  const StepOptions& s = step_options_;
  const ObjectiveWeights<float> weights{static_cast<float>(s.ce_weight), static_cast<float>(s.soft_weight),
                                        static_cast<float>(s.temperature), s.soft_loss};
  run(*compute, compute->kernels.objective, b.logits, b.given.texts.count, geometry_.num_labels, b.labels,
      class_weights_, b.soft, b.has_soft, weights, b.d_logits, &report_->objective);
}

void DeviceTrainer::issue_bert(DeviceCompute* compute, const Batch& b, const DropoutKey& key) {
  const BertDropout dropout{&key, options_.hidden_dropout, options_.attention_dropout, options_.head_dropout};
  if (trunk_point_ != kFromIds) issue_trunk_rows(compute, b);
  bert_forward(*compute, bert_, b.bert, dropout, b.bert_buffers, training_span());
  issue_objective(compute, b);
  bert_backward(*compute, bert_, b.bert, dropout, b.bert_buffers, trunk_point_, b.d_logits,
                gradients_.data());
}

/// Gradients, report and norm of a batch.
void DeviceTrainer::issue_pass(DeviceCompute* compute, const Batch& b) {
  const DropoutKey key{options_.seed, static_cast<uint32_t>(step_options_.step)};
  refresh(compute);
  run(*compute, compute->kernels.zero, gradient_block_, gradient_floats_);
  if (geometry_.is_bert()) {
    issue_bert(compute, b, key);
  } else {
    const StudentDropout dropout = student_dropout(&key);
    student_forward(*compute, student_, b.student, dropout, b.student_buffers);
    issue_objective(compute, b);
    student_backward(*compute, student_, b.student, dropout, b.student_buffers, b.d_logits,
                     gradients_.data());
  }
  run(*compute, compute->kernels.global_norm, pieces(), options_.clip_norm, &report_->objective.loss,
      b.partial_sums, &report_->clip);
}

void DeviceTrainer::issue_update(DeviceCompute* compute, const StepScalars* scalars) {
  const CudaKernels& k = compute->kernels;
  const TrainerOptions& o = options_;
  if (o.optimizer == Optimizer::sgd) {
    run(*compute, k.sgd_step_all, pieces(), static_cast<float>(o.momentum), scalars, &report_->clip);
  } else {
    run(*compute, k.adam_step_all, pieces(), o.beta1, o.beta2, static_cast<float>(o.eps), scalars,
        &report_->clip);
  }
  trained_stale_ = true;
}

/// The graph of the step before becomes this step's, and is started.
Status DeviceTrainer::capture_step(const Batch& batch) {
  const Runtime& api = session_.api();
  if (Status s = session_.check(api.begin_capture(session_.stream()), "capturing a step")) return s;
  DeviceCompute c = compute();
  issue_pass(&c, batch);
  issue_update(&c, batch.scalars.device);
  Code code = api.end_capture(session_.stream(), &graph_, nullptr);
  if (c.code != kSuccess) code = c.code;
  if (code == kSuccess) code = api.launch_graph(graph_, session_.stream());
  if (code != kSuccess) all_stale_ = true;  // what was noted did not happen
  return session_.check(code, "capturing and starting a step");
}

Status DeviceTrainer::download_report(Slot* slot) {
  const Runtime& api = session_.api();
  Code code = api.download(session_.stream(), slot->report, report_, sizeof(Report));
  if (code == kSuccess) code = api.record(slot->done, session_.stream());
  return session_.check(code, "starting a step");
}

/// What the device has reported. After what is not finite, updates happen again.
Status DeviceTrainer::finish_slot(const Slot& slot, double* report) {
  const Report& r = *slot.report;
  const Status s = report_step(r.objective, r.clip.norm, report);
  if (s == kOk && r.clip.stopped == 0) return kOk;
  const int64_t step = slot.step;
  for (Slot& other : slots_) other.step = step;  // one under way is passed over, too
  step_options_.step = step;
  DeviceCompute c = compute();
  static_assert(sizeof(ClipReport) % sizeof(float) == 0, "cleared as floats");
  run(c, c.kernels.zero, reinterpret_cast<float*>(&report_->clip),
      static_cast<int64_t>(sizeof(ClipReport) / sizeof(float)));
  if (Status cleared = session_.check(c.code, "clearing a report")) return cleared;
  return s != kOk ? s : fail(kNotFinite, "the step before this one was not finite: this one is passed over");
}

Status DeviceTrainer::start(const TrainBatch<float>& given, double rate) {
  if (Status s = session_.enter()) return s;
  if (under_way_ == 2) return fail(kBadState, "two steps are under way: one has to be finished first");
  Slot* slot = &slots_[next_slot_];
  Batch batch{};
  has_gradients_ = false;
  if (Status s = prepare(given, rate, slot, &batch)) return s;
  slot->step = step_options_.step;
  if (Status s = capture_step(batch)) return s;
  if (Status s = download_report(slot)) return s;
  ++step_options_.step;
  next_slot_ = 1 - next_slot_;
  ++under_way_;
  norm_stale_ = false;
  return kOk;
}

Status DeviceTrainer::finish(double* report) {
  if (Status s = session_.enter()) return s;
  if (under_way_ == 0) return fail(kBadState, "no step is under way");
  const Slot& slot = slots_[under_way_ == 2 ? next_slot_ : 1 - next_slot_];
  --under_way_;
  if (Status s = session_.check(session_.api().wait(slot.done), "a step")) return s;
  return finish_slot(slot, report);
}

Status DeviceTrainer::step(const TrainBatch<float>& batch, double rate, double* report) {
  if (Status s = enter_alone()) return s;
  if (Status s = start(batch, rate)) return s;
  return finish(report);
}

Status DeviceTrainer::gradients(const TrainBatch<float>& given, double* report) {
  if (Status s = enter_alone()) return s;
  has_gradients_ = norm_stale_ = false;
  Slot* slot = &slots_[0];
  slot->step = step_options_.step;
  Batch batch{};
  if (Status s = prepare(given, 0, slot, &batch)) return s;
  DeviceCompute c = compute();
  issue_pass(&c, batch);
  if (Status s = session_.check(c.code, "gradients")) return s;
  if (Status s = download_report(slot)) return s;
  if (Status s = session_.check(session_.api().wait(slot->done), "gradients")) return s;
  if (Status s = finish_slot(*slot, report)) return s;
  has_gradients_ = true;
  return kOk;
}

/// Of gradients that have been written from outside.
Status DeviceTrainer::refresh_norm() {
  const int64_t bytes = pieces().sums() * static_cast<int64_t>(sizeof(float));
  if (Status s = sums_.reserve(&session_, Where::device, bytes)) return s;
  DeviceCompute c = compute();
  const float* no_loss = nullptr;
  run(c, c.kernels.global_norm, pieces(), options_.clip_norm, no_loss, reinterpret_cast<float*>(sums_.data()),
      &report_->clip);
  norm_stale_ = false;
  return session_.check(c.code, "the gradient's norm");
}

Status DeviceTrainer::update(double rate) {
  if (Status s = enter_alone()) return s;
  if (!has_gradients_) return fail(kBadState, "update needs the gradients of a batch first");
  if (norm_stale_) {
    if (Status s = refresh_norm()) return s;
  }
  const StepScalars scalars = scalars_at(rate);
  if (Status s = session_.write(scalars_, &scalars, sizeof scalars)) return s;
  DeviceCompute c = compute();
  issue_update(&c, scalars_);
  if (Status s = session_.check(c.code, "an update")) return s;
  if (Status s = session_.synchronize()) return s;
  ++step_options_.step;
  has_gradients_ = false;
  return kOk;
}

}  // namespace maque::cuda
