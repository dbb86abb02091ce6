// The operations that exist for GPUs, and the table of them that libmaque_cuda gives out (runtime.h). Where
// an operation of kernel_list.h has the same arguments here, its contract is that of the CPU's header with
// all arrays in device memory; it is given a stream first, starts its kernels there without waiting, and
// answers the code of the launch. fp32 results have the CPU's bits where the header below does not say
// otherwise. Sizes of 0 launch nothing.
//
// Every operation of kernel_list.h is here but gemm_pack: a packed B is the CPU's way to read whole vectors
// in the order of its cache lines, whereas a GPU's products cut tiles of B, as it lies, into shared memory.
#pragma once
#include "kernels/cuda/activation.h"
#include "kernels/cuda/attention.h"
#include "kernels/cuda/embedding.h"
#include "kernels/cuda/gemm.h"
#include "kernels/cuda/layer_norm.h"
#include "kernels/cuda/lstm.h"
#include "kernels/cuda/lstm_bf16.h"
#include "kernels/cuda/lstm_step.h"
#include "kernels/cuda/memory.h"
#include "kernels/cuda/objective.h"
#include "kernels/cuda/optimizer.h"
#include "kernels/cuda/pooling.h"

#define MAQUE_CUDA_KERNELS(X)     \
  X(gemm)                         \
  X(gemm_bf16)                    \
  X(gemm_group)                   \
  X(gemm_bf16_group)              \
  X(finish_product)               \
  X(round_to_bf16)                \
  X(attention_forward)            \
  X(attention_bf16_forward)       \
  X(attention_bf16_backward)      \
  X(attention_backward)           \
  X(lstm_cell_forward)            \
  X(lstm_cell_backward)           \
  X(lstm_forward)                 \
  X(lstm_backward)                \
  X(lstm_bf16_forward)            \
  X(lstm_bf16_backward)           \
  X(lstm_step)                    \
  X(activation_forward)           \
  X(activation_backward)          \
  X(bias_activation_forward)      \
  X(dropout)                      \
  X(layer_norm_forward)           \
  X(layer_norm_residual_forward)  \
  X(layer_norm_backward)          \
  X(layer_norm_residual_backward) \
  X(layer_norm_params_backward)   \
  X(embedding_norm_forward)       \
  X(embedding_sum_backward)       \
  X(embedding_sum_forward)        \
  X(gather_rows)                  \
  X(gather_rows_masked)           \
  X(scatter_add_rows)             \
  X(max_pool_forward)             \
  X(max_pool_backward)            \
  X(mean_pool_forward)            \
  X(mean_pool_backward)           \
  X(mean_pool_spread)             \
  X(sum_pool_forward)             \
  X(divide_by_lengths)            \
  X(objective)                    \
  X(sgd_step)                     \
  X(adam_step)                    \
  X(adam_step_all)                \
  X(sgd_step_all)                 \
  X(global_norm)                  \
  X(column_sums)                  \
  X(column_sums_bf16)             \
  X(add)                          \
  X(zero)                         \
  X(copy)

namespace maque::cuda {

#define MAQUE_DECLARE(name) name##_fn name;
MAQUE_CUDA_KERNELS(MAQUE_DECLARE)
#undef MAQUE_DECLARE

struct CudaKernels {
#define MAQUE_FIELD(name) name##_fn* name;
  MAQUE_CUDA_KERNELS(MAQUE_FIELD)
#undef MAQUE_FIELD
};

extern const CudaKernels kCudaKernels;

}  // namespace maque::cuda
