// One case of a kernel test: a generic function of a table of kernels that makes its arrays, calls an
// operation and returns what it wrote. It is run on ref in float, in double (the truth) and on every vector
// flavour.
#pragma once
#include <initializer_list>
#include <string>

#include "tests/kernel_test.h"

namespace maque::test {

/// An array of n elements at an address that is a multiple of the element's size and of nothing more, between
/// guards.
template <class T>
class Array {
 public:
  explicit Array(int64_t n, T fill = T(-77)) : n_(n), all_(static_cast<size_t>(n + 2 * kGuard), T(kMark)) {
    for (int64_t i = 0; i < n; ++i) data()[i] = fill;
  }
  explicit Array(const std::vector<float>& values) : Array(static_cast<int64_t>(values.size())) {
    for (int64_t i = 0; i < n_; ++i) data()[i] = T(values[static_cast<size_t>(i)]);
  }
  T* data() { return all_.data() + kGuard; }
  const T* data() const { return all_.data() + kGuard; }
  int64_t size() const { return n_; }
  bool intact() const {
    for (int64_t i = 0; i < kGuard; ++i) {
      if (all_[static_cast<size_t>(i)] != T(kMark) ||
          all_[static_cast<size_t>(n_ + kGuard + i)] != T(kMark)) {
        return false;
      }
    }
    return true;
  }

 private:
  static constexpr int64_t kGuard = 65;
  static constexpr float kMark = -12345.0f;
  int64_t n_;
  std::vector<T> all_;
};

/// The scalar of a table: `using T = ScalarOf<decltype(kernels)>` in a generic function.
template <class K>
struct ScalarOfTable;
template <class T>
struct ScalarOfTable<const Kernels<T>&> {
  using type = T;
};
template <class K>
using ScalarOf = typename ScalarOfTable<K>::type;

/// The elements of all arrays, one after the other; their guards are checked.
template <class T>
std::vector<T> collect(std::initializer_list<const Array<T>*> arrays) {
  std::vector<T> all;
  for (const Array<T>* array : arrays) {
    CHECK(array->intact());
    all.insert(all.end(), array->data(), array->data() + array->size());
  }
  return all;
}

/// run(kernels) gives the bits of ref on every vector flavour; returns them.
template <class Run>
std::vector<float> check_flavours(const Run& run, const char* what) {
  const std::vector<float> expected = run(kernels_ref);
  for (const Kernels<float>* kernels : simd_flavours()) {
    const std::vector<float> got = run(*kernels);
    CHECK_EQ(got.size(), expected.size());
    const std::string label = std::string(what) + " on " + kernels->isa;
    CHECK_BITS(got.data(), expected.data(), static_cast<int64_t>(got.size()), label.c_str());
  }
  return expected;
}

/// max over i of |a[i] - b[i]| in [begin, end).
inline double error_in(const std::vector<float>& a, const std::vector<double>& b, size_t begin, size_t end) {
  double worst = 0;
  for (size_t i = begin; i < end; ++i) {
    const double error = std::fabs(static_cast<double>(a[i]) - b[i]);
    if (!(error <= worst)) worst = error;
  }
  return worst;
}

inline double max_abs(const std::vector<float>& v) {
  double worst = 0;
  for (float x : v) worst = std::fmax(worst, std::fabs(static_cast<double>(x)));
  return worst;
}

/// Sizes around the lanes, the tiles and the models' own.
inline const std::vector<int64_t>& row_sizes() {
  static const std::vector<int64_t> sizes = [] {
    std::vector<int64_t> all;
    for (int64_t n = 1; n <= 40; ++n) all.push_back(n);
    for (int64_t n : {63, 64, 65, 100, 127, 300, 384, 768, 1000}) all.push_back(n);
    return all;
  }();
  return sizes;
}

}  // namespace maque::test
