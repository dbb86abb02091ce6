// N-grams over the ABIs: every wrong argument, updates row by row against SparseAdam's rule, resuming, and
// values by hand.
#include <algorithm>
#include <set>

#include "tests/abi_fixture.h"

namespace maque::test {
namespace {

std::string train_message() {
  char text[512];
  maque_train_last_error(text, sizeof text);
  return text;
}

/// message: gives what was said of the code.
void refuse(int32_t code, std::string (*message_of)(), const char* part) {
  expect(code, MAQUE_INVALID_ARGUMENT, part);
  const std::string message = message_of();
  const bool said = message.find(part) != std::string::npos;
  CHECK(said);
  if (!said) std::printf("  '%s' lacks '%s'\n", message.c_str(), part);
}

/// The code of building a model with these options and no tensors.
int32_t build_with(const Options& options) {
  int64_t b = 0, model = 0;
  maque_builder_new(&b);
  for (const auto& [k, v] : options)
    expect(maque_builder_option(b, k.c_str(), v.c_str()), MAQUE_OK, k.c_str());
  const int32_t code = maque_builder_build(b, &model);
  maque_builder_free(b);
  return code;
}

Options without(Options options, const std::string& key) {
  options.erase(std::remove_if(options.begin(), options.end(), [&](const auto& o) { return o.first == key; }),
                options.end());
  return options;
}

TEST(geometries) {
  const Options bag = options_of(bag_geometry()),
                document = options_of(with_ngrams(student_geometry(Kind::document, Pooling::none))),
                bert = options_of(bert_geometry(Pooling::cls));
  const auto more = [](Options options, const char* key, const char* value) {
    options.push_back({key, value});
    return options;
  };
  const auto says = [](const Options& options, const char* part) {
    refuse(build_with(options), last_message, part);
  };
  for (const Options& o : {bag, document}) {
    says(without(o, "ngram_buckets"), "ngram_buckets is missing");
    says(without(o, "ngram_width"), "ngram_width is missing");
    CHECK_EQ(build_with(o), MAQUE_BAD_MODEL);  // the tensors are missing
  }
  says(without(without(bag, "ngram_width"), "ngram_buckets"), "ngram_width is missing");
  says(more(bag, "vocab_size", "3"), "n-grams alone");
  says(more(bag, "hidden_size", "3"), "n-grams alone");
  says(more(bag, "pooling", "max"), "n-grams alone");
  says(more(bert, "ngram_width", "3"), "for students only");
  int64_t b = 0;
  maque_builder_new(&b);
  for (const char* value : {"0", "-1", "4097", "x"})
    refuse(maque_builder_option(b, "ngram_width", value), last_message, "from 1 to 4096");
  for (const char* value : {"0", "2147483648"})
    refuse(maque_builder_option(b, "ngram_buckets", value), last_message, "from 1 to 2147483647");
  maque_builder_free(b);
}

/// Arguments that a test may spoil one by one, for every call that takes n-grams.
struct Call {
  std::vector<int32_t> ids{1, 2, 3}, offsets{0, 2, 3}, bag_ids{5, 12, 5}, bag_offsets{0, 3, 3};
  bool tokens = true, null_bag = false, null_bag_offsets = false;
  int32_t n = 2;

  const int32_t* id_data() const { return tokens ? ids.data() : nullptr; }
  const int32_t* offset_data() const { return tokens ? offsets.data() : nullptr; }
  const int32_t* bag() const { return null_bag ? nullptr : bag_ids.data(); }
  const int32_t* bags() const { return null_bag_offsets ? nullptr : bag_offsets.data(); }
  int64_t bag_len() const { return static_cast<int64_t>(bag_ids.size()); }

  int32_t predict(int64_t model) const {
    float out[6];
    return maque_predict(model, id_data(), 3, offset_data(), n, nullptr, bag(), bag_len(), bags(), out, 6);
  }
  int32_t batch(int64_t t) const {
    const int32_t labels[] = {0, 2};
    return maque_trainer_batch(t, id_data(), 3, offset_data(), n, nullptr, bag(), bag_len(), bags(), nullptr,
                               0, labels, nullptr, nullptr);
  }
  int32_t forward(int64_t t) const {
    float out[6];
    const int32_t code = batch(t);
    return code == MAQUE_OK ? maque_trainer_forward(t, out, 6) : code;
  }
  int32_t gradients(int64_t t) const {
    const int32_t code = batch(t);
    return code == MAQUE_OK ? maque_trainer_gradients(t, nullptr) : code;
  }
  int32_t step(int64_t t) const {
    const int32_t code = batch(t);
    return code == MAQUE_OK ? maque_trainer_step(t, 0.1, nullptr) : code;
  }

  void refused(int64_t model, int64_t trainer, const char* part) const {
    const int32_t code = predict(model);
    refuse(code, last_message, part);
    refuse(batch(trainer), train_message, part);
  }
  void taken(int64_t model, int64_t trainer) const {
    for (int32_t code : {predict(model), forward(trainer), gradients(trainer), step(trainer)})
      expect(code, MAQUE_OK, "a call with n-grams");
  }
};

void check_inputs(const Geometry& g) {
  const Weights<float> w(g, 1);
  const int64_t model = make_model(g, w), trainer = make_trainer(g, w);
  Call good;
  good.tokens = g.kind != Kind::bag;
  good.taken(model, trainer);
  const auto spoiled = [&](const char* part, auto spoil) {
    Call call = good;
    spoil(call);
    call.refused(model, trainer, part);
  };
  spoiled("n: at least", [](Call& c) { c.n = -1; });
  spoiled("bag_offsets is null", [](Call& c) { c.null_bag_offsets = true; });
  spoiled("bag_offsets[0]: 0 expected, got 1", [](Call& c) { c.bag_offsets[0] = 1; });
  spoiled("bag_offsets[2]: at least 3 expected, got 2", [](Call& c) { c.bag_offsets[2] = 2; });
  spoiled("bag_ids has only 3", [](Call& c) { c.bag_offsets[2] = 4; });
  spoiled("bag_ids is null", [](Call& c) { c.null_bag = true; });
  spoiled("bag_ids[1]: 0 .. 12 expected, got 13", [](Call& c) { c.bag_ids[1] = 13; });
  spoiled("bag_ids[2]: 0 .. 12 expected, got -1", [](Call& c) { c.bag_ids[2] = -1; });
  spoiled(good.tokens ? "offsets is null" : "null expected", [](Call& c) { c.tokens = !c.tokens; });
  Call none = good;  // texts without n-grams
  none.bag_offsets = {0, 0, 0};
  none.null_bag = true;
  none.taken(model, trainer);
  maque_model_free(model);
  maque_trainer_free(trainer);
}

TEST(inputs) {
  check_inputs(bag_geometry());
  check_inputs(with_ngrams(student_geometry(Kind::document, Pooling::none)));
  check_inputs(with_ngrams(student_geometry(Kind::sequence, Pooling::max_logits)));
  const Geometry plain = student_geometry(Kind::document, Pooling::none);
  const Weights<float> w(plain, 1);
  const int64_t model = make_model(plain, w), trainer = make_trainer(plain, w);
  Call().refused(model, trainer, "the model has no n-grams");
  maque_model_free(model);
  maque_trainer_free(trainer);
}

TEST(options_of_training) {
  const auto built = [](const Geometry& g, const char* key, const char* value) {
    int64_t t = 0;
    maque_trainer_new(&t);
    Options all = options_of(g);
    all.push_back({key, value});
    for (const auto& [k, v] : all) expect(maque_trainer_option(t, k.c_str(), v.c_str()), MAQUE_OK, k.c_str());
    const int32_t code = maque_trainer_build(t);
    maque_trainer_free(t);
    return code;
  };
  refuse(built(student_geometry(Kind::document, Pooling::none), "ngram_dropout", "0.1"), train_message,
         "students with n-grams");
  refuse(built(bag_geometry(), "embedding_dropout", "0.1"), train_message, "a bag has");
  refuse(built(bag_geometry(), "output_dropout", "0.1"), train_message, "a bag has");
  refuse(built(bag_geometry(), "train_vectors", "1"), train_message, "document");
}

/// Logits worked out by hand: a linear bag.
TEST(values_by_hand) {
  Geometry g = bag_geometry({});
  g.num_labels = 2;
  g.ngram_buckets = 3;
  g.ngram_width = 2;
  Weights<float> w(g, 1);
  w.tensors[0] = {1, 2, -1, 0.5f};    // head.0.weight
  w.tensors[1] = {0.25f, -0.5f};      // head.0.bias
  w.tensors[2] = {1, 2, 3, 4, 5, 6};  // ngrams.weight
  for (size_t i = 0; i < 3; ++i) w.pointers[i] = w.tensors[i].data();
  const int64_t model = make_model(g, w);
  const int32_t bag_ids[] = {2, 0, 2, 2}, bag_offsets[] = {0, 4, 4};
  float out[4];
  expect(maque_predict(model, nullptr, 0, nullptr, 2, nullptr, bag_ids, 4, bag_offsets, out, 4), MAQUE_OK,
         "");
  CHECK(out[0] == 4 + 2 * 5 + 0.25f && out[1] == -4 + 0.5f * 5 - 0.5f);  // mean of rows 2, 0, 2, 2: (4, 5)
  CHECK(out[2] == 0.25f && out[3] == -0.5f);
  maque_model_free(model);
}

/// One tensor's values and state.
struct State {
  std::vector<double> value, m, v;

  explicit State(const TrainTensor<double>& t)
      : value(t.value, t.value + t.spec.size()),
        m(t.first, t.first + t.spec.size()),
        v(t.second, t.second + t.spec.size()) {}
};

/// Rows of the batch follow Adam with the step's corrections, the clipped gradient, their own rate and no
/// decay; the others keep value and state.
TEST(rows_follow_sparse_adam) {
  const Geometry g = with_ngrams(student_geometry(Kind::document, Pooling::none));
  TrainerOptions o;
  o.weight_decay = 0.1;
  o.clip_norm = 0.05;
  o.rate_scales[0] = {"ngrams.", 3};
  o.rate_scale_count = 1;
  Trainer<double> trainer;
  const Weights<double> w(g, 7);
  CHECK_EQ(trainer.create(g, o, kernels_ref_double, serial_executor(), w.pointers.data()), kOk);
  const int64_t table = ngram_tensor(g), width = g.ngram_width, n = g.ngram_buckets * width;
  std::vector<double> gradient(static_cast<size_t>(n));
  for (int step = 0; step < 4; ++step) {
    OwnedBatch<double> batch(g, {3, 1, 2}, static_cast<uint64_t>(step));
    for (int32_t& id : batch.bag_ids)
      id = (id + step) % 7 + (step % 2);  // some rows now and then, 8 .. never
    double report[9];
    CHECK_EQ(trainer.gradients(batch.train(), report), kOk);
    trainer.read_gradient(table, gradient.data());
    const double scale = std::min(1.0, 0.05 / (report[8] + 1e-6));
    CHECK(scale < 1);
    const State before(trainer.tensor(table));
    CHECK_EQ(trainer.update(0.01), kOk);
    const State after(trainer.tensor(table));
    const std::set<int32_t> rows(batch.bag_ids.begin(), batch.bag_ids.end());
    const double t = step + 1;
    for (size_t i = 0; i < gradient.size(); ++i) {
      if (rows.count(static_cast<int32_t>(static_cast<int64_t>(i) / width)) == 0) {
        CHECK(gradient[i] == 0 && after.value[i] == before.value[i] && after.m[i] == before.m[i] &&
              after.v[i] == before.v[i]);
        continue;
      }
      const double d = scale * gradient[i], m = 0.9 * before.m[i] + 0.1 * d,
                   v = 0.999 * before.v[i] + 0.001 * d * d;
      const double expected = before.value[i] - 0.03 * (m / (1 - std::pow(0.9, t))) /
                                                    (std::sqrt(v / (1 - std::pow(0.999, t))) + 1e-8);
      CHECK_LE(std::abs(after.m[i] - m), 1e-15);
      CHECK_LE(std::abs(after.v[i] - v), 1e-15);
      CHECK_LE(std::abs(after.value[i] - expected), 1e-12);
    }
  }
}

/// A gradient that is read, and written back into another trainer of the same values, gives the same update.
TEST(gradients_written_from_outside) {
  const Geometry g = bag_geometry({6});
  const Options options = {{"clip_norm", "0.01"}, {"lr_scale.ngrams.", "3"}};
  const Weights<float> w(g, 1);
  const int64_t from = make_trainer(g, w, options), to = make_trainer(g, w, options);
  Call call;
  call.tokens = false;
  for (int step = 0; step < 2; ++step) {
    expect(call.gradients(from), MAQUE_OK, "gradients");
    for (int64_t i = 0; i < tensor_count(g); ++i) {
      const TensorSpec s = tensor_spec(g, i);
      std::vector<float> x(static_cast<size_t>(s.size()));
      expect(maque_trainer_read(from, s.name, "gradient", x.data(), s.size()), MAQUE_OK, s.name);
      expect(maque_trainer_write(to, s.name, "gradient", x.data(), s.size()), MAQUE_OK, s.name);
    }
    expect(maque_trainer_update(from, 0.1), MAQUE_OK, "update");
    expect(maque_trainer_update(to, 0.1), MAQUE_OK, "update");
    for (int64_t i = 0; i < tensor_count(g); ++i) {
      const TensorSpec s = tensor_spec(g, i);
      std::vector<float> a(static_cast<size_t>(s.size())), b(a.size());
      maque_trainer_read(from, s.name, "value", a.data(), s.size());
      maque_trainer_read(to, s.name, "value", b.data(), s.size());
      CHECK_BITS(a.data(), b.data(), s.size(), s.name);
    }
  }
  maque_trainer_free(from);
  maque_trainer_free(to);
}

/// A trainer that takes over values, state and step number goes on with the same bits.
TEST(resume) {
  const Geometry g = with_ngrams(student_geometry(Kind::sequence, Pooling::max_logits));
  const Options options = {{"seed", "5"}, {"ngram_dropout", "0.3"}, {"lr_scale.ngrams.", "3"}};
  const int64_t whole = make_trainer(g, Weights<float>(g, 1), options),
                resumed = make_trainer(g, Weights<float>(g, 99), options);
  Call call;
  for (int32_t i = 0; i < 3; ++i) {
    call.bag_ids[1] = i;
    expect(call.step(whole), MAQUE_OK, "step");
  }
  for (int64_t i = 0; i < tensor_count(g); ++i) {
    const TensorSpec s = tensor_spec(g, i);
    std::vector<float> x(static_cast<size_t>(s.size()));
    for (const char* what : {"value", "m", "v"}) {
      if (maque_trainer_read(whole, s.name, what, x.data(), s.size()) != MAQUE_OK) continue;
      expect(maque_trainer_write(resumed, s.name, what, x.data(), s.size()), MAQUE_OK, s.name);
    }
  }
  CHECK_EQ(maque_trainer_option(resumed, "step", "3"), MAQUE_OK);
  for (int64_t t : {whole, resumed}) {
    call.bag_ids[1] = 1;  // seen before
    expect(call.step(t), MAQUE_OK, "step");
    call.bag_ids[1] = 9;
    expect(call.step(t), MAQUE_OK, "step");
  }
  for (int64_t i = 0; i < tensor_count(g); ++i) {
    const TensorSpec s = tensor_spec(g, i);
    std::vector<float> a(static_cast<size_t>(s.size())), b(a.size());
    maque_trainer_read(whole, s.name, "value", a.data(), s.size());
    maque_trainer_read(resumed, s.name, "value", b.data(), s.size());
    CHECK_BITS(a.data(), b.data(), s.size(), s.name);
  }
  maque_trainer_free(whole);
  maque_trainer_free(resumed);
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
