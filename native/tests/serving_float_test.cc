// Students served in fp32 and with bf16 weights, against the form that training wrote: not folded they have
// its bits (of weights rounded to bf16, widened), folded they are near. Products in bf16 are near.
#include <algorithm>

#include "model/serving.h"
#include "tests/serving_fixture.h"

namespace maque::test {
namespace {

using Row = std::vector<float>;

size_t at(int64_t i) { return static_cast<size_t>(i); }

/// The model code on one flavour, without the ABI.
Row flavour_logits(const ServingForm& form, const Kernels<float>& kernels, const Bf16Kernels* bf16,
                   const OwnedBatch<float>& b) {
  const PackedStudent<FloatStudent> packed(form, kernels);
  Scratch scratch;
  Row out(at(b.size() * form.geometry.num_labels));
  CHECK_EQ(serve_float(packed.student, kernels, bf16, &scratch, b.texts(), out.data()), kOk);
  return out;
}

Row served(const ServingForm& form, const OwnedBatch<float>& b) {
  const int64_t model = form.model();
  const Row out = predict(model, form.geometry, b);
  maque_model_free(model);
  return out;
}

Row trained(const Geometry& g, const Weights<float>& w, const OwnedBatch<float>& b) {
  const int64_t model = make_model(g, w);
  const Row out = predict(model, g, b);
  maque_model_free(model);
  return out;
}

/// Weights as bf16 keeps them; biases stay.
Weights<float> rounded(const Geometry& g, const Weights<float>& w) {
  Weights<float> out(g, 1);
  for (int64_t i = 0; i < tensor_count(g); ++i) {
    std::vector<float>& values = out.tensors[at(i)];
    values = w.tensors[at(i)];
    if (tensor_spec(g, i).rank < 2) continue;
    for (float& x : values) {
      uint32_t bits;
      std::memcpy(&bits, &x, sizeof bits);
      bits = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000u;
      std::memcpy(&x, &bits, sizeof bits);
    }
  }
  for (int64_t i = 0; i < tensor_count(g); ++i) out.pointers[at(i)] = out.tensors[at(i)].data();
  return out;
}

/// ngrams: with them; alone: with nothing else.
Geometry random_geometry(Random* random, bool ngrams, bool alone) {
  constexpr Pooling kPoolings[] = {Pooling::max_logits, Pooling::max, Pooling::mean, Pooling::last};
  const bool document = random->below(4) == 0;
  std::vector<int64_t> head;
  for (int64_t i = random->below(3); i > 0; --i) head.push_back(1 + random->below(40));
  Geometry g = student_geometry(document ? Kind::document : Kind::sequence,
                                document ? Pooling::none : kPoolings[random->below(4)], head);
  g.vocab = 1 + random->below(30);
  g.embedding = 1 + random->below(50);
  g.hidden = 1 + random->below(70);
  g.num_labels = 2 + random->below(20);
  if (alone) g.kind = Kind::bag, g.pooling = Pooling::none, g.vocab = g.embedding = g.hidden = 0;
  if (!ngrams) return g;
  g.ngram_buckets = 1 + random->below(30);
  g.ngram_width = 1 + random->below(70);
  return g;
}

std::vector<int32_t> random_lengths(Random* random) {
  std::vector<int32_t> lengths;
  for (int64_t i = 1 + random->below(12); i > 0; --i)
    lengths.push_back(static_cast<int32_t>(random->below(4) == 0 ? random->below(2) : random->below(15)));
  return lengths;
}

double worst_difference(const Row& a, const Row& b) {
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i)
    worst = std::fmax(worst, std::fabs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  return worst;
}

TEST(random_geometries_answer_as_in_training) {
  double fp32_folded = 0, bf16_folded = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    Random random(seed);
    const Geometry g = random_geometry(&random, seed % 2 == 0, seed % 8 == 4);
    const OwnedBatch<float> batch(g, random_lengths(&random), seed);
    const Weights<float> w(g, seed, 0.3f), halves = rounded(g, w);
    const Row fp32 = trained(g, w, batch), halved = trained(g, halves, batch);
    const auto n = static_cast<int64_t>(fp32.size());
    CHECK_BITS(served(ServingForm(g, Precision::fp32, false, w), batch).data(), fp32.data(), n, "fp32");
    const ServingForm bf16(g, Precision::bf16, false, w);
    CHECK_BITS(flavour_logits(bf16, maque::kernels(), nullptr, batch).data(), halved.data(), n, "bf16");
    CHECK_LE(worst_difference(served(bf16, batch), halved), 0.05);
    const ServingForm fp32_form(g, Precision::fp32, g.has_lstm(), w),
        bf16_form(g, Precision::bf16, g.has_lstm(), w);
    const Row a = served(fp32_form, batch), b = served(bf16_form, batch);
    fp32_folded = std::fmax(fp32_folded, worst_difference(a, fp32));
    bf16_folded = std::fmax(bf16_folded, worst_difference(b, fp32));
    const Row widened = flavour_logits(bf16_form, kernels_ref, nullptr, batch),
              products = flavour_logits(bf16_form, kernels_ref, &bf16_kernels_ref, batch);
    CHECK_LE(worst_difference(products, widened), 0.05);
    CHECK_LE(worst_difference(b, bf16_kernels() == nullptr ? widened : products), 5e-3);
    CHECK_BITS(flavour_logits(bf16_form, kernels_ref, bf16_kernels_for("emu"), batch).data(), products.data(),
               n, "products of emu");
    if (seed % 4 != 0) continue;
    std::vector<const Kernels<float>*> flavours = simd_flavours();
    flavours.push_back(&kernels_ref);
    for (const Kernels<float>* kernels : flavours) {
      CHECK_BITS(flavour_logits(fp32_form, *kernels, nullptr, batch).data(), a.data(), n, kernels->isa);
      CHECK_BITS(flavour_logits(bf16_form, *kernels, nullptr, batch).data(), widened.data(), n, kernels->isa);
    }
  }
  CHECK_LE(fp32_folded, 1e-5);
  CHECK_LE(bf16_folded, 0.05);  // of weights of up to 0.3, hidden layers of up to 70 and 40
  CHECK(bf16_folded > 1e-4);
}

TEST(company_and_a_map_do_not_matter) {
  Geometry plain = student_geometry(Kind::sequence, Pooling::max_logits, {33});
  plain.hidden = 37;
  for (Precision precision : {Precision::fp32, Precision::bf16}) {
    for (bool folded : {false, true}) {
      const Geometry g = folded ? plain : with_ngrams(plain);
      const Weights<float> w(g, 5);
      std::vector<int32_t> lengths, map;
      Random random(6);
      for (int i = 0; i < 600; ++i) lengths.push_back(static_cast<int32_t>(random.below(12)));
      lengths[3] = 700;
      for (int64_t id = 0; id < g.vocab; ++id) map.push_back(static_cast<int32_t>(g.vocab - 1 - id));
      OwnedBatch<float> batch(g, lengths, 7);
      const Row together = served(ServingForm(g, precision, folded, w), batch);
      for (int32_t& id : batch.ids) id = map[at(id)];
      const int64_t model = ServingForm(g, precision, folded, w, map).model();
      const Row apart = predict_apart(model, g, batch);
      CHECK_BITS(apart.data(), together.data(), static_cast<int64_t>(apart.size()), "each text alone");
      maque_model_free(model);
    }
  }
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
