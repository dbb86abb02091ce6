// Which tensors are trained and at which rate, where the trunk ends, what a step reports.
#include <math.h>
#include <string.h>

#include "core/error.h"
#include "model/trainer.h"

namespace maque {
namespace {

bool is_finite(double x) { return x - x == 0; }

/// base^n by squaring: the same bits with every libm.
double power(double base, int64_t n) {
  double result = 1;
  for (; n > 0; n >>= 1, base *= base) {
    if (n & 1) result *= base;
  }
  return result;
}

bool is_trained(const Geometry& g, const TrainerOptions& options, int64_t tensor) {
  if (g.kind == Kind::document && tensor == 0) return options.train_vectors;
  const BertPoint trunk_point = find_trunk_point(g, options);
  if (trunk_point == kFromIds || tensor >= head_tensor(g)) return true;
  if (options.mode == TrainMode::head) return false;
  if (tensor >= pooler_tensor(g)) return true;
  if (options.mode == TrainMode::last_tensors) return tensor >= bert_tensor(g.layers - 1, kGamma2);
  return tensor >= bert_tensor(trunk_point, 0);
}

/// The factor of the longest prefix.
double rate_scale_of(const TrainerOptions& options, const char* name) {
  size_t longest = 0;
  double found = 1;
  for (int32_t i = 0; i < options.rate_scale_count; ++i) {
    const RateScale& scale = options.rate_scales[i];
    const size_t n = strlen(scale.prefix);
    if (n < longest || strncmp(name, scale.prefix, n) != 0) continue;
    longest = n;
    found = scale.scale;
  }
  return found;
}

}  // namespace

BertPoint find_trunk_point(const Geometry& g, const TrainerOptions& options) {
  if (!g.is_bert()) return kFromIds;
  switch (options.mode) {
    case TrainMode::all:
      return kFromIds;
    case TrainMode::last_layers:
      return g.layers - options.last_layers;
    case TrainMode::last_tensors:
      return last_norm_point(g);
    case TrainMode::head:
      break;
  }
  return g.pooling == Pooling::mean ? last_hidden_point(g) : features_point(g);
}

int32_t find_trunk_kind(const Geometry& g, BertPoint trunk_point) {
  if (trunk_point == kFromIds) return 0;
  return trunk_point < g.layers || g.pooling == Pooling::mean ? 1 : 2;
}

int64_t first_trained_layer(const Geometry& g, BertPoint trunk_point) {
  if (trunk_point == kFromIds) return 0;
  return trunk_point < g.layers ? trunk_point : g.layers;
}

template <class T>
TrainTensor<T> describe_tensor(const Geometry& g, const TrainerOptions& options, int64_t tensor) {
  TrainTensor<T> t{};
  t.spec = tensor_spec(g, tensor);
  t.trained = is_trained(g, options, tensor);
  t.by_rows = g.has_ngrams() && tensor == ngram_tensor(g);
  t.rate_scale = rate_scale_of(options, t.spec.name);
  const bool free = options.optimizer == Optimizer::adamw && is_free_of_decay(t.spec.name);
  t.weight_decay = free || t.by_rows ? 0 : options.weight_decay;
  return t;
}

Corrections corrections_after(const TrainerOptions& options, int64_t step) {
  return {1 - power(options.beta1, step + 1), sqrt(1 - power(options.beta2, step + 1))};
}

template <class T>
Status report_step(const ObjectiveReport<T>& r, double norm, double* report) {
  const double values[] = {static_cast<double>(r.loss),
                           static_cast<double>(r.ce),
                           static_cast<double>(r.soft),
                           static_cast<double>(r.ce_grad_norm),
                           static_cast<double>(r.soft_grad_norm),
                           static_cast<double>(r.labelled),
                           static_cast<double>(r.with_soft),
                           static_cast<double>(r.correct),
                           norm};
  if (report != nullptr) memcpy(report, values, sizeof values);
  if (!is_finite(values[0])) return fail(kNotFinite, "the loss is not finite (%g)", values[0]);
  if (!is_finite(norm)) return fail(kNotFinite, "the gradient's norm is not finite");
  return kOk;
}

#define MAQUE_INSTANTIATE(T)                                                                   \
  template TrainTensor<T> describe_tensor<T>(const Geometry&, const TrainerOptions&, int64_t); \
  template Status report_step<T>(const ObjectiveReport<T>&, double, double*);
MAQUE_INSTANTIATE(float)
MAQUE_INSTANTIATE(double)
#undef MAQUE_INSTANTIATE

}  // namespace maque
