#include "kernels/cuda/cublaslt.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/error.h"

namespace maque::cuda {
namespace {

using LtStatus = int32_t;
constexpr LtStatus kLtSuccess = 0, kLtNotInitialized = 1, kLtAllocFailed = 3, kLtInvalidValue = 7,
                   kLtArchMismatch = 8, kLtExecutionFailed = 13, kLtNotSupported = 15;

// cublasComputeType_t, cudaDataType_t, cublasOperation_t, cublasLtEpilogue_t
constexpr int32_t kCompute32F = 68, kCompute32FFastTf32 = 77;
constexpr int32_t kReal32F = 0, kReal16BF = 14;
constexpr int32_t kPlain = 0, kTransposed = 1;
constexpr int32_t kEpilogueDefault = 1, kEpilogueRelu = 2, kEpilogueBias = 4;  // their sum is both
// cublasLtMatmulDescAttributes_t, cublasLtMatmulPreferenceAttributes_t
constexpr int32_t kDescTransA = 3, kDescTransB = 4, kDescEpilogue = 7, kDescBiasPointer = 8;
constexpr int32_t kPreferWorkspaceBytes = 1, kPreferReductionMask = 3, kPreferAlignmentA = 5;

/// Partial sums of a product that is split along k are kept in fp32, not in the result's place: the result
/// does not depend on which part ends first.
constexpr uint32_t kReductionInComputeType = 2;

constexpr int64_t kOldestVersion = 11000;
constexpr int64_t kPlans = 1024;
/// What every row of a well laid out array is a multiple of; more makes no algorithm faster.
constexpr uint32_t kLargestAlignment = 16;

struct Algorithm {
  uint64_t data[8];
};
struct Heuristic {
  Algorithm algorithm;
  size_t workspace_bytes;
  LtStatus state;
  float waves;
  int32_t reserved[4];
};

Code code_of(LtStatus status) {
  switch (status) {
    case kLtSuccess:
      return kSuccess;
    case kLtAllocFailed:
      return 2;  // cudaErrorMemoryAllocation
    case kLtInvalidValue:
      return kInvalidValue;
    case kLtArchMismatch:
      return kInvalidDeviceFunction;
    case kLtExecutionFailed:
      return kLaunchFailure;
    case kLtNotSupported:
      return kNotSupported;
    default:
      return 999;  // cudaErrorUnknown
  }
}

uint32_t alignment_of(const void* p) {
  uint32_t alignment = kLargestAlignment;
  while (reinterpret_cast<uintptr_t>(p) % alignment != 0) alignment /= 2;
  return alignment;
}

bool is_directory(const char* path) {
  struct stat status;
  return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace

struct CublasLt::Entries {
  LtStatus (*create)(void** handle);
  LtStatus (*destroy)(void* handle);
  size_t (*version)();
  LtStatus (*desc_create)(void** desc, int32_t compute, int32_t scale);
  LtStatus (*desc_destroy)(void* desc);
  LtStatus (*desc_set)(void* desc, int32_t attribute, const void* value, size_t bytes);
  LtStatus (*layout_create)(void** layout, int32_t type, uint64_t rows, uint64_t columns, int64_t ld);
  LtStatus (*layout_destroy)(void* layout);
  LtStatus (*preference_create)(void** preference);
  LtStatus (*preference_destroy)(void* preference);
  LtStatus (*preference_set)(void* preference, int32_t attribute, const void* value, size_t bytes);
  LtStatus (*heuristic)(void* handle, void* desc, void* a, void* b, void* c, void* d, void* preference,
                        int32_t wanted, Heuristic* results, int32_t* found);
  LtStatus (*matmul)(void* handle, void* desc, const void* alpha, const void* a, void* a_layout,
                     const void* b, void* b_layout, const void* beta, const void* c, void* c_layout, void* d,
                     void* d_layout, const Algorithm* algorithm, void* workspace, size_t workspace_bytes,
                     Stream stream);
};

/// What a plan depends on. No padding: compared by its bytes.
struct CublasLt::Key {
  int64_t m, n, k, lda, ldb, ldc, ldd;
  int32_t arithmetic;
  int16_t epilogue;
  uint8_t d_is_bf16, unused;
  uint8_t a_by_k, b_by_column, adds_c, in_place;
  uint8_t align_a, align_b, align_c, align_d;

  explicit Key(const LibraryProduct& p)
      : m(p.m),
        n(p.n),
        k(p.k),
        lda(p.lda),
        ldb(p.ldb),
        ldc(p.c != nullptr ? p.ldc : p.ldd),
        ldd(p.ldd),
        arithmetic(static_cast<int32_t>(p.arithmetic)),
        epilogue(
            static_cast<int16_t>((p.relu ? kEpilogueRelu : 0) + (p.bias != nullptr ? kEpilogueBias : 0))),
        d_is_bf16(p.d_is_bf16),
        unused(0),
        a_by_k(p.a_by_k),
        b_by_column(p.b_by_column),
        adds_c(p.c != nullptr),
        in_place(p.c == nullptr || p.c == p.d),
        align_a(static_cast<uint8_t>(alignment_of(p.a))),
        align_b(static_cast<uint8_t>(alignment_of(p.b))),
        align_c(static_cast<uint8_t>(alignment_of(p.c != nullptr ? p.c : p.d))),
        align_d(static_cast<uint8_t>(alignment_of(p.d))) {
    if (epilogue == 0) epilogue = kEpilogueDefault;
  }
  bool operator==(const Key& other) const { return memcmp(this, &other, sizeof(Key)) == 0; }
  /// FNV-1a.
  uint64_t hash() const {
    static_assert(sizeof(Key) == 7 * 8 + 2 * 4 + 8, "compared by its bytes");
    const auto* bytes = reinterpret_cast<const unsigned char*>(this);
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < sizeof(Key); ++i) h = (h ^ bytes[i]) * 0x100000001b3u;
    return h ^ h >> 32;
  }
};

/// Zero bytes are an empty place. The library's A is our B, and the other way round.
struct CublasLt::Plan {
  alignas(Key) char key[sizeof(Key)];
  bool made, supported;
  void *desc, *first, *second, *c, *d;
  Algorithm algorithm;
};

CublasLt::CublasLt() = default;
CublasLt::~CublasLt() { close(); }

Status CublasLt::open_file(const char* path) {
  static const char* const kNames[] = {"libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so"};
  const bool directory = path != nullptr && is_directory(path);
  for (const char* name : kNames) {
    snprintf(path_, sizeof path_, "%s%s%s", path != nullptr ? path : "", directory ? "/" : "",
             path == nullptr || directory ? name : "");
    library_ = dlopen(path_, RTLD_NOW | RTLD_LOCAL);
    if (library_ != nullptr) return kOk;
  }
  const char* why = dlerror();
  return fail(kUnsupported, "cuBLASLt cannot be opened: %s", why != nullptr ? why : path_);
}

Status CublasLt::find_entries() {
  if (!entries_.allocate_zeroed(1)) return fail(kOutOfMemory, "no memory for the entries of cuBLASLt");
  Entries& e = entries_[0];
  const struct {
    void* to;
    const char* name;
  } wanted[] = {{&e.create, "cublasLtCreate"},
                {&e.destroy, "cublasLtDestroy"},
                {&e.version, "cublasLtGetVersion"},
                {&e.desc_create, "cublasLtMatmulDescCreate"},
                {&e.desc_destroy, "cublasLtMatmulDescDestroy"},
                {&e.desc_set, "cublasLtMatmulDescSetAttribute"},
                {&e.layout_create, "cublasLtMatrixLayoutCreate"},
                {&e.layout_destroy, "cublasLtMatrixLayoutDestroy"},
                {&e.preference_create, "cublasLtMatmulPreferenceCreate"},
                {&e.preference_destroy, "cublasLtMatmulPreferenceDestroy"},
                {&e.preference_set, "cublasLtMatmulPreferenceSetAttribute"},
                {&e.heuristic, "cublasLtMatmulAlgoGetHeuristic"},
                {&e.matmul, "cublasLtMatmul"}};
  for (const auto& entry : wanted) {
    void* const address = dlsym(library_, entry.name);
    if (address == nullptr) return fail(kUnsupported, "%s has no %s", path_, entry.name);
    memcpy(entry.to, &address, sizeof address);
  }
  return kOk;
}

Status CublasLt::open(const char* path, void* workspace, int64_t workspace_bytes) {
  close();
  Status status = open_file(path);
  if (status == kOk) status = find_entries();
  if (status == kOk && !plans_.allocate_zeroed(kPlans))
    status = fail(kOutOfMemory, "no memory for the plans of products");
  if (status == kOk) {
    version_ = static_cast<int64_t>(entries_[0].version());
    if (version_ < kOldestVersion)
      status = fail(kUnsupported, "%s is of version %lld, at least %lld is needed", path_,
                    static_cast<long long>(version_), static_cast<long long>(kOldestVersion));
  }
  if (status == kOk) {
    const LtStatus created = entries_[0].create(&handle_);
    if (created != kLtSuccess) {
      handle_ = nullptr;
      status = fail(kUnsupported, "%s: cublasLtCreate answers %d%s", path_, created,
                    created == kLtNotInitialized ? " (no device, or no memory on it)" : "");
    }
  }
  workspace_ = workspace;
  workspace_bytes_ = workspace_bytes;
  if (status != kOk) close();
  return status;
}

void CublasLt::close() {
  if (handle_ != nullptr) {
    for (int64_t i = 0; i < plans_.size(); ++i) drop(&plans_[i]);
    entries_[0].destroy(handle_);
  }
  handle_ = nullptr;
  version_ = 0;
  if (library_ != nullptr) dlclose(library_);
  library_ = nullptr;
}

void CublasLt::drop(Plan* plan) {
  const Entries& e = entries_[0];
  if (plan->desc != nullptr) e.desc_destroy(plan->desc);
  void* const layouts[] = {plan->first, plan->second, plan->c, plan->d};
  for (void* layout : layouts) {
    if (layout != nullptr) e.layout_destroy(layout);
  }
  memset(static_cast<void*>(plan), 0, sizeof *plan);
}

bool CublasLt::describe(const Key& key, Plan* plan) {
  const Entries& e = entries_[0];
  const auto arithmetic = static_cast<LibraryArithmetic>(key.arithmetic);
  const int32_t compute = arithmetic == LibraryArithmetic::tf32 ? kCompute32FFastTf32 : kCompute32F;
  const int32_t type = arithmetic == LibraryArithmetic::bf16 ? kReal16BF : kReal32F;
  // The n rows of B^T are contiguous where B is not stored by column; the m columns of A^T where A is by k.
  const int32_t first = key.b_by_column ? kTransposed : kPlain, second = key.a_by_k ? kTransposed : kPlain;
  const int32_t epilogue = key.epilogue, result = key.d_is_bf16 ? kReal16BF : kReal32F;
  const auto m = static_cast<uint64_t>(key.m), n = static_cast<uint64_t>(key.n),
             k = static_cast<uint64_t>(key.k);
  return e.desc_create(&plan->desc, compute, kReal32F) == kLtSuccess &&
         e.desc_set(plan->desc, kDescTransA, &first, sizeof first) == kLtSuccess &&
         e.desc_set(plan->desc, kDescTransB, &second, sizeof second) == kLtSuccess &&
         e.desc_set(plan->desc, kDescEpilogue, &epilogue, sizeof epilogue) == kLtSuccess &&
         e.layout_create(&plan->first, type, key.b_by_column ? k : n, key.b_by_column ? n : k, key.ldb) ==
             kLtSuccess &&
         e.layout_create(&plan->second, type, key.a_by_k ? m : k, key.a_by_k ? k : m, key.lda) ==
             kLtSuccess &&
         e.layout_create(&plan->c, result, n, m, key.ldc) == kLtSuccess &&
         e.layout_create(&plan->d, result, n, m, key.ldd) == kLtSuccess;
}

bool CublasLt::set_bias(const float* bias, const Plan& plan) {
  return bias == nullptr ||
         entries_[0].desc_set(plan.desc, kDescBiasPointer, &bias, sizeof bias) == kLtSuccess;
}

bool CublasLt::choose_algorithm(const Key& key, Plan* plan) {
  const Entries& e = entries_[0];
  void* preference = nullptr;
  if (e.preference_create(&preference) != kLtSuccess) return false;
  const auto bytes = static_cast<uint64_t>(workspace_bytes_);
  bool set = e.preference_set(preference, kPreferWorkspaceBytes, &bytes, sizeof bytes) == kLtSuccess &&
             e.preference_set(preference, kPreferReductionMask, &kReductionInComputeType,
                              sizeof kReductionInComputeType) == kLtSuccess;
  const uint32_t alignments[] = {key.align_b, key.align_a, key.align_c, key.align_d};
  for (int32_t i = 0; i < 4 && set; ++i)
    set = e.preference_set(preference, kPreferAlignmentA + i, &alignments[i], sizeof(uint32_t)) == kLtSuccess;
  Heuristic best = {};
  int32_t found = 0;
  const bool chosen = set &&
                      e.heuristic(handle_, plan->desc, plan->first, plan->second, plan->c, plan->d,
                                  preference, 1, &best, &found) == kLtSuccess &&
                      found == 1 && best.state == kLtSuccess;
  e.preference_destroy(preference);
  plan->algorithm = best.algorithm;
  return chosen;
}

void CublasLt::make_plan(const Key& key, const float* bias, Plan* plan) {
  drop(plan);
  memcpy(plan->key, &key, sizeof key);
  plan->made = true;
  plan->supported = describe(key, plan) && set_bias(bias, *plan) && choose_algorithm(key, plan);
  ++plans_made_;
}

CublasLt::Plan& CublasLt::plan_for(const Key& key, const float* bias) {
  Plan& plan = plans_[static_cast<int64_t>(key.hash() % kPlans)];
  if (!plan.made || memcmp(plan.key, &key, sizeof key) != 0) make_plan(key, bias, &plan);
  return plan;
}

Code CublasLt::multiply(Stream stream, const LibraryProduct& p) {
  const Plan& plan = plan_for(Key(p), p.bias);
  if (!plan.supported) return kNotSupported;
  if (!set_bias(p.bias, plan)) return kInvalidValue;
  const float one = 1, beta = p.c != nullptr ? 1 : 0;
  const void* const c = p.c != nullptr ? p.c : p.d;
  return code_of(entries_[0].matmul(handle_, plan.desc, &one, p.b, plan.first, p.a, plan.second, &beta, c,
                                    plan.c, p.d, plan.d, &plan.algorithm, workspace_,
                                    static_cast<size_t>(workspace_bytes_), stream));
}

}  // namespace maque::cuda
