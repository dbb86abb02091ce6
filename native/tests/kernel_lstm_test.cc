// One step of the LSTM: bits on every flavour, aliasing, strides, a zero state, errors against double.
#include <algorithm>

#include "tests/kernel_case.h"

namespace maque::test {
namespace {

struct Case {
  int64_t rows, hidden, ld_gates, ld_c, ld_h;
  bool has_state, in_place;
  std::vector<float> gates, c_prev, dh, dc;

  Case(int64_t rows_, int64_t hidden_, int64_t pad, bool has_state_, bool in_place_)
      : rows(rows_),
        hidden(hidden_),
        ld_gates(4 * hidden_ + 3 * pad),
        ld_c(hidden_ + pad),
        ld_h(2 * hidden_ + pad),
        has_state(has_state_),
        in_place(in_place_) {
    Random random(static_cast<uint64_t>(hidden * 10 + rows));
    gates = random.vector(rows * ld_gates, -8.0f, 8.0f);
    c_prev = random.vector(rows * ld_c, -3.0f, 3.0f);
    dh = random.vector(rows * ld_h);
    dc = random.vector(rows * ld_c);
  }

  template <class K>
  auto operator()(const K& kernels) const {
    return run(kernels);
  }
  template <class T>
  std::vector<T> run(const Kernels<T>& kernels) const {
    Array<T> g(gates), old(c_prev), c(rows * ld_c), h(rows * ld_h), d_h(dh), d_c(dc),
        d_gates(rows * ld_gates), state(c_prev);
    const T* previous = has_state ? old.data() : nullptr;
    if (in_place) {  // the state and the gates' gradients take the places of what they come from
      kernels.lstm_cell_forward(g.data(), ld_gates, has_state ? state.data() : nullptr, state.data(), ld_c,
                                h.data(), ld_h, rows, hidden);
      std::copy(state.data(), state.data() + state.size(), c.data());
      Array<T> gates_copy = g;
      kernels.lstm_cell_backward(g.data(), ld_gates, previous, c.data(), ld_c, d_h.data(), ld_h, d_c.data(),
                                 ld_c, g.data(), ld_gates, rows, hidden);
      return collect<T>({&gates_copy, &c, &h, &g, &d_c});
    }
    kernels.lstm_cell_forward(g.data(), ld_gates, previous, c.data(), ld_c, h.data(), ld_h, rows, hidden);
    for (int64_t i = 0; i < rows; ++i) {  // what lies between the rows, as in the other branch
      for (int64_t j = hidden; j < ld_c; ++j)
        c.data()[i * ld_c + j] = T(c_prev[static_cast<size_t>(i * ld_c + j)]);
      for (int64_t j = 4 * hidden; j < ld_gates; ++j)
        d_gates.data()[i * ld_gates + j] = g.data()[i * ld_gates + j];
    }
    kernels.lstm_cell_backward(g.data(), ld_gates, previous, c.data(), ld_c, d_h.data(), ld_h, d_c.data(),
                               ld_c, d_gates.data(), ld_gates, rows, hidden);
    return collect<T>({&g, &c, &h, &d_gates, &d_c});
  }
};

TEST(bits) {
  for (int64_t hidden : row_sizes()) {
    for (int64_t rows : {0, 1, 5}) {
      for (int64_t pad : {0, 3}) {
        for (bool has_state : {false, true}) {
          const std::vector<float> apart =
              check_flavours(Case(rows, hidden, pad, has_state, false), "lstm_cell");
          const std::vector<float> together =
              check_flavours(Case(rows, hidden, pad, has_state, true), "lstm_cell in place");
          CHECK_BITS(together.data(), apart.data(), static_cast<int64_t>(apart.size()), "in place or not");
        }
      }
    }
  }
}

TEST(errors_are_within_the_header_bounds) {
  for (int64_t i = 0; i < 2 * static_cast<int64_t>(row_sizes().size()); ++i) {
    const bool has_state = i % 2 == 1;
    const Case c(23, row_sizes()[static_cast<size_t>(i / 2)], 0, has_state, false);
    const std::vector<float> got = c.run(kernels_ref);
    const std::vector<double> truth = c.run(kernels_ref_double);
    const double state = has_state ? max_abs(c.c_prev) : 0;
    const size_t gates = c.gates.size(), cells = gates + c.c_prev.size(), outputs = cells + c.dh.size();
    CHECK_LE(error_in(got, truth, 0, gates), 4e-7);
    CHECK_LE(error_in(got, truth, gates, cells), 1e-6 * (1 + state));
    CHECK_LE(error_in(got, truth, cells, outputs), 1.5e-6 * (1 + state));
    const double gradient = max_abs(c.dh) + max_abs(c.dc);
    CHECK_LE(error_in(got, truth, outputs, got.size()), 1e-6 * gradient * (1 + state));
  }
}

TEST(values_by_hand) {
  // sigmoid(0) = 1/2, tanh(0) = 0: the state halves, nothing comes in.
  float gates[4] = {0, 0, 0, 0}, c[1] = {2}, h[1];
  kernels().lstm_cell_forward(gates, 4, c, c, 1, h, 1, 1, 1);
  CHECK(gates[0] == 0.5f && gates[1] == 0.5f && gates[2] == 0 && gates[3] == 0.5f);
  CHECK_EQ(c[0], 1.0f);
  CHECK_LE(std::fabs(h[0] - 0.5f * std::tanh(1.0f)), 1e-7f);
}

TEST(zero_state_reads_no_forget_gate) {
  for (const Kernels<float>* kernels : simd_flavours()) {
    std::vector<float> gates(4 * 20, 0.5f), c(20), h(20), dh(20, 1.0f), dc(20, 1.0f);
    for (size_t j = 20; j < 40; ++j) gates[j] = NAN;
    kernels->lstm_cell_forward(gates.data(), 80, nullptr, c.data(), 20, h.data(), 20, 1, 20);
    kernels->lstm_cell_backward(gates.data(), 80, nullptr, c.data(), 20, dh.data(), 20, dc.data(), 20,
                                gates.data(), 80, 1, 20);
    for (size_t j = 0; j < 20; ++j)
      CHECK(std::isfinite(h[j]) && gates[20 + j] == 0 && std::isfinite(gates[j]));
  }
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
