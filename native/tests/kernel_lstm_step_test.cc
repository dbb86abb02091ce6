// The fused step of an LSTM in fp32 and with bf16 weights: every flavour gives ref's bits, ref in float lies
// within the header's bounds of ref in double, and fp32 has the bits of gemm and lstm_cell_forward.
#include "tests/kernel_case.h"

namespace maque::test {
namespace {

struct Case {
  int64_t rows, hidden;
  bool first, table, bf16;
  int64_t gates;
  bool backwards;
  std::vector<float> input, state, weights, cells;  // weights [4 * hidden, hidden]
  std::vector<uint16_t> table_bf16, weights_bf16;
  std::vector<int32_t> ids;

  Case(int64_t r, int64_t h, int variant, uint64_t seed)
      : rows(r),
        hidden(h),
        first(variant % 3 == 0),
        table(variant % 2 == 0),
        bf16(variant % 5 < 2),
        gates(first && !(table && bf16) && variant % 4 == 0 ? 3 : 4),
        backwards(variant % 7 < 3) {
    Random random(seed);
    input = random.vector(13 * ld_input(), -4, 4);
    for (float x : input) table_bf16.push_back(half(x));
    state = random.vector(rows * ld(), -1, 1);
    for (int64_t i = 0; i < rows; ++i) std::fill_n(state.begin() + i * ld() + h, lstm_whole(h) - h, 0.0f);
    weights = random.vector(4 * h * h, -0.2f, 0.2f);
    cells = random.vector(rows * ld(), -2, 2);
    for (int64_t i = 0; i < rows; ++i) ids.push_back(static_cast<int32_t>(table ? random.below(7) : i));
    if (bf16) pack_bf16();
  }

  static uint16_t half(float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    return static_cast<uint16_t>(bits >> 16);
  }
  int64_t ld() const { return lstm_whole(hidden) + 3; }
  int64_t ld_input() const { return gates * lstm_whole(hidden) + 5; }

  void pack_bf16() {
    weights_bf16.assign(static_cast<size_t>(lstm_packed_size_bf16(hidden)), 0);
    for (int64_t j = 0; j < 4 * hidden * hidden; ++j) {
      const int64_t unit = j / hidden % hidden, n = j / hidden / hidden, p = j % hidden;
      weights_bf16[static_cast<size_t>(lstm_packed_at_bf16(hidden, unit, n, p))] =
          half(weights[static_cast<size_t>(j)]);
    }
  }
  std::vector<float> packed() const {
    std::vector<float> out(static_cast<size_t>(lstm_packed_size(hidden)));
    for (int64_t j = 0; j < 4 * hidden * hidden; ++j) {
      const int64_t unit = j / hidden % hidden, n = j / hidden / hidden, p = j % hidden;
      out[static_cast<size_t>(lstm_packed_at(hidden, unit, n, p))] = weights[static_cast<size_t>(j)];
    }
    return out;
  }

  template <class K>
  auto operator()(const K& kernels) const {
    using T = ScalarOf<const K&>;
    Array<T> x(input), h(state), w(packed()), c(cells), next(rows * ld());
    LstmStep<T> s{};
    s.rows = rows, s.hidden = hidden, s.gates = gates, s.backwards = backwards;
    s.ids = ids.data();
    s.ld_table = s.ld_input = ld_input();
    if (!table) {
      s.input = x.data();
    } else if (bf16) {
      s.table_bf16 = table_bf16.data();
    } else {
      s.table = x.data();
    }
    if (bf16) {
      s.weights_bf16 = weights_bf16.data();
    } else {
      s.weights = w.data();
    }
    s.state = first ? nullptr : h.data();
    s.cells = c.data(), s.next = next.data();
    s.ld_state = s.ld_cells = s.ld_next = ld();
    kernels.lstm_step(s);
    return collect<T>({&c, &next});
  }
};

template <class F>
void for_cases(const F& look) {
  uint64_t seed = 1;
  for (int64_t hidden : {1, 2, 3, 15, 16, 17, 31, 33, 48, 64, 100, 300}) {
    for (int64_t rows : {0, 1, 2, 3, 5, 6, 7, 13}) {
      if (hidden == 300 && rows > 3) continue;
      for (int variant = 0; variant < 6; ++variant) {
        const int v = static_cast<int>(seed % 60);
        look(Case(rows, hidden, v, seed++));
      }
    }
  }
}

TEST(bits) {
  for_cases([](const Case& c) { check_flavours(c, "lstm_step"); });
}

TEST(errors_are_within_the_header_bounds) {
  for_cases([](const Case& c) {
    const std::vector<float> got = c(kernels_ref);
    const std::vector<double> truth = c(kernels_ref_double);
    const size_t n = got.size() / 2;
    // Pre-activations of at most 4 + 300 * 0.2: their error, at most 301 * 2^-24 * 64, enters four gates.
    const double sum =
        c.first ? 0 : static_cast<double>(c.hidden + 1) * 0x1p-24 * (4 + 0.1 * static_cast<double>(c.hidden));
    CHECK_LE(error_in(got, truth, 0, n), 3e-6 + 3 * sum);
    CHECK_LE(error_in(got, truth, n, 2 * n), 4.5e-6 + 4 * sum);
  });
}

TEST(fp32_has_the_bits_of_the_parts) {
  const int64_t h = 37, whole = lstm_whole(h), rows = 5;
  Random random(3);
  const std::vector<float> x = random.vector(rows * 4 * h), state = random.vector(rows * h),
                           w = random.vector(4 * h * h, -0.2f, 0.2f), cells = random.vector(rows * h);
  std::vector<float> gates = x, c = cells, out(state.size()), scratch(static_cast<size_t>(kGemmScratch));
  std::vector<float> panels(static_cast<size_t>(gemm_packed_size(h, 4 * h)));
  kernels_ref.gemm_pack(w.data(), 1, h, h, 4 * h, panels.data());
  GemmArgs<float> g{};
  g.m = rows, g.n = 4 * h, g.k = h, g.a = state.data(), g.a_row_stride = h, g.a_k_stride = 1;
  g.b = panels.data(), g.c = gates.data(), g.ldc = 4 * h, g.accumulate = true, g.scratch = scratch.data();
  kernels_ref.gemm(g);
  kernels_ref.lstm_cell_forward(gates.data(), 4 * h, c.data(), c.data(), h, out.data(), h, rows, h);

  std::vector<float> blocks(static_cast<size_t>(rows * 4 * whole)),
      packed(static_cast<size_t>(lstm_packed_size(h)));
  std::vector<float> padded_state(static_cast<size_t>(rows * whole)), padded_cells(padded_state),
      next(padded_state);
  for (int64_t unit = 0; unit < h; ++unit) {
    for (int64_t n = 0; n < 4; ++n) {
      for (int64_t p = 0; p < h; ++p)
        packed[static_cast<size_t>(lstm_packed_at(h, unit, n, p))] =
            w[static_cast<size_t>((n * h + unit) * h + p)];
      for (int64_t i = 0; i < rows; ++i)
        blocks[static_cast<size_t>(i * 4 * whole + (unit / 16 * 4 + n) * 16 + unit % 16)] =
            x[static_cast<size_t>(i * 4 * h + n * h + unit)];
    }
    for (int64_t i = 0; i < rows; ++i) {
      padded_state[static_cast<size_t>(i * whole + unit)] = state[static_cast<size_t>(i * h + unit)];
      padded_cells[static_cast<size_t>(i * whole + unit)] = cells[static_cast<size_t>(i * h + unit)];
    }
  }
  LstmStep<float> s{};
  s.rows = rows, s.hidden = h, s.gates = 4, s.input = blocks.data(), s.ld_input = 4 * whole;
  s.state = padded_state.data(), s.weights = packed.data(), s.cells = padded_cells.data(),
  s.next = next.data();
  s.ld_state = s.ld_cells = s.ld_next = whole;
  kernels().lstm_step(s);
  for (int64_t i = 0; i < rows; ++i) {
    CHECK_BITS(padded_cells.data() + i * whole, c.data() + i * h, h, "cells");
    CHECK_BITS(next.data() + i * whole, out.data() + i * h, h, "states");
  }
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
