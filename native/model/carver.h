// Cuts one block of memory into aligned arrays. Run once without a block it only measures what the same cuts
// will need.
#pragma once
#include "core/types.h"

namespace maque {

class Carver {
 public:
  explicit Carver(void* block) : block_(static_cast<char*>(block)) {}

  /// n elements, aligned to 64 bytes; null while measuring.
  template <class T>
  T* take(int64_t n) {
    T* out = block_ == nullptr ? nullptr : reinterpret_cast<T*>(block_ + used_);
    used_ += (n * static_cast<int64_t>(sizeof(T)) + 63) / 64 * 64;
    return out;
  }

  /// Bytes taken so far.
  int64_t used() const { return used_; }

 private:
  char* block_;
  int64_t used_ = 0;
};

}  // namespace maque
