#include "model/serving_tensors.h"

#include <stdio.h>
#include <string.h>

#include "core/error.h"

namespace maque {
namespace {

constexpr int32_t kMostTensors = 16 + 3 * (kMaxHeadLayers + 1);
constexpr char kMap[] = "ids.map";

/// The list of what is expected, and where each tensor's pointer goes.
class Expected {
 public:
  explicit Expected(const Geometry& g) : precision_(g.precision) {}

  TensorSpec* add(const char* name, DType dtype, int64_t rows, int64_t columns, const void** place) {
    TensorSpec* spec = &specs_[count_];
    snprintf(spec->name, sizeof spec->name, "%s", name);
    spec->rank = columns == 0 ? 1 : 2;
    spec->dims[0] = rows;
    spec->dims[1] = columns;
    spec->dtype = dtype;
    spec->is_scale = false;
    places_[count_++] = place;
    return spec;
  }
  void floats(const char* name, int64_t rows, int64_t columns, const float** place) {
    add(name, DType::f32, rows, columns, reinterpret_cast<const void**>(place));
  }
  /// A weight of the precision's type; scales [rows, scale_columns].
  void weight(const char* name, const char* scale_name, int64_t rows, int64_t columns, int64_t scale_columns,
              ServingWeight* place) {
    constexpr DType kTypes[] = {DType::f32, DType::bf16, DType::i8};
    add(name, kTypes[static_cast<int32_t>(precision_)], rows, columns, &place->data);
    if (precision_ != Precision::int8) return;
    add(scale_name, DType::f32, rows, scale_columns, reinterpret_cast<const void**>(&place->scale))
        ->is_scale = true;
  }
  void weight(const char* name, int64_t rows, int64_t columns, ServingWeight* place) {
    char scale_name[96];
    snprintf(scale_name, sizeof scale_name, "%.80s.scale", name);
    weight(name, scale_name, rows, columns, 0, place);
  }

  Status find(TensorStore* store) {
    void* data[kMostTensors];
    if (Status s = store->resolve(specs_, count_, data)) return s;
    for (int32_t i = 0; i < count_; ++i) {
      if (Status s = check_int8(specs_[i], data[i])) return s;
      *places_[i] = data[i];
    }
    return kOk;
  }

 private:
  static Status check_int8(const TensorSpec& spec, const void* data) {
    if (spec.dtype != DType::i8 || memchr(data, -128, static_cast<size_t>(spec.size())) == nullptr)
      return kOk;
    return fail(kBadModel, "tensor %s: weights from -127 to 127 expected, found -128", spec.name);
  }

  Precision precision_;
  int32_t count_ = 0;
  TensorSpec specs_[kMostTensors];
  const void** places_[kMostTensors];
};

/// "lstm.weight_ih_l0" and the like, of one direction.
struct Name {
  char text[96];
  Name(const char* which, int32_t direction) {
    snprintf(text, sizeof text, "lstm.%s_l0%s", which, direction == 1 ? "_reverse" : "");
  }
};

const char* table_name(const Geometry& g) {
  if (g.form == Form::folded) return "gates.weight";
  return g.kind == Kind::document ? "vectors.weight" : "embedding.weight";
}

void expect_table(const Geometry& g, TensorStore* store, Expected* expected, ServingTensors* t) {
  const int64_t gates = serving_gates(g) * g.hidden;
  const bool mapped = store->first_size(kMap) > 0;
  t->rows = g.vocab;
  if (mapped && store->first_size(table_name(g)) > 0) t->rows = store->first_size(table_name(g));
  if (mapped) expected->add(kMap, DType::i32, g.vocab, 0, reinterpret_cast<const void**>(&t->map));
  if (g.form == Form::folded) {
    expected->weight(table_name(g), "gates.scale", t->rows, 2 * gates, 2, &t->table);
    if (g.kind == Kind::document) expected->floats("gates.bias", 2 * gates, 0, &t->gates_bias);
  } else {
    expected->weight(table_name(g), t->rows, g.embedding, &t->table);
  }
}

void expect_directions(const Geometry& g, Expected* expected, ServingTensors* t) {
  const int64_t h = g.hidden, gates = serving_gates(g) * h;
  for (int32_t d = 0; d < 2; ++d) {
    if (g.form == Form::factors) {
      expected->weight(Name("weight_ih", d).text, gates, g.embedding, &t->input[d]);
      expected->floats(Name("bias", d).text, gates, 0, &t->bias[d]);
    }
    if (g.kind == Kind::sequence) expected->weight(Name("weight_hh", d).text, 4 * h, h, &t->recurrent[d]);
  }
}

void expect_head(const Geometry& g, Expected* expected, ServingTensors* t) {
  char name[96];
  for (int32_t i = 0; i <= g.head_layers; ++i) {
    snprintf(name, sizeof name, "head.%d.weight", static_cast<int>(2 * i));
    expected->weight(name, g.head_out(i), g.head_in(i), &t->head[i]);
    snprintf(name, sizeof name, "head.%d.bias", static_cast<int>(2 * i));
    expected->floats(name, g.head_out(i), 0, &t->head_bias[i]);
  }
}

Status check_map(const Geometry& g, const ServingTensors& t) {
  for (int64_t id = 0; t.map != nullptr && id < g.vocab; ++id) {
    if (t.map[id] >= 0 && t.map[id] < t.rows) continue;
    return fail(kBadModel, "tensor %s: id %lld: a row of 0 .. %lld expected, got %d", kMap,
                static_cast<long long>(id), static_cast<long long>(t.rows - 1), t.map[id]);
  }
  return kOk;
}

}  // namespace

Status find_serving_tensors(const Geometry& g, TensorStore* store, ServingTensors* t) {
  *t = {};
  Expected expected(g);
  if (g.has_lstm()) {
    expect_table(g, store, &expected, t);
    expect_directions(g, &expected, t);
  }
  if (g.has_ngrams()) expected.weight("ngrams.weight", g.ngram_buckets, g.ngram_width, &t->ngrams);
  expect_head(g, &expected, t);
  if (Status s = expected.find(store)) return s;
  return check_map(g, *t);
}

}  // namespace maque
