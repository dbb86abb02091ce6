// Threads that make models, ask them, free them under each other's hands, hand in wrong arguments and run out
// of memory, in random order. Every answer has the bits of the one that was computed alone, every failure is
// a code that its cause allows, and in the end nothing is left. Meant for builds under sanitizers
// (-DMAQUE_SANITIZE); runs in any.
//
//   stress_abi [--events N] [--threads N] [--seed N]
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <thread>

#include "core/memory.h"
#include "tests/serving_fixture.h"

namespace maque::test {
namespace {

struct Arguments {
  int64_t events = 20000;
  int threads = 8;
  uint64_t seed = 1;
};

std::atomic<long> failures{0};

/// Counts and shows what must not happen; thread-safe, unlike CHECK.
bool require(bool holds, const char* what, int32_t code = MAQUE_OK) {
  if (holds) return true;
  if (failures.fetch_add(1) < 20) std::fprintf(stderr, "failed: %s (code %d)\n", what, code);
  return false;
}

/// A kind of model: what it is built from, one batch, and the logits of that batch.
struct Specimen {
  Options options;
  std::map<std::string, GivenTensor> tensors;
  Geometry geometry;
  OwnedBatch<float> batch;
  std::vector<float> expected;

  Specimen(Options o, std::map<std::string, GivenTensor> t, const Geometry& g)
      : options(std::move(o)), tensors(std::move(t)), geometry(g), batch(g, {3, 1, 5, 2}, 7) {}

  int32_t predict(int64_t model, float* out, int64_t out_len) const {
    const OwnedBatch<float>& b = batch;
    return maque_predict(model, b.id_data(), static_cast<int64_t>(b.ids.size()), b.offset_data(),
                         static_cast<int32_t>(b.size()), b.type_data(), b.bag_data(),
                         static_cast<int64_t>(b.bag_ids.size()), b.bag_offset_data(), out, out_len);
  }
};

Specimen trained(const Geometry& g) {
  const Weights<float> weights(g, 5);
  std::map<std::string, GivenTensor> tensors;
  for (int64_t i = 0; i < tensor_count(g); ++i) {
    const TensorSpec spec = tensor_spec(g, i);
    tensors[spec.name] = GivenTensor::of("F32", std::vector<int64_t>(spec.dims, spec.dims + spec.rank),
                                         weights.tensors[static_cast<size_t>(i)]);
  }
  return {options_of(g), tensors, g};
}

Specimen served(const Geometry& g, Precision precision, bool folded) {
  const Weights<float> weights(g, 5);
  const ServingForm form(g, precision, folded, weights);
  return {form.options(), form.tensors, g};
}

/// One of each: students in training and in every serving form, with and without n-grams, bags, a teacher.
std::vector<Specimen> specimens() {
  const Geometry sequence = student_geometry(Kind::sequence, Pooling::max_logits),
                 document = student_geometry(Kind::document, Pooling::none),
                 grams = with_ngrams(student_geometry(Kind::sequence, Pooling::mean));
  std::vector<Specimen> all;
  for (const Geometry& g : {sequence, document, grams, bag_geometry(), bert_geometry(Pooling::pooler)})
    all.push_back(trained(g));
  for (Precision precision : {Precision::fp32, Precision::bf16, Precision::int8}) {
    for (const Geometry& g : {sequence, document, grams}) {
      all.push_back(served(g, precision, true));
      all.push_back(served(g, precision, false));
    }
    all.push_back(served(bag_geometry(), precision, false));
  }
  return all;
}

/// Builds; a change may be made to what the builder gets. Never leaves the builder behind.
template <class Change>
int32_t build(const Specimen& s, int64_t* model, const Change& change) {
  int64_t builder = 0;
  *model = 0;
  int32_t code = maque_builder_new(&builder);
  if (code != MAQUE_OK) return code;
  for (const auto& [key, value] : s.options) {
    if (code == MAQUE_OK) code = maque_builder_option(builder, key.c_str(), value.c_str());
  }
  for (const auto& [name, t] : s.tensors) {
    if (code == MAQUE_OK)
      code = maque_builder_tensor(builder, name.c_str(), t.dtype.c_str(), static_cast<int32_t>(t.dims.size()),
                                  t.dims.data(), t.bytes.data(), static_cast<int64_t>(t.bytes.size()));
  }
  change(builder);
  if (code == MAQUE_OK) code = maque_builder_build(builder, model);
  require(maque_builder_free(builder) == MAQUE_OK, "a builder is freed once");
  return code;
}
int32_t build(const Specimen& s, int64_t* model) {
  return build(s, model, [](int64_t) {});
}

/// What all threads share: models come and go in slots, each of which always holds the same kind.
struct Stage {
  static constexpr int kSlotsEach = 2;
  std::vector<Specimen> kinds = specimens();
  std::vector<std::atomic<int64_t>> slots = std::vector<std::atomic<int64_t>>(kinds.size() * kSlotsEach);
  std::atomic<int64_t> shared_builder{0};
  std::atomic<long> predictions{0}, closed_calls{0}, refusals{0}, out_of_memory{0}, builds{0};

  const Specimen& kind(size_t slot) const { return kinds[slot / kSlotsEach]; }
};

class Actor {
 public:
  Actor(Stage* stage, const Arguments& arguments, int index)
      : stage_(*stage), random_(arguments.seed * 1000 + static_cast<uint64_t>(index)) {}

  void act() {
    const int64_t what = random_.below(100);
    const size_t slot = static_cast<size_t>(random_.below(static_cast<int64_t>(stage_.slots.size())));
    if (what < 50) return predict(slot);
    if (what < 62) return load(slot);
    if (what < 74) return close(slot);
    if (what < 84) return predict_wrongly(slot);
    if (what < 92) return build_wrongly(stage_.kind(slot));
    if (what < 96) return share_a_builder();
    if (what < 98) return look(slot);
    run_out_of_memory();
  }

 private:
  /// True for MAQUE_OK; other codes must be one of those that a race allows.
  bool settled(int32_t code, const char* what, bool may_be_closed) {
    if (code == MAQUE_OUT_OF_MEMORY) return ++stage_.out_of_memory, false;
    if (code == MAQUE_BAD_HANDLE && may_be_closed) return ++stage_.closed_calls, false;
    return require(code == MAQUE_OK, what, code);
  }

  void predict(size_t slot) {
    const Specimen& s = stage_.kind(slot);
    std::vector<float> out(s.expected.size());
    const int64_t model = stage_.slots[slot].load();
    const int32_t code = s.predict(model, out.data(), static_cast<int64_t>(out.size()));
    if (!settled(code, "predict", true)) return;
    require(std::memcmp(out.data(), s.expected.data(), out.size() * sizeof(float)) == 0,
            "an answer has its bits");
    ++stage_.predictions;
  }

  void load(size_t slot) {
    int64_t model = 0;
    if (!settled(build(stage_.kind(slot), &model), "build", false)) return;
    ++stage_.builds;
    const int64_t before = stage_.slots[slot].exchange(model);
    if (before != 0) settled(maque_model_free(before), "free of the replaced", true);
  }

  /// Either as the owner, or under the owner's hands.
  void close(size_t slot) {
    const bool owner = random_.below(2) == 0;
    const int64_t model = owner ? stage_.slots[slot].exchange(0) : stage_.slots[slot].load();
    if (model != 0) settled(maque_model_free(model), "free", true);
  }

  void refused(int32_t code, const char* what) {
    ++stage_.refusals;
    require(code != MAQUE_OK, what, code);
  }

  /// Wrong arguments of a call with a live or a dead handle; never memory that is not the caller's.
  void predict_wrongly(size_t slot) {
    const Specimen& s = stage_.kind(slot);
    OwnedBatch<float> b = s.batch;
    std::vector<float> out(s.expected.size());
    int64_t model = stage_.slots[slot].load(), out_len = static_cast<int64_t>(out.size());
    int64_t ids_len = static_cast<int64_t>(b.ids.size()), bag_len = static_cast<int64_t>(b.bag_ids.size());
    int32_t n = static_cast<int32_t>(b.size());
    const int32_t junk[] = {INT32_MIN, -1, INT32_MAX, 1 << 20};
    const int32_t wrong = junk[random_.below(4)];
    std::vector<int32_t>& ids = b.has_tokens ? b.ids : b.bag_ids;
    std::vector<int32_t>& offsets = b.has_tokens ? b.offsets : b.bag_offsets;
    bool null_out = false;
    switch (random_.below(7)) {
      case 0:
        model ^= int64_t{1} << random_.below(63);
        break;
      case 1:
        ids[static_cast<size_t>(random_.below(static_cast<int64_t>(ids.size())))] = wrong;
        break;
      case 2:
        offsets[static_cast<size_t>(random_.below(static_cast<int64_t>(offsets.size())))] = wrong;
        break;
      case 3:
        n = random_.below(2) == 0 ? -1 : INT32_MIN;
        break;
      case 4:
        out_len = random_.below(out_len);
        break;
      case 5:
        (b.has_tokens ? ids_len : bag_len) = -random_.below(2);
        break;
      default:
        null_out = true;
        break;
    }
    // A huge last offset reads no further than ids_len says, which is true; a flipped handle may name another
    // live model.
    const int32_t code =
        maque_predict(model, b.id_data(), ids_len, b.offset_data(), n, b.type_data(), b.bag_data(), bag_len,
                      b.bag_offset_data(), null_out ? nullptr : out.data(), out_len);
    const bool known =
        code == MAQUE_INVALID_ARGUMENT || code == MAQUE_BAD_HANDLE || code == MAQUE_OUT_OF_MEMORY;
    require(known || code == MAQUE_OK, "wrong arguments get a code of theirs", code);
    if (model == stage_.slots[slot].load()) refused(code, "wrong arguments are refused");
  }

  /// A builder with an option, a tensor or a shape that does not fit; where it happens to fit, the model must
  /// work.
  void build_wrongly(const Specimen& given) {
    Specimen s = given;
    const char* const texts[] = {"",    "-1",   "0",    "1",    "3",   "99999999999999999999",
                                 "nan", "true", "int8", "bert", "bag", "\xff\xfe"};
    auto option = s.options.begin() + random_.below(static_cast<int64_t>(s.options.size()));
    auto tensor = std::next(s.tensors.begin(), random_.below(static_cast<int64_t>(s.tensors.size())));
    GivenTensor& t = tensor->second;
    switch (random_.below(6)) {
      case 0:
        option->second = texts[random_.below(12)];
        break;
      case 1:
        s.options.erase(option);
        break;
      case 2:
        s.tensors.erase(tensor);
        break;
      case 3:
        t.dims[static_cast<size_t>(random_.below(static_cast<int64_t>(t.dims.size())))] = random_dimension();
        break;
      case 4:
        t.bytes[static_cast<size_t>(random_.below(static_cast<int64_t>(t.bytes.size())))] ^=
            static_cast<char>(1 << random_.below(8));
        break;
      default:
        t.dtype = texts[random_.below(12)];
        break;
    }
    int64_t model = 0;
    const int32_t code = build(s, &model);
    if (code != MAQUE_OK) {
      ++stage_.refusals;
      require(code != MAQUE_BAD_HANDLE && model == 0, "a refused build gives no model", code);
      return;
    }
    std::vector<float> out(s.expected.size() + 64);
    const int32_t answer = s.predict(model, out.data(), static_cast<int64_t>(out.size()));
    require(answer != MAQUE_BAD_HANDLE, "a model that was built is live", answer);
    require(maque_model_free(model) == MAQUE_OK, "a changed model is freed");
  }

  int64_t random_dimension() {
    const int64_t dimensions[] = {INT64_MIN, -1, 0, 1, 2, 3, INT64_MAX, int64_t{1} << 31, int64_t{1} << 61};
    return dimensions[random_.below(9)];
  }

  /// Several threads in one builder: one at a time gets in, whoever comes late meets a dead handle.
  void share_a_builder() {
    int64_t builder = stage_.shared_builder.load(), model = 0;
    const Specimen& s =
        stage_.kinds[static_cast<size_t>(random_.below(static_cast<int64_t>(stage_.kinds.size())))];
    const auto& [name, t] = *s.tensors.begin();
    int32_t code = MAQUE_OK;
    switch (random_.below(4)) {
      case 0:
        if (maque_builder_new(&builder) != MAQUE_OK) return;
        builder = stage_.shared_builder.exchange(builder);
        if (builder != 0) maque_builder_free(builder);
        return;
      case 1:
        code = maque_builder_option(builder, s.options[0].first.c_str(), s.options[0].second.c_str());
        break;
      case 2:
        code =
            maque_builder_tensor(builder, name.c_str(), t.dtype.c_str(), static_cast<int32_t>(t.dims.size()),
                                 t.dims.data(), t.bytes.data(), static_cast<int64_t>(t.bytes.size()));
        break;
      default:
        code = maque_builder_build(builder, &model);
        break;
    }
    require(model == 0 && code >= MAQUE_OK && code <= MAQUE_BAD_STATE, "a shared builder answers by a code",
            code);
  }

  void look(size_t slot) {
    char text[64];
    int64_t bytes = 0;
    if (settled(maque_model_bytes(stage_.slots[slot].load(), &bytes), "bytes", true))
      require(bytes > 0, "a model has a size");
    require(maque_last_error(text, sizeof text) == MAQUE_OK && std::strlen(text) < sizeof text,
            "a message ends");
    require(maque_isa(text, sizeof text) == MAQUE_OK && maque_cpu_features(text, sizeof text) == MAQUE_OK,
            "info");
  }

  /// For a moment, and for everyone.
  void run_out_of_memory() {
    fail_allocations_after(random_.below(6));
    std::this_thread::yield();
    fail_allocations_after(-1);
  }

  Stage& stage_;
  Random random_;
};

/// The right answers, each computed alone.
void prepare(Stage* stage) {
  for (Specimen& s : stage->kinds) {
    int64_t model = 0;
    s.expected.resize(static_cast<size_t>(s.batch.size() * s.geometry.num_labels));
    int32_t code = build(s, &model);
    require(code == MAQUE_OK, "every kind can be built", code);
    code = s.predict(model, s.expected.data(), static_cast<int64_t>(s.expected.size()));
    require(code == MAQUE_OK, "every kind answers", code);
    require(maque_model_free(model) == MAQUE_OK, "every kind is freed");
  }
}

int run(const Arguments& arguments) {
  Stage stage;
  prepare(&stage);
  std::atomic<int64_t> left{arguments.events};
  std::vector<std::thread> threads;
  for (int i = 0; i < arguments.threads; ++i) {
    threads.emplace_back([&, i] {
      Actor actor(&stage, arguments, i);
      while (left.fetch_sub(1) > 0) actor.act();
    });
  }
  for (std::thread& t : threads) t.join();
  fail_allocations_after(-1);
  for (auto& slot : stage.slots) {
    if (slot.load() != 0) maque_model_free(slot.load());
  }
  if (stage.shared_builder.load() != 0) maque_builder_free(stage.shared_builder.load());
  prepare(&stage);  // all of it still works
  char isa[16];
  maque_isa(isa, sizeof isa);
  std::printf(
      "%s: %ld answers, %ld calls of closed models, %ld refusals, %ld times no memory, %ld builds, %ld "
      "failures\n",
      isa, stage.predictions.load(), stage.closed_calls.load(), stage.refusals.load(),
      stage.out_of_memory.load(), stage.builds.load(), failures.load());
  require(stage.predictions > 0 && stage.closed_calls > 0 && stage.refusals > 0 && stage.builds > 0,
          "everything happened");
  return failures == 0 ? 0 : 1;
}

int64_t number(const char* text) { return std::strtoll(text, nullptr, 10); }

}  // namespace
}  // namespace maque::test

int main(int count, char** texts) {
  maque::test::Arguments arguments;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string name = texts[i];
    const int64_t value = maque::test::number(texts[i + 1]);
    if (name == "--events") arguments.events = value;
    if (name == "--threads") arguments.threads = static_cast<int>(value);
    if (name == "--seed") arguments.seed = static_cast<uint64_t>(value);
  }
  return maque::test::run(arguments);
}
