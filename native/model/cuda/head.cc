#include "model/cuda/head.h"

namespace maque::cuda {

void Head::plan(Carver* carver, const Geometry& g, Precision precision) {
  layers = g.head_layers;
  const bool split = g.has_lstm() && g.has_ngrams();
  beside = {};
  if (split) beside.plan(carver, precision, g.ngram_width, g.head_out(0));
  for (int32_t i = 0; i <= layers; ++i) {
    const int64_t in = i == 0 && split ? g.lstm_features() : g.head_in(i);
    linear[i].plan(carver, precision, in, g.head_out(i));
  }
}

void Head::set(const Geometry& g, float* const* tensors) {
  for (int32_t i = 0; i <= layers; ++i) {
    const int64_t tensor = head_tensor(g) + 2 * i;
    linear[i].set(tensors[tensor], tensors[tensor + 1], g.head_in(i));
  }
  float* const* first = tensors + head_tensor(g);
  if (beside.in > 0) beside.set(first[0] + linear[0].in, first[1], g.head_in(0));
}

void Head::refresh(DeviceCompute& compute) const {
  for (int32_t i = 0; i <= layers; ++i) linear[i].refresh(compute);
  if (beside.in > 0) beside.refresh(compute);
}

void HeadBuffers::plan(Carver* carver, const Geometry& g, Precision precision, int64_t rows, bool backward) {
  *this = {};
  int64_t widest = g.num_labels;
  for (int32_t i = 0; i < g.head_layers; ++i) {
    hidden[i] = plan_operand(carver, precision, rows, g.head[i]);
    if (g.head[i] > widest) widest = g.head[i];
  }
  if (!backward) return;
  // One array for the layers of every width: rows are contiguous in each.
  for (Operand& buffer : gradient) buffer = plan_operand(carver, precision, rows, widest);
  d_logits = plan_rounded(carver, precision, nullptr, rows, g.num_labels, g.num_labels);
  scratch = carver->take<float>(chain_scratch(rows, 1, widest));
}

namespace {

/// The first n columns' worth of an array: rows of n elements.
Operand with_width(const Operand& a, int64_t n) {
  return {a.x, n, a.rounded, a.rounded == nullptr ? 0 : round_up(n, 8)};
}

/// y of each row = the sums of its text.
void start_sums(DeviceCompute& compute, const Head& head, const BesideRows& b, int64_t rows, float* y) {
  const int64_t width = head.beside.out;
  float* sums = b.rows == nullptr ? y : b.sums;
  linear_forward(compute, head.beside, b.x, b.texts, {sums, width});
  if (b.rows != nullptr)
    run(compute, compute.kernels.gather_rows, sums, width, b.text_of, rows, width, y, width);
}

/// From dy [rows, out] of the first layer's sums: gradients of its further columns and of what they read.
void beside_backward(DeviceCompute& compute, const Head& head, const BesideRows& b, const Operand& dy,
                     float* dw) {
  const Linear& layer = head.beside;
  const Operand& d_sums = b.rows == nullptr ? dy : b.d_sums;
  if (b.rows != nullptr) {
    run(compute, compute.kernels.sum_pool_forward, dy.x, layer.out, b.offsets, b.rows, b.texts, layer.out,
        d_sums.x);
    round_operand(compute, d_sums, b.texts, layer.out);
  }
  const int64_t own = head.linear[0].in;
  weight_backward(compute, {b.x, d_sums, b.texts, layer.out, layer.in, dw + own, own + layer.in});
  linear_input_backward(compute, layer, d_sums, b.texts, {b.d_x, layer.in});
}

/// Mask of hidden layer i.
Dropout hidden_mask(const HeadDropout& dropout, int32_t i) {
  return mask_of(dropout.key, dropout.p, dropout.site + static_cast<uint32_t>(i));
}

}  // namespace

void head_forward(DeviceCompute& compute, const Head& head, const Operand& features, int64_t rows,
                  const HeadBuffers& buffers, const HeadDropout& dropout, float* logits,
                  const BesideRows* beside) {
  Operand x = features;
  if (beside != nullptr)
    start_sums(compute, head, *beside, rows, head.layers > 0 ? buffers.hidden[0].x : logits);
  for (int32_t i = 0; i < head.layers; ++i) {
    const Linear& layer = head.linear[i];
    const Operand& y = buffers.hidden[i];
    const Dropout mask = hidden_mask(dropout, i);
    Epilogue relu;
    relu.activation = Activation::relu;
    relu.accumulate = i == 0 && beside != nullptr;
    // What is dropped is rounded afterwards.
    linear_forward(compute, layer, x, rows, mask.p > 0 ? Operand{y.x, y.ld} : y, relu);
    run_dropout(compute, mask, y.x, rows * layer.out);
    if (mask.p > 0) round_operand(compute, y, rows, layer.out);
    x = y;
  }
  Epilogue plain;
  plain.accumulate = head.layers == 0 && beside != nullptr;
  const Linear& last = head.linear[head.layers];
  linear_forward(compute, last, x, rows, {logits, last.out}, plain);
}

void head_backward(DeviceCompute& compute, const Head& head, const Operand& features, int64_t rows,
                   const HeadBuffers& buffers, const HeadDropout& dropout, float* d_logits,
                   float* const* gradients, float* d_features, const BesideRows* beside) {
  const int64_t classes = head.linear[head.layers].out;
  Operand dy = buffers.d_logits;
  dy.x = d_logits, dy.ld = classes;
  round_operand(compute, dy, rows, classes);
  for (int32_t i = head.layers; i >= 0; --i) {
    const Linear& layer = head.linear[i];
    const Operand& x = i == 0 ? features : buffers.hidden[i - 1];
    linear_weight_backward(compute, layer, x, dy, rows, gradients[2 * i], gradients[2 * i + 1],
                           buffers.scratch, i == 0 ? layer.in + head.beside.in : layer.in);
    if (i == 0) {
      if (beside != nullptr) beside_backward(compute, head, *beside, dy, gradients[0]);
      if (d_features != nullptr) linear_input_backward(compute, layer, dy, rows, {d_features, layer.in});
      return;
    }
    const Operand dx = with_width(buffers.gradient[i % 2], layer.in);
    linear_input_backward(compute, layer, dy, rows, {dx.x, dx.ld});
    const int64_t n = rows * layer.in;
    run_dropout(compute, hidden_mask(dropout, i - 1), dx.x, n);
    // A hidden value is positive exactly where its ReLU was open; where dropout made it 0 the gradient is 0
    // already.
    run(compute, compute.kernels.activation_backward, Activation::relu, x.x, dx.x, n, dx.x);
    round_operand(compute, dx, rows, layer.in);
    dy = dx;
  }
}

}  // namespace maque::cuda
