// The ABI of training with every wrong argument, and what its calls promise of each other.
#include <pthread.h>

#include <limits>

#include "core/memory.h"
#include "tests/abi_fixture.h"

namespace maque::test {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::string train_message() {
  char text[512];
  maque_train_last_error(text, sizeof text);
  return text;
}

void refuse(int32_t code, int32_t expected, const char* part) {
  expect(code, expected, part);
  const bool said = train_message().find(part) != std::string::npos;
  CHECK(said);
  if (!said) std::printf("  '%s' lacks '%s'\n", train_message().c_str(), part);
}

/// Arguments of a step that a test may spoil one by one.
struct Step {
  std::vector<int32_t> ids, offsets, types, labels, has_soft;
  std::vector<float> soft, trunk;
  int32_t n;
  double report[9] = {0};

  explicit Step(const OwnedBatch<float>& b)
      : ids(b.ids),
        offsets(b.offsets),
        types(b.types),
        labels(b.labels),
        has_soft(b.has_soft),
        soft(b.soft),
        n(static_cast<int32_t>(b.size())) {}

  int32_t batch(int64_t t) const {
    return maque_trainer_batch(t, ids.empty() ? nullptr : ids.data(), static_cast<int64_t>(ids.size()),
                               offsets.data(), n, types.empty() ? nullptr : types.data(), nullptr, 0, nullptr,
                               trunk.empty() ? nullptr : trunk.data(), static_cast<int64_t>(trunk.size()),
                               labels.data(), soft.data(), has_soft.data());
  }
  int32_t gradients(int64_t t) {
    const int32_t code = batch(t);
    return code == MAQUE_OK ? maque_trainer_gradients(t, report) : code;
  }
  int32_t step(int64_t t, double lr) {
    const int32_t code = batch(t);
    return code == MAQUE_OK ? maque_trainer_step(t, lr, report) : code;
  }
};

/// Gives texts alone.
int32_t give_texts(int64_t t, const int32_t* ids, int64_t ids_len, const int32_t* offsets, int32_t n) {
  return maque_trainer_batch(t, ids, ids_len, offsets, n, nullptr, nullptr, 0, nullptr, nullptr, 0, nullptr,
                             nullptr, nullptr);
}

TEST(dead_handles_of_every_function) {
  char text[32];
  float x[4];
  int32_t i = 0;
  int64_t dims[4] = {1}, closed = 0;
  double report[9];
  const int32_t ids[] = {0}, offsets[] = {0, 1};
  CHECK_EQ(maque_train_abi_version(), 3);
  CHECK_EQ(maque_train_isa(text, 32), MAQUE_OK);
  CHECK_EQ(maque_train_isa(nullptr, 32), MAQUE_INVALID_ARGUMENT);
  CHECK_EQ(maque_train_last_error(nullptr, 32), MAQUE_INVALID_ARGUMENT);
  CHECK_EQ(maque_trainer_new(nullptr), MAQUE_INVALID_ARGUMENT);
  maque_trainer_new(&closed);
  CHECK_EQ(maque_trainer_free(closed), MAQUE_OK);
  for (int64_t h : {int64_t{0}, int64_t{-1}, int64_t{77}, INT64_MAX, closed}) {
    CHECK_EQ(maque_trainer_option(h, "kind", "bert"), MAQUE_BAD_HANDLE);
    CHECK_EQ(maque_trainer_tensor(h, "x", "F32", 1, dims, x, 4), MAQUE_BAD_HANDLE);
    CHECK_EQ(maque_trainer_build(h), MAQUE_BAD_HANDLE);
    CHECK_EQ(maque_trainer_free(h), MAQUE_BAD_HANDLE);
    CHECK_EQ(maque_trainer_trunk_shape(h, &i, &i), MAQUE_BAD_HANDLE);
    CHECK_EQ(maque_trainer_products(h, text, 32), MAQUE_BAD_HANDLE);
    CHECK_EQ(give_texts(h, ids, 1, offsets, 1), MAQUE_BAD_HANDLE);
    CHECK_EQ(maque_trainer_trunk(h, x, 4), MAQUE_BAD_HANDLE);
    CHECK_EQ(maque_trainer_gradients(h, report), MAQUE_BAD_HANDLE);
    CHECK_EQ(maque_trainer_update(h, 0.1), MAQUE_BAD_HANDLE);
    CHECK_EQ(maque_trainer_step(h, 0.1, report), MAQUE_BAD_HANDLE);
    CHECK_EQ(maque_trainer_start(h, 0.1), MAQUE_BAD_HANDLE);
    CHECK_EQ(maque_trainer_finish(h, report), MAQUE_BAD_HANDLE);
    CHECK_EQ(maque_trainer_forward(h, x, 4), MAQUE_BAD_HANDLE);
    CHECK_EQ(maque_trainer_ranges(h, x, 4), MAQUE_BAD_HANDLE);
    CHECK_EQ(maque_trainer_tensor_count(h, &i), MAQUE_BAD_HANDLE);
    CHECK_EQ(maque_trainer_tensor_info(h, 0, text, 32, &i, dims, &i), MAQUE_BAD_HANDLE);
    CHECK_EQ(maque_trainer_read(h, "x", "value", x, 4), MAQUE_BAD_HANDLE);
    CHECK_EQ(maque_trainer_write(h, "x", "value", x, 4), MAQUE_BAD_HANDLE);
  }
}

TEST(options) {
  int64_t t = 0;
  maque_trainer_new(&t);
  const auto bad = [&](const char* key, std::vector<const char*> values, const char* part) {
    for (const char* value : values)
      refuse(maque_trainer_option(t, key, value), MAQUE_INVALID_ARGUMENT, part);
  };
  refuse(maque_trainer_option(t, nullptr, ""), MAQUE_INVALID_ARGUMENT, "null");
  refuse(maque_trainer_option(t, "seed", nullptr), MAQUE_INVALID_ARGUMENT, "null");
  bad("lr", {"1"}, "lr is not known");
  bad("threads", {"0", "1025", "two"}, "from 1 to 1024");
  bad("seed", {"", "x", "1.5"}, "seed");
  bad("train", {"", "some", "last-layers:", "last-layers:0", "last-layers:x", "last-tensors:3"},
      "last-layers:K");
  bad("optimizer", {"adam", ""}, "sgd | adamw");
  bad("soft_loss", {"l1", ""}, "mse | kl");
  bad("step", {"-1", "2147483648"}, "step");
  bad("train_vectors", {"2", "yes"}, "train_vectors");
  bad("temperature", {"0", "-1", "nan"}, "temperature");
  for (const char* key : {"momentum", "beta1", "beta2", "hidden_dropout", "attention_dropout", "head_dropout",
                          "embedding_dropout", "output_dropout"}) {
    bad(key, {"1", "-0.1", "nan", "inf", "", "half"}, key);
    CHECK_EQ(maque_trainer_option(t, key, "0.25"), MAQUE_OK);
  }
  for (const char* key : {"weight_decay", "clip_norm", "ce_weight", "soft_weight"})
    bad(key, {"-1", "nan", "inf"}, key);
  bad("eps", {"0", "2"}, "eps");
  bad("lr_scale.", {"1"}, "prefix");
  bad("lr_scale.head", {"-1", "x"}, "lr_scale.head");
  const std::string long_key = "lr_scale." + std::string(96, 'a');
  bad(long_key.c_str(), {"1"}, "95 bytes");
  for (int i = 0; i < 64; ++i) {
    CHECK_EQ(maque_trainer_option(t, ("lr_scale.p" + std::to_string(i)).c_str(), "2"), MAQUE_OK);
  }
  CHECK_EQ(maque_trainer_option(t, "lr_scale.p3", "3"), MAQUE_OK);  // the same one again
  bad("lr_scale.one-more", {"1"}, "at most 64");
  maque_trainer_free(t);
}

/// Builds with more options than the geometry's; what build says.
int32_t build_with(const Geometry& g, const Options& more) {
  int64_t t = 0;
  maque_trainer_new(&t);
  Options all = options_of(g);
  all.insert(all.end(), more.begin(), more.end());
  for (const auto& [k, v] : all) expect(maque_trainer_option(t, k.c_str(), v.c_str()), MAQUE_OK, k.c_str());
  give_tensors(t, g, Weights<float>(g, 1), true);
  const int32_t code = maque_trainer_build(t);
  maque_trainer_free(t);
  return code;
}

TEST(options_that_do_not_fit) {
  const Geometry bert = bert_geometry(Pooling::cls), student = student_geometry(Kind::sequence, Pooling::max);
  refuse(build_with(bert, {{"train", "last-layers:3"}}), MAQUE_INVALID_ARGUMENT, "last-layers:3 of 2");
  refuse(build_with(bert, {{"embedding_dropout", "0.1"}}), MAQUE_INVALID_ARGUMENT, "students");
  refuse(build_with(bert, {{"output_dropout", "0.1"}}), MAQUE_INVALID_ARGUMENT, "students");
  refuse(build_with(student, {{"hidden_dropout", "0.1"}}), MAQUE_INVALID_ARGUMENT, "bert");
  refuse(build_with(student, {{"attention_dropout", "0.1"}}), MAQUE_INVALID_ARGUMENT, "bert");
  refuse(build_with(student, {{"train", "head"}}), MAQUE_INVALID_ARGUMENT, "student");
  refuse(build_with(student, {{"train_vectors", "1"}}), MAQUE_INVALID_ARGUMENT, "document");
  for (const char* weights : {"1,2", "1,2,3,4", "1,x,3", "1,-2,3", "1,,3", "1,2,3,"}) {
    refuse(build_with(bert, {{"class_weights", weights}}), MAQUE_INVALID_ARGUMENT, "3 numbers");
  }
  refuse(build_with(bert, {{"class_weights", "0,0,0"}}), MAQUE_INVALID_ARGUMENT, "above 0");
  CHECK_EQ(build_with(bert, {{"class_weights", ""}}), MAQUE_OK);
  CHECK_EQ(build_with(bert, {{"class_weights", "1,0.5,2e0"}, {"train", "last-layers:2"}}), MAQUE_OK);
}

TEST(order_of_calls) {
  const Geometry g = student_geometry(Kind::sequence, Pooling::max);
  int64_t t = 0;
  int32_t i = 0;
  float x[4];
  const int64_t dims[] = {1};
  maque_trainer_new(&t);
  CHECK_EQ(maque_trainer_tensor_count(t, &i), MAQUE_BAD_STATE);
  CHECK_EQ(maque_trainer_update(t, 0.1), MAQUE_BAD_STATE);
  CHECK_EQ(maque_trainer_read(t, "head.0.bias", "value", x, 4), MAQUE_BAD_STATE);
  CHECK_EQ(give_texts(t, nullptr, 0, &i, 0), MAQUE_BAD_STATE);
  CHECK_EQ(maque_trainer_trunk_shape(t, &i, &i), MAQUE_BAD_STATE);
  refuse(maque_trainer_build(t), MAQUE_INVALID_ARGUMENT, "kind is missing");
  maque_trainer_free(t);

  t = make_trainer(g, Weights<float>(g, 1));
  CHECK_EQ(maque_trainer_build(t), MAQUE_BAD_STATE);
  CHECK_EQ(maque_trainer_tensor(t, "x", "F32", 1, dims, x, 4), MAQUE_BAD_STATE);
  refuse(maque_trainer_option(t, "seed", "3"), MAQUE_BAD_STATE, "before");
  CHECK_EQ(maque_trainer_option(t, "ce_weight", "0.5"), MAQUE_OK);
  refuse(maque_trainer_update(t, 0.1), MAQUE_BAD_STATE, "gradients");
  double report[9];
  const auto without_batch = [&] {
    for (int32_t code :
         {maque_trainer_trunk(t, x, 4), maque_trainer_gradients(t, report),
          maque_trainer_step(t, 0.1, report), maque_trainer_start(t, 0.1), maque_trainer_forward(t, x, 4)})
      refuse(code, MAQUE_BAD_STATE, "no batch");
  };
  without_batch();
  Step s(OwnedBatch<float>(g, {3, 2}, 4));
  Step wrong = s;
  wrong.ids[0] = -1;
  CHECK_EQ(s.batch(t), MAQUE_OK);
  refuse(wrong.batch(t), MAQUE_INVALID_ARGUMENT, "ids[0]");
  without_batch();
  CHECK_EQ(s.gradients(t), MAQUE_OK);
  CHECK_EQ(maque_trainer_update(t, 0.1), MAQUE_OK);
  CHECK_EQ(maque_trainer_update(t, 0.1), MAQUE_BAD_STATE);  // spent
  for (double lr : {-0.1, std::nan(""), HUGE_VAL}) {
    CHECK_EQ(s.gradients(t), MAQUE_OK);
    refuse(maque_trainer_update(t, lr), MAQUE_INVALID_ARGUMENT, "lr");
    refuse(s.step(t, lr), MAQUE_INVALID_ARGUMENT, "lr");
  }
  CHECK_EQ(maque_trainer_option(t, "step", "2147483647"), MAQUE_OK);
  CHECK_EQ(s.gradients(t), MAQUE_OK);
  CHECK_EQ(maque_trainer_update(t, 0.1), MAQUE_BAD_STATE);
  CHECK_EQ(maque_trainer_free(t), MAQUE_OK);
}

TEST(wrong_batches) {
  const Geometry g = bert_geometry(Pooling::cls);
  const int64_t t = make_trainer(g, Weights<float>(g, 1), {{"train", "last-tensors:4"}});
  const Step good(OwnedBatch<float>(g, {3, 2}, 4));
  const auto spoiled = [&](const char* part, auto spoil) {
    Step s = good;
    spoil(s);
    refuse(s.gradients(t), MAQUE_INVALID_ARGUMENT, part);
  };
  Step fine = good;
  CHECK_EQ(fine.gradients(t), MAQUE_OK);
  spoiled("n:", [](Step& s) { s.n = 0; });
  spoiled("n:", [](Step& s) { s.n = -1; });
  spoiled("offsets[0]", [](Step& s) { s.offsets[0] = 1; });
  spoiled("offsets[2]", [](Step& s) { s.offsets[2] = 1; });
  spoiled("text 1 is empty", [](Step& s) { s.offsets[2] = 3; });
  spoiled("ids has only", [](Step& s) { s.offsets[2] = 6; });
  spoiled("ids[1]", [](Step& s) { s.ids[1] = 11; });
  spoiled("ids[1]", [](Step& s) { s.ids[1] = -1; });
  spoiled("type_ids[0]", [](Step& s) { s.types[0] = 2; });
  spoiled("labels[1]: -1 .. 2 expected, got 3", [](Step& s) { s.labels[1] = 3; });
  spoiled("labels[0]", [](Step& s) { s.labels[0] = -2; });
  spoiled("has_soft[1]", [](Step& s) { s.has_soft[1] = 7; });
  spoiled("trunk: 2 * 12 elements expected, got 23", [](Step& s) { s.trunk.resize(23); });
  spoiled("empty", [](Step& s) {
    s.trunk.resize(24);
    s.offsets[1] = 0;
  });
  const auto texts = [&](int32_t n) { return give_texts(t, good.ids.data(), 5, good.offsets.data(), n); };
  refuse(give_texts(t, good.ids.data(), 5, nullptr, 2), MAQUE_INVALID_ARGUMENT, "offsets is null");
  refuse(give_texts(t, nullptr, 5, good.offsets.data(), 2), MAQUE_INVALID_ARGUMENT, "ids is null");
  float out[24];
  CHECK_EQ(texts(2), MAQUE_OK);
  refuse(maque_trainer_trunk(t, out, 23), MAQUE_INVALID_ARGUMENT, "2 * 12");
  refuse(maque_trainer_trunk(t, nullptr, 24), MAQUE_INVALID_ARGUMENT, "out is null");
  refuse(maque_trainer_forward(t, out, 5), MAQUE_INVALID_ARGUMENT, "2 * 3");
  CHECK_EQ(maque_trainer_forward(t, out, 6), MAQUE_OK);
  CHECK_EQ(texts(0), MAQUE_OK);
  CHECK_EQ(maque_trainer_forward(t, nullptr, 0), MAQUE_OK);
  Step rows = good;
  rows.trunk.resize(24);
  CHECK_EQ(rows.batch(t), MAQUE_OK);
  refuse(maque_trainer_trunk(t, out, 24), MAQUE_INVALID_ARGUMENT, "ids expected");
  // No labels and no soft targets: nothing to learn, a loss of 0.
  double report[9];
  CHECK_EQ(texts(2), MAQUE_OK);
  CHECK_EQ(maque_trainer_gradients(t, report), MAQUE_OK);
  for (double x : report) CHECK_EQ(x, 0.0);
  maque_trainer_free(t);
}

TEST(ranges) {
  const Geometry g = bert_geometry(Pooling::mean);
  Weights<float> w(g, 1);
  const auto set = [&](const char* name, float value) {
    const int64_t i = find_tensor(g, name);
    for (float& x : w.tensors[static_cast<size_t>(i)]) x = value;
  };
  // Layer 0: every value, output of the first LayerNorm and inner activation is a constant.
  set("encoder.layer.0.attention.self.value.weight", 0);
  set("encoder.layer.0.attention.self.value.bias", -2);
  set("encoder.layer.0.attention.output.LayerNorm.weight", 0);
  set("encoder.layer.0.attention.output.LayerNorm.bias", -3);
  set("encoder.layer.0.intermediate.dense.weight", 0);
  set("encoder.layer.0.intermediate.dense.bias", 4);
  const int64_t t = make_trainer(g, w, {{"train", "last-layers:1"}, {"hidden_act", "relu"}});
  const OwnedBatch<float> batch(g, {3, 2}, 7);
  const auto n = static_cast<size_t>(g.layers * (3 * g.hidden + g.intermediate));
  std::vector<float> got(n), trunk(static_cast<size_t>(5 * g.hidden));
  const auto ranges = [&](int32_t texts, float* out, size_t len) {
    expect(give_texts(t, batch.id_data(), 5, batch.offset_data(), texts), MAQUE_OK, "batch");
    return maque_trainer_ranges(t, out, static_cast<int64_t>(len));
  };
  refuse(ranges(2, got.data(), n - 1), MAQUE_INVALID_ARGUMENT, "elements");
  refuse(ranges(2, nullptr, n), MAQUE_INVALID_ARGUMENT, "out is null");
  expect(ranges(2, got.data(), n), MAQUE_OK, "ranges");
  const auto h = static_cast<size_t>(g.hidden), inner = static_cast<size_t>(g.intermediate);
  // The attention's weights add up to 1 but for rounding.
  for (size_t i = 0; i < h; ++i) CHECK(std::fabs(got[h + i] - 2) < 1e-6f && got[2 * h + i] == 3);
  for (size_t i = 0; i < inner; ++i) CHECK_EQ(got[3 * h + i], 4.0f);
  expect(maque_trainer_trunk(t, trunk.data(), static_cast<int64_t>(trunk.size())), MAQUE_OK, "trunk");
  const float* last = got.data() + (g.layers - 1) * (3 * g.hidden + g.intermediate);
  for (size_t i = 0; i < h; ++i) {
    float most = 0;
    for (size_t row = 0; row < 5; ++row) most = std::fmax(most, std::fabs(trunk[row * h + i]));
    CHECK_EQ(last[i], most);
  }
  expect(ranges(0, got.data(), n), MAQUE_OK, "no texts");
  for (float x : got) CHECK_EQ(x, 0.0f);
  maque_trainer_free(t);
  const Geometry student = student_geometry(Kind::document, Pooling::none);
  const int64_t other = make_trainer(student, Weights<float>(student, 1));
  refuse(maque_trainer_ranges(other, got.data(), static_cast<int64_t>(n)), MAQUE_INVALID_ARGUMENT,
         "a bert expected");
  maque_trainer_free(other);
}

TEST(trunks) {
  const Geometry student = student_geometry(Kind::document, Pooling::none);
  int64_t t = make_trainer(student, Weights<float>(student, 1));
  int32_t kind = 9, width = 9;
  CHECK_EQ(maque_trainer_trunk_shape(t, nullptr, &width), MAQUE_INVALID_ARGUMENT);
  CHECK_EQ(maque_trainer_trunk_shape(t, &kind, &width), MAQUE_OK);
  CHECK(kind == 0 && width == 0);
  float out[24];
  Step s(OwnedBatch<float>(student, {3, 2}, 4));
  CHECK_EQ(s.batch(t), MAQUE_OK);
  refuse(maque_trainer_trunk(t, out, 24), MAQUE_BAD_STATE, "no trunk");
  s.trunk.resize(24);
  refuse(s.gradients(t), MAQUE_INVALID_ARGUMENT, "no trunk");
  maque_trainer_free(t);

  const Geometry bert = bert_geometry(Pooling::mean);
  t = make_trainer(bert, Weights<float>(bert, 1), {{"train", "head"}});
  CHECK_EQ(maque_trainer_trunk_shape(t, &kind, &width), MAQUE_OK);
  CHECK(kind == 1 && width == 12);
  maque_trainer_free(t);
}

TEST(not_finite) {
  const Geometry g = student_geometry(Kind::sequence, Pooling::max);
  const Weights<float> w(g, 1);
  const int64_t t = make_trainer(g, w);
  maque_trainer_option(t, "soft_weight", "1");
  Step s(OwnedBatch<float>(g, {3, 2}, 4));
  s.soft[0] = kNan;
  refuse(s.step(t, 0.1), MAQUE_NOT_FINITE, "not finite");
  CHECK(!std::isfinite(s.report[0]));
  CHECK_EQ(maque_trainer_update(t, 0.1), MAQUE_BAD_STATE);
  s.soft[0] = 1e30f;
  refuse(s.step(t, 0.1), MAQUE_NOT_FINITE, "not finite");
  std::vector<float> kept(6);
  CHECK_EQ(maque_trainer_read(t, "head.0.bias", "value", kept.data(), 6), MAQUE_OK);
  CHECK_BITS(kept.data(), w.pointers[static_cast<size_t>(find_tensor(g, "head.0.bias"))], 6,
             "nothing was updated");
  s.soft[0] = 1;
  CHECK_EQ(s.step(t, 0.1), MAQUE_OK);
  kept[2] = kNan;
  refuse(maque_trainer_write(t, "head.0.bias", "value", kept.data(), 6), MAQUE_NOT_FINITE, "element 2");
  maque_trainer_free(t);
}

TEST(tensors) {
  const Geometry g = bert_geometry(Pooling::pooler);
  const int64_t adam = make_trainer(g, Weights<float>(g, 1), {{"train", "last-tensors:4"}});
  const int64_t sgd = make_trainer(g, Weights<float>(g, 1), {{"optimizer", "sgd"}});
  int32_t count = 0, rank = 0, trained = 0;
  int64_t dims[4];
  char name[96];
  CHECK_EQ(maque_trainer_tensor_count(adam, nullptr), MAQUE_INVALID_ARGUMENT);
  CHECK_EQ(maque_trainer_tensor_count(adam, &count), MAQUE_OK);
  CHECK_EQ(count, 5 + 2 * 16 + 2 + 4);
  std::string all;
  for (int32_t i = 0; i < count; ++i) {
    CHECK_EQ(maque_trainer_tensor_info(adam, i, name, 96, &rank, dims, &trained), MAQUE_OK);
    if (trained == 1) all += std::string(name) + " ";
  }
  CHECK_EQ(
      all,
      "encoder.layer.1.output.LayerNorm.weight encoder.layer.1.output.LayerNorm.bias pooler.dense.weight "
      "pooler.dense.bias head.0.weight head.0.bias head.2.weight head.2.bias ");
  for (int32_t i : {-1, count, INT32_MAX, INT32_MIN}) {
    refuse(maque_trainer_tensor_info(adam, i, name, 96, &rank, dims, &trained), MAQUE_INVALID_ARGUMENT,
           "from 0 to 42");
  }
  CHECK_EQ(maque_trainer_tensor_info(adam, 0, nullptr, 96, &rank, dims, &trained), MAQUE_INVALID_ARGUMENT);
  CHECK_EQ(maque_trainer_tensor_info(adam, 0, name, 96, nullptr, dims, &trained), MAQUE_INVALID_ARGUMENT);
  CHECK_EQ(maque_trainer_tensor_info(adam, 0, name, 96, &rank, nullptr, &trained), MAQUE_INVALID_ARGUMENT);
  CHECK_EQ(maque_trainer_tensor_info(adam, 0, name, 96, &rank, dims, nullptr), MAQUE_INVALID_ARGUMENT);
  float x[12] = {0};
  const char* bias = "pooler.dense.bias";
  for (const char* what : {"value", "gradient", "m", "v"}) {
    CHECK_EQ(maque_trainer_read(adam, bias, what, x, 12), MAQUE_OK);
    CHECK_EQ(maque_trainer_write(adam, bias, what, x, 12), MAQUE_OK);
  }
  refuse(maque_trainer_read(adam, bias, "momentum", x, 12), MAQUE_INVALID_ARGUMENT, "m | v");
  refuse(maque_trainer_read(sgd, bias, "m", x, 12), MAQUE_INVALID_ARGUMENT, "momentum");
  refuse(maque_trainer_read(sgd, bias, "momentum", x, 12), MAQUE_INVALID_ARGUMENT, "keeps none");
  refuse(maque_trainer_read(adam, bias, "value", x, 11), MAQUE_INVALID_ARGUMENT,
         "12 elements expected, got 11");
  refuse(maque_trainer_write(adam, bias, "value", x, 13), MAQUE_INVALID_ARGUMENT,
         "12 elements expected, got 13");
  refuse(maque_trainer_read(adam, "embeddings.LayerNorm.bias", "gradient", x, 12), MAQUE_INVALID_ARGUMENT,
         "not trained");
  CHECK_EQ(maque_trainer_read(adam, "embeddings.LayerNorm.bias", "value", x, 12), MAQUE_OK);
  refuse(maque_trainer_read(adam, "bert.pooler", "value", x, 12), MAQUE_INVALID_ARGUMENT, "bert.pooler");
  CHECK_EQ(maque_trainer_read(adam, nullptr, "value", x, 12), MAQUE_INVALID_ARGUMENT);
  CHECK_EQ(maque_trainer_read(adam, bias, nullptr, x, 12), MAQUE_INVALID_ARGUMENT);
  CHECK_EQ(maque_trainer_read(adam, bias, "value", nullptr, 12), MAQUE_INVALID_ARGUMENT);
  CHECK_EQ(maque_trainer_write(adam, bias, "value", nullptr, 12), MAQUE_INVALID_ARGUMENT);
  maque_trainer_free(adam);
  maque_trainer_free(sgd);
}

std::vector<float> read(int64_t t, const char* name, const char* what, size_t n) {
  std::vector<float> x(n);
  expect(maque_trainer_read(t, name, what, x.data(), static_cast<int64_t>(n)), MAQUE_OK, name);
  return x;
}

/// PyTorch's rules by hand, on gradients written from outside: rate scales, decay that leaves biases alone,
/// clipping, Adam's first step.
TEST(updates) {
  const Geometry g = student_geometry(Kind::sequence, Pooling::max, {});
  const Weights<float> w(g, 1);
  const std::vector<float> gradient = {0.3f, -0.4f, 1.2f};
  const std::vector<float> before = w.tensors[static_cast<size_t>(find_tensor(g, "head.0.bias"))];

  int64_t t = make_trainer(
      g, w,
      {{"optimizer", "sgd"}, {"lr_scale.head", "7"}, {"lr_scale.head.0.b", "0.5"}, {"clip_norm", "0.65"}});
  CHECK_EQ(maque_trainer_write(t, "head.0.bias", "gradient", gradient.data(), 3), MAQUE_OK);
  CHECK_EQ(maque_trainer_update(t, 0.2), MAQUE_OK);  // norm 1.3: scaled by 0.65 / (1.3 + 1e-6)
  std::vector<float> after = read(t, "head.0.bias", "value", 3);
  for (size_t i = 0; i < 3; ++i) {
    CHECK_LE(std::abs(after[i] - (before[i] - 0.1f * 0.5f * gradient[i])), 1e-6f);
  }
  CHECK(read(t, "lstm.bias_hh_l0", "value", 28) ==
        w.tensors[static_cast<size_t>(find_tensor(g, "lstm.bias_hh_l0"))]);
  maque_trainer_free(t);

  t = make_trainer(g, w, {{"weight_decay", "0.1"}});
  CHECK_EQ(maque_trainer_write(t, "head.0.bias", "gradient", gradient.data(), 3), MAQUE_OK);
  CHECK_EQ(maque_trainer_update(t, 0.01), MAQUE_OK);
  after = read(t, "head.0.bias", "value", 3);  // Adam's first step is lr * sign(gradient)
  for (size_t i = 0; i < 3; ++i)
    CHECK_LE(std::abs(after[i] - (before[i] - std::copysign(0.01f, gradient[i]))), 1e-6f);
  const std::vector<float> weight = read(t, "head.0.weight", "value", 42);
  for (size_t i = 0; i < 42; ++i) {  // no gradient, but decay
    CHECK_LE(
        std::abs(weight[i] - 0.999f * w.tensors[static_cast<size_t>(find_tensor(g, "head.0.weight"))][i]),
        1e-6f);
  }
  CHECK(read(t, "lstm.bias_hh_l0", "value", 28) ==
        w.tensors[static_cast<size_t>(find_tensor(g, "lstm.bias_hh_l0"))]);
  CHECK_LE(std::abs(read(t, "head.0.bias", "m", 3)[1] / -0.04f - 1), 1e-6f);
  CHECK_LE(std::abs(read(t, "head.0.bias", "v", 3)[1] / 0.00016f - 1), 1e-6f);
  maque_trainer_free(t);
}

/// A trainer that takes over values, state and step number goes on with the same bits.
TEST(resume) {
  const Geometry g = student_geometry(Kind::sequence, Pooling::mean);
  const Options options = {{"seed", "5"}, {"embedding_dropout", "0.2"}, {"head_dropout", "0.3"}};
  int64_t whole = make_trainer(g, Weights<float>(g, 1), options);
  for (uint64_t i = 0; i < 3; ++i)
    CHECK_EQ(Step(OwnedBatch<float>(g, {3, 2, 4}, i)).step(whole, 0.05), MAQUE_OK);
  int64_t resumed = make_trainer(g, Weights<float>(g, 99), options);
  for (int64_t i = 0; i < tensor_count(g); ++i) {
    const TensorSpec s = tensor_spec(g, i);
    for (const char* what : {"value", "m", "v"}) {
      const std::vector<float> x = read(whole, s.name, what, static_cast<size_t>(s.size()));
      CHECK_EQ(maque_trainer_write(resumed, s.name, what, x.data(), s.size()), MAQUE_OK);
    }
  }
  CHECK_EQ(maque_trainer_option(resumed, "step", "3"), MAQUE_OK);
  for (int64_t t : {whole, resumed}) {
    for (uint64_t i = 3; i < 5; ++i)
      CHECK_EQ(Step(OwnedBatch<float>(g, {3, 2, 4}, i)).step(t, 0.05), MAQUE_OK);
  }
  for (int64_t i = 0; i < tensor_count(g); ++i) {
    const TensorSpec s = tensor_spec(g, i);
    const auto n = static_cast<size_t>(s.size());
    CHECK_BITS(read(whole, s.name, "value", n).data(), read(resumed, s.name, "value", n).data(), s.size(),
               s.name);
  }
  maque_trainer_free(whole);
  maque_trainer_free(resumed);
}

TEST(no_memory) {
  const Geometry g = bert_geometry(Pooling::cls);
  const Weights<float> w(g, 1);
  bool done = false;
  for (int64_t n = 0; !done && n < 2000; ++n) {
    int64_t t = 0;
    Step s(OwnedBatch<float>(g, {3, 2}, 4));
    fail_allocations_after(n);
    int32_t code = maque_trainer_new(&t);
    for (const auto& [k, v] : options_of(g)) {
      if (code == MAQUE_OK) code = maque_trainer_option(t, k.c_str(), v.c_str());
    }
    if (code == MAQUE_OK) code = maque_trainer_option(t, "class_weights", "1,2,3");
    if (code == MAQUE_OK) code = maque_trainer_option(t, "train", "last-layers:1");
    for (int64_t i = 0; i < tensor_count(g) && code == MAQUE_OK; ++i) {
      const TensorSpec spec = tensor_spec(g, i);
      code = maque_trainer_tensor(t, spec.name, "F32", spec.rank, spec.dims,
                                  w.pointers[static_cast<size_t>(i)], 4 * spec.size());
    }
    if (code == MAQUE_OK) code = maque_trainer_build(t);
    if (code == MAQUE_OK) code = s.step(t, 0.1);
    done = code == MAQUE_OK;
    fail_allocations_after(-1);
    CHECK(code == MAQUE_OK || code == MAQUE_OUT_OF_MEMORY);
    CHECK_EQ(maque_trainer_free(t), t == 0 ? MAQUE_BAD_HANDLE : MAQUE_OK);
    CHECK(done || n < 1999);
  }
}

struct Shared {
  int64_t trainer;
  long good = 0, busy = 0, other = 0;
};

void* keep_stepping(void* pointer) {
  Shared& shared = *static_cast<Shared*>(pointer);
  const Geometry g = student_geometry(Kind::sequence, Pooling::mean);
  Step s(OwnedBatch<float>(g, {3, 2, 4}, 1));
  for (int i = 0; i < 300; ++i) {
    const int32_t code = s.step(shared.trainer, 0.01);
    long* count = code == MAQUE_OK ? &shared.good : code == MAQUE_BAD_STATE ? &shared.busy : &shared.other;
    __atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
  }
  return nullptr;
}

TEST(one_thread_at_a_time) {
  const Geometry g = student_geometry(Kind::sequence, Pooling::mean);
  Shared shared{make_trainer(g, Weights<float>(g, 1), {{"threads", "2"}})};
  pthread_t threads[3];
  for (pthread_t& t : threads) CHECK_EQ(pthread_create(&t, nullptr, keep_stepping, &shared), 0);
  for (pthread_t& t : threads) pthread_join(t, nullptr);
  CHECK_EQ(shared.good + shared.busy, 900);
  CHECK(shared.good > 0);
  CHECK_EQ(maque_trainer_free(shared.trainer), MAQUE_OK);
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
