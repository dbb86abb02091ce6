// A block takes a tile of 32 rows of one head of one text, each of its 4 warps 8 of them, and walks the
// text's other rows in tiles of 32, a lane each. Forwards its rows are queries and it walks keys; the
// backward pass has one kernel whose rows are queries (dQ) and one whose rows are keys (dK, dV), which makes
// the scores again, so that nothing is added up between blocks.
#include "kernels/cuda/attention.h"
#include "kernels/cuda/attention_place.h"
#include "kernels/cuda/cuda_list.h"
#include "kernels/math.h"

namespace maque::cuda {
namespace {

using Dropped = DroppedTile<32, 32>;
constexpr int32_t kRows = 32, kWarps = 4, kThreads = kWarps * kWarp, kOwn = kRows / kWarps;
constexpr float kInfinity = __builtin_inff();

/// One matrix as a head of a text sees it: row r of its columns.
template <class T>
struct Matrix {
  T* data;
  int64_t ld;
  MAQUE_DEVICE Matrix(T* x, int64_t stride, int64_t first_row, int64_t head, int64_t d)
      : data(x + first_row * stride + head * d), ld(stride) {}
};

/// Rows [row, row + 32) of n into shared memory, rows past n as zeros. All threads of the block.
MAQUE_DEVICE void load_rows(const Matrix<const float>& m, int32_t row, int32_t n, int32_t d, int32_t stride,
                            Shared<float> to) {
  for (int32_t e = thread_x(); e < kRows * d; e += kThreads) {
    const int32_t r = e / d, c = e % d;
    to[r * stride + c] = row + r < n ? m.data[(row + r) * m.ld + c] : 0.0f;
  }
}

/// s[r] = own row r of this warp times the lane's row of the tile.
MAQUE_DEVICE void multiply_rows(Shared<float> own, Shared<float> tile, int32_t d, float (&s)[kOwn]) {
  MAQUE_UNROLL
  for (int32_t r = 0; r < kOwn; ++r) s[r] = 0;
  for (int32_t c = 0; c < d; ++c) {
    const float x = tile[lane_id() * (d + 1) + c];
    MAQUE_UNROLL
    for (int32_t r = 0; r < kOwn; ++r) s[r] = math::fma(own[(warp_id() * kOwn + r) * d + c], x, s[r]);
  }
}

/// sums[r][c] += sum over the tile's rows j < n of w[r][j] times column lane + 32 c of row j; w is this
/// warp's.
template <int32_t kColumns>
MAQUE_DEVICE void add_weighted(Shared<float> w, Shared<float> tile, int32_t n, int32_t d,
                               float (&sums)[kOwn][kColumns]) {
  for (int32_t j = 0; j < n; ++j) {
    MAQUE_UNROLL
    for (int32_t c = 0; c < kColumns; ++c) {
      const int32_t column = lane_id() + kWarp * c;
      const float x = column < d ? tile[j * (d + 1) + column] : 0.0f;
      MAQUE_UNROLL
      for (int32_t r = 0; r < kOwn; ++r) sums[r][c] = math::fma(w[r * kWarp + j], x, sums[r][c]);
    }
  }
}

template <int32_t kColumns>
MAQUE_DEVICE void clear(float (&sums)[kOwn][kColumns]) {
  MAQUE_UNROLL
  for (int32_t r = 0; r < kOwn; ++r) {
    MAQUE_UNROLL
    for (int32_t c = 0; c < kColumns; ++c) sums[r][c] = 0;
  }
}

/// Writes this warp's rows, those below n.
template <int32_t kColumns>
MAQUE_DEVICE void store_rows(const float (&sums)[kOwn][kColumns], int32_t row, int32_t n, int32_t d,
                             const Matrix<float>& to) {
  MAQUE_UNROLL
  for (int32_t r = 0; r < kOwn; ++r) {
    const int32_t at = row + warp_id() * kOwn + r;
    MAQUE_UNROLL
    for (int32_t c = 0; c < kColumns; ++c) {
      const int32_t column = lane_id() + kWarp * c;
      if (at < n && column < d) to.data[at * to.ld + column] = sums[r][c];
    }
  }
}

MAQUE_DEVICE float warp_max(float x) {
  MAQUE_UNROLL
  for (int32_t with = 16; with > 0; with /= 2) {
    const float other = shuffle_xor(x, with);
    x = x > other ? x : other;
  }
  return x;
}
MAQUE_DEVICE float warp_sum(float x) {
  MAQUE_UNROLL
  for (int32_t with = 16; with > 0; with /= 2) x += shuffle_xor(x, with);
  return x;
}

// --- forward
// --------------------------------------------------------------------------------------------------------

/// Maximum and sum of exponentials so far of the warp's rows, the same in all lanes.
struct Running {
  float max[kOwn], sum[kOwn];
};

/// Scores s of the tile of keys from `key` on become, in w, exponentials relative to the new maxima, after
/// dropout; sums and outputs so far are brought to the same maxima.
template <int32_t kColumns>
MAQUE_DEVICE void take_scores(const AttentionBatch& b, const Mask& mask, const Dropped& dropped,
                              const Place& place, int32_t key, const float (&s)[kOwn], Running* running,
                              float (&o)[kOwn][kColumns], Shared<float> w) {
  const int32_t j = key + lane_id();
  MAQUE_UNROLL
  for (int32_t r = 0; r < kOwn; ++r) {
    const float score = j < place.nk ? s[r] * b.scale : -kInfinity;
    const float largest = warp_max(score);
    const float max = running->max[r] > largest ? running->max[r] : largest;
    const float shrink = math::exp(running->max[r] - max), e = math::exp(score - max);
    running->max[r] = max;
    running->sum[r] = math::fma(running->sum[r], shrink, warp_sum(e));
    MAQUE_UNROLL
    for (int32_t c = 0; c < kColumns; ++c) o[r][c] *= shrink;
    w[r * kWarp + lane_id()] = e * dropped.factor(mask, warp_id() * kOwn + r, lane_id());
  }
}

template <int32_t kColumns>
MAQUE_KERNEL(kThreads)
attend(AttentionBatch b, Mask mask, int64_t queries, float* out, int64_t ldo, float* log_sums) {
  const Place place(b);
  const int32_t query = block_x() * kRows, d = static_cast<int32_t>(b.d);
  if (query >= place.nq) return;
  SharedMemory memory;
  const Shared<float> own = memory.take<float>(kRows * d), keys = memory.take<float>(kRows * (d + 1)),
                      values = memory.take<float>(kRows * (d + 1)),
                      weights = memory.take<float>(kRows * kWarp);
  const Dropped dropped = {memory.take<uint32_t>(Dropped::kElements)};
  const Shared<float> w = weights.from(warp_id() * kOwn * kWarp);
  const Matrix<const float> q(b.q, b.ldq, place.first_query, place.head, d),
      k(b.k, b.ldk, place.first, place.head, d), v(b.v, b.ldv, place.first, place.head, d);
  load_rows(q, query, place.nq, d, d, own);
  Running running;
  float o[kOwn][kColumns];
  clear(o);
  MAQUE_UNROLL
  for (int32_t r = 0; r < kOwn; ++r) running.max[r] = -kInfinity, running.sum[r] = 0;

  for (int32_t key = 0; key < place.nk; key += kRows) {
    sync_threads();  // the tile before this one has been read
    load_rows(k, key, place.nk, d, d + 1, keys);
    load_rows(v, key, place.nk, d, d + 1, values);
    dropped.draw<kThreads>(mask, place, query, key);
    sync_threads();
    float s[kOwn];
    multiply_rows(own, keys, d, s);
    take_scores(b, mask, dropped, place, key, s, &running, o, w);
    sync_warp();
    add_weighted(w, values, place.nk - key < kRows ? place.nk - key : kRows, d, o);
    sync_warp();
  }

  MAQUE_UNROLL
  for (int32_t r = 0; r < kOwn; ++r) {
    MAQUE_UNROLL
    for (int32_t c = 0; c < kColumns; ++c) o[r][c] = running.sum[r] > 0 ? o[r][c] / running.sum[r] : 0.0f;
    const int32_t i = query + warp_id() * kOwn + r;
    if (lane_id() == 0 && i < place.nq)
      log_sums[place.head * queries + place.first_query + i] = running.max[r] + math::log(running.sum[r]);
  }
  store_rows(o, query, place.nq, d, Matrix<float>(out, ldo, place.first_query, place.head, d));
}

// --- backward
// -------------------------------------------------------------------------------------------------------

/// row_sums: of dO * O for each query and head, which is the sum of dP * P; a warp each.
MAQUE_KERNEL(kThreads) sum_rows(AttentionGradients g, int64_t queries, int64_t heads, int64_t d) {
  const int64_t unit = static_cast<int64_t>(block_x()) * kWarps + warp_id();
  if (unit >= heads * queries) return;
  const int64_t head = unit / queries, i = unit % queries;
  float sum = 0;
  for (int64_t c = lane_id(); c < d; c += kWarp)
    sum = math::fma(g.d_o[i * g.ld_do + head * d + c], g.o[i * g.ldo + head * d + c], sum);
  sum = warp_sum(sum);
  if (lane_id() == 0) g.row_sums[unit] = sum;
}

/// of_keys: the block's rows are keys and it walks queries (dK, dV); else queries, walking keys (dQ).
template <int32_t kColumns, bool of_keys>
MAQUE_KERNEL(kThreads)
attend_backward(AttentionBatch b, Mask mask, int64_t queries, AttentionGradients g) {
  const Place place(b);
  const int32_t first = block_x() * kRows, d = static_cast<int32_t>(b.d);
  const int32_t n = of_keys ? place.nk : place.nq, others = of_keys ? place.nq : place.nk;
  if (first >= n) return;
  SharedMemory memory;
  const Shared<float> own1 = memory.take<float>(kRows * d), own2 = memory.take<float>(kRows * d),
                      tile1 = memory.take<float>(kRows * (d + 1)),
                      tile2 = memory.take<float>(kRows * (d + 1)), scores = memory.take<float>(kRows * kWarp),
                      weights = memory.take<float>(kRows * kWarp);
  const Dropped dropped = {memory.take<uint32_t>(Dropped::kElements)};
  const Shared<float> ds = scores.from(warp_id() * kOwn * kWarp), w = weights.from(warp_id() * kOwn * kWarp);
  const Matrix<const float> q(b.q, b.ldq, place.first_query, place.head, d),
      k(b.k, b.ldk, place.first, place.head, d), v(b.v, b.ldv, place.first, place.head, d),
      d_o(g.d_o, g.ld_do, place.first_query, place.head, d);
  const float* log_sums = g.log_sums + place.head * queries + place.first_query;
  const float* row_sums = g.row_sums + place.head * queries + place.first_query;
  load_rows(of_keys ? k : q, first, n, d, d, own1);
  load_rows(of_keys ? v : d_o, first, n, d, d, own2);
  float sums1[kOwn][kColumns], sums2[kOwn][kColumns];
  clear(sums1);
  clear(sums2);

  for (int32_t other = 0; other < others; other += kRows) {
    sync_threads();
    load_rows(of_keys ? q : k, other, others, d, d + 1, tile1);
    load_rows(of_keys ? d_o : v, other, others, d, d + 1, tile2);
    dropped.draw<kThreads>(mask, place, of_keys ? other : first, of_keys ? first : other);
    sync_threads();
    float s[kOwn], dp[kOwn];
    multiply_rows(own1, tile1, d, s);
    multiply_rows(own2, tile2, d, dp);
    MAQUE_UNROLL
    for (int32_t r = 0; r < kOwn; ++r) {
      const int32_t row = warp_id() * kOwn + r, column = lane_id(), i = (of_keys ? other : first),
                    at = of_keys ? column : row;  // of the query in its tile
      ScoreGradient gradient = {0, 0};
      if (first + row < n && other + column < others) {
        const float factor = dropped.factor(mask, at, of_keys ? row : column);
        const float p = math::exp(s[r] * b.scale - log_sums[i + at]);
        gradient = score_gradient(factor, p, dp[r], row_sums[i + at]);
      }
      ds[r * kWarp + lane_id()] = gradient.d_score;
      if (of_keys) w[r * kWarp + lane_id()] = gradient.weight;
    }
    sync_warp();
    const int32_t count = others - other < kRows ? others - other : kRows;
    add_weighted(ds, tile1, count, d, sums1);
    if (of_keys) add_weighted(w, tile2, count, d, sums2);
    sync_warp();
  }

  MAQUE_UNROLL
  for (int32_t r = 0; r < kOwn; ++r) {
    MAQUE_UNROLL
    for (int32_t c = 0; c < kColumns; ++c) sums1[r][c] *= b.scale;
  }
  if (of_keys) {
    store_rows(sums1, first, n, d, Matrix<float>(g.dk, g.ld_dk, place.first, place.head, d));
    store_rows(sums2, first, n, d, Matrix<float>(g.dv, g.ld_dv, place.first, place.head, d));
  } else {
    store_rows(sums1, first, n, d, Matrix<float>(g.dq, g.ld_dq, place.first_query, place.head, d));
  }
}

// --- launches
// -------------------------------------------------------------------------------------------------------

bool is_valid(const AttentionBatch& b) {
  return b.d > 0 && b.d <= kLargestHead && b.heads <= kLargestGrid && b.texts <= kLargestGrid;
}

template <int32_t kColumns>
Code launch_forward(Stream stream, const AttentionBatch& b, int64_t queries, float* o, int64_t ldo,
                    float* log_sums) {
  const int64_t bytes = shared_bytes<float>(kRows * b.d) + 2 * shared_bytes<float>(kRows * (b.d + 1)) +
                        shared_bytes<float>(kRows * kWarp) + shared_bytes<uint32_t>(Dropped::kElements);
  const Launch shape = {"attention_forward",
                        {blocks_for(b.first_only ? 1 : b.longest, kRows), static_cast<uint32_t>(b.heads),
                         static_cast<uint32_t>(b.texts)},
                        kThreads,
                        bytes,
                        stream};
  return launch(shape, attend<kColumns>, b, make_mask(b.dropout), queries, o, ldo, log_sums);
}

template <int32_t kColumns>
Code launch_backward(Stream stream, const AttentionBatch& b, int64_t queries, const AttentionGradients& g) {
  const int64_t bytes = 2 * shared_bytes<float>(kRows * b.d) + 2 * shared_bytes<float>(kRows * (b.d + 1)) +
                        2 * shared_bytes<float>(kRows * kWarp) + shared_bytes<uint32_t>(Dropped::kElements);
  Launch shape = {
      "attention_backward",
      {blocks_for(b.longest, kRows), static_cast<uint32_t>(b.heads), static_cast<uint32_t>(b.texts)},
      kThreads,
      bytes,
      stream};
  const Code code = launch(shape, attend_backward<kColumns, true>, b, make_mask(b.dropout), queries, g);
  if (code != kSuccess) return code;
  shape.grid.x = blocks_for(b.first_only ? 1 : b.longest, kRows);
  return launch(shape, attend_backward<kColumns, false>, b, make_mask(b.dropout), queries, g);
}

/// g.row_sums: of dO * O for each query and head, which is the sum of dP * P.
Code launch_row_sums(Stream stream, const AttentionGradients& g, int64_t queries, int64_t heads, int64_t d) {
  const Launch shape = {
      "attention_row_sums", {blocks_for(heads * queries, kWarps), 1, 1}, kThreads, 0, stream};
  return launch(shape, sum_rows, g, queries, heads, d);
}

}  // namespace

Code attention_forward(Stream stream, const AttentionBatch& b, int64_t queries, float* o, int64_t ldo,
                       float* log_sums) {
  if (b.texts == 0 || b.longest == 0) return kSuccess;
  if (!is_valid(b)) return kInvalidValue;
  const auto run = b.d <= 32   ? launch_forward<1>
                   : b.d <= 64 ? launch_forward<2>
                   : b.d <= 96 ? launch_forward<3>
                               : launch_forward<4>;
  return run(stream, b, queries, o, ldo, log_sums);
}

Code attention_backward(Stream stream, const AttentionBatch& b, int64_t queries,
                        const AttentionGradients& g) {
  if (b.texts == 0 || b.longest == 0) return kSuccess;
  if (!is_valid(b)) return kInvalidValue;
  const Code code = launch_row_sums(stream, g, queries, b.heads, b.d);
  if (code != kSuccess) return code;
  const auto run = b.d <= 32   ? launch_backward<1>
                   : b.d <= 64 ? launch_backward<2>
                   : b.d <= 96 ? launch_backward<3>
                               : launch_backward<4>;
  return run(stream, b, queries, g);
}

}  // namespace maque::cuda
