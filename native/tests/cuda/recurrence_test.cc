// The recurrence of a biLSTM in one launch on an emulated GPU, forward and backward, for every order of
// threads: the bits of the CPU's step by step way in fp32; with bf16 factors, those of the same steps on
// rounded factors, as the emulation's products sum them.
#include <algorithm>

#include "kernels/bf16.h"
#include "kernels/ref/gemm.h"
#include "kernels/ref/lstm.h"
#include "tests/cuda/aligned_halves.h"
#include "tests/cuda_emulation/emulator.h"
#include "tests/kernel_case.h"

namespace maque::test {
namespace {

float rounded(float x) { return from_bf16(to_bf16(x)); }

/// Lengths decrease.
struct Case {
  bool bf16 = false;
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
    AlignedHalves scratch(cuda::lstm_bf16_scratch(texts, h), 0xFFFF);
    check_launched(bf16 ? cuda::lstm_bf16_forward(nullptr, b, scratch.data(), arrivals)
                        : cuda::lstm_forward(nullptr, b, arrivals));
    std::vector<float> all = collect<float>({&g, &cells, &output});
    check_launched(
        bf16 ? cuda::lstm_bf16_backward(nullptr, b, d_output.data(), d_cells.data(), scratch.data(), arrivals)
             : cuda::lstm_backward(nullptr, b, d_output.data(), d_cells.data(), arrivals));
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
  void multiply(const float* x, int64_t k, const float* w, int64_t k_stride, int64_t column_stride, int64_t n,
                float* c) const {
    for (int64_t j = 0; j < n; ++j) {
      for (int64_t p = 0; p < k; ++p) {
        const float weight = w[p * k_stride + j * column_stride];
        c[j] = bf16 ? math::fma(rounded(x[p]), rounded(weight), c[j]) : math::fma(x[p], weight, c[j]);
      }
    }
  }

  /// dh += the products of all gates' gradients: one chain or, in bf16, one for each gate.
  void multiply_back(const float* d_gates, const float* w, float* dh) const {
    if (!bf16) return multiply(d_gates, 4 * h, w, h, 1, h, dh);
    std::vector<float> part(static_cast<size_t>(h));
    multiply(d_gates, h, w, h, 1, h, dh);
    for (int64_t gate = 1; gate < 4; ++gate) {
      std::fill(part.begin(), part.end(), 0.0f);
      multiply(d_gates + gate * h, h, w + gate * h * h, h, 1, h, part.data());
      for (int64_t j = 0; j < h; ++j) dh[j] += part[static_cast<size_t>(j)];
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
        if (runs(after, j)) multiply_back(g + row(after, j) * ld, weights[d].data(), dh + at * 2 * h);
        const float* c_prev = runs(before, j) ? cells + row(before, j) * 2 * h : nullptr;
        ref::lstm_cell_backward(g + at * ld, ld, c_prev, cells + at * 2 * h, 2 * h, dh + at * 2 * h, 2 * h,
                                dc.data() + j * h, h, g + at * ld, ld, int64_t{1}, h);
      }
    }
  }
};

void check(Case c, bool bf16 = false) {
  c.bf16 = bf16;
  const std::vector<float> expected = c.expected();
  const int rounds = c.tokens * c.h > 150 ? 1 : 3;
  for (int round = 0; round < rounds; ++round) {
    const std::vector<float> got = c.run();
#ifdef MAQUE_TEST_DEVICE
    if (bf16) {  // whose sums round as the tensor cores do it
      for (size_t i = 0; i < got.size(); ++i) CHECK_LE(std::fabs(got[i] - expected[i]), 0.02f);
      continue;
    }
#endif
    CHECK_BITS(got.data(), expected.data(), static_cast<int64_t>(got.size()), "biLSTM");
  }
}

TEST(ragged_batches_have_the_bits_of_single_steps) {
  check(Case({}, 5));
  check(Case({1}, 1));
  check(Case({4, 3, 3, 1}, 5));
  check(Case({3, 2, 2}, 17));
  check(Case({2, 1}, 70));
}

TEST(tensor_cores) {
  check(Case({}, 5), true);
  check(Case({1}, 1), true);
  check(Case({4, 3, 3, 1}, 5), true);
  check(Case({3, 2, 2}, 17), true);  // two blocks of units
  check(Case({2, 2}, 40), true);
}

TEST_ON_EMULATION(sizes_of_more_weights) {
  emulation::device().multiprocessors = 28;
  emulation::device().blocks_per_multiprocessor = 3;  // few threads: more units a block
  for (bool bf16 : {false, true}) {
    check(Case({2, 1}, 130), bf16);
    check(Case({2}, 324), bf16);
  }
  emulation::device() = {};
}

TEST(more_texts_than_lanes) {
  std::vector<int32_t> lengths(33, 2);
  lengths[0] = 3;
  lengths.push_back(1);
  check(Case(lengths, 6));
  check(Case(lengths, 6), true);
}

TEST(more_texts_than_a_tile) {
  std::vector<int32_t> lengths(67, 2);
  lengths.push_back(1);
  check(Case(lengths, 3));
  check(Case(lengths, 3), true);
}

TEST(rounding_costs_little) {
  Case c({9, 7, 2}, 20);
  const std::vector<float> exact = c.run();
  c.bf16 = true;
  const std::vector<float> got = c.run();
  double most = 0;
  for (size_t i = 0; i < got.size(); ++i)
    most = std::max(most, std::fabs(static_cast<double>(got[i]) - static_cast<double>(exact[i])));
  CHECK_LE(most, 0.05);
  CHECK(most > 1e-4);
}

TEST_ON_EMULATION(tensor_cores_refuse_old_devices_crooked_scratch_and_large_models) {
  AlignedHalves scratch(64, 0);
  cuda::LstmBatch b = {};
  b.texts = b.longest = 1, b.hidden = 513;
  CHECK_EQ(cuda::lstm_bf16_forward(nullptr, b, scratch.data() + 1, nullptr), cuda::kInvalidValue);
  CHECK_EQ(cuda::lstm_bf16_backward(nullptr, b, nullptr, nullptr, scratch.data() + 1, nullptr),
           cuda::kInvalidValue);
  CHECK_EQ(cuda::lstm_bf16_forward(nullptr, b, scratch.data(), nullptr), cuda::kCooperativeLaunchTooLarge);
  CHECK_EQ(cuda::lstm_forward(nullptr, b, nullptr), cuda::kCooperativeLaunchTooLarge);
  CHECK_EQ(cuda::lstm_backward(nullptr, b, nullptr, nullptr, nullptr), cuda::kCooperativeLaunchTooLarge);
  emulation::device().capability = 75;
  CHECK_EQ(cuda::lstm_bf16_forward(nullptr, b, scratch.data(), nullptr), cuda::kInvalidDeviceFunction);
  emulation::device() = {};
}

TEST_ON_EMULATION(few_multiprocessors_take_more_units_each) {
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
  check(Case({3, 2}, 32), true);
  CHECK_EQ(cuda::lstm_bf16_forward(nullptr, b, nullptr, arrivals), cuda::kCooperativeLaunchTooLarge);
  CHECK_EQ(cuda::lstm_bf16_backward(nullptr, b, nullptr, nullptr, nullptr, arrivals),
           cuda::kCooperativeLaunchTooLarge);
  emulation::device() = {};
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
