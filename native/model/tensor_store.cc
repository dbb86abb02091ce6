#include "model/tensor_store.h"

#include <stdio.h>
#include <string.h>

#include "core/error.h"

namespace maque {
namespace {

/// "[2, 3]".
struct ShapeText {
  char text[128];

  ShapeText(const int64_t* dims, int32_t rank) {
    size_t used = static_cast<size_t>(snprintf(text, sizeof text, "["));
    for (int32_t i = 0; i < rank; ++i) {
      const char* separator = i == 0 ? "" : ", ";
      used += static_cast<size_t>(
          snprintf(text + used, sizeof text - used, "%s%lld", separator, static_cast<long long>(dims[i])));
    }
    snprintf(text + used, sizeof text - used, "]");
  }
};

bool same_shape(const TensorSpec& spec, const int64_t* dims, int32_t rank) {
  if (spec.rank != rank) return false;
  for (int32_t i = 0; i < rank; ++i) {
    if (spec.dims[i] != dims[i]) return false;
  }
  return true;
}

bool is_spare_pooler(const Geometry& g, const char* name) {
  return g.is_bert() && (strcmp(name, "pooler.dense.weight") == 0 || strcmp(name, "pooler.dense.bias") == 0);
}

}  // namespace

int64_t find_not_finite(const float* x, int64_t n) {
  constexpr int64_t kBlock = 4096;
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t end = begin + kBlock < n ? begin + kBlock : n;
    uint32_t bad = 0;
    for (int64_t i = begin; i < end; ++i) {
      uint32_t bits;
      memcpy(&bits, x + i, sizeof bits);
      bad |= (bits & 0x7F800000u) == 0x7F800000u ? 1 : 0;
    }
    if (bad == 0) continue;
    for (int64_t i = begin; i < end; ++i) {
      if (!(x[i] - x[i] == 0)) return i;
    }
  }
  return -1;
}

TensorStore::~TensorStore() {
  for (int64_t i = 0; i < count_; ++i) release(entries_[i].data);
}

TensorStore::Entry* TensorStore::find(const char* name) {
  for (int64_t i = 0; i < count_; ++i) {
    if (strcmp(entries_[i].name, name) == 0) return &entries_[i];
  }
  return nullptr;
}

bool TensorStore::grow() {
  if (count_ < entries_.size()) return true;
  Buffer<Entry> larger;
  if (!larger.allocate(count_ == 0 ? 64 : 2 * count_)) return false;
  if (count_ > 0) memcpy(larger.data(), entries_.data(), static_cast<size_t>(count_) * sizeof(Entry));
  entries_ = static_cast<Buffer<Entry>&&>(larger);
  return true;
}

/// Fills the entry's name and shape, or says what is wrong.
Status TensorStore::check_new(const char* name, const char* dtype, int32_t rank, const int64_t* dims,
                              const void* data, int64_t bytes, Entry* entry) {
  if (name == nullptr) return fail(kInvalidArgument, "tensor: the name is null");
  if (strlen(name) >= sizeof entry->name) {
    return fail(kInvalidArgument, "tensor %.100s...: a name has at most %d bytes", name,
                static_cast<int>(sizeof entry->name) - 1);
  }
  if (dtype == nullptr || dims == nullptr || data == nullptr) {
    return fail(kInvalidArgument, "tensor %s: dtype, dims or data is null", name);
  }
  if (strcmp(dtype, "F32") != 0)
    return fail(kUnsupported, "tensor %s: dtype F32 expected, got '%.20s'", name, dtype);
  if (rank < 1 || rank > 4) return fail(kBadModel, "tensor %s: rank %d is not in 1 .. 4", name, rank);
  int64_t size = 1;
  for (int32_t i = 0; i < rank; ++i) {
    if (dims[i] < 1 || __builtin_mul_overflow(size, dims[i], &size)) {
      return fail(kBadModel, "tensor %s: shape %s is not one of positive sizes", name,
                  ShapeText(dims, rank).text);
    }
    entry->dims[i] = dims[i];
  }
  if (size > INT64_MAX / 8 || bytes != 4 * size) {
    return fail(kBadModel, "tensor %s: shape %s takes 4 * %lld bytes, got %lld", name,
                ShapeText(dims, rank).text, static_cast<long long>(size), static_cast<long long>(bytes));
  }
  if (find(name) != nullptr) return fail(kBadModel, "tensor %s: given twice", name);
  snprintf(entry->name, sizeof entry->name, "%s", name);
  entry->rank = rank;
  entry->size = size;
  entry->used = false;
  return kOk;
}

Status TensorStore::add(const char* name, const char* dtype, int32_t rank, const int64_t* dims,
                        const void* data, int64_t bytes) {
  Entry entry{};
  if (Status s = check_new(name, dtype, rank, dims, data, bytes, &entry)) return s;
  entry.data = grow() ? static_cast<float*>(allocate(bytes)) : nullptr;
  if (entry.data == nullptr) {
    return fail(kOutOfMemory, "out of memory: tensor %s of %lld bytes", name, static_cast<long long>(bytes));
  }
  memcpy(entry.data, data, static_cast<size_t>(bytes));
  const int64_t bad = find_not_finite(entry.data, entry.size);
  if (bad >= 0) {
    release(entry.data);
    return fail(kNotFinite, "tensor %s: element %lld is NaN or infinite", name, static_cast<long long>(bad));
  }
  entries_[count_++] = entry;
  return kOk;
}

Status TensorStore::resolve(const Geometry& g, Buffer<float*>* tensors) {
  const int64_t count = tensor_count(g);
  if (!tensors->allocate(count))
    return fail(kOutOfMemory, "out of memory: a list of %lld tensors", static_cast<long long>(count));
  for (int64_t i = 0; i < count; ++i) {
    const TensorSpec spec = tensor_spec(g, i);
    Entry* entry = find(spec.name);
    if (entry == nullptr) return fail(kBadModel, "tensor %s is missing", spec.name);
    if (!same_shape(spec, entry->dims, entry->rank)) {
      return fail(kBadModel, "tensor %s: shape %s expected, got %s", spec.name,
                  ShapeText(spec.dims, spec.rank).text, ShapeText(entry->dims, entry->rank).text);
    }
    entry->used = true;
    (*tensors)[i] = entry->data;
  }
  for (int64_t i = 0; i < count_; ++i) {
    if (entries_[i].used) continue;
    if (!is_spare_pooler(g, entries_[i].name)) {
      return fail(kBadModel, "tensor %s is not one of this model's", entries_[i].name);
    }
    drop(entries_[i].data);
  }
  return kOk;
}

void TensorStore::drop(const float* data) {
  for (int64_t i = 0; i < count_; ++i) {
    if (entries_[i].data != data) continue;
    release(entries_[i].data);
    entries_[i].data = nullptr;
    return;
  }
}

int64_t TensorStore::bytes() const {
  int64_t bytes = entries_.bytes();
  for (int64_t i = 0; i < count_; ++i) {
    if (entries_[i].data != nullptr) bytes += 4 * entries_[i].size;
  }
  return bytes;
}

}  // namespace maque
