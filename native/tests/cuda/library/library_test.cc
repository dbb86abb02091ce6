// libmaque_cuda as it is opened at run time: on a machine without a driver too it loads, gives its table, and
// answers a launch with an error code.
#include <dlfcn.h>
#include <unistd.h>

#include "kernels/cuda/cuda_list.h"
#include "kernels/cuda/runtime.h"
#include "tests/kernel_test.h"

namespace maque::test {
namespace {

const char* path = nullptr;

TEST(loads_and_answers_with_or_without_a_driver) {
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) std::printf("%s\n", dlerror());
  CHECK(library != nullptr);
  if (library == nullptr) return;
  using Given = const cuda::Runtime*();
  const auto given = reinterpret_cast<Given*>(dlsym(library, "maque_cuda_runtime"));
  CHECK(given != nullptr);
  if (given == nullptr) return;
  const cuda::Runtime& runtime = *given();
  CHECK_EQ(runtime.version, cuda::kRuntimeVersion);
  const cuda::CudaKernels& kernels = *runtime.kernels;
#define MAQUE_CHECK_ENTRY(name) CHECK(kernels.name != nullptr);
  MAQUE_CUDA_KERNELS(MAQUE_CHECK_ENTRY)
#undef MAQUE_CHECK_ENTRY
  CHECK_EQ(kernels.add(nullptr, nullptr, 0, nullptr), cuda::kSuccess);
  if (access("/dev/nvidiactl", F_OK) == 0)
    return;  // a driver may be there: arrays would have to be the device's
  int32_t count = -1, driver = -1, version = -1;
  CHECK(runtime.device_count(&count) != cuda::kSuccess);
  CHECK_EQ(count, 0);
  CHECK_EQ(runtime.versions(&driver, &version), cuda::kSuccess);
  CHECK_EQ(driver, 0);
  CHECK(version >= 12000);
  void* data = &count;
  CHECK(runtime.allocate(16, &data) != cuda::kSuccess);
  CHECK(data == nullptr);
  CHECK(runtime.code_text(cuda::kNoDevice)[0] != 0);
  float x[4] = {};
  CHECK(kernels.add(nullptr, x, 4, x) != cuda::kSuccess);
  CHECK_EQ(kernels.gemm_bf16(nullptr, {1, 1, 1, nullptr, 8, false, nullptr, 8, false}, {}),
           cuda::kInvalidDeviceFunction);
}

}  // namespace
}  // namespace maque::test

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  maque::test::path = argv[1];
  return maque::test::run_all();
}
