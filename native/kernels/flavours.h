// The one list of flavours: the tables of kernels, their choice, their tests and the tests' emulation are
// made from it. Beside them there is always "ref", and in tests "emu" (the vector sources on plain C++
// lanes). CMakeLists.txt has each one's compiler options.
//
//   MAQUE_INSTRUCTION_SETS   what MAQUE_MAX_ISA may name beside ref, the least first
//   MAQUE_FLAVOURS, MAQUE_INT8_FLAVOURS, MAQUE_BF16_FLAVOURS
//                            those of them that have the operations in fp32, on 8-bit integers, in bf16
#pragma once

#if defined(__x86_64__)
#  define MAQUE_INSTRUCTION_SETS(X) X(avx2) X(avx512) X(avx512vnni) X(avx512bf16)
#  define MAQUE_FLAVOURS(X) X(avx2) X(avx512)
#  define MAQUE_INT8_FLAVOURS(X) X(avx2) X(avx512) X(avx512vnni)
#  define MAQUE_BF16_FLAVOURS(X) X(avx512bf16)
#elif defined(__aarch64__)
#  define MAQUE_INSTRUCTION_SETS(X) X(neon) X(neon_dotprod) X(neon_bf16)
#  define MAQUE_FLAVOURS(X) X(neon)
#  define MAQUE_INT8_FLAVOURS(X) X(neon) X(neon_dotprod)
#  define MAQUE_BF16_FLAVOURS(X) X(neon_bf16)
#else
#  error "Maque's native code is written for x86-64 and arm64"
#endif

namespace maque {

#define MAQUE_NAME(isa) #isa,
constexpr const char* kFlavours[] = {MAQUE_FLAVOURS(MAQUE_NAME)};
constexpr const char* kInt8Flavours[] = {MAQUE_INT8_FLAVOURS(MAQUE_NAME)};
constexpr const char* kBf16Flavours[] = {MAQUE_BF16_FLAVOURS(MAQUE_NAME)};
#undef MAQUE_NAME

/// What a processor without bf16 lacks, in its maker's words.
#if defined(__x86_64__)
constexpr const char* kBf16Feature = "AVX512_BF16";
#else
constexpr const char* kBf16Feature = "FEAT_BF16";
#endif

}  // namespace maque
