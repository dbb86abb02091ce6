// The recurrence of a biLSTM in one launch on an emulated GPU: the bits of the CPU's step by step way,
// forward and backward, for every order of threads.
#include <algorithm>

#include "kernels/ref/gemm.h"
#include "kernels/ref/lstm.h"
#include "tests/cuda_emulation/emulator.h"
#include "tests/kernel_case.h"

namespace maque::test {
namespace {

/// Lengths decrease.
struct Case {
  int64_t texts, longest, tokens = 0, h, columns, ld;
  std::vector<int64_t> start;
  std::vector<int32_t> active;
  std::vector<float> gates, weights[2], d_output;

  Case(std::vector<int32_t> lengths, int64_t hidden)
      : texts(static_cast<int64_t>(lengths.size())), h(hidden) {
    longest = lengths.empty() ? 0 : lengths[0];
    for (int32_t t = 0; t < longest; ++t) {
      start.push_back(tokens);
      active.push_back(static_cast<int32_t>(
          std::count_if(lengths.begin(), lengths.end(), [&](int32_t n) { return n > t; })));
      tokens += active.back();
    }
    columns = 4 * h + 3, ld = 2 * columns;
    Random random(static_cast<uint64_t>(tokens * 131 + h));
    gates = random.vector(tokens * ld, -2, 2);
    for (auto& w : weights) w = random.vector(4 * h * h, -0.5f, 0.5f);
    d_output = random.vector(tokens * 2 * h);
  }

  /// gates, cells and output of the forward pass, then gates of the backward one.
  std::vector<float> run() const {
    Array<float> g(gates), cells(tokens * 2 * h, 0), output(tokens * 2 * h, 0), d_cells(texts * 2 * h, NAN);
    uint32_t arrivals[2] = {99, 99};
    const cuda::LstmBatch b = {
        texts,    longest, h,       start.data(), active.data(), {weights[0].data(), weights[1].data()},
        g.data(), ld,      columns, cells.data(), output.data()};
    check_launched(cuda::lstm_forward(nullptr, b, arrivals));
    std::vector<float> all = collect<float>({&g, &cells, &output});
    check_launched(cuda::lstm_backward(nullptr, b, d_output.data(), d_cells.data(), arrivals));
    CHECK(d_cells.intact());
    const std::vector<float> back = collect<float>({&g});
    all.insert(all.end(), back.begin(), back.end());
    return all;
  }

  /// The same, a text and a step at a time.
  std::vector<float> expected() const {
    Array<float> g(gates), cells(tokens * 2 * h, 0), output(tokens * 2 * h, 0), dh(d_output);
    for (int64_t d = 0; d < 2; ++d)
      forward(d, g.data() + d * columns, cells.data() + d * h, output.data() + d * h);
    std::vector<float> all = collect<float>({&g, &cells, &output});
    for (int64_t d = 0; d < 2; ++d)
      backward(d, g.data() + d * columns, cells.data() + d * h, dh.data() + d * h);
    const std::vector<float> back = collect<float>({&g});
    all.insert(all.end(), back.begin(), back.end());
    return all;
  }

 private:
  int64_t row(int64_t t, int64_t j) const { return start[static_cast<size_t>(t)] + j; }
  bool runs(int64_t t, int64_t j) const {
    return t >= 0 && t < longest && j < active[static_cast<size_t>(t)];
  }

  /// c[j] accumulates x[p] * w[p * k_stride + j * column_stride], p = 0, 1, ...
  static void multiply(const float* x, int64_t k, const float* w, int64_t k_stride, int64_t column_stride,
                       int64_t n, float* c) {
    for (int64_t j = 0; j < n; ++j) {
      for (int64_t p = 0; p < k; ++p) c[j] = math::fma(x[p], w[p * k_stride + j * column_stride], c[j]);
    }
  }

  void forward(int64_t d, float* g, float* cells, float* output) const {
    const float* w = weights[d].data();
    for (int64_t step = 0; step < longest; ++step) {
      const int64_t t = d == 0 ? step : longest - 1 - step, before = d == 0 ? t - 1 : t + 1;
      for (int64_t j = 0; runs(t, j); ++j) {
        const int64_t at = row(t, j);
        const float* c_prev = nullptr;
        if (runs(before, j)) {
          c_prev = cells + row(before, j) * 2 * h;
          multiply(output + row(before, j) * 2 * h, h, w, 1, h, 4 * h, g + at * ld);
        }
        ref::lstm_cell_forward(g + at * ld, ld, c_prev, cells + at * 2 * h, 2 * h, output + at * 2 * h, 2 * h,
                               int64_t{1}, h);
      }
    }
  }

  void backward(int64_t d, float* g, const float* cells, float* dh) const {
    std::vector<float> dc(static_cast<size_t>(texts * h), 0.0f);
    for (int64_t step = 0; step < longest; ++step) {
      const int64_t t = d == 0 ? longest - 1 - step : step, before = d == 0 ? t - 1 : t + 1,
                    after = d == 0 ? t + 1 : t - 1;
      for (int64_t j = 0; runs(t, j); ++j) {
        const int64_t at = row(t, j);
        if (runs(after, j))
          multiply(g + row(after, j) * ld, 4 * h, weights[d].data(), h, 1, h, dh + at * 2 * h);
        const float* c_prev = runs(before, j) ? cells + row(before, j) * 2 * h : nullptr;
        ref::lstm_cell_backward(g + at * ld, ld, c_prev, cells + at * 2 * h, 2 * h, dh + at * 2 * h, 2 * h,
                                dc.data() + j * h, h, g + at * ld, ld, int64_t{1}, h);
      }
    }
  }
};

void check(const Case& c) {
  const std::vector<float> expected = c.expected();
  for (int round = 0; round < 3; ++round) {
    const std::vector<float> got = c.run();
    CHECK_BITS(got.data(), expected.data(), static_cast<int64_t>(got.size()), "biLSTM");
  }
}

TEST(ragged_batches_have_the_bits_of_single_steps) {
  check(Case({}, 5));
  check(Case({1}, 1));
  check(Case({4, 3, 3, 1}, 5));
  check(Case({3, 2, 2}, 17));
  check(Case({2, 1}, 70));  // more states than one tile is deep
}

TEST(more_texts_than_lanes) {
  std::vector<int32_t> lengths(33, 2);
  lengths[0] = 3;
  lengths.push_back(1);
  check(Case(lengths, 6));
}

TEST(few_multiprocessors_take_more_units_each) {
  emulation::device().multiprocessors = 1;
  emulation::device().blocks_per_multiprocessor = 4;
  check(Case({3, 2}, 16));  // 8 units a block
  check(Case({3, 2}, 32));  // 16
  Case large({3, 2}, 40);
  const cuda::LstmBatch b = {2, 3,       40,     large.start.data(), large.active.data(), {}, nullptr, 0,
                             0, nullptr, nullptr};
  uint32_t arrivals[2];
  CHECK_EQ(cuda::lstm_forward(nullptr, b, arrivals), cuda::kCooperativeLaunchTooLarge);
  CHECK_EQ(cuda::lstm_backward(nullptr, b, nullptr, nullptr, arrivals), cuda::kCooperativeLaunchTooLarge);
  emulation::device() = {};
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
