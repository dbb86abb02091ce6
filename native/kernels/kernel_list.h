// The one list of operations: the tables of kernels, their tests and their benchmarks are made from it.
#pragma once
#include "kernels/activation.h"
#include "kernels/attention.h"
#include "kernels/dropout.h"
#include "kernels/embedding.h"
#include "kernels/gemm.h"
#include "kernels/layer_norm.h"
#include "kernels/lstm.h"
#include "kernels/lstm_step.h"
#include "kernels/objective.h"
#include "kernels/optimizer.h"
#include "kernels/pooling.h"

#define MAQUE_KERNELS(X)        \
  X(gemm_pack)                  \
  X(gemm)                       \
  X(activation_forward)         \
  X(activation_backward)        \
  X(layer_norm_forward)         \
  X(layer_norm_backward)        \
  X(layer_norm_params_backward) \
  X(embedding_sum_forward)      \
  X(gather_rows)                \
  X(scatter_add_rows)           \
  X(attention_forward)          \
  X(attention_backward)         \
  X(dropout)                    \
  X(lstm_cell_forward)          \
  X(lstm_cell_backward)         \
  X(lstm_step)                  \
  X(max_pool_forward)           \
  X(max_pool_backward)          \
  X(mean_pool_forward)          \
  X(mean_pool_backward)         \
  X(sum_pool_forward)           \
  X(objective)                  \
  X(sgd_step)                   \
  X(adam_step)                  \
  X(sum_of_squares)             \
  X(column_sums)                \
  X(add)

namespace maque {

/// Every operation in one flavour, for one scalar type.
template <class T>
struct Kernels {
  const char* isa;  // ref, emu, or one of MAQUE_FLAVOURS
#define MAQUE_FIELD(name) name##_fn<T>* name;
  MAQUE_KERNELS(MAQUE_FIELD)
#undef MAQUE_FIELD
};

}  // namespace maque
