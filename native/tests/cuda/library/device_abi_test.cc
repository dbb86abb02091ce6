// device = cuda through the ABI, the library being opened at run time: libmaque_cuda_emulated.so.
//   device_abi_test LIBRARY              trains there as on the CPU
//   device_abi_test LIBRARY CODE TEXT    cannot: an option or the first step fails with CODE and TEXT
#include <cstdlib>

#include "tests/abi_fixture.h"

namespace maque::test {
namespace {

const char* library = nullptr;
const char* expected_text = nullptr;
int32_t expected_code = 0;

std::string message() {
  char text[1024];
  maque_train_last_error(text, sizeof text);
  return text;
}

struct Training {
  int64_t handle = 0;
  Geometry g = with_ngrams(student_geometry(Kind::sequence, Pooling::max));
  OwnedBatch<float> batch{g, {4, 1, 6}, 4};
  double report[9] = {};

  explicit Training(const char* device) {
    expect(maque_trainer_new(&handle), MAQUE_OK, "new");
    for (const auto& [key, value] : options_of(g))
      expect(maque_trainer_option(handle, key.c_str(), value.c_str()), MAQUE_OK, key.c_str());
    const char* options[][2] = {
        {"device", device}, {"cuda_library", library}, {"cuda_products", "own"}, {"weight_decay", "0.01"}};
    for (const auto& option : options)
      expect(maque_trainer_option(handle, option[0], option[1]), MAQUE_OK, option[0]);
    give_tensors(handle, g, Weights<float>(g, 3), true);
  }
  ~Training() { expect(maque_trainer_free(handle), MAQUE_OK, "free"); }

  int32_t build() { return maque_trainer_build(handle); }
  int32_t start() {
    const int32_t code = give_batch(handle, batch, true);
    return code == MAQUE_OK ? maque_trainer_start(handle, 1e-2) : code;
  }
  int32_t step() {
    const int32_t code = give_batch(handle, batch, true);
    return code == MAQUE_OK ? maque_trainer_step(handle, 1e-2, report) : code;
  }
  std::vector<float> read(int64_t tensor, const char* what) {
    const TensorSpec spec = tensor_spec(g, tensor);
    std::vector<float> values(static_cast<size_t>(spec.size()));
    expect(maque_trainer_read(handle, spec.name, what, values.data(), spec.size()), MAQUE_OK, "read");
    return values;
  }
};

TEST(trains_as_the_cpu_does) {
  if (expected_text != nullptr) return;
  char text[1000] = "";
  expect(maque_train_device_info(library, text, sizeof text), MAQUE_OK, "info");
  CHECK(std::string(text).find("cuda:0 emulated device, compute capability 9.0") == 0);
  Training cpu("cpu"), device("cuda:0");
  expect(cpu.build(), MAQUE_OK, "build");
  expect(device.build(), MAQUE_OK, message().c_str());
  expect(maque_trainer_products(device.handle, text, sizeof text), MAQUE_OK, "products");
  CHECK(std::string(text).find("own kernels: ") == 0);
  expect(maque_trainer_products(cpu.handle, text, sizeof text), MAQUE_OK, "products");
  CHECK_EQ(std::string(text), "");
  for (Training* t : {&cpu, &device}) {
    expect(t->step(), MAQUE_OK, "step");
    expect(t->start(), MAQUE_OK, "start");
    expect(t->start(), MAQUE_OK, "start");
    expect(t->start(), MAQUE_BAD_STATE, "third start");
    expect(t->step(), MAQUE_BAD_STATE, "step under way");
    expect(maque_trainer_update(t->handle, 1e-2), MAQUE_BAD_STATE, "update under way");
    expect(maque_trainer_finish(t->handle, t->report), MAQUE_OK, "finish");
    expect(maque_trainer_finish(t->handle, t->report), MAQUE_OK, "finish");
    expect(maque_trainer_finish(t->handle, t->report), MAQUE_BAD_STATE, "finish of nothing");
  }
  for (int i = 0; i < 9; ++i) CHECK_LE(std::fabs(device.report[i] - cpu.report[i]), 1e-6);
  for (int64_t i = 0; i < tensor_count(cpu.g); ++i) {
    for (const char* what : {"value", "gradient", "m", "v"}) {
      const std::vector<float> expected = cpu.read(i, what), got = device.read(i, what);
      CHECK_BITS(got.data(), expected.data(), static_cast<int64_t>(got.size()), what);
    }
  }
}

/// Whichever call fails, the device has a reason; and the process goes on.
TEST(fails_as_expected) {
  if (expected_text == nullptr) return;
  Training t("cuda");
  int32_t code = t.build();
  const bool built = code == MAQUE_OK;
  for (int i = 0; i < 3 && code == MAQUE_OK; ++i) code = t.step();
  CHECK_EQ(code, expected_code);
  const bool said = message().find(expected_text) != std::string::npos;
  if (!said) std::printf("'%s' lacks '%s'\n", message().c_str(), expected_text);
  CHECK(said);
  if (built) CHECK_EQ(t.step(), code);
  Training cpu("cpu");
  expect(cpu.build(), MAQUE_OK, "build");
  expect(cpu.step(), MAQUE_OK, "step");
}

TEST(options_that_are_wrong) {
  Training t("cuda");
  for (const char* value : {"gpu", "cuda:", "cuda:-1", "cuda:x", "CUDA", ""})
    expect(maque_trainer_option(t.handle, "device", value), MAQUE_INVALID_ARGUMENT, value);
  expect(maque_trainer_option(t.handle, "cuda_products", "best"), MAQUE_INVALID_ARGUMENT, "products");
  expect(maque_trainer_option(t.handle, "cuda_library", std::string(2000, 'x').c_str()),
         MAQUE_INVALID_ARGUMENT, "library");
}

}  // namespace
}  // namespace maque::test

int main(int argc, char** argv) {
  if (argc != 2 && argc != 4) return 2;
  maque::test::library = argv[1];
  if (argc == 4) {
    maque::test::expected_code = std::atoi(argv[2]);
    maque::test::expected_text = argv[3];
  }
  return maque::test::run_all();
}
