// Tensors handed over one by one under their names, before a model is made of them.
#pragma once
#include "core/memory.h"
#include "model/geometry.h"

namespace maque {

class TensorStore {
 public:
  TensorStore() = default;
  ~TensorStore() { clear(); }
  /// Takes all tensors over; the other is then empty.
  TensorStore(TensorStore&& other) noexcept
      : entries_(static_cast<Buffer<Entry>&&>(other.entries_)), count_(other.count_) {
    other.count_ = 0;
  }
  TensorStore(const TensorStore&) = delete;
  TensorStore& operator=(const TensorStore&) = delete;

  /// Copies a tensor. Refuses nulls, a dtype other than F32, I8, BF16 and I32, a rank outside 1 .. 4, sizes
  /// that do not fit `bytes`, a name given before, NaN and infinity.
  Status add(const char* name, const char* dtype, int32_t rank, const int64_t* dims, const void* data,
             int64_t bytes);

  /// tensors[i] = data of tensor i of the geometry, which is I8 where its spec says so. All must be there
  /// with their shapes and types, scales of at least 0, and no other tensor (but a pooler that is not used).
  Status resolve(const Geometry& g, Buffer<float*>* tensors);

  /// data[i] = data of the tensor that specs[i] describes. All must be there so, and no other.
  Status resolve(const TensorSpec* specs, int64_t count, void** data);

  /// The first size of the tensor of this name; 0 where there is none.
  int64_t first_size(const char* name) const;

  /// Frees one tensor's data; `data` is one that resolve has given.
  void drop(const void* data);
  /// Frees all tensors.
  void clear();
  /// Bytes held.
  int64_t bytes() const;

 private:
  struct Entry {
    char name[96];
    int32_t rank;
    int64_t dims[4];
    int64_t size, bytes;
    DType dtype;
    void* data;
    bool used;
  };

  const Entry* find(const char* name) const;
  Entry* find(const char* name);
  static Status check_found(const TensorSpec& spec, const Entry* entry);
  Status check_new(const char* name, const char* dtype, int32_t rank, const int64_t* dims, const void* data,
                   int64_t bytes, Entry* entry);
  bool grow();

  Buffer<Entry> entries_;
  int64_t count_ = 0;
};

/// Index of the first element that is NaN or infinite, or -1.
int64_t find_not_finite(const float* x, int64_t n);

}  // namespace maque
