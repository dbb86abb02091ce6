// Logits of models in every precision that has the same bits everywhere, in hexadecimal: two platforms'
// output is compared as a whole. Not run by ctest but where there is a second platform
// (native/tests/tests.cmake).
#include "tests/serving_fixture.h"

namespace maque::test {
namespace {

void print(const char* what, const std::vector<float>& logits) {
  std::printf("%s", what);
  for (float x : logits) {
    uint32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    std::printf(" %08x", bits);
  }
  std::printf("\n");
}

void print_model(const char* what, int64_t model, const Geometry& g, const OwnedBatch<float>& batch) {
  print(what, predict(model, g, batch));
  expect(maque_model_free(model), MAQUE_OK, "free");
}

void bert() {
  for (Pooling pooling : {Pooling::pooler, Pooling::mean}) {
    const Geometry g = wide_bert(pooling);
    const Weights<float> w(g, 3, 0.2f);
    print_model("bert", make_model(g, w), g, OwnedBatch<float>(g, {5, 1, 30, 17, 40}, 7));
  }
}

void students() {
  for (const Geometry& g :
       {wide_student(Kind::sequence, Pooling::max_logits), wide_student(Kind::sequence, Pooling::mean),
        wide_student(Kind::document, Pooling::none), bag_geometry()}) {
    const Weights<float> w(g, 5, 0.3f);
    const OwnedBatch<float> batch(g, {5, 0, 30, 17, 40}, 7);
    print_model("training form", make_model(g, w), g, batch);
    for (Precision precision : {Precision::fp32, Precision::int8}) {
      for (bool folded : {false, true}) {
        if (folded && !g.has_lstm()) continue;
        const ServingForm form(g, precision, folded, w);
        print_model("serving form", form.model(), form.geometry, batch);
      }
    }
  }
}

}  // namespace
}  // namespace maque::test

int main() {
  maque::test::bert();
  maque::test::students();
  return maque::test::state().failures == 0 ? 0 : 1;
}
