// What tests ask of the emulator, where there is none: TEST_ON_EMULATION leaves out those that pretend
// another device.
#include "kernels/cuda/runtime.h"
#include "tests/cuda/device/on_device.h"
#include "tests/cuda_emulation/emulator.h"

namespace maque::emulation {

Device& device() {
  static Device pretended;
  return pretended;
}

void set_seed(uint64_t) {}

const std::string& mistake() {
  static std::string text;
  return text = maque_cuda_runtime()->code_text(test::code_of_device());
}

}  // namespace maque::emulation
