// A model in bf16 where the processor lacks it, or MAQUE_MAX_ISA forbids it, is an error, and where it has it
// both ABIs answer alike. Run once without MAQUE_MAX_ISA and once with each of its values, which is read once
// in a process.
#include <cstdlib>
#include <string>

#include "tests/abi_fixture.h"

namespace maque::test {
namespace {

std::string train_message() {
  char text[512];
  maque_train_last_error(text, sizeof text);
  return text;
}

/// Codes of building a model and a trainer in bf16 through the ABIs.
struct Codes {
  int32_t model, trainer;
};

Codes build_in_bf16(const Geometry& g, const Weights<float>& w) {
  int64_t builder = 0, model = 0, trainer = 0;
  expect(maque_builder_new(&builder), MAQUE_OK, "builder");
  expect(maque_trainer_new(&trainer), MAQUE_OK, "trainer");
  Options options = options_of(g);
  options.push_back({"precision", "bf16"});
  for (const auto& [key, value] : options) {
    expect(maque_builder_option(builder, key.c_str(), value.c_str()), MAQUE_OK, key.c_str());
    expect(maque_trainer_option(trainer, key.c_str(), value.c_str()), MAQUE_OK, key.c_str());
  }
  give_tensors(builder, g, w, false);
  give_tensors(trainer, g, w, true);
  const Codes codes = {maque_builder_build(builder, &model), maque_trainer_build(trainer)};
  if (codes.model == MAQUE_OK && codes.trainer == MAQUE_OK) {
    const OwnedBatch<float> b(g, {7, 1, 19}, 2);
    const std::vector<float> served = predict(model, g, b);
    const std::vector<float> trained = forward(trainer, g, b);
    CHECK_BITS(served.data(), trained.data(), static_cast<int64_t>(served.size()), "both ABIs");
    expect(maque_model_free(model), MAQUE_OK, "free");
  }
  maque_builder_free(builder);
  maque_trainer_free(trainer);
  return codes;
}

TEST(both_abis_answer_or_say_what_is_missing) {
  const Geometry g = wide_bert(Pooling::cls);
  const Weights<float> w(g, 3, 0.2f);
  const char* cap = std::getenv("MAQUE_MAX_ISA");
  const std::string most = kBf16Flavours[0];
  const bool allowed = cap == nullptr || cap == most;
  const bool expected = allowed && bf16_kernels_for(kBf16Flavours[0]) != nullptr;
  const Codes codes = build_in_bf16(g, w);
  CHECK_EQ(codes.model, expected ? MAQUE_OK : MAQUE_UNSUPPORTED);
  CHECK_EQ(codes.trainer, expected ? MAQUE_OK : MAQUE_UNSUPPORTED);
  for (const std::string& message : {last_message(), train_message()}) {
    if (expected) continue;
    CHECK(message.find(kBf16Feature) != std::string::npos);
    if (cap != nullptr) CHECK(message.find(std::string("MAQUE_MAX_ISA=") + cap) != std::string::npos);
  }
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
