// Packing of a student in fp32 or with bf16 weights.
#include <string.h>

#include "kernels/lstm_step.h"
#include "model/serving.h"
#include "model/serving_order.h"

namespace maque {
namespace {

/// Elements [begin, begin + n) of a weight in fp32.
void widen(const FloatStudent& s, const ServingWeight& weight, int64_t begin, int64_t n, float* out) {
  if (!s.is_bf16()) {
    memcpy(out, static_cast<const float*>(weight.data) + begin, static_cast<size_t>(n) * sizeof(float));
    return;
  }
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t bits = static_cast<uint32_t>(static_cast<const uint16_t*>(weight.data)[begin + i]) << 16;
    memcpy(out + i, &bits, sizeof bits);
  }
}

void pack_layer(const Kernels<float>& kernels, const float* weights, const FloatLayer& layer) {
  kernels.gemm_pack(weights, 1, layer.k, layer.k, layer.n, layer.packed);
}

/// A row of gates of both directions in pairs.
void to_pairs(const uint16_t* from, int64_t hidden, uint16_t* to) {
  const int64_t places = 4 * lstm_whole(hidden);
  memset(to, 0, static_cast<size_t>(2 * places) * sizeof(uint16_t));
  for (int64_t d = 0; d < 2; ++d) {
    for (int64_t n = 0; n < 4; ++n) {
      for (int64_t unit = 0; unit < hidden; ++unit)
        to[d * places + lstm_pair_at(unit, n)] = from[(d * 4 + n) * hidden + unit];
    }
  }
}

bool pack_table(const FloatStudent& s, const ServingTensors& t) {
  const int64_t h = s.geometry->hidden, width = s.gates * h;
  if (s.table_bf16 != nullptr) {
    const uint16_t* from = static_cast<const uint16_t*>(t.table.data);
    for (int64_t i = 0; i < s.rows; ++i) to_pairs(from + i * 2 * width, h, s.table_bf16 + i * s.ld_table);
    return true;
  }
  if (!s.is_folded()) {
    widen(s, t.table, 0, s.rows * s.ld_table, s.table);
    return true;
  }
  Buffer<float> gates;
  if (!gates.allocate(width)) return false;
  for (int64_t i = 0; i < 2 * s.rows; ++i) {
    widen(s, t.table, i * width, width, gates.data());
    to_block_order(gates.data(), h, s.gates, s.table + i * s.gates * s.whole);
  }
  return true;
}

bool pack_input(const FloatStudent& s, const ServingTensors& t, const Kernels<float>& kernels) {
  const FloatLayer& layer = s.input;
  const int64_t h = s.geometry->hidden, places = s.gates * s.whole;
  Buffer<float> given, ordered;
  if (!given.allocate(s.gates * h * layer.k) || !ordered.allocate(layer.n * layer.k)) return false;
  for (int64_t d = 0; d < 2; ++d) {
    widen(s, t.input[d], 0, given.size(), given.data());
    to_block_order(given.data(), h, s.gates, ordered.data() + d * places * layer.k, layer.k);
    to_block_order(t.bias[d], h, s.gates, layer.bias + d * places);
  }
  pack_layer(kernels, ordered.data(), layer);
  return true;
}

void pack_recurrent(const FloatStudent& s, const ServingTensors& t, int64_t d) {
  const int64_t h = s.geometry->hidden;
  if (s.is_bf16()) {
    memset(s.recurrent_bf16[d], 0, static_cast<size_t>(lstm_packed_size_bf16(h)) * sizeof(uint16_t));
  } else {
    memset(s.recurrent[d], 0, static_cast<size_t>(lstm_packed_size(h)) * sizeof(float));
  }
  for (int64_t n = 0; n < 4; ++n) {
    for (int64_t unit = 0; unit < h; ++unit) {
      for (int64_t p = 0; p < h; ++p) {
        const int64_t from = (n * h + unit) * h + p;
        if (s.is_bf16()) {
          s.recurrent_bf16[d][lstm_packed_at_bf16(h, unit, n, p)] =
              static_cast<const uint16_t*>(t.recurrent[d].data)[from];
        } else {
          s.recurrent[d][lstm_packed_at(h, unit, n, p)] =
              static_cast<const float*>(t.recurrent[d].data)[from];
        }
      }
    }
  }
}

/// Columns of a layer of the head: `parts` of `width` each from column `begin` on, which stand at the padded
/// places of what the layer reads.
bool pack_columns(const FloatStudent& s, const ServingTensors& t, int32_t i, int64_t begin, int64_t parts,
                  int64_t width, const FloatLayer& layer, const Kernels<float>& kernels) {
  const int64_t row = s.geometry->head_in(i), whole = layer.k / parts;
  Buffer<float> padded;
  if (!padded.allocate_zeroed(layer.n * layer.k)) return false;
  for (int64_t j = 0; j < layer.n; ++j) {
    for (int64_t part = 0; part < parts; ++part) {
      widen(s, t.head[i], j * row + begin + part * width, width, padded.data() + j * layer.k + part * whole);
    }
  }
  pack_layer(kernels, padded.data(), layer);
  memcpy(layer.bias, t.head_bias[i], static_cast<size_t>(layer.n) * sizeof(float));
  return true;
}

bool pack_head(const FloatStudent& s, const ServingTensors& t, const Kernels<float>& kernels) {
  const Geometry& g = *s.geometry;
  for (int32_t i = 0; i <= g.head_layers; ++i) {
    const bool features = i == 0 && g.has_lstm();
    if (!pack_columns(s, t, i, 0, features ? 2 : 1, features ? g.hidden : g.head_in(i), s.head[i], kernels))
      return false;
  }
  if (s.beside.k == 0) return true;
  return pack_columns(s, t, 0, g.lstm_features(), 1, g.ngram_width, s.beside, kernels);
}

}  // namespace

void FloatLayer::plan(Carver* carver, int64_t inputs, int64_t outputs) {
  k = inputs;
  n = outputs;
  packed = carver->take<float>(gemm_packed_size(k, n));
  bias = carver->take<float>(n);
}

void FloatStudent::plan_lstm(Carver* carver, const Geometry& g, int64_t table_rows, bool mapped) {
  whole = lstm_whole(g.hidden);
  gates = serving_gates(g);
  rows = table_rows;
  const int64_t places = 2 * gates * whole;
  const bool document = g.kind == Kind::document;
  map = mapped ? carver->take<int32_t>(g.vocab) : nullptr;
  ld_table = is_folded() ? places : g.embedding;
  if (is_folded() && is_bf16() && !document) {
    table_bf16 = carver->take<uint16_t>(rows * ld_table);
  } else {
    table = carver->take<float>(rows * ld_table);
  }
  if (!is_folded()) input.plan(carver, g.embedding, places);
  if (is_folded() && document) gates_bias = carver->take<float>(places);
  for (int32_t d = 0; d < 2 && !document; ++d) {
    if (is_bf16()) {
      recurrent_bf16[d] = carver->take<uint16_t>(lstm_packed_size_bf16(g.hidden));
    } else {
      recurrent[d] = carver->take<float>(lstm_packed_size(g.hidden));
    }
  }
}

void FloatStudent::plan(Carver* carver, const Geometry& g, int64_t table_rows, bool mapped) {
  *this = {};
  geometry = &g;
  if (g.has_lstm()) plan_lstm(carver, g, table_rows, mapped);
  if (g.has_ngrams()) ngrams = carver->take<float>(g.ngram_buckets * g.ngram_width);
  if (g.has_lstm() && g.has_ngrams()) beside.plan(carver, g.ngram_width, g.head_out(0));
  for (int32_t i = 0; i <= g.head_layers; ++i)
    head[i].plan(carver, i == 0 && g.has_lstm() ? 2 * whole : g.head_in(i), g.head_out(i));
}

bool FloatStudent::pack_lstm(const ServingTensors& t, const Kernels<float>& kernels) {
  const Geometry& g = *geometry;
  if (map != nullptr) memcpy(map, t.map, static_cast<size_t>(g.vocab) * sizeof(int32_t));
  if (!pack_table(*this, t)) return false;
  if (!is_folded() && !pack_input(*this, t, kernels)) return false;
  for (int64_t d = 0; d < 2 && gates_bias != nullptr; ++d)
    to_block_order(t.gates_bias + d * gates * g.hidden, g.hidden, gates, gates_bias + d * gates * whole);
  for (int64_t d = 0; d < 2 && g.kind == Kind::sequence; ++d) pack_recurrent(*this, t, d);
  return true;
}

bool FloatStudent::pack(const ServingTensors& t, const Kernels<float>& kernels) {
  const Geometry& g = *geometry;
  if (g.has_lstm() && !pack_lstm(t, kernels)) return false;
  if (ngrams != nullptr) widen(*this, t.ngrams, 0, g.ngram_buckets * g.ngram_width, ngrams);
  return pack_head(*this, t, kernels);
}

}  // namespace maque
