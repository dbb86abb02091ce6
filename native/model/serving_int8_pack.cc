// Packing of an int8 student.
#include <string.h>

#include "model/serving.h"
#include "model/serving_order.h"

namespace maque {
namespace {

/// Packs [n, k] rows that have been ordered.
void pack_ordered(const int8_t* weights, const Int8Layer& layer) {
  gemm_int8_pack(weights, layer.k, layer.k, layer.n, kZeroPoint7, layer.packed, layer.offsets);
}

void scale_by(float factor, int64_t n, float* x) {
  for (int64_t i = 0; i < n; ++i) x[i] = x[i] * factor;
}

}  // namespace

void Int8Layer::plan(Carver* carver, int64_t inputs, int64_t outputs) {
  k = inputs;
  n = outputs;
  packed = carver->take<int8_t>(gemm_int8_packed_size(k, n));
  offsets = carver->take<int32_t>(int8_whole_n(n));
  scale = carver->take<float>(int8_whole_n(n));
  bias = carver->take<float>(int8_whole_n(n));
}

void Int8Student::plan_lstm(Carver* carver, const Geometry& g, int64_t table_rows, bool mapped) {
  whole = lstm_whole(g.hidden);
  gates = serving_gates(g);
  rows = table_rows;
  const int64_t places = 2 * gates * whole;
  const bool document = g.kind == Kind::document;
  map = mapped ? carver->take<int32_t>(g.vocab) : nullptr;
  if (is_folded()) {
    ld_table = places;
    scale_stride = 2;
    gates_bias = document ? carver->take<float>(places) : nullptr;
  } else {
    ld_table = document ? g.embedding : int8_whole_k(g.embedding);
    scale_stride = 1;
    input.plan(carver, g.embedding, places);
  }
  table_scale = carver->take<float>(rows * scale_stride);
  if (is_folded() || document) {
    table = carver->take<int8_t>(rows * ld_table);
  } else {
    embedding = carver->take<uint8_t>(rows * ld_table);
  }
  for (Int8Layer& layer : recurrent) {
    if (!document) layer.plan(carver, g.hidden, 4 * whole);
  }
}

void Int8Student::plan(Carver* carver, const Geometry& g, int64_t table_rows, bool mapped) {
  *this = {};
  geometry = &g;
  if (g.has_lstm()) plan_lstm(carver, g, table_rows, mapped);
  if (g.has_ngrams()) {
    ngrams = carver->take<int8_t>(g.ngram_buckets * g.ngram_width + kLstmBlock);
    ngram_scale = carver->take<float>(g.ngram_buckets);
  }
  if (g.has_lstm() && g.has_ngrams()) beside.plan(carver, g.ngram_width, g.head_out(0));
  for (int32_t i = 0; i <= g.head_layers; ++i)
    head[i].plan(carver, i == 0 && g.has_lstm() ? 2 * whole : g.head_in(i), g.head_out(i));
}

namespace {

void pack_table(const Int8Student& s, const ServingTensors& t) {
  const Geometry& g = *s.geometry;
  memcpy(s.table_scale, t.table.scale, static_cast<size_t>(s.rows * s.scale_stride) * sizeof(float));
  if (!s.is_folded()) {
    memcpy(s.table, t.table.data, static_cast<size_t>(s.rows * s.ld_table));
    return;
  }
  for (int64_t i = 0; i < 2 * s.rows; ++i) {
    to_block_order(t.table.int8() + i * s.gates * g.hidden, g.hidden, s.gates,
                   s.table + i * s.gates * s.whole);
  }
}

/// The rows of an embedding as activations: dequantised, then quantised as any row.
bool pack_embedding(const Int8Student& s, const ServingTensors& t, const Int8Kernels& kernels) {
  const int64_t e = s.geometry->embedding;
  Buffer<float> row;
  if (!row.allocate(e)) return false;
  for (int64_t i = 0; i < s.rows; ++i) {
    for (int64_t j = 0; j < e; ++j) row[j] = static_cast<float>(t.table.int8()[i * e + j]) * t.table.scale[i];
    kernels.quantize_rows(row.data(), e, 1, e, kZeroPoint7, s.embedding + i * s.ld_table, s.ld_table,
                          s.table_scale + i);
  }
  return true;
}

bool pack_input(const Int8Student& s, const ServingTensors& t) {
  const Int8Layer& layer = s.input;
  const int64_t h = s.geometry->hidden, places = s.gates * s.whole;
  Buffer<int8_t> ordered;
  if (!ordered.allocate(layer.n * layer.k)) return false;
  for (int64_t d = 0; d < 2; ++d) {
    to_block_order(t.input[d].int8(), h, s.gates, ordered.data() + d * places * layer.k, layer.k);
    to_block_order(t.input[d].scale, h, s.gates, layer.scale + d * places);
    to_block_order(t.bias[d], h, s.gates, layer.bias + d * places);
  }
  pack_ordered(ordered.data(), layer);
  return true;
}

bool pack_recurrent(const Int8Student& s, const ServingTensors& t, int64_t d) {
  const Int8Layer& layer = s.recurrent[d];
  Buffer<int8_t> ordered;
  if (!ordered.allocate(layer.n * layer.k)) return false;
  to_block_order(t.recurrent[d].int8(), layer.k, 4, ordered.data(), layer.k);
  pack_ordered(ordered.data(), layer);
  to_block_order(t.recurrent[d].scale, layer.k, 4, layer.scale);
  scale_by(kLstmStateStep, layer.n, layer.scale);
  return true;
}

void pack_ngrams(const Int8Student& s, const ServingTensors& t) {
  const int64_t size = s.geometry->ngram_buckets * s.geometry->ngram_width;
  memcpy(s.ngrams, t.ngrams.data, static_cast<size_t>(size));
  memset(s.ngrams + size, 0, static_cast<size_t>(kLstmBlock));
  memcpy(s.ngram_scale, t.ngrams.scale, static_cast<size_t>(s.geometry->ngram_buckets) * sizeof(float));
}

/// Columns of a layer of the head: `parts` of `width` each from column `begin` on, which stand at the padded
/// places of what the layer reads.
bool pack_columns(const Int8Student& s, const ServingTensors& t, int32_t i, int64_t begin, int64_t parts,
                  int64_t width, const Int8Layer& layer) {
  const int64_t row = s.geometry->head_in(i), whole = layer.k / parts;
  Buffer<int8_t> padded;
  if (!padded.allocate_zeroed(layer.n * layer.k)) return false;
  for (int64_t j = 0; j < layer.n; ++j) {
    for (int64_t part = 0; part < parts; ++part) {
      memcpy(padded.data() + j * layer.k + part * whole, t.head[i].int8() + j * row + begin + part * width,
             static_cast<size_t>(width));
    }
  }
  pack_ordered(padded.data(), layer);
  memcpy(layer.scale, t.head[i].scale, static_cast<size_t>(layer.n) * sizeof(float));
  memcpy(layer.bias, t.head_bias[i], static_cast<size_t>(layer.n) * sizeof(float));
  return true;
}

bool pack_head(const Int8Student& s, const ServingTensors& t) {
  const Geometry& g = *s.geometry;
  for (int32_t i = 0; i <= g.head_layers; ++i) {
    const bool features = i == 0 && g.has_lstm();
    if (!pack_columns(s, t, i, 0, features ? 2 : 1, features ? g.hidden : g.head_in(i), s.head[i]))
      return false;
  }
  if (s.beside.k == 0) return true;
  return pack_columns(s, t, 0, g.lstm_features(), 1, g.ngram_width, s.beside);
}

}  // namespace

bool Int8Student::pack_lstm(const ServingTensors& t, const Int8Kernels& kernels) {
  const Geometry& g = *geometry;
  if (map != nullptr) memcpy(map, t.map, static_cast<size_t>(g.vocab) * sizeof(int32_t));
  if (embedding == nullptr) {
    pack_table(*this, t);
  } else if (!pack_embedding(*this, t, kernels)) {
    return false;
  }
  for (int64_t d = 0; d < 2 && gates_bias != nullptr; ++d)
    to_block_order(t.gates_bias + d * gates * g.hidden, g.hidden, gates, gates_bias + d * gates * whole);
  if (!is_folded() && !pack_input(*this, t)) return false;
  for (int64_t d = 0; d < 2 && g.kind == Kind::sequence; ++d) {
    if (!pack_recurrent(*this, t, d)) return false;
  }
  return true;
}

bool Int8Student::pack(const ServingTensors& t, const Int8Kernels& kernels) {
  if (geometry->has_lstm() && !pack_lstm(t, kernels)) return false;
  if (ngrams != nullptr) pack_ngrams(*this, t);
  return pack_head(*this, t);
}

}  // namespace maque
