// Tensors, gradients and state of a device's trainer, to and from the host.
#include <string.h>

#include "core/error.h"
#include "model/cuda/trainer.h"

namespace maque::cuda {
namespace {

int64_t bytes_of(int64_t floats) { return floats * static_cast<int64_t>(sizeof(float)); }

bool is_zero(const float* row, int64_t width) {
  for (int64_t j = 0; j < width; ++j) {
    if (row[j] != 0) return false;
  }
  return true;
}

Status no_memory(int64_t floats) {
  return fail(kOutOfMemory, "out of memory: a gradient of %lld elements", static_cast<long long>(floats));
}

}  // namespace

Status DeviceTrainer::read(const float* array, int64_t n, float* out) {
  if (Status s = enter_alone()) return s;
  return session_.read(out, array, bytes_of(n));
}

Status DeviceTrainer::write(float* array, int64_t n, const float* in) {
  if (Status s = enter_alone()) return s;
  return session_.write(array, in, bytes_of(n));
}

Status DeviceTrainer::read_gradient(int64_t tensor, float* out) {
  const TrainTensor<float>& t = tensors_[tensor];
  const int64_t n = t.spec.size(), width = t.spec.dims[1];
  if (!t.by_rows) return read(t.gradient, n, out);
  if (Status s = enter_alone()) return s;
  Buffer<int32_t> ids;
  Buffer<float> values;
  if (!ids.allocate(rows_.count) || !values.allocate(rows_.count * width)) return no_memory(n);
  if (Status s = session_.read(ids.data(), rows_.ids, ids.bytes())) return s;
  if (Status s = session_.read(values.data(), rows_.values, values.bytes())) return s;
  memset(out, 0, static_cast<size_t>(bytes_of(n)));
  for (int64_t r = 0; r < rows_.count; ++r)
    memcpy(out + ids[r] * width, values.data() + r * width, static_cast<size_t>(bytes_of(width)));
  return kOk;
}

Status DeviceTrainer::write_rows(int64_t tensor, const float* in) {
  const TrainTensor<float>& t = tensors_[tensor];
  const int64_t rows = t.spec.dims[0], width = t.spec.dims[1];
  Buffer<int32_t> ids;
  Buffer<float> values;
  if (!ids.allocate(rows) || !values.allocate(rows * width)) return no_memory(rows * width);
  int64_t count = 0;
  for (int64_t row = 0; row < rows; ++row) {
    if (is_zero(in + row * width, width)) continue;
    ids[count] = static_cast<int32_t>(row);
    memcpy(values.data() + count * width, in + row * width, static_cast<size_t>(bytes_of(width)));
    ++count;
  }
  Carver measure(nullptr);
  measure.take<int32_t>(count);
  measure.take<float>(count * width);
  rows_ = {};
  if (Status s = written_.reserve(&session_, Where::device, measure.used())) return s;
  Carver carver(written_.data());
  int32_t* device_ids = carver.take<int32_t>(count);
  float* device_values = carver.take<float>(count * width);
  if (Status s = session_.write(device_ids, ids.data(), count * static_cast<int64_t>(sizeof(int32_t))))
    return s;
  if (Status s = session_.write(device_values, values.data(), bytes_of(count * width))) return s;
  rows_ = {static_cast<int32_t>(tensor), count, width, device_ids, device_values};
  return kOk;
}

Status DeviceTrainer::write_gradient(int64_t tensor, const float* in) {
  if (Status s = enter_alone()) return s;
  const TrainTensor<float>& t = tensors_[tensor];
  const Status s =
      t.by_rows ? write_rows(tensor, in) : session_.write(t.gradient, in, bytes_of(t.spec.size()));
  if (s != kOk) return s;
  has_gradients_ = norm_stale_ = true;
  return kOk;
}

}  // namespace maque::cuda
