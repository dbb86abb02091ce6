#include "model/cuda/student_batch.h"

namespace maque::cuda {
namespace {

/// A block cut on the host by code that knows of one side only, and what of it lies where on the device.
class TwinBlock {
 public:
  explicit TwinBlock(Staged<char> block) : block_(block) {}

  /// The device's side of an array of the block; null stays null.
  template <class T>
  const T* operator()(const T* host) const {
    if (host == nullptr) return nullptr;
    return reinterpret_cast<const T*>(block_.device + (reinterpret_cast<const char*>(host) - block_.host));
  }

 private:
  Staged<char> block_;
};

/// Calls fill(carver) to measure and, where there is memory, again to fill.
template <class F>
TwinBlock stage_block(StagingCarver* staging, const F& fill) {
  Carver measure(nullptr);
  fill(&measure);
  const Staged<char> block = staging->take<char>(measure.used());
  if (block.host != nullptr) {
    Carver carver(block.host);
    fill(&carver);
  }
  return TwinBlock(block);
}

/// offsets[0 .. n] from 0 on.
Staged<int32_t> stage_offsets(StagingCarver* staging, const int32_t* offsets, int64_t n) {
  const Staged<int32_t> staged = staging->take<int32_t>(n + 1);
  for (int64_t i = 0; i <= n && staged.host != nullptr; ++i) staged.host[i] = offsets[i] - offsets[0];
  return staged;
}

/// Turns a bag round on the host.
BagBatch turn_round(StagingCarver* staging, const BagBatch& given, BagBatch* host) {
  const TwinBlock twin = stage_block(staging, [&](Carver* carver) {
    *host = given;
    lay_out_bag(carver, host);
  });
  BagBatch device = *host;
  device.row_ids = twin(host->row_ids);
  device.row_offsets = twin(host->row_offsets);
  device.row_texts = twin(host->row_texts);
  return device;
}

void stage_bag(StagingCarver* staging, const Texts& texts, bool training, StudentBatch* batch) {
  const BagBatch given = texts.bag();
  if (given.texts == 0) return;
  const Staged<int32_t> offsets = stage_offsets(staging, given.offsets, given.texts),
                        ids = staging->copy(given.ids == nullptr ? nullptr : given.ids + given.offsets[0],
                                            texts.ngrams());
  batch->host.bag = batch->device.bag = given;
  if (training) batch->device.bag = turn_round(staging, given, &batch->host.bag);
  batch->device.bag.offsets = offsets.device;
  batch->device.bag.ids = ids.device;
}

/// The lay-out of model/bilstm.h, with the device's addresses in `device`.
void stage_layout(StagingCarver* staging, const Geometry& g, const Staged<int32_t>& ids,
                  const Staged<int32_t>& offsets, const Texts& texts, StudentLayout layout,
                  StudentBatch* batch) {
  maque::StudentBatch& host = batch->host;
  const TwinBlock twin = stage_block(staging, [&](Carver* carver) {
    lay_out_batch(carver, g, ids.host, offsets.host, texts.count, texts.tokens(), texts.longest(), layout,
                  &host);
  });
  maque::StudentBatch& device = batch->device;
  device = host;
  device.ids = ids.device;
  device.offsets = offsets.device;
  device.row_ids = twin(host.row_ids);
  device.start = twin(host.start);
  device.active = twin(host.active);
  device.pool_offsets = twin(host.pool_offsets);
  device.pool_rows = twin(host.pool_rows);
  device.last = twin(host.last);
  device.first = twin(host.first);
  device.before = twin(host.before);
  device.after = twin(host.after);
  device.by_id = twin(host.by_id);
  device.distinct_ids = twin(host.distinct_ids);
  device.distinct_of = twin(host.distinct_of);
}

/// The rows of each distinct id, in their order: places are counted, then filled.
void group_rows(const maque::StudentBatch& b, int32_t* offsets, int32_t* rows) {
  for (int64_t i = 0; i <= b.distinct; ++i) offsets[i] = 0;
  for (int64_t row = 0; row < b.tokens; ++row) ++offsets[b.distinct_of[row]];
  int32_t end = 0;
  for (int64_t i = 0; i <= b.distinct; ++i) offsets[i] = end += offsets[i];  // ends, for now
  for (int64_t row = b.tokens - 1; row >= 0; --row)
    rows[--offsets[b.distinct_of[row]]] = static_cast<int32_t>(row);
}

void stage_groups(StagingCarver* staging, int64_t tokens, StudentBatch* batch) {
  const Staged<int32_t> offsets = staging->take<int32_t>(tokens + 1), rows = staging->take<int32_t>(tokens);
  if (batch->host.distinct_of == nullptr) return;
  group_rows(batch->host, offsets.host, rows.host);
  batch->distinct_offsets = offsets.device;
  batch->distinct_rows = rows.device;
}

const int32_t* stage_places(StagingCarver* staging, int64_t n) {
  const Staged<int32_t> places = staging->take<int32_t>(n);
  for (int64_t i = 0; i < n && places.host != nullptr; ++i) places.host[i] = static_cast<int32_t>(i);
  return places.device;
}

const int32_t* stage_text_of(StagingCarver* staging, const maque::StudentBatch& b) {
  const Staged<int32_t> text_of = staging->take<int32_t>(b.rows);
  for (int64_t i = 0; i < b.texts && text_of.host != nullptr; ++i) {
    for (int32_t s = b.pool_offsets[i]; s < b.pool_offsets[i + 1]; ++s)
      text_of.host[b.pool_rows[s]] = static_cast<int32_t>(i);
  }
  return text_of.device;
}

}  // namespace

void stage_student_batch(StagingCarver* staging, const Geometry& g, const Texts& texts,
                         const StudentPass& pass, StudentBatch* batch) {
  *batch = {};
  const int64_t n = texts.count, tokens = texts.tokens();
  Staged<int32_t> offsets, ids;
  if (g.kind != Kind::bag) {  // a bag's offsets are those of its n-grams
    offsets = stage_offsets(staging, texts.offsets, n);
    ids = staging->copy(tokens == 0 ? nullptr : texts.ids + texts.offsets[0], tokens);
  }
  stage_layout(staging, g, ids, offsets, texts,
               {pass.training, pass.training || pass.distinct, pass.distinct}, batch);
  if (g.kind == Kind::sequence && pass.distinct) stage_groups(staging, tokens, batch);
  if (pass.training && g.has_lstm()) batch->places = stage_places(staging, tokens > n ? tokens : n);
  if (pass.trains_table && g.kind == Kind::document) {
    BagBatch host{};
    host.ids = texts.ids;
    host.offsets = texts.offsets;
    host.texts = n;
    batch->words = turn_round(staging, host, &host);
  }
  stage_bag(staging, texts, pass.training, batch);
  if (g.has_ngrams() && g.head_per_token()) batch->text_of = stage_text_of(staging, batch->host);
}

}  // namespace maque::cuda
