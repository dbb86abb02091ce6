// Students in int8, against the arithmetic of the headers written out text by text, and against the form that
// training wrote.
#include "kernels/quantize_int8.h"
#include "kernels/ref/lstm_int8.h"
#include "model/serving.h"
#include "tests/int8_flavours.h"
#include "tests/serving_fixture.h"

namespace maque::test {
namespace {

using Row = std::vector<float>;
using Bytes = std::vector<uint8_t>;

size_t at(int64_t i) { return static_cast<size_t>(i); }

/// One text at a time, in plain loops over the tensors as they are given.
class Plain {
 public:
  explicit Plain(const ServingForm& form) : f_(form), g_(form.geometry), h_(g_.hidden) {}

  /// grams: the text's n-grams, where the model has them.
  Row logits(const int32_t* ids, int64_t n, const std::vector<int32_t>& grams) {
    if (g_.has_ngrams()) read_ngrams(grams);
    if (g_.kind == Kind::bag) return head(ngrams_, ngram_scale_);
    std::vector<int64_t> rows;
    for (int64_t t = 0; t < n; ++t) {
      const auto map = f_.tensors.find("ids.map");
      rows.push_back(map == f_.tensors.end() ? ids[t] : map->second.as<int32_t>()[ids[t]]);
    }
    return g_.kind == Kind::document ? document(rows) : sequence(rows);
  }

 private:
  const float* floats(const std::string& name) const { return f_.tensors.at(name).as<float>(); }
  const int8_t* weights(const std::string& name) const { return f_.tensors.at(name).as<int8_t>(); }
  static std::string direction(int d) { return d == 0 ? "" : "_reverse"; }

  static uint8_t byte(float v) {
    return static_cast<uint8_t>(64 + std::rint(std::fmin(std::fmax(v, -63.0f), 63.0f)));
  }
  static Bytes quantise(const Row& x, float* scale) {
    float most = 0;
    for (float v : x) most = std::fmax(most, std::fabs(v));
    *scale = most == 0 ? 0 : most / 63.0f;
    const float r = most == 0 ? 0 : 63.0f / most;
    Bytes q;
    for (float v : x) q.push_back(byte(v * r));
    return q;
  }
  static Bytes bounded(const Row& x) {
    Bytes q;
    for (float v : x) q.push_back(byte(v * 63.0f));
    return q;
  }

  /// float(sum) * (s_w * s_x) of one row of a weight.
  float product(const std::string& name, int64_t row, const Bytes& q, float scale) const {
    const int8_t* w = weights(name) + row * static_cast<int64_t>(q.size());
    int32_t sum = 0;
    for (size_t p = 0; p < q.size(); ++p) sum += (q[p] - 64) * w[p];
    return static_cast<float>(sum) * (floats(name + ".scale")[row] * scale);
  }
  Row layer(const std::string& name, const std::string& bias, int64_t out, const Bytes& q,
            float scale) const {
    Row y;
    for (int64_t j = 0; j < out; ++j) y.push_back(product(name, j, q, scale) + floats(bias)[j]);
    return y;
  }
  void read_ngrams(const std::vector<int32_t>& grams) {
    std::vector<Row> rows;
    for (int32_t id : grams) rows.push_back(row_of("ngrams.weight", id, g_.ngram_width));
    ngrams_ = quantise(mean_of(rows, g_.ngram_width), &ngram_scale_);
  }

  /// The first layer over features and n-grams: two products over the columns of one weight.
  Row first_layer(const Bytes& q, float scale) const {
    Row y;
    const int8_t* w = weights("head.0.weight");
    for (int64_t j = 0; j < g_.head_out(0); ++j, w += g_.head_in(0)) {
      const float s_w = floats("head.0.weight.scale")[j];
      int32_t own = 0, others = 0;
      for (size_t p = 0; p < q.size(); ++p) own += (q[p] - 64) * w[p];
      for (size_t p = 0; p < ngrams_.size(); ++p) others += (ngrams_[p] - 64) * w[q.size() + p];
      const float beside = static_cast<float>(others) * (s_w * ngram_scale_) + floats("head.0.bias")[j];
      y.push_back(static_cast<float>(own) * (s_w * scale) + beside);
    }
    return y;
  }
  Row head(Bytes q) const { return head(std::move(q), 1.0f / 63.0f); }
  Row head(Bytes q, float scale) const {
    for (int32_t i = 0;; ++i) {
      const std::string name = "head." + std::to_string(2 * i);
      const bool split = i == 0 && g_.has_lstm() && g_.has_ngrams();
      Row y =
          split ? first_layer(q, scale) : layer(name + ".weight", name + ".bias", g_.head_out(i), q, scale);
      if (i == g_.head_layers) return y;
      for (float& v : y) v = v < 0 ? 0 : v;
      q = quantise(y, &scale);
    }
  }

  /// A row with one scale.
  Row row_of(const std::string& name, int64_t row, int64_t width) const {
    Row x;
    const float scale = floats(name + ".scale")[row];
    for (int64_t j = 0; j < width; ++j)
      x.push_back(static_cast<float>(weights(name)[row * width + j]) * scale);
    return x;
  }
  /// A row of the table of gates, or of embeddings or vectors.
  Row table_row(int64_t row, int d, int64_t width) const {
    const bool folded = g_.form == Form::folded;
    const std::string name = folded                      ? "gates.weight"
                             : g_.kind == Kind::document ? "vectors.weight"
                                                         : "embedding.weight";
    const float scale = folded ? floats("gates.scale")[2 * row + d] : floats(name + ".scale")[row];
    const int8_t* q = weights(name) + (folded ? row * 2 + d : row) * width;
    Row x;
    for (int64_t j = 0; j < width; ++j) x.push_back(static_cast<float>(q[j]) * scale);
    return x;
  }
  Row input_gates(int64_t row, int d) const {
    if (g_.form == Form::folded) return table_row(row, d, 4 * h_);
    float scale;
    const Bytes q = quantise(table_row(row, d, g_.embedding), &scale);
    return layer("lstm.weight_ih_l0" + direction(d), "lstm.bias_l0" + direction(d), 4 * h_, q, scale);
  }
  Row mean_of(const std::vector<Row>& rows, int64_t width) const {
    Row mean(at(width), 0.0f);
    for (const Row& row : rows) {
      for (size_t j = 0; j < mean.size(); ++j) mean[j] = mean[j] + row[j];
    }
    for (float& v : mean) v = v / static_cast<float>(rows.empty() ? 1 : rows.size());
    return mean;
  }

  Row document(const std::vector<int64_t>& rows) const {
    Row features;
    for (int d = 0; d < 2; ++d) {
      const bool folded = g_.form == Form::folded;
      const int64_t width = folded ? 3 * h_ : g_.embedding;
      std::vector<Row> x;
      for (int64_t row : rows) x.push_back(table_row(row, d, width));
      Row gates = mean_of(x, width);
      if (folded) {
        for (int64_t j = 0; j < width; ++j) gates[at(j)] = gates[at(j)] + floats("gates.bias")[d * width + j];
      } else {
        float scale;
        const Bytes q = quantise(gates, &scale);
        gates = layer("lstm.weight_ih_l0" + direction(d), "lstm.bias_l0" + direction(d), 3 * h_, q, scale);
      }
      for (int64_t j = 0; j < h_; ++j) {
        const Scalar c = int8::gated_input(Scalar{gates[at(j)]}, Scalar{gates[at(h_ + j)]});
        features.push_back(int8::output(Scalar{gates[at(2 * h_ + j)]}, c).v);
      }
    }
    return head(bounded(features));
  }

  /// h of every token, [tokens][2 h].
  std::vector<Row> states(const std::vector<int64_t>& rows) const {
    const auto n = static_cast<int64_t>(rows.size());
    std::vector<Row> out(rows.size(), Row(at(2 * h_)));
    for (int d = 0; d < 2; ++d) {
      Row c(at(h_), 0.0f);
      Bytes state;
      for (int64_t step = 0; step < n; ++step) {
        const int64_t t = d == 0 ? step : n - 1 - step;
        Row y = input_gates(rows[at(t)], d);
        for (int64_t j = 0; j < 4 * h_ && step > 0; ++j)
          y[at(j)] = product("lstm.weight_hh_l0" + direction(d), j, state, 1.0f / 63.0f) + y[at(j)];
        Row h;
        for (int64_t j = 0; j < h_; ++j) {
          Scalar cell = int8::gated_input(Scalar{y[at(j)]}, Scalar{y[at(2 * h_ + j)]});
          if (step > 0) cell = int8::next_cell(Scalar{y[at(h_ + j)]}, Scalar{c[at(j)]}, cell);
          c[at(j)] = cell.v;
          h.push_back(int8::output(Scalar{y[at(3 * h_ + j)]}, cell).v);
        }
        state = bounded(h);
        std::copy(h.begin(), h.end(), out[at(t)].begin() + d * h_);
      }
    }
    return out;
  }

  Row sequence(const std::vector<int64_t>& rows) const {
    std::vector<Row> x = states(rows);
    if (x.empty()) x.push_back(Row(at(2 * h_), 0.0f));
    if (g_.pooling == Pooling::max_logits) {
      std::vector<Row> all;
      for (const Row& row : x) all.push_back(head(bounded(row)));
      return max_of(all);
    }
    if (g_.pooling == Pooling::max) return head(bounded(max_of(x)));
    if (g_.pooling == Pooling::mean) return head(bounded(mean_of(x, 2 * h_)));
    Row last(x.back().begin(), x.back().begin() + h_);
    last.insert(last.end(), x.front().begin() + h_, x.front().end());
    return head(bounded(last));
  }
  static Row max_of(const std::vector<Row>& rows) {
    Row most = rows[0];
    for (const Row& row : rows) {
      for (size_t j = 0; j < most.size(); ++j) most[j] = std::max(most[j], row[j]);
    }
    return most;
  }

  const ServingForm& f_;
  const Geometry& g_;
  int64_t h_;
  Bytes ngrams_;
  float ngram_scale_ = 0;
};

Row plain_logits(const ServingForm& form, const OwnedBatch<float>& b) {
  Row out;
  for (int64_t i = 0; i < b.size(); ++i) {
    const int32_t begin = b.offsets[at(i)];
    std::vector<int32_t> grams;
    if (form.geometry.has_ngrams())
      grams.assign(b.bag_ids.begin() + b.bag_offsets[at(i)], b.bag_ids.begin() + b.bag_offsets[at(i + 1)]);
    const Row row = Plain(form).logits(b.has_tokens ? b.ids.data() + begin : nullptr,
                                       b.offsets[at(i + 1)] - begin, grams);
    out.insert(out.end(), row.begin(), row.end());
  }
  return out;
}

/// The model code on one flavour, without the ABI.
Row flavour_logits(const ServingForm& form, const Int8Kernels& kernels, const OwnedBatch<float>& b) {
  const PackedStudent<Int8Student> packed(form, kernels);
  Scratch scratch;
  Row out(at(b.size() * form.geometry.num_labels));
  CHECK_EQ(serve_int8(packed.student, kernels, kernels_ref, &scratch, b.texts(), out.data()), kOk);
  return out;
}

/// Geometries at random: widths around blocks and panels, heads, poolings, forms, with a map of ids or
/// without.
struct Walk {
  Geometry geometry;
  bool folded;
  std::vector<int32_t> map, lengths;

  explicit Walk(uint64_t seed) {
    Random random(seed);
    constexpr Pooling kPoolings[] = {Pooling::max_logits, Pooling::max, Pooling::mean, Pooling::last};
    const bool document = random.below(4) == 0;
    std::vector<int64_t> head;
    for (int64_t i = random.below(3); i > 0; --i) head.push_back(1 + random.below(40));
    geometry = student_geometry(document ? Kind::document : Kind::sequence,
                                document ? Pooling::none : kPoolings[random.below(4)], head);
    geometry.vocab = 1 + random.below(30);
    geometry.embedding = 1 + random.below(50);
    geometry.hidden = 1 + random.below(70);
    geometry.num_labels = 2 + random.below(20);
    folded = random.below(2) == 0;
    for (int64_t id = 0; id < geometry.vocab && random.below(2) == 0; ++id)
      map.push_back(static_cast<int32_t>(random.below(geometry.vocab)));
    if (static_cast<int64_t>(map.size()) < geometry.vocab) map.clear();
    if (seed % 2 == 0) add_ngrams(seed, &random);
    for (int64_t i = 1 + random.below(12); i > 0; --i)
      lengths.push_back(static_cast<int32_t>(random.below(4) == 0 ? random.below(2) : random.below(15)));
  }

  void add_ngrams(uint64_t seed, Random* random) {
    if (seed % 8 == 4) {  // a bag
      geometry.kind = Kind::bag, geometry.pooling = Pooling::none;
      geometry.vocab = geometry.embedding = geometry.hidden = 0;
      folded = false;
      map.clear();
    }
    geometry.ngram_buckets = 1 + random->below(20);
    geometry.ngram_width = 1 + random->below(100);
  }
};

TEST(random_geometries_give_the_bits_of_plain_loops) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    const Walk walk(seed);
    const Weights<float> w(walk.geometry, seed);
    const ServingForm form(walk.geometry, Precision::int8, walk.folded, w, walk.map);
    const OwnedBatch<float> batch(walk.geometry, walk.lengths, seed);
    const Row expected = plain_logits(form, batch);
    const auto n = static_cast<int64_t>(expected.size());
    const int64_t model = form.model();
    const Row served = predict(model, walk.geometry, batch);
    CHECK_BITS(served.data(), expected.data(), n, "through the ABI");
    maque_model_free(model);
    if (seed % 4 != 0) continue;
    CHECK_BITS(flavour_logits(form, int8_kernels_ref, batch).data(), expected.data(), n, "ref");
    for (const Int8Kernels* kernels : int8_flavours())
      CHECK_BITS(flavour_logits(form, *kernels, batch).data(), expected.data(), n, kernels->isa);
  }
}

/// Largest difference of logits from the form of training, over the spread of its logits.
double relative_error(const Geometry& g, bool folded, uint64_t seed) {
  const Weights<float> w(g, seed, 0.3f);
  const OwnedBatch<float> batch(g, {5, 0, 1, 24, 7, 3}, seed);
  const int64_t training = make_model(g, w), serving = ServingForm(g, Precision::int8, folded, w).model();
  const Row expected = predict(training, g, batch), got = predict(serving, g, batch);
  maque_model_free(training);
  maque_model_free(serving);
  const auto [low, high] = std::minmax_element(expected.begin(), expected.end());
  double worst = 0;
  for (size_t i = 0; i < got.size(); ++i)
    worst = std::fmax(worst, std::fabs(static_cast<double>(got[i] - expected[i])));
  return worst / static_cast<double>(*high - *low);
}

/// With n-grams of a usual width.
Geometry wide(Geometry g) {
  g.ngram_buckets = 50, g.ngram_width = 40;
  return g;
}

TEST(int8_is_close_to_training) {
  double worst = 0;
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    for (bool folded : {false, true}) {
      for (Pooling pooling : {Pooling::max_logits, Pooling::max, Pooling::mean, Pooling::last}) {
        Geometry g = student_geometry(Kind::sequence, pooling, {24});
        g.hidden = 40, g.embedding = 30, g.vocab = 50;
        worst = std::fmax(worst, relative_error(g, folded, seed));
        worst = std::fmax(worst, relative_error(wide(g), folded, seed));
        g.kind = Kind::document, g.pooling = Pooling::none;
        worst = std::fmax(worst, relative_error(g, folded, seed));
        worst = std::fmax(worst, relative_error(wide(g), folded, seed));
      }
    }
    worst = std::fmax(worst, relative_error(wide(bag_geometry({24})), false, seed));
    worst = std::fmax(worst, relative_error(wide(bag_geometry({})), false, seed));
  }
  CHECK_LE(worst, 0.08);  // of the spread of the logits, which random weights make small
  CHECK(worst > 0.001);
}

TEST(company_does_not_matter) {
  Geometry max_logits = student_geometry(Kind::sequence, Pooling::max_logits, {33}),
           mean = student_geometry(Kind::sequence, Pooling::mean, {33});
  max_logits.hidden = mean.hidden = 37;
  for (const Geometry& g : {max_logits, mean, with_ngrams(max_logits), with_ngrams(mean), bag_geometry()}) {
    const Weights<float> w(g, 5);
    std::vector<int32_t> lengths;
    Random random(6);
    for (int i = 0; i < 700; ++i) lengths.push_back(static_cast<int32_t>(random.below(12)));
    lengths[3] = 700;
    const OwnedBatch<float> batch(g, lengths, 7);
    const int64_t model = ServingForm(g, Precision::int8, g.has_lstm(), w).model();
    const Row together = predict(model, g, batch), apart = predict_apart(model, g, batch);
    CHECK_BITS(apart.data(), together.data(), static_cast<int64_t>(apart.size()), "each text alone");
    maque_model_free(model);
  }
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
