// Passes of a device's trainer without dropout: logits, and the trunk's output.
#include "core/error.h"
#include "model/cuda/trainer.h"

namespace maque::cuda {
namespace {

/// Texts of a chunk whose texts have no tokens, or few.
constexpr int64_t kChunkTexts = int64_t{1} << 14;

}  // namespace

/// Texts from `begin` on, as many as a chunk takes, which does not show in fp32's bits.
Texts DeviceTrainer::next_texts(const Texts& all, int64_t begin) const {
  int64_t end = begin + 1;
  while (end < all.count && end - begin < kChunkTexts &&
         all.offsets[end + 1] - all.offsets[begin] <= chunk_tokens_)
    ++end;
  const int32_t* bag_offsets = all.bag_offsets == nullptr ? nullptr : all.bag_offsets + begin;
  return {all.ids, all.offsets + begin, end - begin, all.type_ids, all.bag_ids, bag_offsets};
}

void DeviceTrainer::stage_inference(StagingCarver* staging, const Inference& in, Batch* batch) {
  const Geometry& g = geometry_;
  if (!g.is_bert())
    return stage_student_batch(staging, g, in.texts, inference_pass(g.precision), &batch->student);
  const bool first_only = g.first_row_only() && in.span.to != last_hidden_point(g);
  stage_bert_batch(staging, g, in.texts, in.span, first_only, &batch->bert);
  batch->trunk_rows = nullptr;
  if (in.span.from == kFromIds) return;
  const int64_t rows = bert_point_row_count(g, batch->bert, in.span.from);
  batch->trunk_rows = staging->copy(in.rows, rows * bert_point_width(g, in.span.from)).device;
}

void DeviceTrainer::plan_inference(Carver* host, Carver* device, const Inference& in, Batch* batch) {
  const Geometry& g = geometry_;
  if (g.is_bert()) {
    plan_bert_buffers(host, device, g, g.precision, batch->bert, in.span, &batch->bert_buffers);
  } else {
    plan_student_buffers(device, g, g.precision, inference_pass(g.precision), batch->student,
                         &batch->student_buffers);
  }
}

Status DeviceTrainer::reserve_inference(const Inference& in, Sizes* sizes) {
  Batch batch{};
  StagingCarver staging(nullptr, nullptr);
  stage_inference(&staging, in, &batch);
  Carver host(nullptr), device(nullptr);
  plan_inference(&host, &device, in, &batch);
  *sizes = {staging.used(), device.used(), host.used()};
  if (!inference_lists_.reserve(sizes->host))
    return fail(kOutOfMemory, "out of memory: %lld bytes", static_cast<long long>(sizes->host));
  if (Status s = inference_staging_.reserve(&session_, Where::pinned, sizes->staging)) return s;
  return inference_memory_.reserve(&session_, Where::device, sizes->staging + sizes->device);
}

/// Where the result lies.
const float* DeviceTrainer::issue_inference(DeviceCompute* compute, const Inference& in, const Batch& b) {
  const Geometry& g = geometry_;
  refresh(compute);
  if (!g.is_bert()) {
    student_forward(*compute, student_, b.student, StudentDropout{}, b.student_buffers);
    return b.student_buffers.logits;
  }
  if (in.span.from != kFromIds) {
    const int64_t n = bert_point_row_count(g, b.bert, in.span.from) * bert_point_width(g, in.span.from);
    run(*compute, compute->kernels.copy, b.trunk_rows, n, bert_point_rows(g, b.bert_buffers, in.span.from));
  }
  bert_forward(*compute, bert_, b.bert, BertDropout{}, b.bert_buffers, in.span);
  return bert_point_rows(g, b.bert_buffers, in.span.to);
}

/// in_rows, out_rows: floats of the chunks before.
Status DeviceTrainer::infer_chunk(const Inference& in, int64_t* in_rows, int64_t* out_rows) {
  const Geometry& g = geometry_;
  Inference chunk = in;
  if (in.rows != nullptr) chunk.rows = in.rows + *in_rows;
  Sizes sizes{};
  if (Status s = reserve_inference(chunk, &sizes)) return s;
  Batch batch{};
  StagingCarver staging(inference_staging_.data(), inference_memory_.data());
  stage_inference(&staging, chunk, &batch);
  Carver host(inference_lists_.data()), device(inference_memory_.data() + sizes.staging);
  plan_inference(&host, &device, chunk, &batch);
  const Code code = session_.api().upload(session_.stream(), inference_memory_.data(),
                                          inference_staging_.data(), staging.used());
  if (Status s = session_.check(code, "copying a batch to the device")) return s;
  DeviceCompute c = compute();
  const float* result = issue_inference(&c, chunk, batch);
  if (Status s = session_.check(c.code, "a forward pass")) return s;
  int64_t n = in.texts.count * g.num_labels;
  if (g.is_bert()) n = bert_point_row_count(g, batch.bert, in.span.to) * bert_point_width(g, in.span.to);
  if (Status s = session_.read(in.out + *out_rows, result, n * static_cast<int64_t>(sizeof(float)))) return s;
  *out_rows += n;
  if (in.rows != nullptr)
    *in_rows += bert_point_row_count(g, batch.bert, in.span.from) * bert_point_width(g, in.span.from);
  return kOk;
}

Status DeviceTrainer::infer(const Texts& texts, const float* rows, const BertSpan& span, float* out) {
  int64_t in_rows = 0, out_rows = 0;
  for (int64_t begin = 0; begin < texts.count;) {
    const Texts part = next_texts(texts, begin);
    const Status s = infer_chunk({part, rows, span, out}, &in_rows, &out_rows);
    if (s == kOutOfMemory && part.count > 1) {
      chunk_tokens_ = part.tokens() / 2;
      continue;
    }
    if (s != kOk) return s;
    begin += part.count;
  }
  return kOk;
}

Status DeviceTrainer::trunk(const Texts& texts, float* out) {
  if (Status s = enter_alone()) return s;
  if (trunk_point_ == kFromIds) return fail(kBadState, "this trainer has no trunk: all tensors are trained");
  return infer(texts, nullptr, trunk_span(), out);
}

Status DeviceTrainer::forward(const Texts& texts, const float* rows, float* out) {
  if (Status s = enter_alone()) return s;
  const BertPoint from = rows == nullptr ? kFromIds : trunk_point_;
  return infer(texts, rows, {from, logits_point(geometry_), false}, out);
}

}  // namespace maque::cuda
