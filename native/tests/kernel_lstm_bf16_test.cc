// The step of an LSTM by products in bf16: every flavour within the bound of kernels/lstm_bf16.h of the exact
// step from the rounded state, the emulation, which makes the documented steps, with ref's bits, and rows
// alone as in company.
#include "kernels/bf16.h"
#include "tests/kernel_case.h"

namespace maque::test {
namespace {

size_t at(int64_t i) { return static_cast<size_t>(i); }

std::vector<const Bf16Kernels*> flavours() {
  static bool counted = false;
  return present_flavours(kBf16Flavours, bf16_kernels_for, &counted);
}

/// What a step writes: [rows, ld] each.
struct Written {
  std::vector<float> cells, next;
  std::vector<uint16_t> halves;
};

struct Case {
  int64_t rows, hidden, ld;
  bool first, table, backwards;
  std::vector<float> input, state, cells;
  std::vector<uint16_t> table_bf16, halves, weights;
  std::vector<int32_t> ids;

  Case(int64_t r, int64_t h, uint64_t seed)
      : rows(r),
        hidden(h),
        ld(lstm_whole(h) + 2),
        first(seed % 5 == 0),
        table(seed % 2 == 0),
        backwards(seed % 3 == 0) {
    Random random(seed);
    input = random.vector(13 * ld_input(), -4, 4);
    for (float x : input) table_bf16.push_back(to_bf16(x));
    for (float x : random.vector(rows * ld, -1, 1)) halves.push_back(to_bf16(x));
    for (int64_t i = 0; i < rows; ++i)
      std::fill_n(halves.begin() + i * ld + h, lstm_whole(h) - h, uint16_t{0});
    for (uint16_t x : halves) state.push_back(from_bf16(x));
    cells = random.vector(rows * ld, -2, 2);
    weights.resize(at(lstm_packed_size_bf16(h)));
    for (int64_t j = 0; j < 4 * h * h; ++j)
      weights[at(lstm_packed_at_bf16(h, j / h % h, j / h / h, j % h))] = to_bf16(random.uniform(-0.2f, 0.2f));
    for (int64_t i = 0; i < rows; ++i) ids.push_back(static_cast<int32_t>(table ? random.below(7) : i));
  }

  int64_t ld_input() const { return 4 * lstm_whole(hidden) + 6; }

  /// Fills what a step has in fp32 and in double; x points to the pre-activations.
  template <class T>
  void fill(const T* x, const T* h, T* c, T* next, LstmStep<T>* s) const {
    s->rows = rows, s->hidden = hidden, s->gates = 4, s->backwards = backwards;
    s->ids = ids.data();
    s->ld_table = s->ld_input = ld_input();
    if (table) {
      s->table_bf16 = table_bf16.data();
    } else {
      s->input = x;
    }
    s->weights_bf16 = weights.data();
    s->state = first ? nullptr : h;
    s->cells = c, s->next = next;
    s->ld_state = s->ld_cells = s->ld_next = ld;
  }

  Written operator()(const Bf16Kernels& kernels) const {
    Written w{cells, std::vector<float>(cells.size()), std::vector<uint16_t>(cells.size())};
    LstmBf16Step s{};
    fill<float>(input.data(), nullptr, w.cells.data(), w.next.data(), &s);
    s.half_state = first ? nullptr : halves.data();
    s.half_next = w.halves.data();
    kernels.lstm_bf16_step(s);
    return w;
  }

  /// The cells and the states of the exact step from the rounded state.
  std::vector<double> exact() const {
    const std::vector<double> x = to_double(input), h = to_double(state);
    std::vector<double> c = to_double(cells), next(c.size());
    LstmStep<double> s{};
    fill<double>(x.data(), h.data(), c.data(), next.data(), &s);
    kernels_ref_double.lstm_step(s);
    c.insert(c.end(), next.begin(), next.end());
    return c;
  }
};

template <class F>
void for_cases(const F& look) {
  uint64_t seed = 1;
  for (int64_t hidden : {1, 2, 3, 15, 16, 17, 31, 33, 48, 64, 100, 300}) {
    for (int64_t rows : {0, 1, 2, 3, 5, 6, 7, 13}) {
      if (hidden < 300 || rows <= 3) look(Case(rows, hidden, seed++));
    }
  }
}

TEST(every_flavour_is_within_the_header_bound) {
  for_cases([](const Case& c) {
    const std::vector<double> exact = c.exact();
    const Written reference = c(bf16_kernels_ref);
    const auto n = static_cast<int64_t>(c.cells.size());
    // Pre-activations of at most 4 + hidden * 0.2: their error enters four gates.
    const double h = static_cast<double>(c.hidden), sum = c.first ? 0 : (h + 3) * 0x1p-24 * (4 + 0.2 * h);
    for (const Bf16Kernels* kernels : flavours()) {
      const Written w = c(*kernels);
      for (size_t i = 0; i < w.cells.size(); ++i) {
        if (static_cast<int64_t>(i) % c.ld >= lstm_whole(c.hidden)) continue;  // between the rows
        CHECK_LE(std::fabs(static_cast<double>(w.cells[i]) - exact[i]), 3e-6 + 3 * sum);
        CHECK_LE(std::fabs(static_cast<double>(w.next[i]) - exact[i + w.cells.size()]), 4.5e-6 + 4 * sum);
        CHECK_EQ(w.halves[i], to_bf16(w.next[i]));
      }
      if (kernels != bf16_kernels_for("emu")) continue;
      CHECK_BITS(w.cells.data(), reference.cells.data(), n, "cells");
      CHECK_BITS(w.next.data(), reference.next.data(), n, "states");
    }
  });
}

TEST(company_does_not_matter) {
  for (const Bf16Kernels* kernels : flavours()) {
    const Case together(13, 37, 7);
    const Written all = together(*kernels);
    for (int64_t i = 0; i < together.rows; ++i) {
      Case alone = together;
      const int64_t begin = i * alone.ld, end = begin + alone.ld;
      alone.rows = 1;
      alone.ids = {together.ids[at(i)]};
      alone.halves = {together.halves.begin() + begin, together.halves.begin() + end};
      alone.cells = {together.cells.begin() + begin, together.cells.begin() + end};
      alone.input.erase(alone.input.begin(), alone.input.begin() + (alone.table ? 0 : i * alone.ld_input()));
      CHECK_BITS(alone(*kernels).next.data(), all.next.data() + begin, alone.ld, kernels->isa);
    }
  }
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
