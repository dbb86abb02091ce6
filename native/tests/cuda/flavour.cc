#include "tests/cuda/flavour.h"

#include "kernels/ref/all.h"
#include "tests/cuda_emulation/emulator.h"
#include "tests/kernel_test.h"

namespace maque::test {

void check_launched(cuda::Code code) {
  static uint64_t seed = 0;
  if (code != cuda::kSuccess) std::printf("code %d: %s\n", code, emulation::mistake().c_str());
  CHECK_EQ(code, cuda::kSuccess);
  emulation::set_seed(++seed);
}

namespace {

/// An operation on the default stream.
template <auto F>
struct Adapter;
template <class... A, cuda::Code (*F)(cuda::Stream, A...)>
struct Adapter<F> {
  static void call(A... args) { check_launched(F(nullptr, args...)); }
};
template <auto F>
constexpr auto adapted = &Adapter<F>::call;

/// Columns [begin, end) of x [rows, n].
std::vector<float> columns_of(const float* x, int64_t rows, int64_t n, int64_t begin, int64_t end) {
  std::vector<float> part;
  for (int64_t i = 0; i < rows; ++i) part.insert(part.end(), x + i * n + begin, x + i * n + end);
  return part;
}

void params_backward(const float* x, const float* mean, const float* rstd, const float* dy, int64_t rows,
                     int64_t n, int64_t begin, int64_t end, float* dgamma, float* dbeta) {
  const std::vector<float> part_x = columns_of(x, rows, n, begin, end),
                           part_dy = columns_of(dy, rows, n, begin, end);
  std::vector<float> scratch(static_cast<size_t>(cuda::chain_scratch(rows, 2, end - begin)));
  check_launched(cuda::layer_norm_params_backward(nullptr, part_x.data(), mean, rstd, part_dy.data(), rows,
                                                  end - begin, dgamma + begin, dbeta + begin,
                                                  scratch.data()));
}

void sum_columns(const float* x, int64_t ldx, int64_t rows, int64_t begin, int64_t end, float* sums) {
  std::vector<float> scratch(static_cast<size_t>(cuda::chain_scratch(rows, 1, end - begin)));
  check_launched(cuda::column_sums(nullptr, x + begin, ldx, rows, end - begin, sums + begin, scratch.data()));
}

float sum_squares(const float* x, int64_t n) {
  const cuda::TrainedTensor tensor = {nullptr, x, nullptr, nullptr, 1, 0};
  const cuda::TensorPiece piece = {0, static_cast<int32_t>(n), 0};
  float sum = -1;
  cuda::ClipReport report = {};
  check_launched(cuda::global_norm(nullptr, {&tensor, &piece, 1, {}}, 0.0, nullptr, &sum, &report));
  return sum;
}

void evaluate_objective(const float* logits, int64_t batch, int64_t classes, const int32_t* labels,
                        const float* class_weights, const float* soft, const int32_t* has_soft,
                        const ObjectiveWeights<float>& weights, float* d_logits,
                        ObjectiveReport<float>* report) {
  check_launched(cuda::objective(nullptr, logits, batch, classes, labels, class_weights, soft, has_soft,
                                 weights, d_logits, report));
}

}  // namespace

const Kernels<float> kernels_cuda_emulated = {
    "cuda (emulated)",
    ref::gemm_pack<float>,
    ref::gemm<float>,
    adapted<cuda::activation_forward>,
    adapted<cuda::activation_backward>,
    adapted<cuda::layer_norm_forward>,
    adapted<cuda::layer_norm_backward>,
    params_backward,
    adapted<cuda::embedding_sum_forward>,
    adapted<cuda::gather_rows>,
    adapted<cuda::scatter_add_rows>,
    ref::attention_forward<float>,
    ref::attention_backward<float>,
    adapted<cuda::dropout>,
    adapted<cuda::lstm_cell_forward>,
    adapted<cuda::lstm_cell_backward>,
    adapted<cuda::lstm_step>,
    adapted<cuda::max_pool_forward>,
    adapted<cuda::max_pool_backward>,
    adapted<cuda::mean_pool_forward>,
    adapted<cuda::mean_pool_backward>,
    adapted<cuda::sum_pool_forward>,
    evaluate_objective,
    adapted<cuda::sgd_step>,
    adapted<cuda::adam_step>,
    sum_squares,
    sum_columns,
    adapted<cuda::add>,
};

}  // namespace maque::test
