// attention.cu's way with tensor cores: a block takes 64 rows of one head of one text, each of its 4 warps 16
// of them, and walks the text's other rows in tiles of 64, the next of which is copied while the present one
// is multiplied. Scores stay in the fragments in which the product leaves them; rounded to bf16 they are the
// next product's first factor.
//
// Where the time goes, for a head of 64 and a tile of 64 keys, of one warp: 64 products, 8 cycles of a
// quarter's tensor core each on sm_80, 512 in all. Beside them the warp issues 32 ldmatrix, 5 instructions
// for each of a lane's 32 scores (scale, largest, difference, 2^x, sum; half a conversion), 64 to shrink
// outputs, and the products: about 340 of the 512 slots. 2^x is the special unit's, 8 cycles each, 256 in
// all, beside both. Warps of two or three blocks share a tensor core, so that the scores of one are made
// while the products of others run. With a polynomial in place of 2^x it was 900 slots. Not yet run on a GPU.
#include "kernels/bf16.h"
#include "kernels/cuda/attention_place.h"
#include "kernels/cuda/cuda_list.h"

namespace maque::cuda {
namespace {

using Dropped = DroppedTile<64, 64>;
constexpr int32_t kRows = 64, kWarps = 4, kThreads = kWarps * kWarp, kWarpRows = kRows / kWarps;
constexpr int32_t kScoreFragments = kRows / 8;  // of a warp's 16 rows
constexpr float kInfinity = __builtin_inff();
constexpr float kLog2E = 1.44269504f, kLn2 = 0.693147181f;

/// Rows of kDim halves in shared memory, 16 bytes apart from each other's banks; heads shorter than kDim are
/// filled with zeros.
template <int32_t kDim>
struct Rows {
  static constexpr int32_t kRow = kDim + 8, kElements = kRows * kRow;

  /// Starts to copy rows [row, row + 64) of n; x begins at the head's columns of row 0.
  MAQUE_DEVICE static void copy(const uint16_t* x, int64_t ld, int32_t row, int32_t n, int32_t d,
                                Shared<uint16_t> to) {
    for (int32_t e = thread_x(); e < kRows * (kDim / 8); e += kThreads) {
      const int32_t r = e / (kDim / 8), column = e % (kDim / 8) * 8;
      const bool inside = row + r < n && column < d;
      copy_async(to, r * kRow + column, inside ? x + (row + r) * ld + column : x, inside ? 16 : 0);
    }
  }
  /// The first factor of this warp's 16 rows at columns c .. c + 15.
  MAQUE_DEVICE static void load_own(Shared<uint16_t> rows, int32_t c, FragmentA* f) {
    const int32_t l = lane_id();
    load_matrix(f->a, rows, (warp_id() * kWarpRows + l % 16) * kRow + c + l / 16 * 8);
  }
  /// The second factor of a product over columns: rows r .. r + 15 as its columns.
  MAQUE_DEVICE static void load_across(Shared<uint16_t> rows, int32_t r, int32_t c, FragmentB (&f)[2]) {
    const int32_t l = lane_id();
    uint32_t words[4];
    load_matrix(words, rows, (r + l / 16 * 8 + l % 8) * kRow + c + l / 8 % 2 * 8);
    f[0] = {{words[0], words[1]}};
    f[1] = {{words[2], words[3]}};
  }
  /// The second factor of a product over rows r .. r + 15: columns c .. c + 15.
  MAQUE_DEVICE static void load_along(Shared<uint16_t> rows, int32_t r, int32_t c, FragmentB (&f)[2]) {
    const int32_t l = lane_id();
    uint32_t words[4];
    load_matrix_transposed(words, rows, (r + l / 8 % 2 * 8 + l % 8) * kRow + c + l / 16 * 8);
    f[0] = {{words[0], words[1]}};
    f[1] = {{words[2], words[3]}};
  }
};

/// s = own rows times the tile's rows, over columns.
template <int32_t kDim>
MAQUE_DEVICE void multiply_rows(const FragmentA (&own)[kDim / 16], Shared<uint16_t> tile,
                                FragmentC (&s)[kScoreFragments]) {
  MAQUE_UNROLL
  for (int32_t j = 0; j < kScoreFragments; j += 2) {
    s[j] = s[j + 1] = FragmentC{};
    MAQUE_UNROLL
    for (int32_t c = 0; c < kDim / 16; ++c) {
      FragmentB f[2];
      Rows<kDim>::load_across(tile, 8 * j, 16 * c, f);
      multiply_add(s[j], own[c], f[0]);
      multiply_add(s[j + 1], own[c], f[1]);
    }
  }
}

/// sums += w times the tile's rows, w in the fragments of scores.
template <int32_t kDim>
MAQUE_DEVICE void add_weighted(const FragmentC (&w)[kScoreFragments], Shared<uint16_t> tile,
                               FragmentC (&sums)[kDim / 8]) {
  MAQUE_UNROLL
  for (int32_t j = 0; j < kScoreFragments; j += 2) {
    const FragmentA a = {{pack_bf16(w[j].c[0], w[j].c[1]), pack_bf16(w[j].c[2], w[j].c[3]),
                          pack_bf16(w[j + 1].c[0], w[j + 1].c[1]), pack_bf16(w[j + 1].c[2], w[j + 1].c[3])}};
    MAQUE_UNROLL
    for (int32_t c = 0; c < kDim / 8; c += 2) {
      FragmentB f[2];
      Rows<kDim>::load_along(tile, 8 * j, 8 * c, f);
      multiply_add(sums[c], a, f[0]);
      multiply_add(sums[c + 1], a, f[1]);
    }
  }
}

/// Row (of the block) and column (of the tile) of element e of fragment j.
MAQUE_DEVICE int32_t row_of(int32_t e) { return warp_id() * kWarpRows + lane_id() / 4 + e / 2 * 8; }
MAQUE_DEVICE int32_t column_of(int32_t j, int32_t e) { return 8 * j + lane_id() % 4 * 2 + e % 2; }

/// Over the four lanes that share a row.
MAQUE_DEVICE float row_max(float x) {
  MAQUE_UNROLL
  for (int32_t with = 2; with > 0; with /= 2) {
    const float other = shuffle_xor(x, with);
    x = x > other ? x : other;
  }
  return x;
}
MAQUE_DEVICE float row_sum(float x) {
  x += shuffle_xor(x, 2);
  return x + shuffle_xor(x, 1);
}

/// Columns of a head come in pairs, of one word each.
template <int32_t kDim>
MAQUE_DEVICE void store_rows(const FragmentC (&sums)[kDim / 8], const float (&factor)[2], int32_t row,
                             int32_t n, int32_t d, uint16_t* to, int64_t ld) {
  MAQUE_UNROLL
  for (int32_t c = 0; c < kDim / 8; ++c) {
    MAQUE_UNROLL
    for (int32_t half = 0; half < 2; ++half) {
      const int32_t at = row + row_of(2 * half), column = column_of(c, 0);
      const float *x = sums[c].c + 2 * half, f = factor[half];
      if (at < n && column < d)
        *reinterpret_cast<uint32_t*>(to + at * ld + column) = pack_bf16(x[0] * f, x[1] * f);
    }
  }
}

// --- forward
// --------------------------------------------------------------------------------------------------------

/// The maxima and this lane's part of the sums of its two rows.
struct Running {
  float max[2], sum[2];
};

/// Scores of the tile of keys from `key` on become exponentials relative to the new maxima, after dropout;
/// sums and outputs so far are brought to the same maxima. Scores and maxima are logarithms to base 2.
template <int32_t kDim>
MAQUE_DEVICE void take_scores(const AttentionBf16Batch& b, const Mask& mask, const Dropped& dropped,
                              const Place& place, int32_t key, FragmentC (&s)[kScoreFragments],
                              Running* running, FragmentC (&o)[kDim / 8]) {
  const float scale = b.scale * kLog2E;
  const bool whole = key + kRows <= place.nk;
  MAQUE_UNROLL
  for (int32_t half = 0; half < 2; ++half) {
    float largest = -kInfinity;
    MAQUE_UNROLL
    for (int32_t i = 0; i < 2 * kScoreFragments; ++i) {
      float* score = &s[i / 2].c[2 * half + i % 2];
      *score *= scale;
      if (!whole && key + column_of(i / 2, i % 2) >= place.nk) *score = -kInfinity;
      largest = largest > *score ? largest : *score;
    }
    largest = row_max(largest);
    const float max = running->max[half] > largest ? running->max[half] : largest;
    const float shrink = fast_exp2(running->max[half] - max);
    running->max[half] = max;
    running->sum[half] *= shrink;
    MAQUE_UNROLL
    for (int32_t c = 0; c < kDim / 8; ++c) o[c].c[2 * half] *= shrink, o[c].c[2 * half + 1] *= shrink;
    MAQUE_UNROLL
    for (int32_t i = 0; i < 2 * kScoreFragments; ++i) {
      float* score = &s[i / 2].c[2 * half + i % 2];
      const float e = fast_exp2(*score - max);
      running->sum[half] += e;
      *score = e * dropped.factor(mask, row_of(2 * half), column_of(i / 2, i % 2));
    }
  }
}

template <int32_t kDim>
MAQUE_KERNEL(kThreads)
attend_bf16(AttentionBf16Batch b, Mask mask, int64_t queries, uint16_t* out, int64_t ldo, float* log_sums) {
  using Tile = Rows<kDim>;
  const Place place(b);
  const int32_t query = block_x() * kRows, d = static_cast<int32_t>(b.d);
  if (query >= place.nq) return;
  SharedMemory memory;
  const Shared<uint16_t> own = memory.take<uint16_t>(Tile::kElements),
                         ring = memory.take<uint16_t>(4 * Tile::kElements);
  const Dropped dropped = {memory.take<uint32_t>(Dropped::kElements)};
  const int64_t column = place.head * d;
  const uint16_t *k = b.k + place.first * b.ldk + column, *v = b.v + place.first * b.ldv + column;
  const auto keys = [&](int32_t key) { return ring.from(key / kRows % 2 * 2 * Tile::kElements); };
  const auto values = [&](int32_t key) { return keys(key).from(Tile::kElements); };
  const auto copy = [&](int32_t key) {  // an empty group past the end
    if (key < place.nk) {
      Tile::copy(k, b.ldk, key, place.nk, d, keys(key));
      Tile::copy(v, b.ldv, key, place.nk, d, values(key));
    }
    commit_async();
  };
  Tile::copy(b.q + place.first_query * b.ldq + column, b.ldq, query, place.nq, d, own);
  copy(0);
  Running running = {{-kInfinity, -kInfinity}, {0, 0}};
  FragmentA q[kDim / 16];
  FragmentC o[kDim / 8] = {};

  for (int32_t key = 0; key < place.nk; key += kRows) {
    copy(key + kRows);
    dropped.draw<kThreads>(mask, place, query, key);
    wait_async<1>();
    sync_threads();
    if (key == 0) {
      MAQUE_UNROLL
      for (int32_t c = 0; c < kDim / 16; ++c) Tile::load_own(own, 16 * c, &q[c]);
    }
    FragmentC s[kScoreFragments];
    multiply_rows<kDim>(q, keys(key), s);
    take_scores<kDim>(b, mask, dropped, place, key, s, &running, o);
    add_weighted<kDim>(s, values(key), o);
    sync_threads();  // this tile has been read: the copy after next takes its place
  }
  wait_async<0>();

  float factor[2];
  MAQUE_UNROLL
  for (int32_t half = 0; half < 2; ++half) {
    const float sum = row_sum(running.sum[half]);
    factor[half] = sum > 0 ? 1.0f / sum : 0.0f;
    const int32_t i = query + row_of(2 * half);
    if (lane_id() % 4 == 0 && i < place.nq)
      log_sums[place.head * queries + place.first_query + i] = running.max[half] * kLn2 + math::log(sum);
  }
  store_rows<kDim>(o, factor, query, place.nq, d, out + place.first_query * ldo + column, ldo);
}

// --- backward
// -------------------------------------------------------------------------------------------------------

/// row_sums: of dO * O for each query and head, which is the sum of dP * P; a warp each, two columns a lane.
MAQUE_KERNEL(kThreads) sum_rows(AttentionBf16Gradients g, int64_t queries, int64_t heads, int64_t d) {
  const int64_t unit = static_cast<int64_t>(block_x()) * kWarps + warp_id();
  if (unit >= heads * queries) return;
  const int64_t head = unit / queries, i = unit % queries;
  float sum = 0;
  for (int64_t c = 2 * lane_id(); c < d; c += 2 * kWarp) {
    const uint16_t *o = g.o + i * g.ldo + head * d + c, *d_o = g.d_o + i * g.ld_do + head * d + c;
    sum = math::fma(from_bf16(o[0]), from_bf16(d_o[0]), sum);
    sum = math::fma(from_bf16(o[1]), from_bf16(d_o[1]), sum);
  }
  MAQUE_UNROLL
  for (int32_t with = 16; with > 0; with /= 2) sum += shuffle_xor(sum, with);
  if (lane_id() == 0) g.row_sums[unit] = sum;
}

/// Scores s and products dp of the tile at (first, other) become gradients of scores and weights. of_keys:
/// its rows are keys, of which there are n, its columns the `others`.
template <bool of_keys>
MAQUE_DEVICE void take_gradients(const AttentionBf16Batch& b, const Mask& mask, const Dropped& dropped,
                                 int32_t first, int32_t n, int32_t other, int32_t others,
                                 const float* log_sums, const float* row_sums,
                                 FragmentC (&s)[kScoreFragments], FragmentC (&dp)[kScoreFragments]) {
  const int32_t query = of_keys ? other : first;
  MAQUE_UNROLL
  for (int32_t f = 0; f < kScoreFragments; ++f) {
    MAQUE_UNROLL
    for (int32_t e = 0; e < 4; ++e) {
      const int32_t row = row_of(e), column = column_of(f, e);
      const int32_t i = of_keys ? column : row, j = of_keys ? row : column;
      ScoreGradient gradient = {0, 0};
      if (first + row < n && other + column < others) {
        const float p = fast_exp2((s[f].c[e] * b.scale - log_sums[query + i]) * kLog2E);
        gradient = score_gradient(dropped.factor(mask, i, j), p, dp[f].c[e], row_sums[query + i]);
      }
      s[f].c[e] = gradient.d_score;
      dp[f].c[e] = gradient.weight;
    }
  }
}

/// of_keys: the block's rows are keys and it walks queries (dK, dV); else queries, walking keys (dQ).
template <int32_t kDim, bool of_keys>
MAQUE_KERNEL(kThreads)
attend_bf16_backward(AttentionBf16Batch b, Mask mask, int64_t queries, AttentionBf16Gradients g) {
  using Tile = Rows<kDim>;
  const Place place(b);
  const int32_t first = block_x() * kRows, d = static_cast<int32_t>(b.d);
  const int32_t n = of_keys ? place.nk : place.nq, others = of_keys ? place.nq : place.nk;
  if (first >= n) return;
  SharedMemory memory;
  const Shared<uint16_t> own1 = memory.take<uint16_t>(Tile::kElements),
                         own2 = memory.take<uint16_t>(Tile::kElements),
                         tile1 = memory.take<uint16_t>(Tile::kElements),
                         tile2 = memory.take<uint16_t>(Tile::kElements);
  const Dropped dropped = {memory.take<uint32_t>(Dropped::kElements)};
  const int64_t column = place.head * d;
  const uint16_t *q = b.q + place.first_query * b.ldq + column, *k = b.k + place.first * b.ldk + column,
                 *v = b.v + place.first * b.ldv + column, *d_o = g.d_o + place.first_query * g.ld_do + column;
  const float* log_sums = g.log_sums + place.head * queries + place.first_query;
  const float* row_sums = g.row_sums + place.head * queries + place.first_query;
  Tile::copy(of_keys ? k : q, of_keys ? b.ldk : b.ldq, first, n, d, own1);
  Tile::copy(of_keys ? v : d_o, of_keys ? b.ldv : g.ld_do, first, n, d, own2);
  FragmentA a1[kDim / 16], a2[kDim / 16];
  FragmentC sums1[kDim / 8] = {}, sums2[kDim / 8] = {};

  for (int32_t other = 0; other < others; other += kRows) {
    Tile::copy(of_keys ? q : k, of_keys ? b.ldq : b.ldk, other, others, d, tile1);
    Tile::copy(of_keys ? d_o : v, of_keys ? g.ld_do : b.ldv, other, others, d, tile2);
    commit_async();
    dropped.draw<kThreads>(mask, place, of_keys ? other : first, of_keys ? first : other);
    wait_async<0>();
    sync_threads();
    if (other == 0) {
      MAQUE_UNROLL
      for (int32_t c = 0; c < kDim / 16; ++c) {
        Tile::load_own(own1, 16 * c, &a1[c]);
        Tile::load_own(own2, 16 * c, &a2[c]);
      }
    }
    FragmentC s[kScoreFragments], dp[kScoreFragments];
    multiply_rows<kDim>(a1, tile1, s);
    multiply_rows<kDim>(a2, tile2, dp);
    take_gradients<of_keys>(b, mask, dropped, first, n, other, others, log_sums, row_sums, s, dp);
    add_weighted<kDim>(s, tile1, sums1);
    if (of_keys) add_weighted<kDim>(dp, tile2, sums2);
    sync_threads();
  }
  commit_async();
  wait_async<0>();  // no tile at all: the own rows are still under way

  const float scales[2] = {b.scale, b.scale}, ones[2] = {1, 1};
  if (of_keys) {
    store_rows<kDim>(sums1, scales, first, n, d, g.dk + place.first * g.ld_dk + column, g.ld_dk);
    store_rows<kDim>(sums2, ones, first, n, d, g.dv + place.first * g.ld_dv + column, g.ld_dv);
  } else {
    store_rows<kDim>(sums1, scales, first, n, d, g.dq + place.first_query * g.ld_dq + column, g.ld_dq);
  }
}

// --- launches
// -------------------------------------------------------------------------------------------------------

bool is_aligned(const void* p, int64_t ld) { return reinterpret_cast<uintptr_t>(p) % 16 == 0 && ld % 8 == 0; }

Code check_batch(const AttentionBf16Batch& b) {
  if (compute_capability() < 80) return kInvalidDeviceFunction;
  const bool sizes =
      b.d > 0 && b.d <= kLargestHead && b.d % 8 == 0 && b.heads <= kLargestGrid && b.texts <= kLargestGrid;
  const bool aligned = is_aligned(b.q, b.ldq) && is_aligned(b.k, b.ldk) && is_aligned(b.v, b.ldv);
  return sizes && aligned ? kSuccess : kInvalidValue;
}

Launch over_batch(const char* name, const AttentionBf16Batch& b, int64_t rows, int64_t bytes, Stream stream) {
  return {name,
          {blocks_for(rows, kRows), static_cast<uint32_t>(b.heads), static_cast<uint32_t>(b.texts)},
          kThreads,
          bytes,
          stream};
}

template <int32_t kDim>
Code launch_forward(Stream stream, const AttentionBf16Batch& b, int64_t queries, uint16_t* o, int64_t ldo,
                    float* log_sums) {
  const int64_t bytes = shared_bytes<uint16_t>(Rows<kDim>::kElements) +
                        shared_bytes<uint16_t>(4 * Rows<kDim>::kElements) +
                        shared_bytes<uint32_t>(Dropped::kElements);
  const Launch shape = over_batch("attention_bf16_forward", b, b.first_only ? 1 : b.longest, bytes, stream);
  return launch(shape, attend_bf16<kDim>, b, make_mask(b.dropout), queries, o, ldo, log_sums);
}

template <int32_t kDim>
Code launch_backward(Stream stream, const AttentionBf16Batch& b, int64_t queries,
                     const AttentionBf16Gradients& g) {
  const int64_t bytes =
      4 * shared_bytes<uint16_t>(Rows<kDim>::kElements) + shared_bytes<uint32_t>(Dropped::kElements);
  const char* const name = "attention_bf16_backward";
  const Code code = launch(over_batch(name, b, b.longest, bytes, stream), attend_bf16_backward<kDim, true>, b,
                           make_mask(b.dropout), queries, g);
  if (code != kSuccess) return code;
  return launch(over_batch(name, b, b.first_only ? 1 : b.longest, bytes, stream),
                attend_bf16_backward<kDim, false>, b, make_mask(b.dropout), queries, g);
}

bool is_aligned(const AttentionBf16Gradients& g) {
  return is_aligned(g.o, g.ldo) && is_aligned(g.d_o, g.ld_do) && is_aligned(g.dq, g.ld_dq) &&
         is_aligned(g.dk, g.ld_dk) && is_aligned(g.dv, g.ld_dv);
}

}  // namespace

Code attention_bf16_forward(Stream stream, const AttentionBf16Batch& b, int64_t queries, uint16_t* o,
                            int64_t ldo, float* log_sums) {
  if (b.texts == 0 || b.longest == 0) return kSuccess;
  Code code = check_batch(b);
  if (code == kSuccess && !is_aligned(o, ldo)) code = kInvalidValue;
  if (code != kSuccess) return code;
  const auto run = b.d <= 32 ? launch_forward<32> : b.d <= 64 ? launch_forward<64> : launch_forward<128>;
  return run(stream, b, queries, o, ldo, log_sums);
}

Code attention_bf16_backward(Stream stream, const AttentionBf16Batch& b, int64_t queries,
                             const AttentionBf16Gradients& g) {
  if (b.texts == 0 || b.longest == 0) return kSuccess;
  Code code = check_batch(b);
  if (code == kSuccess && !is_aligned(g)) code = kInvalidValue;
  if (code != kSuccess) return code;
  const Launch rows = {
      "attention_row_sums", {blocks_for(b.heads * queries, kWarps), 1, 1}, kThreads, 0, stream};
  code = launch(rows, sum_rows, g, queries, b.heads, b.d);
  if (code != kSuccess) return code;
  const auto run = b.d <= 32 ? launch_backward<32> : b.d <= 64 ? launch_backward<64> : launch_backward<128>;
  return run(stream, b, queries, g);
}

}  // namespace maque::cuda
