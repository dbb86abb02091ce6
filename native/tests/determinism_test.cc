// The same bits for any number of threads, any instruction set, any company in the batch, and from a cached
// trunk.
#include <algorithm>

#include "tests/abi_fixture.h"

namespace maque::test {
namespace {

Geometry wide_ngrams(Geometry g) {
  g.ngram_buckets = 500;
  g.ngram_width = 70;
  return g;
}

std::vector<int32_t> lengths(int64_t texts, int32_t longest, bool with_empty, uint64_t seed) {
  Random random(seed);
  std::vector<int32_t> all;
  for (int64_t i = 0; i < texts; ++i) {
    all.push_back(static_cast<int32_t>(random.below(longest)) + (with_empty && i % 17 == 3 ? 0 : 1));
  }
  if (with_empty) all[1] = 0;
  return all;
}

TrainerOptions options_for(const Geometry& g, TrainMode mode, Optimizer optimizer) {
  TrainerOptions o;
  o.mode = mode;
  o.last_layers = 1;
  o.optimizer = optimizer;
  o.momentum = 0.9;
  o.weight_decay = 0.01;
  o.clip_norm = 0.5;
  o.seed = 77;
  o.head_dropout = 0.2;
  if (g.is_bert()) {
    o.hidden_dropout = o.attention_dropout = 0.1;
  } else {
    if (g.has_lstm()) o.embedding_dropout = o.output_dropout = 0.1;
    if (g.has_ngrams()) o.ngram_dropout = 0.1;
    o.train_vectors = g.kind == Kind::document;
  }
  return o;
}

/// A trainer with its threads.
struct Run {
  ThreadPool pool;
  Trainer<float> trainer;

  Run(const Geometry& g, const TrainerOptions& o, const Kernels<float>& kernels, int32_t threads,
      const Weights<float>& w) {
    CHECK(pool.start(threads));
    CHECK_EQ(trainer.create(g, o, kernels, pool.executor(), w.pointers.data()), kOk);
    trainer.step_options().ce_weight = 0.5;
    trainer.step_options().soft_weight = 1;
    trainer.step_options().temperature = 2;
    trainer.step_options().soft_loss = SoftLoss::kl;
  }

  /// Reports of some steps, all tensors, and the logits of a batch.
  std::vector<float> train(const Geometry& g, int32_t longest) {
    std::vector<float> all;
    for (uint64_t step = 0; step < 3; ++step) {
      const OwnedBatch<float> batch(g, lengths(70, longest, !g.is_bert(), 5 + step), 20 + step);
      double report[9];
      CHECK_EQ(trainer.gradients(batch.train(), report), kOk);
      CHECK_EQ(trainer.update(0.01), kOk);
      for (double x : report) all.push_back(static_cast<float>(x));
    }
    for (int64_t i = 0; i < trainer.tensor_count(); ++i) {
      const TrainTensor<float>& t = trainer.tensor(i);
      all.insert(all.end(), t.value, t.value + t.spec.size());
    }
    const OwnedBatch<float> batch(g, lengths(70, longest, !g.is_bert(), 1), 2);
    std::vector<float> logits(static_cast<size_t>(batch.size() * g.num_labels));
    CHECK_EQ(trainer.forward(batch.texts(), nullptr, logits.data()), kOk);
    all.insert(all.end(), logits.begin(), logits.end());
    return all;
  }
};

void check_all(const Geometry& g, const TrainerOptions& o, int32_t longest, const char* what) {
  const Weights<float> w(g, 3, 0.2f);
  Run first(g, o, kernels_ref, 1, w);
  const std::vector<float> expected = first.train(g, longest);
  const auto n = static_cast<int64_t>(expected.size());
  for (const Kernels<float>* kernels : simd_flavours()) {
    Run run(g, o, *kernels, 1, w);
    CHECK_BITS(run.train(g, longest).data(), expected.data(), n, kernels->isa);
  }
  for (int32_t threads : {2, 4}) {
    Run run(g, o, kernels(), threads, w);
    CHECK_BITS(run.train(g, longest).data(), expected.data(), n, what);
  }
}

TEST(bert_training) {
  const Pooling poolings[] = {Pooling::pooler, Pooling::cls, Pooling::mean};
  const TrainMode modes[] = {TrainMode::all, TrainMode::last_layers, TrainMode::last_tensors};
  for (int i = 0; i < 3; ++i) {
    const Geometry g = wide_bert(poolings[i]);
    check_all(g, options_for(g, modes[i], i == 1 ? Optimizer::sgd : Optimizer::adamw), 30,
              "bert on 2 and 4 threads");
  }
}

TEST(student_training) {
  for (Pooling pooling : {Pooling::max_logits, Pooling::max, Pooling::mean, Pooling::last}) {
    const Geometry g = wide_student(Kind::sequence, pooling);
    check_all(g, options_for(g, TrainMode::all, pooling == Pooling::max ? Optimizer::adamw : Optimizer::sgd),
              12, "sequence on 2 and 4 threads");
  }
  const Geometry g = wide_student(Kind::document, Pooling::none);
  check_all(g, options_for(g, TrainMode::all, Optimizer::adamw), 12, "document on 2 and 4 threads");
  const Geometry sequence = wide_student(Kind::sequence, Pooling::max_logits);
  TrainerOptions whole = options_for(sequence, TrainMode::all, Optimizer::adamw);
  whole.embedding_dropout = 0;  // then ids that repeat are projected once
  check_all(sequence, whole, 12, "sequence with whole embeddings on 2 and 4 threads");
}

TEST(training_with_ngrams) {
  for (const Geometry& g :
       {wide_ngrams(wide_student(Kind::sequence, Pooling::max_logits)),
        wide_ngrams(wide_student(Kind::sequence, Pooling::max)),
        wide_ngrams(wide_student(Kind::document, Pooling::none)), wide_ngrams(bag_geometry({40}))}) {
    for (Optimizer optimizer : {Optimizer::adamw, Optimizer::sgd})
      check_all(g, options_for(g, TrainMode::all, optimizer), 12, "n-grams on 2 and 4 threads");
  }
}

/// C of one product with everything fused, on some threads.
std::vector<float> product(int64_t m, int64_t n, int64_t k, const Arithmetic& arithmetic, int32_t threads) {
  ThreadPool pool;
  CHECK(pool.start(threads));
  Buffer<float> scratch;
  Buffer<char> memory;
  Carver measure(nullptr);
  Packed<float> packed;
  packed.plan(&measure, arithmetic, k, n);
  CHECK(scratch.allocate(threads * kGemmScratch) && memory.allocate(measure.used()));
  Carver carver(memory.data());
  packed.plan(&carver, arithmetic, k, n);
  Random random(9);
  const auto numbers = [&](int64_t count) {
    std::vector<float> x(static_cast<size_t>(count));
    for (float& value : x) value = random.uniform(-1, 1);
    return x;
  };
  const std::vector<float> a = numbers(m * k), b = numbers(n * k), bias = numbers(n),
                           residual = numbers(m * n);
  std::vector<float> both(static_cast<size_t>(2 * m * n));
  const Compute<float> compute{kernels(), pool.executor(), scratch.data()};
  run_pack(compute, b.data(), int64_t{1}, k, n, packed);
  GemmArgs<float> args = gemm_args(m, n, k, a.data(), k, both.data(), n);
  args.bias = bias.data();
  args.activation = Activation::gelu_erf;
  args.pre_activation = both.data() + m * n;
  args.residual = residual.data();
  args.ld_pre = args.ld_residual = n;
  run_gemm(compute, args, packed);
  return both;
}

/// Cut by rows, by columns, by both and not at all.
TEST(products_on_threads) {
  for (Precision precision : {Precision::fp32, Precision::bf16}) {
    Arithmetic arithmetic;
    if (choose_arithmetic(precision, &arithmetic) != kOk) continue;
    for (int64_t m : {1, 70, 400, 1000, 1700}) {
      for (int64_t n : {15, 300, 1030}) {
        for (int64_t k : {33, 600}) {
          const std::vector<float> one = product(m, n, k, arithmetic, 1);
          for (int32_t threads : {2, 3}) {
            const std::vector<float> more = product(m, n, k, arithmetic, threads);
            CHECK_BITS(more.data(), one.data(), static_cast<int64_t>(one.size()), "a product on threads");
          }
        }
      }
    }
  }
}

/// SGD passes over rows of the table that no text has; a trainer that has been told to look at every row does
/// not.
TEST(passing_over_untouched_rows_is_exact) {
  const Geometry g = wide_student(Kind::sequence, Pooling::mean);
  TrainerOptions o = options_for(g, TrainMode::all, Optimizer::sgd);
  o.momentum = o.weight_decay = 0;
  const Weights<float> w(g, 3, 0.2f);
  Run skips(g, o, kernels(), 1, w), looks(g, o, kernels(), 1, w);
  for (uint64_t step = 0; step < 3; ++step) {
    const OwnedBatch<float> batch(g, lengths(4, 5, true, step), step);
    double a[9], b[9];
    CHECK_EQ(skips.trainer.gradients(batch.train(), a), kOk);
    CHECK_EQ(looks.trainer.gradients(batch.train(), b), kOk);
    looks.trainer.gradient_written(0);
    CHECK_EQ(a[8], b[8]);
    CHECK_EQ(skips.trainer.update(0.1), kOk);
    CHECK_EQ(looks.trainer.update(0.1), kOk);
  }
  const TrainTensor<float>&a = skips.trainer.tensor(0), &b = looks.trainer.tensor(0);
  CHECK_BITS(a.value, b.value, a.spec.size(), "embeddings");
  CHECK(!std::equal(a.value, a.value + a.spec.size(), w.pointers[0]));
}

/// Each text alone, and all in one call of several chunks, from a model and from a trainer.
void check_company(const Geometry& g, int64_t texts, int32_t longest) {
  const Weights<float> w(g, 3, 0.3f);
  const OwnedBatch<float> batch(g, lengths(texts, longest, !g.is_bert(), 4), 6);
  const int64_t model = make_model(g, w), trainer = make_trainer(g, w, {{"threads", "2"}});
  const std::vector<float> together = predict(model, g, batch);
  const auto n = static_cast<int64_t>(together.size());
  std::vector<float> apart(together.size());
  for (int64_t i = 0; i < texts; ++i) {
    const auto at = static_cast<size_t>(i);
    const int32_t begin = batch.offsets[at], offsets[] = {0, batch.offsets[at + 1] - begin};
    const int32_t* types = batch.types.empty() ? nullptr : batch.types.data() + begin;
    const int32_t* ids = batch.has_tokens ? batch.ids.data() + begin : nullptr;
    const int32_t* own = batch.has_tokens ? offsets : nullptr;
    const int32_t bag_begin = g.has_ngrams() ? batch.bag_offsets[at] : 0;
    const int32_t bag_offsets[] = {0, g.has_ngrams() ? batch.bag_offsets[at + 1] - bag_begin : 0};
    const int32_t* bag = g.has_ngrams() ? batch.bag_ids.data() + bag_begin : nullptr;
    expect(
        maque_predict(model, ids, offsets[1], own, 1, types, bag, bag_offsets[1],
                      g.has_ngrams() ? bag_offsets : nullptr, apart.data() + i * g.num_labels, g.num_labels),
        MAQUE_OK, "predict one");
  }
  CHECK_BITS(apart.data(), together.data(), n, "each text alone");
  CHECK_BITS(forward(trainer, g, batch).data(), together.data(), n, "the trainer's forward pass");
  maque_model_free(model);
  maque_trainer_free(trainer);
}

TEST(company_in_the_batch) {
  for (Pooling pooling : {Pooling::pooler, Pooling::cls, Pooling::mean})
    check_company(wide_bert(pooling), 150, 30);
  for (Pooling pooling : {Pooling::max_logits, Pooling::max, Pooling::mean, Pooling::last}) {
    check_company(wide_student(Kind::sequence, pooling), 500, 20);
  }
  check_company(wide_student(Kind::document, Pooling::none), 1200, 8);
  check_company(wide_ngrams(wide_student(Kind::sequence, Pooling::max_logits)), 500, 20);
  check_company(wide_ngrams(wide_student(Kind::sequence, Pooling::last)), 500, 20);
  check_company(wide_ngrams(wide_student(Kind::document, Pooling::none)), 1200, 8);
  check_company(wide_ngrams(bag_geometry({40})), 1200, 8);
}

/// hidden_states runs the last layer for all rows; predict for the first ones alone. Both have the same bits.
TEST(first_rows_are_rows_of_the_whole) {
  Geometry g = wide_bert(Pooling::cls);
  g.head_layers = 0;
  g.num_labels = 3;
  const Weights<float> w(g, 3, 0.3f);
  const OwnedBatch<float> batch(g, lengths(20, 30, false, 4), 6);
  const int64_t model = make_model(g, w);
  const auto tokens = static_cast<int64_t>(batch.ids.size());
  std::vector<float> hidden(static_cast<size_t>(tokens * g.hidden));
  expect(maque_hidden_states(model, batch.ids.data(), tokens, batch.offsets.data(), 20, batch.types.data(),
                             hidden.data(), static_cast<int64_t>(hidden.size())),
         MAQUE_OK, "hidden states");
  const std::vector<float> logits = predict(model, g, batch);
  const std::vector<float>&weight = w.tensors[static_cast<size_t>(head_tensor(g))],
        &bias = w.tensors[static_cast<size_t>(head_tensor(g)) + 1];
  std::vector<float> expected(logits.size());
  for (int64_t i = 0; i < 20; ++i) {
    for (int64_t c = 0; c < 3; ++c) {
      float sum = 0;
      for (int64_t k = 0; k < g.hidden; ++k) {
        const int64_t row = batch.offsets[static_cast<size_t>(i)];
        sum = std::fma(hidden[static_cast<size_t>(row * g.hidden + k)],
                       weight[static_cast<size_t>(c * g.hidden + k)], sum);
      }
      expected[static_cast<size_t>(i * 3 + c)] = sum + bias[static_cast<size_t>(c)];
    }
  }
  CHECK_BITS(logits.data(), expected.data(), 60, "logits from the hidden states");
  maque_model_free(model);
}

/// The trunk's rows computed text by text, and put together again.
std::vector<float> cached_trunk(Trainer<float>* trainer, const OwnedBatch<float>& batch) {
  const Geometry& g = trainer->geometry();
  std::vector<float> rows;
  for (int64_t i = 0; i < batch.size(); ++i) {
    const Texts one{batch.ids.data(), batch.offsets.data() + i, 1, batch.types.data()};
    std::vector<float> out(static_cast<size_t>((trainer->trunk_kind() == 1 ? one.tokens() : 1) * g.hidden));
    CHECK_EQ(trainer->trunk(one, out.data()), kOk);
    rows.insert(rows.end(), out.begin(), out.end());
  }
  return rows;
}

TEST(trunk_cached_or_not) {
  for (Pooling pooling : {Pooling::pooler, Pooling::cls, Pooling::mean}) {
    for (TrainMode mode : {TrainMode::last_layers, TrainMode::last_tensors, TrainMode::head}) {
      const Geometry g = wide_bert(pooling);
      const Weights<float> w(g, 3, 0.2f);
      const TrainerOptions o = options_for(g, mode, Optimizer::adamw);
      Run from_ids(g, o, kernels(), 2, w), from_cache(g, o, kernels(), 1, w);
      const OwnedBatch<float> batch(g, lengths(60, 30, false, 8), 9);
      const std::vector<float> rows = cached_trunk(&from_cache.trainer, batch);
      CHECK_EQ(from_ids.trainer.trunk_kind(),
               mode == TrainMode::last_layers || pooling == Pooling::mean ? 1 : 2);
      for (int step = 0; step < 2; ++step) {
        double a[9], b[9];
        TrainBatch<float> cached = batch.train(rows.data());
        cached.texts.ids = nullptr;
        cached.texts.type_ids = nullptr;
        CHECK_EQ(from_ids.trainer.gradients(batch.train(), a), kOk);
        CHECK_EQ(from_cache.trainer.gradients(cached, b), kOk);
        CHECK_EQ(a[0], b[0]);
        CHECK_EQ(from_ids.trainer.update(0.01), kOk);
        CHECK_EQ(from_cache.trainer.update(0.01), kOk);
      }
      std::vector<float> a(static_cast<size_t>(batch.size() * g.num_labels)), b(a.size());
      CHECK_EQ(from_ids.trainer.forward(batch.texts(), nullptr, a.data()), kOk);
      CHECK_EQ(from_cache.trainer.forward(batch.texts(), rows.data(), b.data()), kOk);
      CHECK_BITS(a.data(), b.data(), static_cast<int64_t>(a.size()), "logits");
      for (int64_t i = 0; i < from_ids.trainer.tensor_count(); ++i) {
        const TrainTensor<float>&s = from_ids.trainer.tensor(i), &t = from_cache.trainer.tensor(i);
        CHECK_BITS(s.value, t.value, s.spec.size(), s.spec.name);
        const bool moved = !std::equal(s.value, s.value + s.spec.size(), w.pointers[static_cast<size_t>(i)]);
        CHECK_EQ(moved, s.gradient != nullptr);  // frozen tensors keep their bytes
      }
    }
  }
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
