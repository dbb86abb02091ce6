// Serving forms handed in with every mistake: a code and a message, never a crash. And what a model holds.
#include <limits>

#include "tests/serving_fixture.h"

namespace maque::test {
namespace {

Geometry small(Kind kind) {
  return student_geometry(kind, kind == Kind::sequence ? Pooling::max : Pooling::none);
}

/// The form does not become a model: this code, and a message with this part.
void refuse(const ServingForm& form, int32_t code, const char* part) {
  int64_t model = 0;
  expect(form.build(&model), code, part);
  CHECK_EQ(model, 0);
  const bool said = last_message().find(part) != std::string::npos;
  CHECK(said);
  if (!said) std::printf("  '%s' lacks '%s'\n", last_message().c_str(), part);
}

/// Replaces element i of a tensor.
template <class T>
void put(ServingForm* form, const std::string& name, int64_t i, T value) {
  std::memcpy(form->tensors.at(name).bytes.data() + i * static_cast<int64_t>(sizeof(T)), &value, sizeof(T));
}

/// Every form of a sequence and of a document, each with n-grams once, and unless all have a table of ids a
/// bag.
template <class F>
void for_forms(Precision precision, const F& look, bool bags = true) {
  if (bags) {
    const Geometry bag = bag_geometry();
    const Weights<float> w(bag, 3);
    look(ServingForm(bag, precision, false, w));
  }
  for (Kind kind : {Kind::sequence, Kind::document}) {
    for (bool folded : {false, true}) {
      const bool ngrams = bags && folded == (kind == Kind::sequence);
      const Geometry g = ngrams ? with_ngrams(small(kind)) : small(kind);
      const Weights<float> w(g, 3);
      std::vector<int32_t> map;
      for (int64_t id = 0; id < g.vocab; ++id) map.push_back(static_cast<int32_t>(id / 2));
      look(ServingForm(g, precision, folded, w, map));
    }
  }
}

TEST(floats_are_finite_and_of_the_precision) {
  for (Precision precision : {Precision::fp32, Precision::bf16}) {
    for_forms(precision, [&](const ServingForm& form) {
      for (const auto& [name, tensor] : form.tensors) {
        if (name == "ids.map") continue;
        ServingForm other = form;
        const bool half = tensor.dtype == "BF16";
        half ? put(&other, name, 1, uint16_t{0x7FC0})
             : put(&other, name, 1, std::numeric_limits<float>::infinity());
        refuse(other, MAQUE_NOT_FINITE, "element 1 is NaN or infinite");
        other = form;
        other.tensors.at(name).dtype = half ? "F32" : "BF16";
        other.tensors.at(name).bytes.assign(half ? 2 * tensor.bytes.size() : tensor.bytes.size() / 2, 0);
        refuse(other, MAQUE_BAD_MODEL,
               half ? "dtype BF16 expected, got F32" : "dtype F32 expected, got BF16");
      }
    });
  }
}

TEST(every_tensor_is_needed_with_its_shape_and_type) {
  for_forms(Precision::int8, [](const ServingForm& form) {
    for (const auto& [name, tensor] : form.tensors) {
      ServingForm other = form;
      other.tensors.erase(name);
      if (name != "ids.map") refuse(other, MAQUE_BAD_MODEL, (name + " is missing").c_str());
      other = form;
      other.tensors.at(name).dims.insert(other.tensors.at(name).dims.begin(), 1);
      refuse(other, MAQUE_BAD_MODEL, "expected, got [1, ");
      other = form;
      GivenTensor& t = other.tensors.at(name);
      t.dtype = tensor.dtype == "I8" ? "F32" : tensor.dtype == "I32" ? "F32" : "I32";
      if (t.dtype == "F32") t.bytes.assign(tensor.bytes.size() * (tensor.dtype == "I8" ? 4 : 1), 0);
      refuse(other, MAQUE_BAD_MODEL, "expected, got");
    }
    ServingForm more = form;
    more.tensors["spare"] = GivenTensor::of("F32", {1}, std::vector<float>{0});
    refuse(more, MAQUE_BAD_MODEL, "spare is not one of this model's");
  });
}

TEST(scales_and_weights_and_rows_are_in_range) {
  for_forms(Precision::int8, [](const ServingForm& form) {
    for (const auto& [name, tensor] : form.tensors) {
      ServingForm other = form;
      if (tensor.dtype == "I8") {
        put(&other, name, static_cast<int64_t>(tensor.bytes.size()) - 1, int8_t{-128});
        refuse(other, MAQUE_BAD_MODEL, "found -128");
      } else if (name == "ids.map") {
        for (int32_t bad : {-1, 11, INT32_MAX, INT32_MIN}) {
          put(&other, name, 10, bad);
          refuse(other, MAQUE_BAD_MODEL, "a row of 0 .. 10 expected");
        }
      } else {
        for (float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
          put(&other, name, 0, bad);
          refuse(other, MAQUE_NOT_FINITE, "NaN or infinite");
        }
        put(&other, name, 0, -1.0f);
        if (name.find("scale") != std::string::npos) refuse(other, MAQUE_BAD_MODEL, "scale 0 is below 0");
      }
    }
  });
}

TEST(a_map_may_leave_rows_unused_or_have_fewer_rows_than_ids) {
  for_forms(
      Precision::int8,
      [](ServingForm form) {
        // Rows 0 .. 5 are those that the map names.
        const std::string table = form.geometry.form == Form::folded     ? "gates.weight"
                                  : form.geometry.kind == Kind::document ? "vectors.weight"
                                                                         : "embedding.weight";
        const int64_t whole = form.model();
        const std::string scale = table == "gates.weight" ? "gates.scale" : table + ".scale";
        for (const std::string& name : {table, scale}) {
          GivenTensor& t = form.tensors.at(name);
          t.bytes.resize(t.bytes.size() / 11 * 6);
          t.dims[0] = 6;
        }
        const int64_t cut = form.model();
        const OwnedBatch<float> batch(form.geometry, {4, 0, 11, 1}, 5);
        const std::vector<float> a = predict(whole, form.geometry, batch),
                                 b = predict(cut, form.geometry, batch);
        CHECK_BITS(a.data(), b.data(), static_cast<int64_t>(a.size()), "rows cut");
        maque_model_free(whole);
        maque_model_free(cut);
        form.tensors.at(table).dims[0] = 5;
        form.tensors.at(table).bytes.resize(form.tensors.at(table).bytes.size() / 6 * 5);
        refuse(form, MAQUE_BAD_MODEL, "expected, got");
      },
      false);
}

TEST(options) {
  int64_t b = 0, t = 0;
  maque_builder_new(&b);
  CHECK_EQ(maque_builder_option(b, "folded", "maybe"), MAQUE_INVALID_ARGUMENT);
  CHECK(last_message().find("false | true, got 'maybe'") != std::string::npos);
  maque_builder_free(b);
  const Geometry bag = bag_geometry();
  maque_builder_new(&b);
  for (const auto& [key, value] : options_of(bag)) maque_builder_option(b, key.c_str(), value.c_str());
  expect(maque_builder_option(b, "folded", "true"), MAQUE_OK, "folded");
  expect(maque_builder_build(b, &t), MAQUE_INVALID_ARGUMENT, "a folded bag");
  maque_builder_free(b);
  const Geometry bert = bert_geometry(Pooling::cls);
  maque_builder_new(&b);
  for (const auto& [key, value] : options_of(bert)) maque_builder_option(b, key.c_str(), value.c_str());
  expect(maque_builder_option(b, "folded", "true"), MAQUE_OK, "folded");
  expect(maque_builder_build(b, &t), MAQUE_UNSUPPORTED, "bert");
  maque_builder_free(b);
  const Geometry g = small(Kind::sequence);
  maque_trainer_new(&t);
  for (const auto& [key, value] : options_of(g)) maque_trainer_option(t, key.c_str(), value.c_str());
  expect(maque_trainer_option(t, "folded", "true"), MAQUE_OK, "folded");
  expect(maque_trainer_build(t), MAQUE_UNSUPPORTED, "trainer");
  maque_trainer_free(t);
}

TEST(calls_with_wrong_ids_and_sizes) {
  for_forms(
      Precision::int8,
      [](const ServingForm& form) {
        const int64_t model = form.model();
        float out[6];
        const int32_t ids[] = {0, 10, 11, -1}, offsets[] = {0, 2, 3}, from_third[] = {0, 4};
        CHECK_EQ(maque_predict(model, ids, 2, offsets, 1, nullptr, nullptr, 0, nullptr, out, 3), MAQUE_OK);
        CHECK_EQ(maque_predict(model, ids, 3, offsets, 2, nullptr, nullptr, 0, nullptr, out, 6),
                 MAQUE_INVALID_ARGUMENT);
        CHECK_EQ(maque_predict(model, ids, 4, from_third, 1, nullptr, nullptr, 0, nullptr, out, 6),
                 MAQUE_INVALID_ARGUMENT);
        CHECK_EQ(maque_predict(model, ids, 2, offsets, 1, nullptr, nullptr, 0, nullptr, out, 2),
                 MAQUE_INVALID_ARGUMENT);
        CHECK_EQ(maque_predict(model, ids, 2, offsets, 1, ids, nullptr, 0, nullptr, out, 3),
                 MAQUE_INVALID_ARGUMENT);
        CHECK_EQ(maque_predict(model, nullptr, 0, offsets, 0, nullptr, nullptr, 0, nullptr, nullptr, 0),
                 MAQUE_OK);
        CHECK_EQ(maque_hidden_states(model, ids, 2, offsets, 1, nullptr, out, 6), MAQUE_UNSUPPORTED);
        maque_model_free(model);
      },
      false);
}

TEST(calls_with_wrong_ngrams) {
  for_forms(Precision::int8, [](const ServingForm& form) {
    const Geometry& g = form.geometry;
    if (!g.has_ngrams()) return;
    const int64_t model = form.model();
    float out[3];
    const int32_t id = 1, one[] = {0, 1}, two[] = {0, 2}, late[] = {1, 1}, down[] = {0, -1};
    const auto call = [&](const int32_t* bag, int64_t length, const int32_t* ends) {
      return maque_predict(model, g.has_lstm() ? &id : nullptr, g.has_lstm() ? 1 : 0,
                           g.has_lstm() ? one : nullptr, 1, nullptr, bag, length, ends, out, 3);
    };
    const int32_t last = static_cast<int32_t>(g.ngram_buckets - 1), wrong[] = {-1, last + 1};
    CHECK_EQ(call(&last, 1, one), MAQUE_OK);
    for (const int32_t& bucket : wrong) CHECK_EQ(call(&bucket, 1, one), MAQUE_INVALID_ARGUMENT);
    for (const int32_t* ends : {two, late, down}) CHECK_EQ(call(&last, 1, ends), MAQUE_INVALID_ARGUMENT);
    CHECK_EQ(call(nullptr, 1, one), MAQUE_INVALID_ARGUMENT);
    CHECK_EQ(call(&last, 1, nullptr), MAQUE_INVALID_ARGUMENT);
    const int32_t none[] = {0, 0};
    CHECK_EQ(call(nullptr, 0, none), MAQUE_OK);
    maque_model_free(model);
  });
}

/// Every allocation of a build and of a first call fails once.
TEST(memory_that_runs_out) {
  const auto look = [](const ServingForm& form) {
    int32_t code = MAQUE_OUT_OF_MEMORY;
    int64_t failures = 0;
    for (int64_t n = 2; code == MAQUE_OUT_OF_MEMORY && n < 200; ++n) {  // 0 and 1: the builder itself
      int64_t model = 0;
      fail_allocations_after(n);
      code = form.build(&model);
      if (code == MAQUE_OK) {
        float out[3];
        const int32_t ids[] = {1, 2}, offsets[] = {0, 2};
        const bool grams = form.geometry.has_ngrams(), tokens = form.geometry.has_lstm();
        code =
            maque_predict(model, tokens ? ids : nullptr, tokens ? 2 : 0, tokens ? offsets : nullptr, 1,
                          nullptr, grams ? ids : nullptr, grams ? 2 : 0, grams ? offsets : nullptr, out, 3);
        fail_allocations_after(-1);
        maque_model_free(model);
      }
      fail_allocations_after(-1);
      failures += code == MAQUE_OUT_OF_MEMORY ? 1 : 0;
    }
    CHECK_EQ(code, MAQUE_OK);
    CHECK(failures > 10);
  };
  for (Precision precision : {Precision::fp32, Precision::bf16, Precision::int8}) for_forms(precision, look);
}

TEST(a_folded_student_of_4000_ids_takes_less_than_12_megabytes) {
  Geometry g = student_geometry(Kind::sequence, Pooling::max_logits, {192});
  g.num_labels = 15, g.vocab = 4000, g.embedding = 1, g.hidden = 300;
  const Weights<float> w(g, 3);
  const int64_t model = ServingForm(g, Precision::int8, true, w).model();
  const OwnedBatch<float> batch(g, std::vector<int32_t>(1, 24), 5);
  predict(model, g, batch);
  int64_t bytes = 0;
  CHECK_EQ(maque_model_bytes(model, &bytes), MAQUE_OK);
  CHECK_LE(bytes, 12000000);
  CHECK_LE(10000000, bytes);
  fail_allocations_after(0);  // a second call needs no memory
  predict(model, g, batch);
  fail_allocations_after(-1);
  int64_t later = 0;
  CHECK_EQ(maque_model_bytes(model, &later), MAQUE_OK);
  CHECK_EQ(later, bytes);
  maque_model_free(model);
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
