// The int8 LSTM step: the bounds of its sigmoid and tanh, ref against plain arithmetic in double, and every
// flavour against ref.
#include <algorithm>

#include "kernels/ref/lstm_int8.h"
#include "tests/int8_flavours.h"

namespace maque::test {
namespace {

double tanh_of(float x) {
  const int8::Fraction<Scalar> f = int8::tanh(Scalar{x});
  return static_cast<double>(f.n.v / f.d.v);
}
double sigmoid_of(float x) {
  const int8::Fraction<Scalar> f = int8::sigmoid(Scalar{x});
  return static_cast<double>(f.n.v / f.d.v);
}

TEST(sigmoid_and_tanh_are_within_the_header_bounds) {
  double worst_tanh = 0, worst_sigmoid = 0;
  for (int32_t i = -400000; i <= 400000; ++i) {
    const float x = static_cast<float>(i) * 0x1p-14f;
    const double wide = static_cast<double>(x);
    worst_tanh = std::fmax(worst_tanh, std::fabs(tanh_of(x) - std::tanh(wide)));
    worst_sigmoid = std::fmax(worst_sigmoid, std::fabs(sigmoid_of(x) - 1 / (1 + std::exp(-wide))));
  }
  CHECK_LE(worst_tanh, 8.3e-6);
  CHECK_LE(worst_sigmoid, 4.3e-6);
  CHECK(worst_tanh > 7e-6 && worst_sigmoid > 3.5e-6);  // the bounds are not idle
}

TEST(sigmoid_and_tanh_at_the_ends) {
  for (float x : {100.0f, 3e38f, INFINITY, NAN}) {
    CHECK_EQ(tanh_of(x), tanh_of(6));
    CHECK_EQ(sigmoid_of(x), sigmoid_of(12));
  }
  for (float x : {-100.0f, -3e38f, -INFINITY}) {
    CHECK_EQ(tanh_of(x), tanh_of(-6));
    CHECK_EQ(sigmoid_of(x), sigmoid_of(-12));
  }
  CHECK_EQ(tanh_of(0), 0.0);
  CHECK_EQ(sigmoid_of(0), 0.5);
  CHECK_LE(tanh_of(6), 1.0);
  CHECK_LE(0.0, sigmoid_of(-12));
}

TEST(sigmoid_is_tanh_of_half_the_argument) {
  for (int32_t i = -250000; i <= 250000; ++i) {
    const float x = static_cast<float>(i) * 0x1p-14f;
    const int8::Fraction<Scalar> t = int8::tanh(Scalar{x / 2}), s = int8::sigmoid(Scalar{x});
    CHECK_EQ((t.d.v + t.n.v) / (t.d.v + t.d.v), s.n.v / s.d.v);
  }
}

struct Shape {
  int64_t rows, hidden;
  bool first, table;
  int64_t gates;
  bool output;
};

/// The operands of one step and what it writes, guards included.
class Step {
 public:
  explicit Step(const Shape& shape, uint64_t seed) : o_(shape), random_(seed) {
    const int64_t k = o_.hidden, places = whole() * o_.gates;
    for (int64_t i = 0; i < 7 * (places + 5); ++i) table_.push_back(byte());
    input_ = random_.vector(o_.rows * (places + 3), -6, 6);
    table_scale_ = random_.vector(21, 0.001f, 0.05f);
    for (int64_t i = 0; i < o_.rows; ++i) ids_.push_back(static_cast<int32_t>(random_.below(7)));
    for (int64_t i = 0; i < o_.rows * ld(); ++i) state_.push_back(static_cast<uint8_t>(64 + byte() / 2));
    for (int64_t i = 0; i < places * k; ++i) weights_.push_back(byte());
    for (int64_t n = 0; n < places; ++n) {
      if (unit_of(n) >= k) std::fill_n(weights_.begin() + n * k, k, int8_t{0});
      scale_.push_back(unit_of(n) < k ? random_.uniform(1e-5f, 3e-4f) : 0.0f);
    }
    packed_.resize(static_cast<size_t>(gemm_int8_packed_size(k, places)));
    offsets_.resize(static_cast<size_t>(int8_whole_n(places)));
    CHECK(gemm_int8_pack(weights_.data(), k, k, places, kZeroPoint7, packed_.data(), offsets_.data()));
    cells_ = random_.vector(o_.rows * ld(), -2, 2);
  }

  /// Cells, next states and outputs, with what lies between the rows.
  std::vector<float> run(const Int8Kernels& kernels) const {
    std::vector<float> cells = cells_, output(cells.size(), -5.0f);
    std::vector<uint8_t> next(cells.size(), 3);
    LstmInt8Step s = arguments();
    s.cells = cells.data();
    s.next = next.data();
    s.output = o_.output ? output.data() : nullptr;
    kernels.lstm_int8_step(s);
    cells.insert(cells.end(), next.begin(), next.end());
    cells.insert(cells.end(), output.begin(), output.end());
    return cells;
  }

  /// Largest differences of c and h from the formulas in double.
  void errors(const std::vector<float>& got, double* c_error, double* h_error) const {
    for (int64_t row = 0; row < o_.rows; ++row) {
      for (int64_t unit = 0; unit < o_.hidden; ++unit) {
        const int64_t g = o_.gates - 2;
        double c = sigmoid(gate(row, unit, 0)) * std::tanh(gate(row, unit, g));
        if (!o_.first) c += sigmoid(gate(row, unit, 1)) * static_cast<double>(cells_[at(row, unit)]);
        const double h = sigmoid(gate(row, unit, g + 1)) * std::tanh(c);
        *c_error = std::fmax(*c_error, std::fabs(c - static_cast<double>(got[at(row, unit)])));
        *h_error =
            std::fmax(*h_error, std::fabs(h - static_cast<double>(got[2 * cells_.size() + at(row, unit)])));
        const float q = got[cells_.size() + at(row, unit)];
        CHECK_LE(std::fabs(static_cast<double>(q - 64.0f) - h * 63), 0.5 + 0.01);
      }
    }
  }

 private:
  static double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
  int64_t whole() const { return lstm_whole(o_.hidden); }
  int64_t ld() const { return whole() + 2; }
  int64_t unit_of(int64_t place) const { return place / 16 / o_.gates * 16 + place % 16; }
  size_t at(int64_t row, int64_t unit) const { return static_cast<size_t>(row * ld() + unit); }
  int8_t byte() { return static_cast<int8_t>(random_.below(255) - 127); }

  LstmInt8Step arguments() const {
    LstmInt8Step s = {};
    s.rows = o_.rows, s.hidden = o_.hidden, s.gates = o_.gates, s.backwards = o_.rows % 2 == 1;
    if (o_.table) {
      s.table = table_.data(), s.ld_table = whole() * o_.gates + 5;
      s.table_scale = table_scale_.data() + 1, s.scale_stride = 2;
      s.ids = ids_.data();
    } else {
      s.input = input_.data(), s.ld_input = whole() * o_.gates + 3;
    }
    s.state = o_.first ? nullptr : state_.data(), s.ld_state = ld();
    s.weights = packed_.data(), s.offsets = offsets_.data(), s.scale = scale_.data();
    s.ld_cells = s.ld_next = s.ld_output = ld();
    return s;
  }

  double gate(int64_t row, int64_t unit, int64_t n) const {
    const LstmInt8Step s = arguments();
    const int64_t place = (unit / 16 * o_.gates + n) * 16 + unit % 16;
    double x = 0, sum = 0;
    if (o_.table) {
      const int64_t id = ids_[static_cast<size_t>(row)];
      x = static_cast<double>(s.table[id * s.ld_table + place]) * static_cast<double>(s.table_scale[2 * id]);
    } else {
      x = static_cast<double>(s.input[row * s.ld_input + place]);
    }
    if (o_.first) return x;
    for (int64_t p = 0; p < o_.hidden; ++p) {
      sum += (state_[at(row, p)] - 64.0) * weights_[static_cast<size_t>(place * o_.hidden + p)];
    }
    return sum * static_cast<double>(scale_[static_cast<size_t>(place)]) + x;
  }

  Shape o_;
  Random random_;
  std::vector<int8_t> table_, weights_, packed_;
  std::vector<float> input_, table_scale_, scale_, cells_;
  std::vector<int32_t> ids_, offsets_;
  std::vector<uint8_t> state_;
};

/// Every shape of interest: `look` at each.
template <class F>
void for_shapes(const F& look) {
  uint64_t seed = 1;
  for (int64_t hidden : {1, 3, 4, 7, 15, 16, 17, 31, 32, 33, 47, 48, 64, 100, 128, 300}) {
    for (int64_t rows : {0, 1, 2, 3, 5, 6, 7, 13}) {
      for (bool table : {false, true}) {
        const bool output = (rows + hidden) % 2 == 1;
        look(Shape{rows, hidden, false, table, 4, output}, seed++);
        look(Shape{rows, hidden, true, table, 4, output}, seed++);
        look(Shape{rows, hidden, true, table, 3, !output}, seed++);
      }
    }
  }
}

TEST(bits) {
  for_shapes([](const Shape& shape, uint64_t seed) {
    const Step step(shape, seed);
    const std::vector<float> expected = step.run(int8_kernels_ref);
    for (const Int8Kernels* kernels : int8_flavours()) {
      const std::vector<float> got = step.run(*kernels);
      CHECK_BITS(got.data(), expected.data(), static_cast<int64_t>(got.size()), kernels->isa);
    }
  });
}

TEST(the_reference_is_the_formula) {
  double c_error = 0, h_error = 0;
  for_shapes([&](Shape shape, uint64_t seed) {
    shape.output = true;
    const Step step(shape, seed);
    step.errors(step.run(int8_kernels_ref), &c_error, &h_error);
  });
  // Two quotients of 4.3e-6 and 8.3e-6 in i g, one on c (at most 2), then o tanh(c).
  CHECK_LE(c_error, 2.3e-5);
  CHECK_LE(h_error, 3.6e-5);
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
