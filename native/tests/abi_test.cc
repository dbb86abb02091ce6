// The ABI of inference with every wrong argument: a code and a message, never a crash; and with calls from
// many threads.
#include <pthread.h>

#include <cstdint>
#include <limits>

#include "core/error.h"
#include "core/memory.h"
#include "tests/abi_fixture.h"

namespace maque::test {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// A code, and a message that says something of what was wrong.
void refuse(int32_t code, int32_t expected, const char* part) {
  expect(code, expected, part);
  const bool said = last_message().find(part) != std::string::npos;
  CHECK(said);
  if (!said) std::printf("  '%s' lacks '%s'\n", last_message().c_str(), part);
}

/// Handles that name nothing.
std::vector<int64_t> dead_handles() {
  int64_t closed = 0, builder = 0;
  maque_builder_new(&closed);
  maque_builder_free(closed);
  maque_builder_new(&builder);
  const int64_t other_type = builder ^ (int64_t{3} << 24);  // the slot is live, the type is not its own
  maque_builder_free(builder);
  return {0, -1, 1, INT64_MAX, INT64_MIN, 0x123456789, closed, other_type};
}

TEST(information) {
  char text[16];
  CHECK_EQ(maque_abi_version(), MAQUE_ABI_VERSION);
  CHECK_EQ(maque_nothing(nullptr, nullptr), MAQUE_OK);
  CHECK_EQ(maque_isa(text, 16), MAQUE_OK);
  CHECK_EQ(std::string(text), kernels().isa);
  CHECK_EQ(maque_isa(nullptr, 16), MAQUE_INVALID_ARGUMENT);
  CHECK_EQ(maque_isa(text, 0), MAQUE_INVALID_ARGUMENT);
  CHECK_EQ(maque_isa_bf16(text, 16), MAQUE_OK);
  CHECK_EQ(std::string(text), bf16_kernels() == nullptr ? "" : bf16_kernels()->isa);
  CHECK_EQ(maque_isa_bf16(nullptr, 16), MAQUE_INVALID_ARGUMENT);
  CHECK_EQ(maque_isa_int8(text, 16), MAQUE_OK);
  CHECK_EQ(std::string(text), int8_kernels().isa);
  CHECK_EQ(maque_isa_int8(text, 0), MAQUE_INVALID_ARGUMENT);
  CHECK_EQ(maque_cpu_features(text, -1), MAQUE_INVALID_ARGUMENT);
  CHECK_EQ(maque_cpu_features(text, 3), MAQUE_OK);
  CHECK_EQ(std::strlen(text) <= 2, true);
  CHECK_EQ(maque_last_error(nullptr, 5), MAQUE_INVALID_ARGUMENT);
  CHECK_EQ(maque_last_error(text, 1), MAQUE_OK);
  CHECK_EQ(text[0], 0);
}

TEST(dead_handles_of_every_function) {
  float out[4];
  int64_t model = 0, bytes = 0;
  const int64_t dims[] = {1};
  const int32_t ids[] = {0}, offsets[] = {0, 1};
  for (int64_t h : dead_handles()) {
    CHECK_EQ(maque_builder_option(h, "kind", "bert"), MAQUE_BAD_HANDLE);
    CHECK_EQ(maque_builder_tensor(h, "x", "F32", 1, dims, out, 4), MAQUE_BAD_HANDLE);
    CHECK_EQ(maque_builder_build(h, &model), MAQUE_BAD_HANDLE);
    CHECK_EQ(maque_builder_free(h), MAQUE_BAD_HANDLE);
    CHECK_EQ(maque_model_free(h), MAQUE_BAD_HANDLE);
    CHECK_EQ(maque_model_bytes(h, &bytes), MAQUE_BAD_HANDLE);
    CHECK_EQ(maque_predict(h, ids, 1, offsets, 1, nullptr, nullptr, 0, nullptr, out, 4), MAQUE_BAD_HANDLE);
    CHECK_EQ(maque_hidden_states(h, ids, 1, offsets, 1, nullptr, out, 4), MAQUE_BAD_HANDLE);
  }
  CHECK_EQ(maque_builder_new(nullptr), MAQUE_INVALID_ARGUMENT);
  CHECK_EQ(maque_model_bytes(0, nullptr), MAQUE_INVALID_ARGUMENT);
}

TEST(options) {
  int64_t b = 0;
  maque_builder_new(&b);
  refuse(maque_builder_option(b, nullptr, "x"), MAQUE_INVALID_ARGUMENT, "null");
  refuse(maque_builder_option(b, "kind", nullptr), MAQUE_INVALID_ARGUMENT, "null");
  refuse(maque_builder_option(b, "colour", "red"), MAQUE_INVALID_ARGUMENT, "colour");
  refuse(maque_builder_option(b, "kind", "gpt"), MAQUE_INVALID_ARGUMENT,
         "bert | sequence | document | bag, got 'gpt'");
  refuse(maque_builder_option(b, "pooling", ""), MAQUE_INVALID_ARGUMENT, "max-logits");
  refuse(maque_builder_option(b, "hidden_act", "swish"), MAQUE_INVALID_ARGUMENT, "gelu_new");
  for (const char* bad : {"", "x", "1", "65537", "-3", "3.0", " 3", "3 ", "99999999999999999999"}) {
    refuse(maque_builder_option(b, "num_labels", bad), MAQUE_INVALID_ARGUMENT, "from 2 to 65536");
  }
  for (const char* bad : {"0", "1048577", "1e3"}) {
    refuse(maque_builder_option(b, "hidden_size", bad), MAQUE_INVALID_ARGUMENT, "hidden_size");
  }
  for (const char* bad : {"", "0", "-1", "nan", "inf", "2", "1e-12x", "e", "1e", "1e999"}) {
    refuse(maque_builder_option(b, "layer_norm_eps", bad), MAQUE_INVALID_ARGUMENT, "layer_norm_eps");
  }
  for (const char* bad : {",", "1,", ",1", "0", "1,2,3,4,5,6,7,8,9", "999999999999999999999999999999", "a"}) {
    refuse(maque_builder_option(b, "head", bad), MAQUE_INVALID_ARGUMENT, "head");
  }
  for (const char* good : {"", "192", "1,2,3,4,5,6,7,8"})
    CHECK_EQ(maque_builder_option(b, "head", good), MAQUE_OK);
  for (const char* good : {"1e-12", "0.00001", "1.0E-5", "+1e-05"}) {
    CHECK_EQ(maque_builder_option(b, "layer_norm_eps", good), MAQUE_OK);
  }
  maque_builder_free(b);
}

/// Builds with one option left out or changed, and hands in no tensors: what build says.
int32_t build_with(Options options, const char* key, const char* value) {
  int64_t b = 0, model = 0;
  maque_builder_new(&b);
  for (const auto& [k, v] : options) {
    if (k != key) expect(maque_builder_option(b, k.c_str(), v.c_str()), MAQUE_OK, k.c_str());
  }
  if (value != nullptr) expect(maque_builder_option(b, key, value), MAQUE_OK, key);
  const int32_t code = maque_builder_build(b, &model);
  CHECK_EQ(model, 0);
  const std::string message = last_message();
  maque_builder_free(b);
  CHECK_EQ(message, last_message());
  return code;
}

TEST(geometries) {
  for (const Geometry& g : {bert_geometry(Pooling::cls), student_geometry(Kind::sequence, Pooling::max)}) {
    for (const auto& [key, value] : options_of(g)) {
      refuse(build_with(options_of(g), key.c_str(), nullptr), MAQUE_INVALID_ARGUMENT,
             (key + " is missing").c_str());
    }
  }
  const Options bert = options_of(bert_geometry(Pooling::cls));
  refuse(build_with(bert, "num_attention_heads", "5"), MAQUE_INVALID_ARGUMENT, "12 is not a multiple");
  refuse(build_with(bert, "pooling", "last"), MAQUE_INVALID_ARGUMENT, "pooler | cls | mean");
  const Options student = options_of(student_geometry(Kind::sequence, Pooling::max));
  refuse(build_with(student, "pooling", "cls"), MAQUE_INVALID_ARGUMENT, "max-logits | max | mean | last");
  refuse(build_with(bert, "vocab_size", "11"), MAQUE_BAD_MODEL,
         "embeddings.word_embeddings.weight is missing");
  refuse(build_with(bert, "num_hidden_layers", "1024"), MAQUE_BAD_MODEL, "missing");
}

TEST(tensors) {
  int64_t b = 0;
  maque_builder_new(&b);
  float data[6] = {1, 2, 3, 4, 5, 6};
  const int64_t dims[] = {2, 3}, huge[] = {INT64_MAX, 4}, zero[] = {0, 3}, negative[] = {-2, -3};
  refuse(maque_builder_tensor(b, nullptr, "F32", 2, dims, data, 24), MAQUE_INVALID_ARGUMENT, "name");
  refuse(maque_builder_tensor(b, "x", nullptr, 2, dims, data, 24), MAQUE_INVALID_ARGUMENT, "null");
  refuse(maque_builder_tensor(b, "x", "F32", 2, nullptr, data, 24), MAQUE_INVALID_ARGUMENT, "null");
  refuse(maque_builder_tensor(b, "x", "F32", 2, dims, nullptr, 24), MAQUE_INVALID_ARGUMENT, "null");
  refuse(maque_builder_tensor(b, std::string(200, 'a').c_str(), "F32", 2, dims, data, 24),
         MAQUE_INVALID_ARGUMENT, "95 bytes");
  refuse(maque_builder_tensor(b, "x", "F64", 2, dims, data, 24), MAQUE_UNSUPPORTED,
         "F32, I8, BF16 or I32 expected, got 'F64'");
  refuse(maque_builder_tensor(b, "x", "F32", 0, dims, data, 24), MAQUE_BAD_MODEL, "rank 0");
  refuse(maque_builder_tensor(b, "x", "F32", 5, dims, data, 24), MAQUE_BAD_MODEL, "rank 5");
  refuse(maque_builder_tensor(b, "x", "F32", -1, dims, data, 24), MAQUE_BAD_MODEL, "rank -1");
  refuse(maque_builder_tensor(b, "x", "F32", 2, huge, data, 24), MAQUE_BAD_MODEL, "x");
  refuse(maque_builder_tensor(b, "x", "F32", 1, huge, data, 24), MAQUE_BAD_MODEL, "x");
  refuse(maque_builder_tensor(b, "x", "F32", 2, zero, data, 0), MAQUE_BAD_MODEL, "[0, 3]");
  refuse(maque_builder_tensor(b, "x", "F32", 2, negative, data, 24), MAQUE_BAD_MODEL, "[-2, -3]");
  refuse(maque_builder_tensor(b, "x", "F32", 2, dims, data, 23), MAQUE_BAD_MODEL, "4 * 6 bytes, got 23");
  refuse(maque_builder_tensor(b, "x", "F32", 2, dims, data, -24), MAQUE_BAD_MODEL, "got -24");
  data[4] = kNan;
  refuse(maque_builder_tensor(b, "x", "F32", 2, dims, data, 24), MAQUE_NOT_FINITE, "element 4");
  data[4] = -std::numeric_limits<float>::infinity();
  refuse(maque_builder_tensor(b, "x", "F32", 2, dims, data, 24), MAQUE_NOT_FINITE, "element 4");
  data[4] = 5;
  CHECK_EQ(maque_builder_tensor(b, "x", "F32", 2, dims, data, 24), MAQUE_OK);
  refuse(maque_builder_tensor(b, "x", "F32", 2, dims, data, 24), MAQUE_BAD_MODEL, "given twice");
  maque_builder_free(b);
}

/// Builds a student after `change` has had its way with the builder, or the tensors that it gets.
template <class F>
int32_t build_changed(const Geometry& g, const char* left_out, const F& change) {
  const Weights<float> w(g, 1);
  int64_t b = 0, model = 0;
  maque_builder_new(&b);
  for (const auto& [k, v] : options_of(g)) maque_builder_option(b, k.c_str(), v.c_str());
  for (int64_t i = 0; i < tensor_count(g); ++i) {
    const TensorSpec s = tensor_spec(g, i);
    if (std::string(s.name) == left_out) continue;
    maque_builder_tensor(b, s.name, "F32", s.rank, s.dims, w.pointers[static_cast<size_t>(i)], 4 * s.size());
  }
  change(b);
  const int32_t code = maque_builder_build(b, &model);
  if (code == MAQUE_OK) maque_model_free(model);
  int64_t again = 0;  // spent either way
  const std::string message = last_message();
  CHECK_EQ(maque_builder_build(b, &again), MAQUE_BAD_STATE);
  CHECK_EQ(maque_builder_option(b, "kind", "bert"), MAQUE_BAD_STATE);
  CHECK_EQ(maque_builder_tensor(b, "x", "F32", 1, nullptr, nullptr, 0), MAQUE_BAD_STATE);
  CHECK_EQ(maque_builder_free(b), MAQUE_OK);
  fail(static_cast<Status>(code), "%s", message.c_str());
  return code;
}

TEST(models_that_do_not_fit) {
  const Geometry g = student_geometry(Kind::sequence, Pooling::max);
  const std::vector<float> zeros(1000);
  const auto give = [&](const char* name, std::vector<int64_t> dims) {
    return [&zeros, name, dims](int64_t b) {
      int64_t size = 4;
      for (int64_t d : dims) size *= d;
      maque_builder_tensor(b, name, "F32", static_cast<int32_t>(dims.size()), dims.data(), zeros.data(),
                           size);
    };
  };
  const auto nothing = [](int64_t) {};
  CHECK_EQ(build_changed(g, "", nothing), MAQUE_OK);
  refuse(build_changed(g, "lstm.bias_hh_l0_reverse", nothing), MAQUE_BAD_MODEL,
         "lstm.bias_hh_l0_reverse is missing");
  refuse(build_changed(g, "", give("lstm.extra", {3})), MAQUE_BAD_MODEL, "lstm.extra is not one");
  refuse(build_changed(g, "", give("pooler.dense.bias", {3})), MAQUE_BAD_MODEL,
         "pooler.dense.bias is not one");
  refuse(build_changed(g, "head.0.weight", give("head.0.weight", {6, 13})), MAQUE_BAD_MODEL,
         "[6, 14] expected, got [6, 13]");
  refuse(build_changed(g, "head.0.weight", give("head.0.weight", {84})), MAQUE_BAD_MODEL, "got [84]");
  refuse(build_changed(g, "head.0.bias", give("head.0.bias", {1, 6})), MAQUE_BAD_MODEL,
         "[6] expected, got [1, 6]");
  CHECK_EQ(build_changed(bert_geometry(Pooling::cls), "", give("pooler.dense.bias", {3})),
           MAQUE_OK);  // ignored
  int64_t b = 0;
  maque_builder_new(&b);
  CHECK_EQ(maque_builder_build(b, nullptr), MAQUE_INVALID_ARGUMENT);
  maque_builder_free(b);
}

TEST(bert_inputs) {
  const Geometry g =
      bert_geometry(Pooling::pooler);  // 9 positions, vocabulary 11, 2 types, 3 labels, hidden 12
  const int64_t m = make_model(g, Weights<float>(g, 1));
  std::vector<int32_t> ids(20, 1), types(20, 0);
  std::vector<float> out(400);
  const auto run = [&](std::vector<int32_t> offsets, int64_t ids_len = 20, int64_t out_len = 400) {
    return maque_predict(m, ids.data(), ids_len, offsets.data(), static_cast<int32_t>(offsets.size()) - 1,
                         types.data(), nullptr, 0, nullptr, out.data(), out_len);
  };
  const int32_t two[] = {0, 3, 5};
  CHECK_EQ(run({0, 3, 5}), MAQUE_OK);
  CHECK_EQ(run({0}), MAQUE_OK);  // no texts, no logits
  CHECK_EQ(run({0, 9}), MAQUE_OK);
  refuse(run({0, 10}), MAQUE_INVALID_ARGUMENT, "text 0 has 10 tokens");
  refuse(run({0, 3, 3}), MAQUE_INVALID_ARGUMENT, "text 1 is empty");
  refuse(run({1, 3}), MAQUE_INVALID_ARGUMENT, "offsets[0]");
  refuse(run({0, 3, 2}), MAQUE_INVALID_ARGUMENT, "offsets[2]");
  refuse(run({0, -1}), MAQUE_INVALID_ARGUMENT, "offsets[1]");
  refuse(run({0, INT32_MAX, INT32_MIN}), MAQUE_INVALID_ARGUMENT, "text 0");
  refuse(run({0, 9, 18, 21}), MAQUE_INVALID_ARGUMENT, "ids has only 20");
  refuse(run({0, 3}, 2), MAQUE_INVALID_ARGUMENT, "ids has only 2");
  refuse(run({0, 3}, -5), MAQUE_INVALID_ARGUMENT, "ids has only -5");
  refuse(run({0, 3, 5}, 20, 5), MAQUE_INVALID_ARGUMENT, "2 * 3 elements expected, got 5");
  refuse(run({0, 3, 5}, 20, -1), MAQUE_INVALID_ARGUMENT, "got -1");
  refuse(maque_predict(m, nullptr, 20, two, 2, nullptr, nullptr, 0, nullptr, out.data(), 400),
         MAQUE_INVALID_ARGUMENT, "ids is null");
  refuse(maque_predict(m, ids.data(), 20, nullptr, 2, nullptr, nullptr, 0, nullptr, out.data(), 400),
         MAQUE_INVALID_ARGUMENT, "offsets is null");
  refuse(maque_predict(m, ids.data(), 20, two, -2, nullptr, nullptr, 0, nullptr, out.data(), 400),
         MAQUE_INVALID_ARGUMENT, "got -2");
  refuse(maque_predict(m, ids.data(), 20, two, INT32_MIN, nullptr, nullptr, 0, nullptr, out.data(), 400),
         MAQUE_INVALID_ARGUMENT, "n:");
  refuse(maque_predict(m, ids.data(), 20, two, 2, nullptr, nullptr, 0, nullptr, nullptr, 400),
         MAQUE_INVALID_ARGUMENT, "out is null");
  CHECK_EQ(maque_predict(m, ids.data(), 20, two, 2, nullptr, nullptr, 0, nullptr, out.data(), 6), MAQUE_OK);
  ids[4] = 11;
  refuse(run({0, 3, 5}), MAQUE_INVALID_ARGUMENT, "ids[4]: 0 .. 10 expected, got 11");
  ids[4] = -1;
  refuse(run({0, 3, 5}), MAQUE_INVALID_ARGUMENT, "got -1");
  CHECK_EQ(run({0, 3}), MAQUE_OK);  // what no text reads is not looked at
  ids[4] = 1;
  types[2] = 2;
  refuse(run({0, 3}), MAQUE_INVALID_ARGUMENT, "type_ids[2]: 0 .. 1 expected, got 2");
  types[2] = 0;
  CHECK_EQ(maque_hidden_states(m, ids.data(), 20, two, 2, nullptr, out.data(), 60), MAQUE_OK);
  refuse(maque_hidden_states(m, ids.data(), 20, two, 2, nullptr, out.data(), 59), MAQUE_INVALID_ARGUMENT,
         "5 * 12");
  int64_t before = 0, after = 0;
  CHECK_EQ(maque_model_bytes(m, &before), MAQUE_OK);
  CHECK_EQ(run({0, 9, 18}), MAQUE_OK);
  CHECK_EQ(maque_model_bytes(m, &after), MAQUE_OK);
  CHECK(before > 4 * 3000 && after >= before);
  CHECK_EQ(maque_builder_free(m), MAQUE_BAD_HANDLE);
  CHECK_EQ(maque_model_free(m), MAQUE_OK);
  CHECK_EQ(maque_model_free(m), MAQUE_BAD_HANDLE);
  CHECK_EQ(run({0, 3}), MAQUE_BAD_HANDLE);
}

TEST(student_inputs) {
  const Geometry g = student_geometry(Kind::document, Pooling::none);
  const int64_t m = make_model(g, Weights<float>(g, 1));
  const int32_t ids[] = {0, 10, 11}, offsets[] = {0, 2, 2, 3}, types[] = {0, 0};
  float out[9];
  CHECK_EQ(maque_predict(m, ids, 2, offsets, 2, nullptr, nullptr, 0, nullptr, out, 9),
           MAQUE_OK);  // the second text is empty
  const int32_t empty[] = {0, 0};
  CHECK_EQ(maque_predict(m, nullptr, 0, empty, 1, nullptr, nullptr, 0, nullptr, out, 3), MAQUE_OK);
  refuse(maque_predict(m, ids, 3, offsets, 3, nullptr, nullptr, 0, nullptr, out, 9), MAQUE_INVALID_ARGUMENT,
         "ids[2]");
  refuse(maque_predict(m, ids, 2, offsets, 2, types, nullptr, 0, nullptr, out, 9), MAQUE_INVALID_ARGUMENT,
         "only bert");
  refuse(maque_hidden_states(m, ids, 2, offsets, 2, nullptr, out, 9), MAQUE_UNSUPPORTED, "bert");
  maque_model_free(m);
}

/// Every allocation of making and using a model fails once: an error code, no leak of a handle, and it works
/// in the end.
TEST(no_memory) {
  const Geometry g = bert_geometry(Pooling::pooler);
  const Weights<float> w(g, 1);
  const int32_t ids[] = {1, 2, 3}, offsets[] = {0, 3};
  bool done = false;
  for (int64_t n = 0; !done && n < 1000; ++n) {
    int64_t b = 0, m = 0;
    float out[3];
    fail_allocations_after(n);
    int32_t code = maque_builder_new(&b);
    for (const auto& [k, v] : options_of(g)) {
      if (code == MAQUE_OK) code = maque_builder_option(b, k.c_str(), v.c_str());
    }
    for (int64_t i = 0; i < tensor_count(g) && code == MAQUE_OK; ++i) {
      const TensorSpec s = tensor_spec(g, i);
      code = maque_builder_tensor(b, s.name, "F32", s.rank, s.dims, w.pointers[static_cast<size_t>(i)],
                                  4 * s.size());
    }
    if (code == MAQUE_OK) code = maque_builder_build(b, &m);
    if (code == MAQUE_OK) code = maque_predict(m, ids, 3, offsets, 1, nullptr, nullptr, 0, nullptr, out, 3);
    done = code == MAQUE_OK;
    fail_allocations_after(-1);
    CHECK(code == MAQUE_OK || code == MAQUE_OUT_OF_MEMORY);
    CHECK_EQ(maque_builder_free(b), b == 0 ? MAQUE_BAD_HANDLE : MAQUE_OK);
    CHECK_EQ(maque_model_free(m), m == 0 ? MAQUE_BAD_HANDLE : MAQUE_OK);
    CHECK(done || n < 999);
  }
}

/// What the threads of the stress test share.
struct Shared {
  Geometry g = student_geometry(Kind::sequence, Pooling::max);
  Weights<float> weights{g, 1};
  OwnedBatch<float> batch{g, {3, 5, 1}, 2};
  std::vector<float> expected;
  int64_t models[8] = {0};
  long predictions = 0, refusals = 0, wrong = 0;
};

void* predict_until_closed(void* pointer) {
  Shared& s = *static_cast<Shared*>(pointer);
  std::vector<float> out(s.expected.size());
  for (int64_t model : s.models) {
    for (;;) {
      const int32_t code = maque_predict(model, s.batch.ids.data(), static_cast<int64_t>(s.batch.ids.size()),
                                         s.batch.offsets.data(), 3, nullptr, nullptr, 0, nullptr, out.data(),
                                         static_cast<int64_t>(out.size()));
      if (code != MAQUE_OK) {
        __atomic_fetch_add(code == MAQUE_BAD_HANDLE ? &s.refusals : &s.wrong, 1, __ATOMIC_RELAXED);
        break;
      }
      __atomic_fetch_add(out == s.expected ? &s.predictions : &s.wrong, 1, __ATOMIC_RELAXED);
    }
  }
  return nullptr;
}

TEST(free_while_others_predict) {
  Shared s;
  for (int64_t& model : s.models) model = make_model(s.g, s.weights);
  s.expected = predict(s.models[0], s.g, s.batch);
  pthread_t threads[6];
  for (pthread_t& t : threads) CHECK_EQ(pthread_create(&t, nullptr, predict_until_closed, &s), 0);
  for (int64_t model : s.models) {
    const long seen = __atomic_load_n(&s.predictions, __ATOMIC_RELAXED);
    while (__atomic_load_n(&s.predictions, __ATOMIC_RELAXED) < seen + 50) sched_yield();
    CHECK_EQ(maque_model_free(model), MAQUE_OK);
  }
  for (pthread_t& t : threads) pthread_join(t, nullptr);
  CHECK_EQ(s.refusals, 6 * 8);
  CHECK_EQ(s.wrong, 0);
  CHECK(s.predictions >= 400);
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
