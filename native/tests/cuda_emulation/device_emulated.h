// kernels/cuda/device.h for the host's compiler: see emulator.h.
#pragma once
#include <cstring>
#include <tuple>
#include <type_traits>

#include "kernels/bf16.h"
#include "kernels/cuda/launch.h"
#include "tests/cuda_emulation/emulator.h"
#include "tests/cuda_emulation/runtime_emulated.h"

#define MAQUE_KERNEL(threads) void
#define MAQUE_DEVICE inline
#define MAQUE_DEVICE_CALL inline
#define MAQUE_UNROLL

namespace maque::cuda {

// --- host
// -----------------------------------------------------------------------------------------------------------

template <class... P, class... A>
Code launch(const Launch& launch, void (*kernel)(P...), A... args) {
  struct Call {
    void (*kernel)(P...);
    std::tuple<P...> args;
  };
  if (const Code code = emulation::check(launch)) return code;
  const Call call = {kernel, std::tuple<P...>(args...)};
  const auto work = [launch, call] {
    return emulation::run(
        launch,
        [](const void* data) {
          const Call* c = static_cast<const Call*>(data);
          std::apply(c->kernel, c->args);
        },
        &call);
  };
  if (launch.stream == nullptr) return work();
  return emulation::enqueue(launch.stream, reinterpret_cast<const void*>(kernel), work);
}

inline int32_t compute_capability() { return emulation::device().capability; }
inline int32_t multiprocessors() { return emulation::device().multiprocessors; }
inline int64_t largest_shared_bytes() { return emulation::device().shared_per_block; }

template <class... P>
int64_t resident_blocks(void (*)(P...), uint32_t threads, int64_t shared) {
  return emulation::resident_blocks(threads, shared);
}

inline Code set_zero(void* data, int64_t bytes, Stream stream) {
  const auto work = [data, bytes] {
    std::memset(data, 0, static_cast<size_t>(bytes));
    return kSuccess;
  };
  return stream == nullptr ? work() : emulation::enqueue(stream, nullptr, work);
}

// --- where a thread is
// ----------------------------------------------------------------------------------------------

inline int32_t thread_x() { return emulation::self().thread; }
inline int32_t threads_x() { return emulation::self().threads; }
inline int32_t block_x() { return emulation::self().block_x; }
inline int32_t block_y() { return emulation::self().block_y; }
inline int32_t block_z() { return emulation::self().block_z; }
inline int32_t blocks_x() { return emulation::self().blocks_x; }
inline int32_t lane_id() { return thread_x() % kWarp; }
inline int32_t warp_id() { return thread_x() / kWarp; }

// --- shared memory
// --------------------------------------------------------------------------------------------------

/// An index, and the line that it stands in.
struct Index {
  int64_t i;
  emulation::Place place;
  template <class I, class = std::enable_if_t<std::is_integral_v<I>>>
  Index(I index, const char* file = __builtin_FILE(), int line = __builtin_LINE())  // implicit by purpose
      : i(static_cast<int64_t>(index)), place{file, line} {}
};

/// One element, checked when it is read or written.
template <class T>
class Element {
 public:
  Element(int64_t offset, emulation::Place place) : offset_(offset), place_(place) {}
  Element(const Element&) = default;
  operator T() const {
    T value;
    std::memcpy(&value, emulation::read_shared(offset_, sizeof(T), place_), sizeof(T));
    return value;
  }
  const Element& operator=(T value) const {
    std::memcpy(emulation::write_shared(offset_, sizeof(T), place_), &value, sizeof(T));
    return *this;
  }
  const Element& operator=(const Element& other) const { return *this = static_cast<T>(other); }
  const Element& operator+=(T value) const { return *this = static_cast<T>(*this) + value; }

 private:
  int64_t offset_;
  emulation::Place place_;
};

template <class T>
class Shared {
 public:
  Shared(int64_t offset, int64_t n) : offset_(offset), n_(n) {}
  Element<T> operator[](Index index) const { return {byte(index, 1), index.place}; }
  Shared from(Index index) const { return {byte(index, 0), n_ - index.i}; }
  Float4 load4(Index index) const {
    Float4 x;
    std::memcpy(&x, emulation::read_shared(vector_byte(index), sizeof x, index.place), sizeof x);
    return x;
  }
  void store4(Index index, Float4 x) const {
    std::memcpy(emulation::write_shared(vector_byte(index), sizeof x, index.place), &x, sizeof x);
  }
  /// Offset of element i, if the array has `count` elements from there on.
  int64_t byte(Index index, int64_t count) const {
    if (index.i < 0 || index.i + count > n_) {
      emulation::fail("is at element " + std::to_string(index.i) + " of an array of " + std::to_string(n_) +
                          " in shared memory",
                      index.place);
    }
    return offset_ + index.i * static_cast<int64_t>(sizeof(T));
  }

 private:
  int64_t vector_byte(Index index) const {
    const int64_t offset = byte(index, 4);
    if (offset % 16 != 0)
      emulation::fail("reads or writes four floats at no multiple of 16 bytes", index.place);
    return offset;
  }
  int64_t offset_, n_;
};

class SharedMemory {
 public:
  template <class T>
  Shared<T> take(int64_t n, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {emulation::take_shared(shared_bytes<T>(n), {file, line}), n};
  }
};

// --- waiting for each other
// -----------------------------------------------------------------------------------------

inline void sync_threads(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  emulation::barrier({file, line});
}
inline void sync_warp(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  emulation::order_warp({file, line});
}
inline uint32_t atomic_add(uint32_t* x, uint32_t by) { return emulation::add(x, by); }
inline void sync_blocks(uint32_t* arrivals, uint32_t parties, uint32_t round,
                        const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  emulation::barrier({file, line});
  if (thread_x() == 0) {
    emulation::add(arrivals, 1);
    emulation::wait_for_arrivals(arrivals, parties * round, {file, line});
  }
  emulation::barrier({file, line});
}
inline float load_fresh(const float* x) { return *x; }

// --- between the lanes of a warp
// ------------------------------------------------------------------------------------

template <class T>
struct ShufflePayload {
  T value, result;
  int32_t source;  // lane
};
/// Every lane gets its source's value; a source outside the mask has none.
template <class T>
T shuffle_from(const char* what, T x, int32_t source, uint32_t mask, emulation::Place place) {
  ShufflePayload<T> payload = {x, x, source};
  emulation::warp_call(
      what, mask, &payload,
      [](void* const* payloads, uint32_t named, emulation::Place at) {
        for (int32_t l = 0; l < kWarp; ++l) {
          if ((named >> l & 1u) == 0) continue;
          auto* mine = static_cast<ShufflePayload<T>*>(payloads[l]);
          if ((named >> mine->source & 1u) == 0) {
            emulation::fail(
                "shuffles from lane " + std::to_string(mine->source) + ", which the mask does not name", at);
          }
          mine->result = static_cast<ShufflePayload<T>*>(payloads[mine->source])->value;
        }
      },
      place);
  return payload.result;
}

template <class T>
T shuffle(T x, int32_t lane, int32_t width = kWarp, uint32_t mask = kFullWarp,
          const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  const int32_t base = lane_id() / width * width;
  return shuffle_from("shuffle", x, base + (lane & (width - 1)), mask, {file, line});
}
template <class T>
T shuffle_down(T x, int32_t by, int32_t width = kWarp, uint32_t mask = kFullWarp,
               const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  const int32_t base = lane_id() / width * width, source = lane_id() + by;
  return shuffle_from("shuffle_down", x, source < base + width ? source : lane_id(), mask, {file, line});
}
template <class T>
T shuffle_xor(T x, int32_t with, int32_t width = kWarp, uint32_t mask = kFullWarp,
              const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  const int32_t end = (lane_id() / width + 1) * width, source = lane_id() ^ with;
  return shuffle_from("shuffle_xor", x, source < end ? source : lane_id(), mask, {file, line});
}
inline bool vote_any(bool x, uint32_t mask = kFullWarp, const char* file = __builtin_FILE(),
                     int line = __builtin_LINE()) {
  bool value = x;
  emulation::warp_call("vote_any", mask, &value,
                       [](void* const* payloads, uint32_t, emulation::Place) {
                         bool any = false;
                         for (int32_t l = 0; l < kWarp; ++l)
                           any = any || (payloads[l] != nullptr && *static_cast<bool*>(payloads[l]));
                         for (int32_t l = 0; l < kWarp; ++l) {
                           if (payloads[l] != nullptr) *static_cast<bool*>(payloads[l]) = any;
                         }
                       },
                       {file, line});
  return value;
}

// --- copies that do not wait
// ----------------------------------------------------------------------------------------

template <class T>
void copy_async(Shared<T> to, Index i, const T* from, int32_t valid) {
  emulation::start_copy(to.byte(i, 16 / static_cast<int64_t>(sizeof(T))), from, valid, i.place);
}
inline void commit_async() { emulation::commit_copies(); }
template <int N>
void wait_async() {
  emulation::wait_copies(N);
}

// --- tensor cores
// ---------------------------------------------------------------------------------------------------

struct MatrixPayload {
  uint16_t row[8];  // the row that this lane names
  uint32_t* x;
};
/// transposed: elements of the columns instead.
template <bool transposed>
void load_matrices(uint32_t (&x)[4], const Shared<uint16_t>& from, Index i) {
  MatrixPayload payload;
  payload.x = x;
  const int64_t offset = from.byte(i, 8);
  if (offset % 16 != 0) emulation::fail("loads a matrix's row from no multiple of 16 bytes", i.place);
  std::memcpy(payload.row, emulation::read_shared(offset, 16, i.place), 16);
  emulation::warp_call(
      transposed ? "load_matrix_transposed" : "load_matrix", kFullWarp, &payload,
      [](void* const* payloads, uint32_t, emulation::Place) {
        const auto at = [&](int32_t m, int32_t row, int32_t column) {
          const int32_t r = transposed ? column : row, c = transposed ? row : column;
          return static_cast<uint32_t>(static_cast<MatrixPayload*>(payloads[8 * m + r])->row[c]);
        };
        for (int32_t l = 0; l < kWarp; ++l) {
          for (int32_t m = 0; m < 4; ++m) {
            static_cast<MatrixPayload*>(payloads[l])->x[m] =
                at(m, l / 4, l % 4 * 2) | at(m, l / 4, l % 4 * 2 + 1) << 16;
          }
        }
      },
      i.place);
}
inline void load_matrix(uint32_t (&x)[4], const Shared<uint16_t>& from, Index i) {
  load_matrices<false>(x, from, i);
}
inline void load_matrix_transposed(uint32_t (&x)[4], const Shared<uint16_t>& from, Index i) {
  load_matrices<true>(x, from, i);
}

struct ProductPayload {
  FragmentC* c;
  const FragmentA* a;
  const FragmentB* b;
};
/// The fragments of a warp as matrices, by the layout in launch.h.
inline float half_of(uint32_t word, int32_t half) {
  return from_bf16(static_cast<uint16_t>(word >> (16 * half)));
}
inline float element_a(void* const* payloads, int32_t row, int32_t k) {
  const auto* p = static_cast<const ProductPayload*>(payloads[row % 8 * 4 + k % 8 / 2]);
  return half_of(p->a->a[row / 8 + k / 8 * 2], k % 2);
}
inline float element_b(void* const* payloads, int32_t k, int32_t column) {
  const auto* p = static_cast<const ProductPayload*>(payloads[column * 4 + k % 8 / 2]);
  return half_of(p->b->b[k / 8], k % 2);
}
inline void combine_product(void* const* payloads, uint32_t, emulation::Place) {
  for (int32_t row = 0; row < 16; ++row) {
    for (int32_t column = 0; column < 8; ++column) {
      auto* p = static_cast<ProductPayload*>(payloads[row % 8 * 4 + column / 2]);
      float* sum = &p->c->c[row / 8 * 2 + column % 2];
      for (int32_t k = 0; k < 16; ++k)
        *sum = __builtin_fmaf(element_a(payloads, row, k), element_b(payloads, k, column), *sum);
    }
  }
}
inline void multiply_add(FragmentC& c, const FragmentA& a, const FragmentB& b,
                         const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  ProductPayload payload = {&c, &a, &b};
  emulation::warp_call("multiply_add", kFullWarp, &payload, combine_product, {file, line});
}

inline float fast_exp2(float x) { return __builtin_exp2f(x); }
inline uint32_t pack_bf16(float low, float high) {
  return static_cast<uint32_t>(to_bf16(low)) | static_cast<uint32_t>(to_bf16(high)) << 16;
}

}  // namespace maque::cuda
