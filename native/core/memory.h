// Memory that can fail: 64-byte aligned blocks, and an owner for arrays of plain types. No operator new.
#pragma once
#include "core/attributes.h"
#include "core/types.h"

namespace maque {

/// A block of at least `bytes` bytes, 64-byte aligned and not initialised, or null. `bytes` = 0 gives a
/// block, too.
void* allocate(int64_t bytes);
/// Gives back a block of `allocate`; null is allowed.
void release(void* block);
/// Tests: the n-th allocation from now (0: the next one), and every later one, fails. Negative: none does.
void fail_allocations_after(int64_t n);

/// Owns an array of trivially copyable elements.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  ~Buffer() { maque::release(data_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  Buffer(Buffer&& other) noexcept : data_(other.data_), size_(other.size_) { other.forget(); }
  Buffer& operator=(Buffer&& other) noexcept {
    if (this != &other) {
      maque::release(data_);
      data_ = other.data_;
      size_ = other.size_;
      other.forget();
    }
    return *this;
  }

  /// Drops the contents and owns n elements, not initialised. False, and empty, where memory or n does not
  /// allow it.
  bool allocate(int64_t n) {
    maque::release(data_);
    forget();
    if (n < 0 || n > INT64_MAX / static_cast<int64_t>(sizeof(T)) / 2) return false;
    data_ = static_cast<T*>(maque::allocate(n * static_cast<int64_t>(sizeof(T))));
    if (data_ == nullptr) return false;
    size_ = n;
    return true;
  }
  /// As allocate, with every byte 0.
  bool allocate_zeroed(int64_t n) {
    if (!allocate(n)) return false;
    __builtin_memset(static_cast<void*>(data_), 0, static_cast<size_t>(n) * sizeof(T));
    return true;
  }
  /// At least n elements: keeps what it has where that is enough (contents are lost where it is not).
  bool reserve(int64_t n) { return n <= size_ && data_ != nullptr ? true : allocate(n); }

  T* data() { return data_; }
  const T* data() const { return data_; }
  int64_t size() const { return size_; }
  int64_t bytes() const { return size_ * static_cast<int64_t>(sizeof(T)); }
  T& operator[](int64_t i) { return data_[i]; }
  const T& operator[](int64_t i) const { return data_[i]; }

 private:
  void forget() {
    data_ = nullptr;
    size_ = 0;
  }

  T* data_ = nullptr;
  int64_t size_ = 0;
};

}  // namespace maque
