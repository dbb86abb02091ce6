#include "abi/train_batch.h"

#include <string.h>

#include "core/error.h"

namespace maque {
namespace {

/// Checks texts, and trunk rows where they stand in for the ids.
Status check_input(const Geometry& g, int32_t trunk_kind, const BatchArguments& in, Texts* texts) {
  if (in.trunk == nullptr) return check_texts(g, in.texts, true, texts);
  if (trunk_kind == 0) return fail(kInvalidArgument, "trunk: null expected, this trainer has no trunk");
  if (Status s = check_texts(g, in.texts, false, texts)) return s;
  for (int64_t i = 0; i < texts->count; ++i) {
    if (texts->length(i) == 0) {
      return fail(kInvalidArgument, "text %lld is empty: a bert text has at least one token",
                  static_cast<long long>(i));
    }
  }
  const int64_t rows = trunk_rows(trunk_kind, *texts);
  if (in.trunk_len == rows * g.hidden) return kOk;
  return fail(kInvalidArgument, "trunk: %lld * %lld elements expected, got %lld",
              static_cast<long long>(rows), static_cast<long long>(g.hidden),
              static_cast<long long>(in.trunk_len));
}

Status check_targets(const Geometry& g, int32_t n, const int32_t* labels, const int32_t* has_soft) {
  for (int32_t i = 0; i < n && labels != nullptr; ++i) {
    if (labels[i] < -1 || labels[i] >= g.num_labels) {
      return fail(kInvalidArgument, "labels[%d]: -1 .. %lld expected, got %d", i,
                  static_cast<long long>(g.num_labels - 1), labels[i]);
    }
  }
  for (int32_t i = 0; i < n && has_soft != nullptr; ++i) {
    if (has_soft[i] != 0 && has_soft[i] != 1) {
      return fail(kInvalidArgument, "has_soft[%d]: 0 or 1 expected, got %d", i, has_soft[i]);
    }
  }
  return kOk;
}

/// Copies n elements, or keeps a null; room is left, so that a few batches later nothing is allocated any
/// more.
template <class T>
bool keep(const T* from, int64_t n, Buffer<T>* memory, const T** kept) {
  *kept = nullptr;
  if (from == nullptr) return true;
  if (!memory->reserve(n <= memory->size() ? n : n + n / 2)) return false;
  memcpy(memory->data(), from, static_cast<size_t>(n) * sizeof(T));
  *kept = memory->data();
  return true;
}

}  // namespace

int64_t trunk_rows(int32_t trunk_kind, const Texts& texts) {
  return trunk_kind == 1 ? texts.tokens() : texts.count;
}

Status HeldBatch::take(const Geometry& g, int32_t trunk_kind, const BatchArguments& in) {
  held_ = false;
  Texts texts;
  if (Status s = check_input(g, trunk_kind, in, &texts)) return s;
  if (Status s = check_targets(g, in.texts.n, in.labels, in.has_soft)) return s;
  if (Status s = copy(g, texts, in)) return s;
  held_ = true;
  return kOk;
}

Status HeldBatch::copy(const Geometry& g, const Texts& texts, const BatchArguments& in) {
  const int64_t n = texts.count, tokens = texts.tokens();
  Texts* kept = &batch_.texts;
  kept->count = n;
  if (keep(texts.ids, tokens, &ids_, &kept->ids) && keep(texts.offsets, n + 1, &offsets_, &kept->offsets) &&
      keep(texts.type_ids, tokens, &type_ids_, &kept->type_ids) &&
      keep(texts.bag_ids, texts.ngrams(), &bag_ids_, &kept->bag_ids) &&
      keep(texts.bag_offsets, n + 1, &bag_offsets_, &kept->bag_offsets) &&
      keep(in.trunk, in.trunk_len, &trunk_, &batch_.trunk) && keep(in.labels, n, &labels_, &batch_.labels) &&
      keep(in.soft, n * g.num_labels, &soft_, &batch_.soft) &&
      keep(in.has_soft, n, &has_soft_, &batch_.has_soft)) {
    return kOk;
  }
  return fail(kOutOfMemory, "out of memory for a batch of %lld texts", static_cast<long long>(n));
}

Status HeldBatch::get(TrainBatch<float>* batch) const {
  if (!held_) return fail(kBadState, "no batch has been given");
  *batch = batch_;
  return kOk;
}

}  // namespace maque
