// The ABI of training over model/trainer.h.
#include "abi/maque_train.h"

#include <string.h>

#include <new>

#include "abi/train_any.h"
#include "abi/train_batch.h"
#include "core/error.h"
#include "core/handle_table.h"
#include "core/thread_pool.h"
#include "kernels/dispatch.h"
#include "model/cuda/library.h"
#include "model/tensor_store.h"

namespace maque {
namespace {

constexpr int32_t kTrainAbiVersion = 3;

/// A trainer of the ABI: settings and tensors are collected until it is built.
struct AbiTrainer {
  static constexpr HandleType kHandleType = 3;

  TrainSettings settings;
  TensorStore tensors;
  ThreadPool pool;
  AnyTrainer trainer;
  HeldBatch batch;
  bool tried = false, built = false;

  const Geometry& geometry() const { return trainer.geometry(); }
};

void destroy(void* object) {
  static_cast<AbiTrainer*>(object)->~AbiTrainer();
  release(object);
}

/// Holds the trainer alone, and checks that it has been built.
Status enter(Pinned<AbiTrainer>* t, int64_t handle) {
  if (Status s = t->acquire_exclusive(handle)) return s;
  return (*t)->built ? kOk : fail(kBadState, "the trainer has not been built");
}

Status build(AbiTrainer* t) {
  if (t->tried) return fail(kBadState, "the trainer has been built already, or could not be");
  if (Status s = check_train_settings(&t->settings)) return s;
  t->tried = true;
  const bool on_cpu = t->settings.device < 0;
  if (on_cpu) {
    const Precision precision = t->settings.geometry.precision;
    if (Status s = choose_arithmetic(precision, &t->settings.trainer.arithmetic)) return s;
  }
  Buffer<float*> values;
  if (Status s = t->tensors.resolve(t->settings.geometry, &values)) return s;
  if (on_cpu && !t->pool.start(static_cast<int32_t>(t->settings.threads))) {
    return fail(kOutOfMemory, "%lld threads could not be started",
                static_cast<long long>(t->settings.threads));
  }
  if (Status s = t->trainer.create(t->settings, t->pool.executor(), values.data())) return s;
  for (int64_t i = 0; i < values.size(); ++i) t->tensors.drop(values[i]);
  t->trainer.step_options() = t->settings.step;
  t->built = true;
  return kOk;
}

/// The batch that was given, for a call that learns from it; tells the trainer what may change from step to
/// step.
Status learn_from(AbiTrainer* t, TrainBatch<float>* batch) {
  if (Status s = t->batch.get(batch)) return s;
  if (batch->texts.count < 1) return fail(kInvalidArgument, "n: at least 1 text expected, got 0");
  t->trainer.step_options() = t->settings.step;
  return kOk;
}

/// The texts of the batch that was given, for a call that begins at their ids.
Status ids_of_batch(const AbiTrainer& t, Texts* texts) {
  TrainBatch<float> batch{};
  if (Status s = t.batch.get(&batch)) return s;
  *texts = batch.texts;
  return batch.trunk == nullptr ? kOk
                                : fail(kInvalidArgument, "ids expected, the batch has rows of the trunk");
}

Status check_rate(const AbiTrainer& t, double lr) {
  if (!(lr >= 0) || !(lr <= 1e30))
    return fail(kInvalidArgument, "lr: a number from 0 to 1e30 expected, got %g", lr);
  if (t.settings.step.step == INT32_MAX) return fail(kBadState, "step: no more than %d updates", INT32_MAX);
  return kOk;
}

/// The number of updates is the trainer's.
Status keep_step(AbiTrainer* t, Status status) {
  t->settings.step.step = t->trainer.step_options().step;
  return status;
}

Status check_index(const AbiTrainer& t, int64_t index) {
  const int64_t count = t.trainer.tensor_count();
  if (index >= 0 && index < count) return kOk;
  return fail(kInvalidArgument, "tensor: a number from 0 to %lld expected, got %lld",
              static_cast<long long>(count - 1), static_cast<long long>(index));
}

/// One array of a tensor by its name: value, gradient, m, v or momentum. data: null for a gradient.
Status find_array(const AbiTrainer& t, const char* name, const char* what, const float* caller, int64_t len,
                  int64_t* index, float** data) {
  if (name == nullptr || what == nullptr || caller == nullptr) {
    return fail(kInvalidArgument, "name, what or the array is null");
  }
  *index = find_tensor(t.geometry(), name);
  if (*index < 0) return fail(kInvalidArgument, "tensor %.100s is not one of this model's", name);
  const TrainTensor<float>& tensor = t.trainer.tensor(*index);
  const bool adam = t.settings.trainer.optimizer == Optimizer::adamw;
  const bool gradient = strcmp(what, "gradient") == 0;
  bool exists = false;
  *data = nullptr;
  if (strcmp(what, "value") == 0) {
    *data = tensor.value;
  } else if (gradient) {
    exists = tensor.trained;
  } else if (strcmp(what, adam ? "m" : "momentum") == 0) {
    *data = tensor.first;
  } else if (adam && strcmp(what, "v") == 0) {
    *data = tensor.second;
  } else {
    return fail(kInvalidArgument, "what: value | gradient | %s expected, got '%.100s'",
                adam ? "m | v" : "momentum", what);
  }
  if (*data == nullptr && !exists)
    return fail(kInvalidArgument, "tensor %s has no %s: it is not trained, or the optimizer keeps none", name,
                what);
  const int64_t size = tensor.spec.size();
  if (len == size) return kOk;
  return fail(kInvalidArgument, "tensor %s: %lld elements expected, got %lld", name,
              static_cast<long long>(size), static_cast<long long>(len));
}

}  // namespace
}  // namespace maque

using namespace maque;

int32_t maque_train_abi_version(void) { return kTrainAbiVersion; }

int32_t maque_train_last_error(char* out, int64_t capacity) { return copy_text(last_error(), out, capacity); }

int32_t maque_train_isa(char* out, int64_t capacity) { return copy_text(kernels().isa, out, capacity); }

int32_t maque_train_device_info(const char* path, char* out, int64_t capacity) {
  return cuda::describe_devices(path, out, capacity);
}

int32_t maque_trainer_new(int64_t* trainer) {
  if (trainer == nullptr) return fail(kInvalidArgument, "trainer is null");
  *trainer = 0;
  void* block = allocate(static_cast<int64_t>(sizeof(AbiTrainer)));
  if (block == nullptr) return fail(kOutOfMemory, "out of memory");
  AbiTrainer* made = new (block) AbiTrainer;
  *trainer = handles().create(AbiTrainer::kHandleType, made, destroy);
  if (*trainer != 0) return kOk;
  destroy(made);
  return fail(kOutOfMemory, "out of memory");
}

int32_t maque_trainer_option(int64_t trainer, const char* key, const char* value) {
  Pinned<AbiTrainer> t;
  if (Status s = t.acquire_exclusive(trainer)) return s;
  return set_train_option(&t->settings, key, value, t->tried);
}

int32_t maque_trainer_tensor(int64_t trainer, const char* name, const char* dtype, int32_t rank,
                             const int64_t* dims, const void* data, int64_t bytes) {
  Pinned<AbiTrainer> t;
  if (Status s = t.acquire_exclusive(trainer)) return s;
  if (t->tried)
    return fail(kBadState, "the trainer has been built: its tensors are changed by maque_trainer_write");
  return t->tensors.add(name, dtype, rank, dims, data, bytes);
}

int32_t maque_trainer_build(int64_t trainer) {
  Pinned<AbiTrainer> t;
  if (Status s = t.acquire_exclusive(trainer)) return s;
  return build(&*t);
}

int32_t maque_trainer_free(int64_t trainer) { return handles().close(trainer, AbiTrainer::kHandleType); }

int32_t maque_trainer_products(int64_t trainer, char* out, int64_t capacity) {
  Pinned<AbiTrainer> t;
  if (Status s = enter(&t, trainer)) return s;
  return copy_text(t->trainer.products(), out, capacity);
}

int32_t maque_trainer_trunk_shape(int64_t trainer, int32_t* kind, int32_t* width) {
  if (kind == nullptr || width == nullptr) return fail(kInvalidArgument, "kind or width is null");
  Pinned<AbiTrainer> t;
  if (Status s = enter(&t, trainer)) return s;
  *kind = t->trainer.trunk_kind();
  *width = *kind == 0 ? 0 : static_cast<int32_t>(t->geometry().hidden);
  return kOk;
}

int32_t maque_trainer_batch(int64_t trainer, const int32_t* ids, int64_t ids_len, const int32_t* offsets,
                            int32_t n, const int32_t* type_ids, const int32_t* bag_ids, int64_t bag_len,
                            const int32_t* bag_offsets, const float* trunk, int64_t trunk_len,
                            const int32_t* labels, const float* soft, const int32_t* has_soft) {
  Pinned<AbiTrainer> t;
  if (Status s = enter(&t, trainer)) return s;
  const TextArguments texts{ids, ids_len, offsets, n, type_ids, bag_ids, bag_len, bag_offsets};
  return t->batch.take(t->geometry(), t->trainer.trunk_kind(),
                       {texts, trunk, trunk_len, labels, soft, has_soft});
}

int32_t maque_trainer_trunk(int64_t trainer, float* out, int64_t out_len) {
  Pinned<AbiTrainer> t;
  if (Status s = enter(&t, trainer)) return s;
  Texts texts;
  if (Status s = ids_of_batch(*t, &texts)) return s;
  const int64_t rows = trunk_rows(t->trainer.trunk_kind(), texts);
  if (Status s = check_output(out, out_len, rows, t->geometry().hidden)) return s;
  return t->trainer.trunk(texts, out);
}

int32_t maque_trainer_gradients(int64_t trainer, double* report) {
  Pinned<AbiTrainer> t;
  if (Status s = enter(&t, trainer)) return s;
  TrainBatch<float> batch{};
  if (Status s = learn_from(&*t, &batch)) return s;
  return t->trainer.gradients(batch, report);
}

int32_t maque_trainer_update(int64_t trainer, double lr) {
  Pinned<AbiTrainer> t;
  if (Status s = enter(&t, trainer)) return s;
  if (Status s = check_rate(*t, lr)) return s;
  t->trainer.step_options() = t->settings.step;
  return keep_step(&*t, t->trainer.update(lr));
}

int32_t maque_trainer_step(int64_t trainer, double lr, double* report) {
  Pinned<AbiTrainer> t;
  if (Status s = enter(&t, trainer)) return s;
  TrainBatch<float> batch{};
  if (Status s = check_rate(*t, lr)) return s;
  if (Status s = learn_from(&*t, &batch)) return s;
  return keep_step(&*t, t->trainer.step(batch, lr, report));
}

int32_t maque_trainer_start(int64_t trainer, double lr) {
  Pinned<AbiTrainer> t;
  if (Status s = enter(&t, trainer)) return s;
  TrainBatch<float> batch{};
  if (Status s = check_rate(*t, lr)) return s;
  if (Status s = learn_from(&*t, &batch)) return s;
  return keep_step(&*t, t->trainer.start(batch, lr));
}

int32_t maque_trainer_finish(int64_t trainer, double* report) {
  Pinned<AbiTrainer> t;
  if (Status s = enter(&t, trainer)) return s;
  t->trainer.step_options() = t->settings.step;
  return keep_step(&*t, t->trainer.finish(report));
}

int32_t maque_trainer_forward(int64_t trainer, float* out, int64_t out_len) {
  Pinned<AbiTrainer> t;
  if (Status s = enter(&t, trainer)) return s;
  TrainBatch<float> batch{};
  if (Status s = t->batch.get(&batch)) return s;
  if (Status s = check_output(out, out_len, batch.texts.count, t->geometry().num_labels)) return s;
  return t->trainer.forward(batch.texts, batch.trunk, out);
}

int32_t maque_trainer_ranges(int64_t trainer, float* out, int64_t out_len) {
  Pinned<AbiTrainer> t;
  if (Status s = enter(&t, trainer)) return s;
  if (!t->geometry().is_bert()) return fail(kInvalidArgument, "ranges: a bert expected, this is a student");
  Texts texts;
  if (Status s = ids_of_batch(*t, &texts)) return s;
  if (Status s = check_output(out, out_len, 1, range_count(t->geometry()))) return s;
  return t->trainer.ranges(texts, out);
}

int32_t maque_trainer_tensor_count(int64_t trainer, int32_t* count) {
  if (count == nullptr) return fail(kInvalidArgument, "count is null");
  Pinned<AbiTrainer> t;
  if (Status s = enter(&t, trainer)) return s;
  *count = static_cast<int32_t>(t->trainer.tensor_count());
  return kOk;
}

int32_t maque_trainer_tensor_info(int64_t trainer, int32_t index, char* name, int64_t capacity, int32_t* rank,
                                  int64_t* dims, int32_t* trained) {
  if (rank == nullptr || dims == nullptr || trained == nullptr) {
    return fail(kInvalidArgument, "rank, dims or trained is null");
  }
  Pinned<AbiTrainer> t;
  if (Status s = enter(&t, trainer)) return s;
  if (Status s = check_index(*t, index)) return s;
  const TrainTensor<float>& tensor = t->trainer.tensor(index);
  if (Status s = copy_text(tensor.spec.name, name, capacity)) return s;
  *rank = tensor.spec.rank;
  for (int32_t i = 0; i < tensor.spec.rank; ++i) dims[i] = tensor.spec.dims[i];
  *trained = tensor.trained ? 1 : 0;
  return kOk;
}

int32_t maque_trainer_read(int64_t trainer, const char* name, const char* what, float* out, int64_t len) {
  Pinned<AbiTrainer> t;
  if (Status s = enter(&t, trainer)) return s;
  int64_t index = 0;
  float* data = nullptr;
  if (Status s = find_array(*t, name, what, out, len, &index, &data)) return s;
  return data == nullptr ? t->trainer.read_gradient(index, out) : t->trainer.read(data, len, out);
}

int32_t maque_trainer_write(int64_t trainer, const char* name, const char* what, const float* in,
                            int64_t len) {
  Pinned<AbiTrainer> t;
  if (Status s = enter(&t, trainer)) return s;
  int64_t index = 0;
  float* data = nullptr;
  if (Status s = find_array(*t, name, what, in, len, &index, &data)) return s;
  const int64_t bad = find_not_finite(in, len);
  if (bad >= 0)
    return fail(kNotFinite, "tensor %s: element %lld is NaN or infinite", name, static_cast<long long>(bad));
  if (data == nullptr) return t->trainer.write_gradient(index, in);
  if (Status s = t->trainer.write(data, len, in)) return s;
  if (strcmp(what, "value") == 0) t->trainer.value_written();
  return kOk;
}
