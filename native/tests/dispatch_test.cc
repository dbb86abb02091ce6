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

TEST(the_best_set_for_integers_within_the_cap_is_chosen) {
  const char* cap = std::getenv("MAQUE_MAX_ISA");
  const bool capped = cap != nullptr && (std::string(cap) == "ref" || std::string(cap) == "avx2" ||
                                         std::string(cap) == "avx512");
  const bool vnni = std::string(kernels().isa) == "avx512" && has("avx512_vnni");
  CHECK_EQ(std::string(int8_kernels().isa), vnni && !capped ? "avx512vnni" : std::string(kernels().isa));
  CHECK_EQ(&int8_kernels(), &int8_kernels());
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
  for (const char* isa : {"ref", "emu", "avx2", "avx512", "avx512vnni"}) {
    const Int8Kernels* found = int8_kernels_for(isa);
    if (found != nullptr) CHECK_EQ(std::string(found->isa), std::string(isa));
  }
  CHECK(int8_kernels_for("sse9") == nullptr);
  CHECK_EQ(std::string(kernels_ref_double.isa), std::string("ref_double"));
}

TEST(tables_are_full) {
  for (const Kernels<float>* table : {&kernels_ref, &kernels_emu, &kernels_avx2, &kernels_avx512}) {
#define MAQUE_CHECK_ENTRY(name) CHECK(table->name != nullptr);
    MAQUE_KERNELS(MAQUE_CHECK_ENTRY)
#undef MAQUE_CHECK_ENTRY
  }
  for (const Int8Kernels* table : {&int8_kernels_ref, &int8_kernels_emu, &int8_kernels_avx2,
                                   &int8_kernels_avx512, &int8_kernels_avx512vnni}) {
#define MAQUE_CHECK_ENTRY(name) CHECK(table->name != nullptr);
    MAQUE_INT8_KERNELS(MAQUE_CHECK_ENTRY)
#undef MAQUE_CHECK_ENTRY
  }
}

TEST_MAIN
