#include "model/check.h"

#include "core/error.h"

namespace maque {
namespace {

long long wide(int64_t x) { return static_cast<long long>(x); }

/// Index of the first of n ids outside [0, limit), or -1.
int64_t find_out_of_range(const int32_t* ids, int64_t n, int64_t limit) {
  for (int64_t i = 0; i < n; ++i) {
    if (ids[i] < 0 || ids[i] >= limit) return i;
  }
  return -1;
}

Status check_offsets(const Geometry& g, const TextArguments& in, bool needs_ids) {
  if (in.n < 0) return fail(kInvalidArgument, "n: at least 0 texts expected, got %d", in.n);
  if (in.offsets == nullptr) return fail(kInvalidArgument, "offsets is null");
  if (in.offsets[0] != 0) return fail(kInvalidArgument, "offsets[0]: 0 expected, got %d", in.offsets[0]);
  for (int32_t i = 0; i < in.n; ++i) {
    const int64_t length = static_cast<int64_t>(in.offsets[i + 1]) - in.offsets[i];
    if (length < 0) {
      return fail(kInvalidArgument, "offsets[%d]: at least %d expected, got %d", i + 1, in.offsets[i],
                  in.offsets[i + 1]);
    }
    if (!g.is_bert() || !needs_ids) continue;
    if (length == 0) return fail(kInvalidArgument, "text %d is empty: a bert text has at least one token", i);
    if (length > g.positions) {
      return fail(kInvalidArgument, "text %d has %lld tokens, more than max_position_embeddings %lld", i,
                  wide(length), wide(g.positions));
    }
  }
  return kOk;
}

Status check_types(const Geometry& g, const int32_t* type_ids, int64_t tokens) {
  if (type_ids == nullptr) return kOk;
  if (!g.is_bert()) return fail(kInvalidArgument, "type_ids: null expected, only bert has them");
  const int64_t bad = find_out_of_range(type_ids, tokens, g.types);
  if (bad < 0) return kOk;
  return fail(kInvalidArgument, "type_ids[%lld]: 0 .. %lld expected, got %d", wide(bad), wide(g.types - 1),
              type_ids[bad]);
}

Status check_bag_offsets(const TextArguments& in) {
  if (in.bag_offsets == nullptr)
    return fail(kInvalidArgument, "bag_offsets is null: the model reads n-grams");
  if (in.bag_offsets[0] != 0)
    return fail(kInvalidArgument, "bag_offsets[0]: 0 expected, got %d", in.bag_offsets[0]);
  for (int32_t i = 0; i < in.n; ++i) {
    if (in.bag_offsets[i + 1] < in.bag_offsets[i]) {
      return fail(kInvalidArgument, "bag_offsets[%d]: at least %d expected, got %d", i + 1, in.bag_offsets[i],
                  in.bag_offsets[i + 1]);
    }
  }
  if (in.bag_offsets[in.n] <= in.bag_len) return kOk;
  return fail(kInvalidArgument, "bag_offsets[%d] = %d: bag_ids has only %lld", in.n, in.bag_offsets[in.n],
              wide(in.bag_len));
}

/// n has been checked.
Status check_bag(const Geometry& g, const TextArguments& in, Texts* texts) {
  if (!g.has_ngrams()) {
    if (in.bag_ids == nullptr && in.bag_offsets == nullptr) return kOk;
    return fail(kInvalidArgument, "bag_ids and bag_offsets: null expected, the model has no n-grams");
  }
  if (Status s = check_bag_offsets(in)) return s;
  const int64_t n = in.bag_offsets[in.n];
  if (in.bag_ids == nullptr && n > 0) return fail(kInvalidArgument, "bag_ids is null");
  const int64_t bad = find_out_of_range(in.bag_ids, n, g.ngram_buckets);
  if (bad >= 0) {
    return fail(kInvalidArgument, "bag_ids[%lld]: 0 .. %lld expected, got %d", wide(bad),
                wide(g.ngram_buckets - 1), in.bag_ids[bad]);
  }
  texts->bag_ids = in.bag_ids;
  texts->bag_offsets = in.bag_offsets;
  return kOk;
}

/// Texts of kind bag, which have no tokens.
Status check_bags(const Geometry& g, const TextArguments& in, Texts* texts) {
  if (in.n < 0) return fail(kInvalidArgument, "n: at least 0 texts expected, got %d", in.n);
  if (in.ids != nullptr || in.offsets != nullptr || in.type_ids != nullptr) {
    return fail(kInvalidArgument, "ids, offsets and type_ids: null expected, a bag reads n-grams alone");
  }
  *texts = Texts{nullptr, in.bag_offsets, in.n, nullptr};
  return check_bag(g, in, texts);
}

}  // namespace

Status check_texts(const Geometry& g, const TextArguments& in, bool needs_ids, Texts* texts) {
  if (g.kind == Kind::bag) return check_bags(g, in, texts);
  if (Status s = check_offsets(g, in, needs_ids)) return s;
  const int64_t tokens = in.offsets[in.n];
  *texts = Texts{nullptr, in.offsets, in.n, nullptr};
  if (!needs_ids) return kOk;
  if (tokens > in.ids_len) {
    return fail(kInvalidArgument, "offsets[%d] = %lld: ids has only %lld", in.n, wide(tokens),
                wide(in.ids_len));
  }
  if (in.ids == nullptr && tokens > 0) return fail(kInvalidArgument, "ids is null");
  const int64_t bad = find_out_of_range(in.ids, tokens, g.vocab);
  if (bad >= 0) {
    return fail(kInvalidArgument, "ids[%lld]: 0 .. %lld expected, got %d", wide(bad), wide(g.vocab - 1),
                in.ids[bad]);
  }
  if (Status s = check_types(g, in.type_ids, tokens)) return s;
  texts->ids = in.ids;
  texts->type_ids = in.type_ids;
  return check_bag(g, in, texts);
}

Status check_output(const float* out, int64_t out_len, int64_t rows, int64_t width) {
  if (out_len < rows * width) {
    return fail(kInvalidArgument, "out: %lld * %lld elements expected, got %lld", wide(rows), wide(width),
                wide(out_len));
  }
  if (out == nullptr && rows > 0) return fail(kInvalidArgument, "out is null");
  return kOk;
}

}  // namespace maque
