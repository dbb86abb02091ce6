// Times the serving forms of students against the form of training, in turns on one thread. Usage:
// [MAQUE_MAX_ISA=avx2] serving_bench
// Prints the best of several rounds: microseconds a call, and how many times faster than the training form.
#include "tests/bench_clock.h"
#include "tests/serving_fixture.h"

namespace maque::test {
namespace {

/// Best time of one of `runs` calls.
double best_of(int64_t model, const Geometry& g, const OwnedBatch<float>& b, int runs) {
  std::vector<float> out(static_cast<size_t>(b.size() * g.num_labels));
  double best = 1e9;
  for (int i = 0; i < runs; ++i) {
    const double start = now();
    CHECK_EQ(maque_predict(model, b.id_data(), static_cast<int64_t>(b.ids.size()), b.offset_data(),
                           static_cast<int32_t>(b.size()), nullptr, b.bag_data(),
                           static_cast<int64_t>(b.bag_ids.size()), b.bag_offset_data(), out.data(),
                           static_cast<int64_t>(out.size())),
             MAQUE_OK);
    best = std::min(best, now() - start);
  }
  return best;
}

void bench(const char* what, const Geometry& g, bool folded, int texts, int tokens, int runs) {
  const Weights<float> w(g, 1, 0.05f);
  const OwnedBatch<float> batch(g, std::vector<int32_t>(static_cast<size_t>(texts), tokens), 3);
  std::vector<int64_t> models = {make_model(g, w)};
  for (Precision p : {Precision::fp32, Precision::bf16, Precision::int8})
    models.push_back(ServingForm(g, p, folded, w).model());
  std::vector<double> best(models.size(), 1e9);
  for (int round = 0; round < 8; ++round) {
    for (size_t i = 0; i < models.size(); ++i)
      best[i] = std::min(best[i], best_of(models[i], g, batch, runs));
  }
  std::printf("%-30s training %10.1f us", what, best[0] * 1e6);
  const char* const names[] = {"", "fp32", "bf16", "int8"};
  for (size_t i = 1; i < models.size(); ++i)
    std::printf(" | %s %10.1f us %5.2fx", names[i], best[i] * 1e6, best[0] / best[i]);
  std::printf("\n");
  for (int64_t model : models) maque_model_free(model);
}

Geometry student(Kind kind, int64_t embedding, int64_t hidden) {
  Geometry g = student_geometry(kind, kind == Kind::sequence ? Pooling::max_logits : Pooling::none, {192});
  g.num_labels = 15;
  g.vocab = 1000;
  g.embedding = embedding;
  g.hidden = hidden;
  return g;
}

}  // namespace
}  // namespace maque::test

int main() {
  using namespace maque::test;
  const maque::Geometry wide = student(maque::Kind::sequence, 300, 300),
                        narrow = student(maque::Kind::sequence, 128, 128),
                        document = student(maque::Kind::document, 300, 300);
  bench("sequence 300/300, 1 x 24", wide, true, 1, 24, 30);
  bench("sequence 300/300, 64 x 24", wide, true, 64, 24, 1);
  bench("sequence 128/128, 1 x 24", narrow, true, 1, 24, 100);
  bench("document, 1 vector", document, false, 1, 1, 200);
  bench("document, 4001 x 1 vector", document, false, 4001, 1, 1);
  // Up to twice as many n-grams as tokens, from a table that no level-2 cache holds.
  maque::Geometry bag = bag_geometry({}), beside = document;
  bag.num_labels = 15;
  bag.ngram_buckets = beside.ngram_buckets = 131072;
  bag.ngram_width = beside.ngram_width = 64;
  bench("bag of 64, 1 x 24", bag, false, 1, 24, 200);
  bench("bag of 64, 2000 x 24", bag, false, 2000, 24, 1);
  bench("document and n-grams, 1 x 24", beside, false, 1, 24, 100);
  return state().failures == 0 ? 0 : 1;
}
