// The choice of the instruction set. Run once without MAQUE_MAX_ISA and once with each of its values.
#include <cstdlib>
#include <string>

#include "kernel_test.h"

using namespace maque;
using namespace maque::test;

namespace {

bool has(const char* feature) {
  const std::string all = std::string(",") + cpu_features() + ",";
  return all.find(std::string(",") + feature + ",") != std::string::npos;
}

}  // namespace

TEST(the_best_set_within_the_cap_is_chosen) {
  const bool avx2 = has("avx2") && has("fma") && has("f16c");
  const bool avx512 = avx2 && has("avx512f") && has("avx512bw") && has("avx512dq") && has("avx512vl");
  const char* cap = std::getenv("MAQUE_MAX_ISA");
  const std::string most = cap == nullptr ? "" : cap;
  std::string expected = avx512 ? "avx512" : avx2 ? "avx2" : "ref";
  if (most == "avx2" && avx512) expected = "avx2";
  if (most == "ref") expected = "ref";
  CHECK_EQ(std::string(kernels().isa), expected);
  CHECK_EQ(&kernels(), &kernels());
  CHECK_EQ(kernels_for("avx2") != nullptr, avx2);
  CHECK_EQ(kernels_for("avx512") != nullptr, avx512);
}

TEST(names) {
  for (const char* isa : {"ref", "emu", "avx2", "avx512"}) {
    const Kernels<float>* found = kernels_for(isa);
    if (found != nullptr) CHECK_EQ(std::string(found->isa), std::string(isa));
  }
  CHECK(kernels_for("ref") == &kernels_ref);
  CHECK(kernels_for("emu") == &kernels_emu);
  CHECK(kernels_for("") == nullptr);
  CHECK(kernels_for("sse9") == nullptr);
  CHECK_EQ(std::string(kernels_ref_double.isa), std::string("ref_double"));
}

TEST(tables_are_full) {
  for (const Kernels<float>* table : {&kernels_ref, &kernels_emu, &kernels_avx2, &kernels_avx512}) {
#define MAQUE_CHECK_ENTRY(name) CHECK(table->name != nullptr);
    MAQUE_KERNELS(MAQUE_CHECK_ENTRY)
#undef MAQUE_CHECK_ENTRY
  }
}

TEST_MAIN
