// Students whose logits were computed by hand: embedding 1, hidden 1, two classes, a linear head.
//
// sigmoid(ln 3) = 0.75 and sigmoid(0) = 0.5, so that biases alone set the gates i, f, o:
//   forwards   i = 0.75 (bias ln 3), f = 0.5, o = 0.5;            g = tanh( 0.5 x + 1 h + 0.25)
//   backwards  i = 0.5, f = 0.75 (bias ln 3), o = 0.75 (ln 3);    g = tanh(-1 x + 2 h)
// The text has the tokens x1 = 1, x2 = -2.
//   forwards, token 1:   g = tanh(0.5 + 0.25) = 0.635149          c = 0.75 * 0.635149 = 0.476362       h =
//   0.5 tanh(c) = 0.221663
//             token 2:   g = tanh(-1 + 0.221663 + 0.25) = -0.484109
//                        c = 0.5 * 0.476362 - 0.75 * 0.484109 = -0.124901                              h =
//                        0.5 tanh(c) = -0.062128
//   backwards, token 2:  g = tanh(2) = 0.964028                   c = 0.5 * 0.964028 = 0.482014        h =
//   0.75 tanh(c) = 0.335891
//              token 1:  g = tanh(-1 + 0.671782) = -0.316918
//                        c = 0.75 * 0.482014 - 0.5 * 0.316918 = 0.203051                               h =
//                        0.75 tanh(c) = 0.150229
// The head: class 0 = f - b + 0.1, class 1 = -2 f + 0.5 b - 0.2, of the features (f, b).
//   token 1 ( 0.221663, 0.150229):  0.171433 and -0.568210
//   token 2 (-0.062128, 0.335891): -0.298019 and  0.092201
#include "tests/abi_fixture.h"

namespace maque::test {
namespace {

constexpr float kLn3 = 1.0986123f;

Weights<float> golden_weights(const Geometry& g) {
  Weights<float> w(g, 1);
  const auto set = [&](const char* name, const std::vector<float>& values) {
    const auto i = static_cast<size_t>(find_tensor(g, name));
    CHECK_EQ(w.tensors[i].size(), values.size());
    w.tensors[i] = values;
    w.pointers[i] = w.tensors[i].data();
  };
  w.tensors[0] = {1, -2};
  w.pointers[0] = w.tensors[0].data();
  set("lstm.weight_ih_l0", {0, 0, 0.5f, 0});  // i, f, g, o
  set("lstm.weight_hh_l0", {0, 0, 1, 0});
  set("lstm.bias_ih_l0", {kLn3, 0.5f, 0.125f, 0});  // the two biases add up
  set("lstm.bias_hh_l0", {0, -0.5f, 0.125f, 0});
  set("lstm.weight_ih_l0_reverse", {0, 0, -1, 0});
  set("lstm.weight_hh_l0_reverse", {0, 0, 2, 0});
  set("lstm.bias_ih_l0_reverse", {0, 0, 1, kLn3});
  set("lstm.bias_hh_l0_reverse", {0, kLn3, -1, 0});
  set("head.0.weight", {1, -1, -2, 0.5f});
  set("head.0.bias", {0.1f, -0.2f});
  return w;
}

Geometry golden_geometry(Kind kind, Pooling pooling) {
  Geometry g = student_geometry(kind, pooling, {});
  g.vocab = 2;
  g.embedding = 1;
  g.hidden = 1;
  g.num_labels = 2;
  return g;
}

/// Logits of the text "0 1" and of an empty one, from a model and from a trainer.
void check_golden(const Geometry& g, double first, double second) {
  const Weights<float> w = golden_weights(g);
  const int32_t ids[] = {0, 1}, offsets[] = {0, 2, 2};
  const int64_t model = make_model(g, w), trainer = make_trainer(g, w);
  float out[4] = {0}, trained[4] = {0};
  expect(maque_predict(model, ids, 2, offsets, 2, nullptr, nullptr, 0, nullptr, out, 4), MAQUE_OK, "predict");
  expect(maque_trainer_batch(trainer, ids, 2, offsets, 2, nullptr, nullptr, 0, nullptr, nullptr, 0, nullptr,
                             nullptr, nullptr),
         MAQUE_OK, "batch");
  expect(maque_trainer_forward(trainer, trained, 4), MAQUE_OK, "forward");
  CHECK_LE(std::abs(static_cast<double>(out[0]) - first), 2e-6);
  CHECK_LE(std::abs(static_cast<double>(out[1]) - second), 2e-6);
  if (g.kind == Kind::sequence) {  // the head of zeros
    CHECK_EQ(out[2], 0.1f);
    CHECK_EQ(out[3], -0.2f);
  }
  CHECK_BITS(out, trained, 4, "predict and the trainer's forward pass");
  expect(maque_model_free(model), MAQUE_OK, "free");
  expect(maque_trainer_free(trainer), MAQUE_OK, "free");
}

TEST(max_logits) { check_golden(golden_geometry(Kind::sequence, Pooling::max_logits), 0.171433, 0.092201); }

// Features (0.221663, 0.335891): 0.221663 - 0.335891 + 0.1 and -0.443325 + 0.167946 - 0.2.
TEST(max) { check_golden(golden_geometry(Kind::sequence, Pooling::max), -0.014229, -0.475379); }

// Features ((0.221663 - 0.062128) / 2, (0.150229 + 0.335891) / 2) = (0.0797675, 0.243060).
TEST(mean) { check_golden(golden_geometry(Kind::sequence, Pooling::mean), -0.063293, -0.238004); }

// Features: the forward state after token 2, the backward state after token 1: (-0.062128, 0.150229).
TEST(last) { check_golden(golden_geometry(Kind::sequence, Pooling::last), -0.112357, -0.000630); }

// The mean of the vectors is -0.5. Forwards g = tanh(-0.25 + 0.25) = 0, so h = 0. Backwards g = tanh(0.5) =
// 0.462117, c = 0.5 g = 0.231059, h = 0.75 tanh(c) = 0.170274. Class 0: -0.170274 + 0.1, class 1: 0.085137 -
// 0.2.
TEST(document) { check_golden(golden_geometry(Kind::document, Pooling::none), -0.070274, -0.114863); }

}  // namespace
}  // namespace maque::test

TEST_MAIN
