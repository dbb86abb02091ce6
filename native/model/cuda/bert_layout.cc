// Where BERT's tensors, batches and buffers lie on the device.
#include <string.h>

#include "core/error.h"
#include "model/cuda/bert.h"
#include "model/sort.h"

namespace maque::cuda {

Status check_bert(const Geometry& g, Precision precision) {
  const int64_t d = g.hidden / g.heads;
  if (d > kLargestHead) {
    return fail(kUnsupported, "attention on a GPU takes heads of at most %lld columns, not %lld",
                static_cast<long long>(kLargestHead), static_cast<long long>(d));
  }
  if (precision == Precision::bf16 && g.hidden % 8 != 0) {
    return fail(kUnsupported, "bf16 on a GPU needs a hidden_size that is a multiple of 8, not %lld",
                static_cast<long long>(g.hidden));
  }
  return kOk;
}

namespace {

/// Whether tensor i is the first of three weights or biases that lie one behind the other.
bool begins_group(const Geometry& g, int64_t i) {
  if (!g.is_bert() || i < kBertLayers || i >= pooler_tensor(g)) return false;
  const int64_t which = (i - kBertLayers) % kBertLayerTensors;
  return which == kQueryWeight || which == kQueryBias;
}

bool is_member(const Geometry& g, int64_t i) {
  return i >= 2 && (begins_group(g, i - 2) || (i >= 4 && begins_group(g, i - 4)));
}

bool is_group(float* const* tensors, int64_t first, int64_t size) {
  return tensors[first + 2] == tensors[first] + size && tensors[first + 4] == tensors[first] + 2 * size;
}

}  // namespace

void place_tensors(Carver* carver, const Geometry& g, const bool* wanted, float** tensors) {
  for (int64_t i = 0; i < tensor_count(g); ++i) {
    if (is_member(g, i)) continue;
    const int64_t n = tensor_spec(g, i).size();
    const bool here = wanted == nullptr || wanted[i];
    tensors[i] = here ? carver->take<float>(begins_group(g, i) ? 3 * n : n) : nullptr;
    for (int64_t k = 1; k < 3 && begins_group(g, i); ++k)
      tensors[i + 2 * k] = tensors[i] == nullptr ? nullptr : tensors[i] + k * n;
  }
}

void BertWeights::plan(Carver* host, Carver* device, const Geometry& g, Precision precision) {
  geometry = &g;
  layers = host->take<BertLayerWeights>(g.layers);
  for (int64_t l = 0; l < g.layers; ++l) {
    BertLayerWeights w{};
    w.qkv.plan(device, precision, g.hidden, 3 * g.hidden);
    w.out.plan(device, precision, g.hidden, g.hidden);
    w.up.plan(device, precision, g.hidden, g.intermediate);
    w.down.plan(device, precision, g.intermediate, g.hidden);
    if (layers != nullptr) layers[l] = w;
  }
  if (g.pooling == Pooling::pooler) pooler.plan(device, precision, g.hidden, g.hidden);
  head.plan(device, g, precision);
}

bool BertWeights::set(float* const* tensors) {
  const Geometry& g = *geometry;
  const int64_t h = g.hidden;
  tables = {tensors[kWord], tensors[kPosition], tensors[kType]};
  gamma = tensors[kEmbeddingGamma];
  beta = tensors[kEmbeddingBeta];
  bool grouped = true;
  for (int64_t l = 0; l < g.layers; ++l) {
    BertLayerWeights& w = layers[l];
    float* const* t = tensors + bert_tensor(l, 0);
    grouped &= is_group(t, kQueryWeight, h * h) && is_group(t, kQueryBias, h);
    w.qkv.set(t[kQueryWeight], t[kQueryBias]);
    w.out.set(t[kOutWeight], t[kOutBias]);
    w.up.set(t[kUpWeight], t[kUpBias]);
    w.down.set(t[kDownWeight], t[kDownBias]);
    w.gamma1 = t[kGamma1], w.beta1 = t[kBeta1];
    w.gamma2 = t[kGamma2], w.beta2 = t[kBeta2];
  }
  head.set(g, tensors);
  if (g.pooling == Pooling::pooler) pooler.set(tensors[pooler_tensor(g)], tensors[pooler_tensor(g) + 1]);
  return grouped;
}

void BertWeights::refresh_layer(DeviceCompute& compute, int64_t layer) const {
  const BertLayerWeights& w = layers[layer];
  w.qkv.refresh(compute);
  w.out.refresh(compute);
  w.up.refresh(compute);
  w.down.refresh(compute);
}

void BertWeights::refresh_rest(DeviceCompute& compute) const {
  head.refresh(compute);
  if (geometry->pooling == Pooling::pooler) pooler.refresh(compute);
}

namespace {

/// Offsets, positions and squares; positions null: not wanted.
void fill_places(const Texts& texts, int32_t* offsets, int32_t* numbers, int64_t* squares,
                 int32_t* positions) {
  const int64_t base = texts.offsets[0];
  int64_t sum = 0;
  for (int64_t i = 0; i < texts.count; ++i) {
    const int64_t length = texts.length(i);
    offsets[i] = static_cast<int32_t>(texts.offsets[i] - base);
    numbers[i] = static_cast<int32_t>(i);
    squares[i] = sum;
    sum += length * length;
    for (int64_t t = 0; t < length && positions != nullptr; ++t)
      positions[offsets[i] + t] = static_cast<int32_t>(t);
  }
  offsets[texts.count] = static_cast<int32_t>(texts.tokens());
}

/// The order of rows by id; without ids (all 0) as they come.
void fill_order(const int32_t* ids, int64_t n, int32_t* order, int32_t* temporary) {
  if (ids != nullptr) return sort_rows(ids, n, order, temporary);
  for (int64_t i = 0; i < n; ++i) order[i] = static_cast<int32_t>(i);
}

}  // namespace

void stage_bert_batch(StagingCarver* carver, const Geometry& g, const Texts& texts, const BertSpan& span,
                      bool first_row_only, BertBatch* batch) {
  const int64_t n = texts.count, tokens = texts.tokens(), base = texts.offsets[0];
  const bool embeds = span.from == kFromIds, sorted = embeds && span.training;
  const bool typed = embeds && texts.type_ids != nullptr;
  const Staged<int32_t> offsets = carver->take<int32_t>(n + 1), numbers = carver->take<int32_t>(n);
  const Staged<int64_t> squares = carver->take<int64_t>(n);
  const Staged<int32_t> positions = carver->take<int32_t>(embeds ? tokens : 0),
                        ids = carver->take<int32_t>(embeds ? tokens : 0),
                        types = carver->take<int32_t>(typed ? tokens : 0),
                        by_word = carver->take<int32_t>(sorted ? tokens : 0),
                        by_position = carver->take<int32_t>(sorted ? tokens : 0),
                        by_type = carver->take<int32_t>(sorted ? tokens : 0);
  *batch = {ids.device,
            typed ? types.device : nullptr,
            offsets.device,
            positions.device,
            numbers.device,
            squares.device,
            by_word.device,
            by_position.device,
            by_type.device,
            n,
            span.from >= g.layers && first_row_only ? n : tokens,
            texts.longest(),
            first_row_only};
  if (offsets.host == nullptr) return;
  fill_places(texts, offsets.host, numbers.host, squares.host, embeds ? positions.host : nullptr);
  if (!embeds) return;
  if (typed) memcpy(types.host, texts.type_ids + base, static_cast<size_t>(tokens) * sizeof(int32_t));
  if (sorted) {  // where the ids will lie is the sorts' temporary array until then
    fill_order(texts.ids + base, tokens, by_word.host, ids.host);
    fill_order(positions.host, tokens, by_position.host, ids.host);
    fill_order(typed ? types.host : nullptr, tokens, by_type.host, ids.host);
  }
  memcpy(ids.host, texts.ids + base, static_cast<size_t>(tokens) * sizeof(int32_t));
}

namespace {

/// Sizes that the cuts below depend on.
struct Plan {
  Carver* device;
  const Geometry& g;
  Precision precision;
  const BertBatch& batch;
  bool training;

  float* floats(int64_t n) const { return device->take<float>(n); }
  Operand both(int64_t rows, int64_t columns) const { return plan_operand(device, precision, rows, columns); }
  /// The side that products read, and no other.
  Operand one(int64_t rows, int64_t columns) const {
    if (precision != Precision::bf16) return both(rows, columns);
    return plan_rounded(device, precision, nullptr, rows, columns, columns);
  }
  /// What attention reads or writes: fp32 where it is not in bf16.
  Operand attended(int64_t rows, int64_t columns) const {
    return has_bf16_attention(g, precision) ? one(rows, columns) : both(rows, columns);
  }
};

/// Arrays of one layer of `rows` rows (tokens, but in a last layer of first rows: texts).
BertLayerBuffers plan_layer(const Plan& p, bool first_only) {
  const Geometry& g = p.g;
  const int64_t h = g.hidden, tokens = p.batch.tokens, rows = first_only ? p.batch.texts : tokens;
  BertLayerBuffers b{};
  b.in = p.both(tokens, h);
  if (first_only || (!p.training && p.batch.first_row_only)) {
    b.first = p.both(p.batch.texts, h);
    b.first_q = p.attended(p.batch.texts, h);
  }
  b.qkv = p.attended(tokens, 3 * h);
  b.log_sums = p.floats(g.heads * rows);
  b.context = p.attended(rows, h);
  b.y1 = p.both(rows, h);
  b.sum1 = p.training ? p.floats(rows * h) : b.y1.x;
  b.up = p.one(rows, g.intermediate);
  b.sum2 = p.training ? p.floats(rows * h) : b.in.x;
  if (!p.training) return b;
  b.pre = p.floats(rows * g.intermediate);
  b.mean1 = p.floats(rows), b.rstd1 = p.floats(rows);
  b.mean2 = p.floats(rows), b.rstd2 = p.floats(rows);
  return b;
}

void plan_layers(const Plan& p, BertPoint from, BertBuffers* b) {
  b->first_layer = from < 0 ? 0 : from < p.g.layers ? from : p.g.layers - 1;
  b->layer_count = p.g.layers - b->first_layer;
  BertLayerBuffers layer{};
  if (from >= p.g.layers) {
    const int64_t rows = p.batch.rows();
    layer.sum2 = p.floats(rows * p.g.hidden);
    if (p.training) layer.mean2 = p.floats(rows), layer.rstd2 = p.floats(rows);
    if (b->layers != nullptr) b->layers[0] = layer;
    return;
  }
  if (!p.training) layer = plan_layer(p, false);
  for (int64_t i = 0; i < b->layer_count; ++i) {
    if (p.training) layer = plan_layer(p, i == b->layer_count - 1 && p.batch.first_row_only);
    if (b->layers != nullptr) b->layers[i] = layer;
  }
}

int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

void plan_backward(const Plan& p, BertPoint from, BertBuffers* b) {
  const Geometry& g = p.g;
  const int64_t h = g.hidden, tokens = p.batch.tokens, texts = p.batch.texts;
  b->d_features = p.both(texts, h);
  b->d_rows = p.floats(tokens * h);
  int64_t scratch = larger(chain_scratch(tokens, 2, h), chain_scratch(texts, 1, h));
  if (from < g.layers) {
    b->dropped = p.one(tokens, h);
    b->d_wide = p.one(tokens, g.intermediate);
    b->d_context = p.attended(tokens, h);
    b->d_qkv = p.attended(tokens, 3 * h);
    b->row_sums = p.floats(g.heads * tokens);
    if (p.batch.first_row_only) {
      b->d_q = p.attended(texts, h);
      b->d_first = p.floats(texts * h);
    }
    scratch = larger(scratch, chain_scratch(tokens, 1, larger(g.intermediate, 3 * h)));
  }
  if (from == kFromIds) scratch = larger(scratch, embedding_scratch(tokens, h));
  b->scratch = p.floats(scratch);
}

}  // namespace

void plan_bert_buffers(Carver* host, Carver* device, const Geometry& g, Precision precision,
                       const BertBatch& batch, const BertSpan& span, BertBuffers* b) {
  *b = {};
  const Plan p{device, g, precision, batch, span.training};
  const int64_t h = g.hidden;
  b->layers = host->take<BertLayerBuffers>(span.from < 0 ? g.layers : larger(g.layers - span.from, 1));
  plan_layers(p, span.from, b);
  if (span.from == kFromIds && span.training) {
    b->embedded = p.floats(batch.tokens * h);
    b->embedded_mean = p.floats(batch.tokens), b->embedded_rstd = p.floats(batch.tokens);
  }
  if (precision == Precision::bf16 && span.from < g.layers)
    b->sums = p.floats(batch.tokens * larger(3 * h, g.intermediate));
  b->hidden = p.both(batch.rows(), h);
  b->pooled_pre = span.training ? p.floats(batch.texts * h) : nullptr;
  b->features = p.both(batch.texts, h);
  b->logits = p.floats(batch.texts * g.num_labels);
  b->head.plan(device, g, precision, batch.texts, span.training);
  if (span.training) plan_backward(p, span.from, b);
}

float* bert_point_rows(const Geometry& g, const BertBuffers& b, BertPoint point) {
  if (point < g.layers) return b.layers[point - b.first_layer].in.x;
  if (point == last_norm_point(g)) return b.layers[b.layer_count - 1].sum2;
  if (point == last_hidden_point(g)) return b.hidden.x;
  return point == features_point(g) ? b.features.x : b.logits;
}

int64_t bert_point_row_count(const Geometry& g, const BertBatch& batch, BertPoint point) {
  if (point < g.layers) return batch.tokens;
  return point <= last_hidden_point(g) ? batch.rows() : batch.texts;
}

}  // namespace maque::cuda
