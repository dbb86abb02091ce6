// A batch of training on the device: what the host stages, which memory it takes, whether it fits.
#include "core/error.h"
#include "model/cuda/trainer.h"

namespace maque::cuda {
namespace {

/// Texts of one launch of attention, see AttentionBatch.
constexpr int64_t kMostTexts = 65535;

/// The first n texts of a batch.
TrainBatch<float> first_texts(const TrainBatch<float>& batch, int64_t n) {
  TrainBatch<float> part = batch;
  part.texts.count = n;
  return part;
}

/// values on the device, or null where there are none.
template <class T>
const T* stage_values(StagingCarver* staging, const T* values, int64_t n) {
  return values == nullptr ? nullptr : staging->copy(values, n).device;
}

}  // namespace

StudentDropout DeviceTrainer::student_dropout(const DropoutKey* key) const {
  return {key, options_.embedding_dropout, options_.output_dropout, options_.head_dropout,
          options_.ngram_dropout};
}

/// The ids where the pass begins there; else the rows that are given, or the ids of a pass that makes them.
void DeviceTrainer::stage_bert(StagingCarver* staging, Batch* batch) {
  const Geometry& g = geometry_;
  const Texts& texts = batch->given.texts;
  stage_bert_batch(staging, g, texts, training_span(), g.first_row_only(), &batch->bert);
  batch->trunk_rows = nullptr;
  if (trunk_point_ == kFromIds) return;
  if (runs_trunk(*batch)) {
    const bool first_only = g.first_row_only() && trunk_point_ != last_hidden_point(g);
    stage_bert_batch(staging, g, texts, trunk_span(), first_only, &batch->trunk_bert);
    return;
  }
  const int64_t rows = bert_point_row_count(g, batch->bert, trunk_point_);
  batch->trunk_rows = stage_values(staging, batch->given.trunk, rows * bert_point_width(g, trunk_point_));
}

void DeviceTrainer::stage(StagingCarver* staging, Batch* batch) {
  const TrainBatch<float>& given = batch->given;
  const int64_t n = given.texts.count;
  batch->scalars = staging->take<StepScalars>(1);
  batch->labels = stage_values(staging, given.labels, n);
  batch->soft = stage_values(staging, given.soft, n * geometry_.num_labels);
  batch->has_soft = stage_values(staging, given.has_soft, n);
  if (geometry_.is_bert()) return stage_bert(staging, batch);
  batch->student_pass = training_pass(geometry_.precision, student_dropout(nullptr), gradients_[0]);
  stage_student_batch(staging, geometry_, given.texts, batch->student_pass, &batch->student);
}

void DeviceTrainer::plan(Carver* host, Carver* device, Batch* batch) {
  const Geometry& g = geometry_;
  int64_t sums = piece_count_;
  if (g.is_bert()) {
    if (runs_trunk(*batch)) {
      plan_bert_buffers(host, device, g, g.precision, batch->trunk_bert, trunk_span(), &batch->trunk_buffers);
    }
    plan_bert_buffers(host, device, g, g.precision, batch->bert, training_span(), &batch->bert_buffers);
    batch->logits = batch->bert_buffers.logits;
  } else {
    plan_student_buffers(device, g, g.precision, batch->student_pass, batch->student,
                         &batch->student_buffers);
    batch->logits = batch->student_buffers.logits;
    sums += batch->student.host.bag.rows;
  }
  batch->d_logits = device->take<float>(batch->given.texts.count * g.num_labels);
  batch->partial_sums = device->take<float>(sums);
}

DeviceTrainer::Sizes DeviceTrainer::measure(const TrainBatch<float>& given) {
  Batch batch{};
  batch.given = given;
  StagingCarver staging(nullptr, nullptr);
  stage(&staging, &batch);
  Carver host(nullptr), device(nullptr);
  plan(&host, &device, &batch);
  return {staging.used(), device.used(), host.used()};
}

/// The largest number of the batch's first texts whose memory is at most `bytes`.
int64_t DeviceTrainer::texts_that_fit(const TrainBatch<float>& given, int64_t bytes) {
  int64_t fit = 0, most = given.texts.count;
  while (fit < most) {
    const int64_t middle = (fit + most + 1) / 2;
    const Sizes sizes = measure(first_texts(given, middle));
    if (sizes.staging + sizes.device <= bytes) {
      fit = middle;
    } else {
      most = middle - 1;
    }
  }
  return fit;
}

Status DeviceTrainer::reserve(const TrainBatch<float>& given, Slot* slot, Sizes* sizes) {
  if (given.texts.count > kMostTexts) {
    return fail(kInvalidArgument, "n: at most %lld texts in a batch on a device, got %lld",
                static_cast<long long>(kMostTexts), static_cast<long long>(given.texts.count));
  }
  *sizes = measure(given);
  if (!batch_lists_.reserve(sizes->host))
    return fail(kOutOfMemory, "out of memory: %lld bytes", static_cast<long long>(sizes->host));
  if (Status s = slot->staging.reserve(&session_, Where::pinned, sizes->staging)) return s;
  const int64_t bytes = sizes->staging + sizes->device;
  const Status s = batch_memory_.reserve(&session_, Where::device, bytes);
  if (s != kOutOfMemory) return s;
  const int64_t free = session_.free_bytes();
  return fail(kOutOfMemory,
              "out of memory on the device: %lld bytes wanted for a batch of %lld texts, %lld free: a batch "
              "of the first %lld of them fits",
              static_cast<long long>(bytes), static_cast<long long>(given.texts.count),
              static_cast<long long>(free), static_cast<long long>(texts_that_fit(given, free)));
}

/// Stages the batch and starts its way to the device; every array of `batch` is cut.
Status DeviceTrainer::prepare(const TrainBatch<float>& given, double rate, Slot* slot, Batch* batch) {
  Sizes sizes{};
  rows_ = {};  // they may lie in memory that is given back
  if (Status s = reserve(given, slot, &sizes)) return s;
  batch->given = given;
  StagingCarver staging(slot->staging.data(), batch_memory_.data());
  stage(&staging, batch);
  *batch->scalars.host = scalars_at(rate);
  Carver host(batch_lists_.data()), device(batch_memory_.data() + sizes.staging);
  plan(&host, &device, batch);
  if (geometry_.has_ngrams()) {
    const BagBatch& bag = batch->student.device.bag;
    rows_ = {static_cast<int32_t>(ngram_tensor(geometry_)), bag.rows, geometry_.ngram_width, bag.row_ids,
             batch->student_buffers.ngram_rows};
  }
  const Code code =
      session_.api().upload(session_.stream(), batch_memory_.data(), slot->staging.data(), staging.used());
  return session_.check(code, "copying a batch to the device");
}

}  // namespace maque::cuda
