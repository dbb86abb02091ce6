// The options of a trainer as text.
#pragma once
#include "core/memory.h"
#include "model/cuda/product.h"
#include "model/trainer.h"

namespace maque {

/// What the options have said so far.
struct TrainSettings {
  Geometry geometry = empty_geometry();
  TrainerOptions trainer;
  StepOptions step;
  int64_t threads = 1;
  int32_t device = -1;        // of CUDA; -1: the CPU
  char cuda_library[1024]{};  // path of libmaque_cuda, see cuda::open_library
  char cublaslt[1024]{};      // path of cuBLASLt, see ProductOptions
  cuda::ProductLibrary products = cuda::ProductLibrary::automatic;
  Buffer<char> class_weights_text;  // parsed once num_labels is known
  Buffer<double> class_weights;
};

/// Sets one option. `built`: only those that may change at any time are taken.
Status set_train_option(TrainSettings* settings, const char* key, const char* value, bool built);

/// Checks what fits together only when everything is known, and fills trainer.class_weights.
Status check_train_settings(TrainSettings* settings);

}  // namespace maque
