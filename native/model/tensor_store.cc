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
  return g.is_bert() && strncmp(name, "pooler.dense.", strlen("pooler.dense.")) == 0;
}

struct DTypeName {
  const char* name;
  DType dtype;
  int64_t bytes;
};
constexpr DTypeName kDTypes[] = {
    {"F32", DType::f32, 4}, {"I8", DType::i8, 1}, {"BF16", DType::bf16, 2}, {"I32", DType::i32, 4}};

const DTypeName& name_of(DType dtype) { return kDTypes[static_cast<int32_t>(dtype)]; }

const DTypeName* find_dtype(const char* name) {
  for (const DTypeName& d : kDTypes) {
    if (strcmp(d.name, name) == 0) return &d;
  }
  return nullptr;
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

namespace {

/// The same of bf16.
int64_t find_not_finite(const uint16_t* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    if ((x[i] & 0x7F80u) == 0x7F80u) return i;
  }
  return -1;
}

int64_t find_not_finite(DType dtype, const void* data, int64_t n) {
  if (dtype == DType::f32) return maque::find_not_finite(static_cast<const float*>(data), n);
  return dtype == DType::bf16 ? find_not_finite(static_cast<const uint16_t*>(data), n) : -1;
}

}  // namespace

void TensorStore::clear() {
  for (int64_t i = 0; i < count_; ++i) release(entries_[i].data);
  count_ = 0;
  entries_ = Buffer<Entry>();
}

const TensorStore::Entry* TensorStore::find(const char* name) const {
  for (int64_t i = 0; i < count_; ++i) {
    if (strcmp(entries_[i].name, name) == 0) return &entries_[i];
  }
  return nullptr;
}

TensorStore::Entry* TensorStore::find(const char* name) {
  return const_cast<Entry*>(static_cast<const TensorStore*>(this)->find(name));
}

int64_t TensorStore::first_size(const char* name) const {
  const Entry* entry = find(name);
  return entry == nullptr ? 0 : entry->dims[0];
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
  const DTypeName* type = find_dtype(dtype);
  if (type == nullptr)
    return fail(kUnsupported, "tensor %s: dtype F32, I8, BF16 or I32 expected, got '%.20s'", name, dtype);
  if (rank < 1 || rank > 4) return fail(kBadModel, "tensor %s: rank %d is not in 1 .. 4", name, rank);
  int64_t size = 1;
  for (int32_t i = 0; i < rank; ++i) {
    if (dims[i] < 1 || __builtin_mul_overflow(size, dims[i], &size)) {
      return fail(kBadModel, "tensor %s: shape %s is not one of positive sizes", name,
                  ShapeText(dims, rank).text);
    }
    entry->dims[i] = dims[i];
  }
  if (size > INT64_MAX / 8 || bytes != type->bytes * size) {
    return fail(kBadModel, "tensor %s: shape %s takes %d * %lld bytes, got %lld", name,
                ShapeText(dims, rank).text, static_cast<int>(type->bytes), static_cast<long long>(size),
                static_cast<long long>(bytes));
  }
  if (find(name) != nullptr) return fail(kBadModel, "tensor %s: given twice", name);
  snprintf(entry->name, sizeof entry->name, "%s", name);
  entry->rank = rank;
  entry->size = size;
  entry->bytes = bytes;
  entry->dtype = type->dtype;
  entry->used = false;
  return kOk;
}

Status TensorStore::add(const char* name, const char* dtype, int32_t rank, const int64_t* dims,
                        const void* data, int64_t bytes) {
  Entry entry{};
  if (Status s = check_new(name, dtype, rank, dims, data, bytes, &entry)) return s;
  entry.data = grow() ? allocate(bytes) : nullptr;
  if (entry.data == nullptr) {
    return fail(kOutOfMemory, "out of memory: tensor %s of %lld bytes", name, static_cast<long long>(bytes));
  }
  memcpy(entry.data, data, static_cast<size_t>(bytes));
  const int64_t bad = find_not_finite(entry.dtype, entry.data, entry.size);
  if (bad >= 0) {
    release(entry.data);
    return fail(kNotFinite, "tensor %s: element %lld is NaN or infinite", name, static_cast<long long>(bad));
  }
  entries_[count_++] = entry;
  return kOk;
}

/// Whether what was given under a tensor's name, if anything, is what the geometry needs.
Status TensorStore::check_found(const TensorSpec& spec, const Entry* entry) {
  if (entry == nullptr) return fail(kBadModel, "tensor %s is missing", spec.name);
  if (!same_shape(spec, entry->dims, entry->rank)) {
    return fail(kBadModel, "tensor %s: shape %s expected, got %s", spec.name,
                ShapeText(spec.dims, spec.rank).text, ShapeText(entry->dims, entry->rank).text);
  }
  if (spec.dtype != entry->dtype) {
    return fail(kBadModel, "tensor %s: dtype %s expected, got %s", spec.name, name_of(spec.dtype).name,
                name_of(entry->dtype).name);
  }
  for (int64_t i = 0; spec.is_scale && i < entry->size; ++i) {
    if (!(static_cast<const float*>(entry->data)[i] >= 0))
      return fail(kBadModel, "tensor %s: scale %lld is below 0", spec.name, static_cast<long long>(i));
  }
  return kOk;
}

Status TensorStore::resolve(const Geometry& g, Buffer<float*>* tensors) {
  const int64_t count = tensor_count(g);
  if (!tensors->allocate(count))
    return fail(kOutOfMemory, "out of memory: a list of %lld tensors", static_cast<long long>(count));
  for (int64_t i = 0; i < count; ++i) {
    const TensorSpec spec = tensor_spec(g, i);
    Entry* entry = find(spec.name);
    if (Status s = check_found(spec, entry)) return s;
    entry->used = true;
    (*tensors)[i] = static_cast<float*>(entry->data);
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

Status TensorStore::resolve(const TensorSpec* specs, int64_t count, void** data) {
  for (int64_t i = 0; i < count; ++i) {
    Entry* entry = find(specs[i].name);
    if (Status s = check_found(specs[i], entry)) return s;
    entry->used = true;
    data[i] = entry->data;
  }
  for (int64_t i = 0; i < count_; ++i) {
    if (!entries_[i].used) return fail(kBadModel, "tensor %s is not one of this model's", entries_[i].name);
  }
  return kOk;
}

void TensorStore::drop(const void* data) {
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
    if (entries_[i].data != nullptr) bytes += entries_[i].bytes;
  }
  return bytes;
}

}  // namespace maque
