// The choice of the instruction set. Run once without MAQUE_MAX_ISA and once with each of its values.
#include <cstdlib>
#include <string>

#include "kernel_test.h"

using namespace maque;
using namespace maque::test;

namespace {

#define MAQUE_NAME(isa) #isa,
const std::vector<std::string> kSets = {"ref", MAQUE_INSTRUCTION_SETS(MAQUE_NAME)};
#undef MAQUE_NAME

/// What each set asks for, in the words of cpu_features().
std::vector<std::string> needs(const std::string& isa) {
  if (isa == "ref") return {};
#if defined(__x86_64__)
  std::vector<std::string> all = {"avx2", "fma", "f16c"};
  if (isa != "avx2") all.insert(all.end(), {"avx512f", "avx512bw", "avx512dq", "avx512vl"});
  if (isa == "avx512vnni") all.push_back("avx512_vnni");
  if (isa == "avx512bf16") all.push_back("avx512_bf16");
#else
  std::vector<std::string> all = {"asimd"};
  if (isa == "neon_dotprod") all.push_back("asimddp");
  if (isa == "neon_bf16") all.push_back("bf16");
#endif
  return all;
}

bool has(const std::string& isa) {
  const std::string features = std::string(",") + cpu_features() + ",";
  for (const std::string& feature : needs(isa)) {
    if (features.find("," + feature + ",") == std::string::npos) return false;
  }
  return true;
}

size_t place(const std::string& isa) {
  size_t i = 0;
  while (kSets[i] != isa) ++i;
  return i;
}

/// The last of a list of names, or of ref alone, that the CPU has and MAQUE_MAX_ISA allows.
template <size_t N>
std::string best(const char* const (&names)[N]) {
  const char* cap = std::getenv("MAQUE_MAX_ISA");
  const size_t most = cap == nullptr ? kSets.size() : place(cap);
  std::string found = "ref";
  for (const char* isa : names) {
    if (place(isa) <= most && has(isa)) found = isa;
  }
  return found;
}

}  // namespace

TEST(the_best_set_within_the_cap_is_chosen) {
  std::printf("cpu: %s; chosen: %s, %s, %s\n", cpu_features(), kernels().isa, int8_kernels().isa,
              bf16_kernels() == nullptr ? "no bf16" : bf16_kernels()->isa);
  CHECK_EQ(std::string(kernels().isa), best(kFlavours));
  CHECK_EQ(std::string(int8_kernels().isa), best(kInt8Flavours));
  CHECK_EQ(std::string(bf16_kernels() == nullptr ? "ref" : bf16_kernels()->isa), best(kBf16Flavours));
  CHECK_EQ(&kernels(), &kernels());
  CHECK_EQ(&int8_kernels(), &int8_kernels());
}

TEST(names) {
  for (const char* isa : kFlavours) {
    CHECK_EQ(kernels_for(isa) != nullptr, has(isa));
    if (has(isa)) CHECK_EQ(std::string(kernels_for(isa)->isa), std::string(isa));
  }
  for (const char* isa : kInt8Flavours) {
    CHECK_EQ(int8_kernels_for(isa) != nullptr, has(isa));
    if (has(isa)) CHECK_EQ(std::string(int8_kernels_for(isa)->isa), std::string(isa));
  }
  for (const char* isa : kBf16Flavours) {
    CHECK_EQ(bf16_kernels_for(isa) != nullptr, has(isa));
    if (has(isa)) CHECK_EQ(std::string(bf16_kernels_for(isa)->isa), std::string(isa));
  }
  CHECK(kernels_for("ref") == &kernels_ref);
  CHECK(kernels_for("emu") == &kernels_emu);
  CHECK(int8_kernels_for("emu") == &int8_kernels_emu);
  CHECK(bf16_kernels_for("ref") == &bf16_kernels_ref);
  for (const char* isa : {"", "sse9"}) {
    CHECK(kernels_for(isa) == nullptr);
    CHECK(int8_kernels_for(isa) == nullptr);
    CHECK(bf16_kernels_for(isa) == nullptr);
  }
  CHECK_EQ(std::string(kernels_ref_double.isa), std::string("ref_double"));
}

TEST(tables_are_full) {
#define MAQUE_CHECK_ENTRY(name) CHECK(table->name != nullptr);
#define MAQUE_TABLE(isa) &kernels_##isa,
  for (const Kernels<float>* table : {&kernels_ref, MAQUE_FLAVOURS(MAQUE_TABLE) & kernels_emu}) {
    MAQUE_KERNELS(MAQUE_CHECK_ENTRY)
  }
#undef MAQUE_TABLE
#define MAQUE_TABLE(isa) &int8_kernels_##isa,
  for (const Int8Kernels* table : {&int8_kernels_ref, MAQUE_INT8_FLAVOURS(MAQUE_TABLE) & int8_kernels_emu}) {
    MAQUE_INT8_KERNELS(MAQUE_CHECK_ENTRY)
  }
#undef MAQUE_TABLE
#define MAQUE_TABLE(isa) &bf16_kernels_##isa,
  for (const Bf16Kernels* table : {&bf16_kernels_ref, MAQUE_BF16_FLAVOURS(MAQUE_TABLE) & bf16_kernels_emu}) {
    MAQUE_BF16_KERNELS(MAQUE_CHECK_ENTRY)
  }
#undef MAQUE_TABLE
#undef MAQUE_CHECK_ENTRY
}

TEST_MAIN
