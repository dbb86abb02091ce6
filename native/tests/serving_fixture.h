// Serving forms of small students, made from the tensors of training as `maque pack` makes them, and models
// of them.
#pragma once
#include <algorithm>
#include <map>

#include "model/serving_tensors.h"
#include "tests/abi_fixture.h"

namespace maque::test {

/// A tensor as the ABI takes it.
struct GivenTensor {
  std::string dtype;
  std::vector<int64_t> dims;
  std::vector<char> bytes;

  template <class T>
  static GivenTensor of(const char* dtype, std::vector<int64_t> dims, const std::vector<T>& values) {
    GivenTensor t{dtype, std::move(dims), std::vector<char>(values.size() * sizeof(T))};
    std::memcpy(t.bytes.data(), values.data(), t.bytes.size());
    return t;
  }
  template <class T>
  const T* as() const {
    return reinterpret_cast<const T*>(bytes.data());
  }
};

/// A student's serving form.
class ServingForm {
 public:
  Geometry geometry;
  std::map<std::string, GivenTensor> tensors;

  /// map: each id's row, empty for none; rows that no id has stay as they are.
  ServingForm(Geometry g, Precision precision, bool folded, const Weights<float>& weights,
              std::vector<int32_t> map = {})
      : geometry(g), weights_(&weights) {
    geometry.precision = precision;
    geometry.form = folded ? Form::folded : Form::factors;
    if (!map.empty()) tensors["ids.map"] = GivenTensor::of("I32", {g.vocab}, map);
    if (g.has_lstm()) folded ? add_gates() : add_factors();
    if (g.has_ngrams())
      add("ngrams.weight", {g.ngram_buckets, g.ngram_width},
          weights.tensors[static_cast<size_t>(ngram_tensor(g))], g.ngram_buckets);
    for (int32_t d = 0; d < 2 && g.kind == Kind::sequence; ++d)
      add(name("weight_hh", d), {4 * g.hidden, g.hidden}, lstm(d, kWeightHh), 4 * g.hidden);
    for (int32_t i = 0; i <= g.head_layers; ++i) {
      const std::string layer = "head." + std::to_string(2 * i);
      const int64_t at = head_tensor(g) + 2 * i;
      add(layer + ".weight", {g.head_out(i), g.head_in(i)}, weights.tensors[static_cast<size_t>(at)],
          g.head_out(i));
      floats(layer + ".bias", {g.head_out(i)}, weights.tensors[static_cast<size_t>(at + 1)]);
    }
  }

  int64_t gates() const { return geometry.kind == Kind::document ? 3 : 4; }

  /// The options that name the form.
  Options options() const {
    constexpr const char* kNames[] = {"fp32", "bf16", "int8"};
    Options o = options_of(geometry);
    o.push_back({"precision", kNames[static_cast<int>(geometry.precision)]});
    o.push_back({"folded", geometry.form == Form::folded ? "true" : "false"});
    return o;
  }

  int32_t build(int64_t* model) const {
    int64_t builder = 0;
    expect(maque_builder_new(&builder), MAQUE_OK, "builder");
    for (const auto& [key, value] : options()) {
      expect(maque_builder_option(builder, key.c_str(), value.c_str()), MAQUE_OK, key.c_str());
    }
    int32_t code = MAQUE_OK;
    for (const auto& [tensor_name, t] : tensors) {
      if (code != MAQUE_OK) break;
      code = maque_builder_tensor(builder, tensor_name.c_str(), t.dtype.c_str(),
                                  static_cast<int32_t>(t.dims.size()), t.dims.data(), t.bytes.data(),
                                  static_cast<int64_t>(t.bytes.size()));
    }
    if (code == MAQUE_OK) code = maque_builder_build(builder, model);
    const std::string message = last_message();
    expect(maque_builder_free(builder), MAQUE_OK, "free");
    CHECK_EQ(last_message(), message);
    return code;
  }
  int64_t model() const {
    int64_t made = 0;
    expect(build(&made), MAQUE_OK, "build");
    return made;
  }

  /// A whole table as the tensor store has it, for the model code.
  void give(TensorStore* store) const {
    for (const auto& [tensor_name, t] : tensors) {
      CHECK_EQ(store->add(tensor_name.c_str(), t.dtype.c_str(), static_cast<int32_t>(t.dims.size()),
                          t.dims.data(), t.bytes.data(), static_cast<int64_t>(t.bytes.size())),
               kOk);
    }
  }

 private:
  static std::string name(const char* which, int32_t d) {
    return std::string("lstm.") + which + "_l0" + (d == 1 ? "_reverse" : "");
  }
  const std::vector<float>& lstm(int32_t d, int64_t which) const {
    return weights_->tensors[static_cast<size_t>(lstm_tensor(d, which))];
  }
  void floats(const std::string& to, std::vector<int64_t> dims, const std::vector<float>& values) {
    tensors[to] = GivenTensor::of("F32", std::move(dims), values);
  }

  /// The rows of the gates that are computed.
  std::vector<float> kept(const std::vector<float>& rows, int64_t columns) const {
    if (gates() == 4) return rows;
    const auto gate = rows.begin() + geometry.hidden * columns;
    std::vector<float> out(rows.begin(), gate);
    out.insert(out.end(), gate + geometry.hidden * columns, rows.end());
    return out;
  }
  std::vector<float> bias(int32_t d) const {
    std::vector<float> sum = kept(lstm(d, kBiasIh), 1);
    const std::vector<float> other = kept(lstm(d, kBiasHh), 1);
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += other[i];
    return sum;
  }

  void add_factors() {
    const Geometry& g = geometry;
    add(g.kind == Kind::document ? "vectors.weight" : "embedding.weight", {g.vocab, g.embedding},
        weights_->tensors[0], g.vocab);
    for (int32_t d = 0; d < 2; ++d) {
      add(name("weight_ih", d), {gates() * g.hidden, g.embedding}, kept(lstm(d, kWeightIh), g.embedding),
          gates() * g.hidden);
      floats(name("bias", d), {gates() * g.hidden}, bias(d));
    }
  }

  void add_gates() {
    const Geometry& g = geometry;
    const int64_t width = gates() * g.hidden;
    std::vector<float> table, biases;
    std::vector<float> weight[2] = {kept(lstm(0, kWeightIh), g.embedding),
                                    kept(lstm(1, kWeightIh), g.embedding)};
    for (int32_t d = 0; d < 2; ++d) {
      const std::vector<float> b = bias(d);
      biases.insert(biases.end(), b.begin(), b.end());
    }
    for (int64_t id = 0; id < g.vocab; ++id) {
      for (int64_t j = 0; j < 2 * width; ++j) {
        double sum = g.kind == Kind::document ? 0.0 : static_cast<double>(biases[static_cast<size_t>(j)]);
        for (int64_t p = 0; p < g.embedding; ++p) {
          sum += static_cast<double>(weights_->tensors[0][static_cast<size_t>(id * g.embedding + p)]) *
                 static_cast<double>(weight[j / width][static_cast<size_t>(j % width * g.embedding + p)]);
        }
        table.push_back(static_cast<float>(sum));
      }
    }
    add("gates.weight", {g.vocab, 2 * width}, table, 2 * g.vocab);
    if (tensors.count("gates.weight.scale") > 0) {
      tensors["gates.scale"] = tensors["gates.weight.scale"];
      tensors["gates.scale"].dims = {g.vocab, 2};
      tensors.erase("gates.weight.scale");
    }
    if (g.kind == Kind::document) floats("gates.bias", {2 * width}, biases);
  }

  /// A weight in the form's precision; in int8 with a scale for each of `groups` groups of neighbours.
  void add(const std::string& to, std::vector<int64_t> dims, const std::vector<float>& values,
           int64_t groups) {
    if (geometry.precision == Precision::fp32) return floats(to, std::move(dims), values);
    if (geometry.precision == Precision::bf16) {
      tensors[to] = GivenTensor::of("BF16", std::move(dims), to_bf16(values));
      return;
    }
    const size_t length = values.size() / static_cast<size_t>(groups);
    std::vector<int8_t> quantised;
    std::vector<float> scales;
    for (size_t begin = 0; begin < values.size(); begin += length) {
      float most = 0;
      for (size_t i = begin; i < begin + length; ++i) most = std::max(most, std::fabs(values[i]));
      const float scale = most / 127.0f;
      scales.push_back(scale);
      for (size_t i = begin; i < begin + length; ++i)
        quantised.push_back(scale == 0 ? int8_t{0} : static_cast<int8_t>(std::rint(values[i] / scale)));
    }
    tensors[to] = GivenTensor::of("I8", std::move(dims), quantised);
    tensors[to + ".scale"] = GivenTensor::of("F32", {groups}, scales);
  }

  static std::vector<uint16_t> to_bf16(const std::vector<float>& values) {
    std::vector<uint16_t> out;
    for (float x : values) {
      uint32_t bits;
      std::memcpy(&bits, &x, sizeof bits);
      out.push_back(static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16));
    }
    return out;
  }

  const Weights<float>* weights_;
};

/// A form's student, packed by one flavour's kernels without the ABI.
template <class Student>
struct PackedStudent {
  Student student{};
  Buffer<char> memory;

  template <class Kernels>
  PackedStudent(const ServingForm& form, const Kernels& kernels) {
    TensorStore store;
    form.give(&store);
    ServingTensors tensors;
    CHECK_EQ(find_serving_tensors(form.geometry, &store, &tensors), kOk);
    Carver measure(nullptr);
    student.plan(&measure, form.geometry, tensors.rows, tensors.map != nullptr);
    CHECK(memory.allocate(measure.used()));
    Carver carver(memory.data());
    student.plan(&carver, form.geometry, tensors.rows, tensors.map != nullptr);
    CHECK(student.pack(tensors, kernels));
  }
};

}  // namespace maque::test
