// bert in int8: near the float model whose weights its bytes stand for, the same bits in every flavour, for
// any batch and number of threads; and what its tensors may not be.
#include <algorithm>
#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "tests/abi_fixture.h"
#include "tests/int8_flavours.h"

using namespace maque;
using namespace maque::test;

namespace {

Geometry int8_geometry(Pooling pooling) {
  Geometry g = bert_geometry(pooling);
  g.hidden = 36, g.intermediate = 70;  // no multiples of 4 or 32 everywhere
  g.precision = Precision::int8;
  return g;
}

/// Tensors of an int8 model, and of the fp32 model with the same weights.
struct Pair {
  std::vector<std::vector<int8_t>> bytes;
  Weights<float> given, floats;
  std::vector<const void*> pointers;

  explicit Pair(const Geometry& g) : given(g, 3), floats(fp32(g), 3) {
    Random random(5);
    bytes.resize(given.tensors.size());
    for (int64_t i = 0; i < tensor_count(g); ++i) {
      const TensorSpec spec = tensor_spec(g, i);
      const auto at = static_cast<size_t>(i);
      for (int64_t j = 0; spec.dtype == DType::i8 && j < spec.size(); ++j) {
        bytes[at].push_back(static_cast<int8_t>(random.below(129) - 64));
      }
      const bool factor = std::strstr(spec.name, ".input.scale") != nullptr;
      for (float& x : given.tensors[at]) {
        if (spec.is_scale) x = factor ? 0.5f + std::fabs(x) : 0.002f + 0.001f * std::fabs(x);
      }
      pointers.push_back(spec.dtype == DType::i8 ? static_cast<const void*>(bytes[at].data())
                                                 : given.tensors[at].data());
    }
    for (int64_t i = 0; i < tensor_count(fp32(g)); ++i) fill_float(g, i);
  }

  static Geometry fp32(Geometry g) {
    g.precision = Precision::fp32;
    return g;
  }

 private:
  void fill_float(const Geometry& g, int64_t i) {
    const TensorSpec spec = tensor_spec(g, i);
    std::vector<float>& to = floats.tensors[static_cast<size_t>(i)];
    if (spec.dtype == DType::f32) {
      std::copy_n(given.tensors[static_cast<size_t>(i)].begin(), to.size(), to.begin());
      return;
    }
    const float* factors = input_factors(g, spec.name);
    const auto scales = static_cast<size_t>(find_tensor(g, (std::string(spec.name) + ".scale").c_str()));
    for (size_t j = 0; j < to.size(); ++j) {
      const float scale = given.tensors[scales][j / static_cast<size_t>(spec.dims[1])];
      to[j] = scale * bytes[static_cast<size_t>(i)][j];
      if (factors != nullptr) to[j] *= factors[j % static_cast<size_t>(spec.dims[1])];
    }
  }

  /// What the input of this weight is multiplied by, or null.
  const float* input_factors(const Geometry& g, const char* weight) const {
    int64_t layer = 0;
    const bool up = std::strstr(weight, "intermediate.dense") != nullptr;
    if (!up && std::strstr(weight, "attention.self") == nullptr) return nullptr;
    CHECK_EQ(std::sscanf(weight, "encoder.layer.%" SCNd64, &layer), 1);
    return given.tensors[static_cast<size_t>(factor_tensor(g, layer, up ? 1 : 0))].data();
  }
};

/// Builds through the ABI; `change` may replace a tensor of that name before it is given.
int32_t build(const Geometry& g, const Pair& pair, int64_t* model, const char* name = "",
              const char* dtype = "", const void* data = nullptr) {
  int64_t builder = 0;
  expect(maque_builder_new(&builder), MAQUE_OK, "builder");
  for (const auto& [key, value] : options_of(g)) maque_builder_option(builder, key.c_str(), value.c_str());
  expect(maque_builder_option(builder, "precision", "int8"), MAQUE_OK, "precision");
  for (int64_t i = 0; i < tensor_count(g); ++i) {
    const TensorSpec spec = tensor_spec(g, i);
    const bool changed = std::string(name) == spec.name;
    if (changed && data == nullptr) continue;
    const std::string type = changed ? dtype : spec.dtype == DType::i8 ? "I8" : "F32";
    const int64_t bytes = spec.size() * (type == "I8" ? 1 : 4);
    expect(maque_builder_tensor(builder, spec.name, type.c_str(), spec.rank, spec.dims,
                                changed ? data : pair.pointers[static_cast<size_t>(i)], bytes),
           MAQUE_OK, spec.name);
  }
  const int32_t code = maque_builder_build(builder, model);
  expect(maque_builder_free(builder), MAQUE_OK, "free");
  return code;
}

/// The logits of a model made without the ABI, in one flavour.
std::vector<float> logits(const Geometry& g, const Pair& pair, const Kernels<float>& kernels,
                          const Int8Kernels& int8, const Executor& executor, const Texts& texts) {
  Model<float> model{};
  model.geometry = g;
  model.arithmetic.precision = Precision::int8;
  model.arithmetic.int8 = &int8;
  Carver measure(nullptr);
  model.plan(&measure, model.geometry, g.layers + 1);
  Buffer<char> memory;
  CHECK(memory.allocate(measure.used()));
  Carver carver(memory.data());
  model.plan(&carver, model.geometry, g.layers + 1);
  std::vector<float*> tensors;
  for (const void* p : pair.pointers) tensors.push_back(static_cast<float*>(const_cast<void*>(p)));
  const Compute<float> compute{kernels, serial_executor(), nullptr};
  for (int64_t l = 0; l < g.layers; ++l) CHECK(model.bert.pack_layer(compute, tensors.data(), l));
  CHECK(model.pack_rest(compute, tensors.data()));
  std::vector<float> out(static_cast<size_t>(texts.count * g.num_labels));
  Scratch scratch;
  CHECK_EQ(forward(model, kernels, executor, &scratch,
                   ForwardRequest<float>{texts, nullptr, kFromIds, logits_point(g), out.data()}),
           kOk);
  return out;
}

}  // namespace

TEST(near_the_floats_that_the_bytes_stand_for) {
  for (Pooling pooling : {Pooling::cls, Pooling::pooler, Pooling::mean}) {
    const Geometry g = int8_geometry(pooling);
    const Pair pair(g);
    const OwnedBatch<float> batch(g, {5, 1, 9, 3}, 7);
    int64_t model = 0;
    expect(build(g, pair, &model), MAQUE_OK, "build");
    const int64_t floats = make_model(Pair::fp32(g), pair.floats);
    const std::vector<float> got = predict(model, g, batch), expected = predict(floats, g, batch);
    double largest = 0, error = 0;
    for (size_t i = 0; i < got.size(); ++i) {
      largest = std::fmax(largest, std::fabs(static_cast<double>(expected[i])));
      error = std::fmax(error, std::fabs(static_cast<double>(got[i] - expected[i])));
    }
    CHECK_LE(error, 0.05 * largest);
    CHECK(error > 0);
    int64_t small = 0, large = 0;
    maque_model_bytes(model, &small);
    maque_model_bytes(floats, &large);
    CHECK(small < large);
    maque_model_free(model);
    maque_model_free(floats);
  }
}

TEST(the_same_bits_in_every_flavour_batch_and_number_of_threads) {
  const Geometry g = int8_geometry(Pooling::cls);
  const Pair pair(g);
  const OwnedBatch<float> batch(g, {5, 1, 9, 3, 9, 9, 2}, 7);
  const auto expected = logits(g, pair, kernels_ref, int8_kernels_ref, serial_executor(), batch.texts());
  for (const Int8Kernels* int8 : int8_flavours()) {
    const Kernels<float>* kernels = kernels_for(int8->isa);
    // What adds to 8-bit integers alone goes with the best of the others.
    const auto got = logits(g, pair, kernels == nullptr ? *simd_flavours().back() : *kernels, *int8,
                            serial_executor(), batch.texts());
    CHECK_BITS(got.data(), expected.data(), static_cast<int64_t>(got.size()), int8->isa);
  }
  ThreadPool pool;
  CHECK(pool.start(3));
  const auto threads = logits(g, pair, kernels(), int8_kernels(), pool.executor(), batch.texts());
  CHECK_BITS(threads.data(), expected.data(), static_cast<int64_t>(threads.size()), "three threads");
  for (int64_t i = 0; i < batch.size(); ++i) {
    Texts one = batch.texts();
    one.offsets += i, one.count = 1;
    const auto got = logits(g, pair, kernels(), int8_kernels(), serial_executor(), one);
    CHECK_BITS(got.data(), expected.data() + i * g.num_labels, g.num_labels, "one text");
  }
}

TEST(tensors_that_are_refused) {
  const Geometry g = int8_geometry(Pooling::pooler);
  const Pair pair(g);
  const std::string weight = "encoder.layer.1.output.dense.weight", scale = weight + ".scale";
  const auto refused = [&](const std::string& name, const char* dtype, const void* data, const char* says) {
    int64_t model = 0;
    expect(build(g, pair, &model, name.c_str(), dtype, data), MAQUE_BAD_MODEL, says);
    CHECK(last_message().find(says) != std::string::npos);
    CHECK_EQ(model, 0);
  };
  const std::vector<float> floats(36 * 70, -1.0f);
  std::vector<int8_t> bytes(36 * 70, 0);
  refused(scale, "", nullptr, "is missing");
  refused(weight, "F32", floats.data(), "dtype I8 expected, got F32");
  refused(scale, "F32", floats.data(), "scale 0 is below 0");
  refused("encoder.layer.0.output.dense.bias", "I8", bytes.data(), "dtype F32 expected, got I8");
  bytes[70] = 65, bytes[71] = -64;
  refused(weight, "I8", bytes.data(), "int8 weights of layer 1");
  bytes[70] = -128, bytes[71] = 0;
  refused(weight, "I8", bytes.data(), "int8 weights of layer 1");
  refused("pooler.dense.weight", "I8", std::vector<int8_t>(36 * 36, 65).data(), "int8 weights of pooler");
}

TEST(int8_does_not_train) {
  const Geometry g = int8_geometry(Pooling::cls);
  int64_t trainer = 0;
  expect(maque_trainer_new(&trainer), MAQUE_OK, "trainer");
  for (const auto& [key, value] : options_of(g)) maque_trainer_option(trainer, key.c_str(), value.c_str());
  expect(maque_trainer_option(trainer, "precision", "int8"), MAQUE_OK, "precision");
  expect(maque_trainer_build(trainer), MAQUE_UNSUPPORTED, "build");
  maque_trainer_free(trainer);
}

TEST_MAIN
