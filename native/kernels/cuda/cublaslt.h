// Products by NVIDIA's cuBLASLt, which is opened at run time where it is found: no header of it is needed to
// build, and a machine without it loses nothing. Functions, numbers and the two structs are those of its
// reference ("cuBLAS", section "Using the cublasLt API"), the same in its versions 11 to 13.
//
// The library is column-major: it is asked for C^T = B^T A^T. One caller at a time; host code, which neither
// waits for the device nor allocates on it.
#pragma once
#include "core/memory.h"
#include "kernels/cuda/launch.h"

namespace maque::cuda {

/// The library knows no way to compute this product (cudaErrorNotSupported).
constexpr Code kNotSupported = 801;

/// fp32 is IEEE's products and sums in an order of the library's; tf32 rounds factors to 10 bits of mantissa;
/// bf16 takes factors of that type. All sum in fp32.
enum class LibraryArithmetic : int32_t { fp32, tf32, bf16 };

/// D[i, j] = relu?(sum_p A[i, p] * B[p, j] + C[i, j] + bias[j]). Element (i, p) of A lies at a[i * lda + p],
/// or a[p * lda + i] where a_by_k; (p, j) of B at b[p * ldb + j], or b[j * ldb + p] where b_by_column.
struct LibraryProduct {
  LibraryArithmetic arithmetic;
  bool a_by_k, b_by_column, relu, d_is_bf16;
  int64_t m, n, k;
  const void *a, *b;  // float, or uint16_t where bf16
  int64_t lda, ldb;
  const float* c;  // or null; may be D, then of its row stride
  int64_t ldc;
  void* d;  // float, or uint16_t where d_is_bf16: then A and B are bf16, and there is neither C nor bias
  int64_t ldd;
  const float* bias;  // [n] or null
};

class CublasLt {
 public:
  CublasLt();
  ~CublasLt();
  CublasLt(const CublasLt&) = delete;
  CublasLt& operator=(const CublasLt&) = delete;

  /// path: the library's file, a directory that holds it under one of its names, or null: the system's
  /// search. Fails with kUnsupported (not found, an entry missing, too old, or it finds no device: the
  /// message says which) and kOutOfMemory. `workspace`, of the device, is the library's to write in; nothing
  /// else may use it while a product runs.
  Status open(const char* path, void* workspace, int64_t workspace_bytes);
  void close();

  bool is_open() const { return handle_ != nullptr; }
  /// The number that the library gives; 0 where it is not open.
  int64_t version() const { return version_; }
  /// The file or name by which it was opened.
  const char* path() const { return path_; }

  /// Starts the product. kNotSupported: no algorithm for it (nothing was started). The first product of a
  /// shape makes its plan, which takes some 10 microseconds; plans are kept, so a captured graph's shapes
  /// should have run once before.
  Code multiply(Stream stream, const LibraryProduct& product);

  /// Plans made so far.
  int64_t plans_made() const { return plans_made_; }

 private:
  struct Entries;
  struct Key;
  struct Plan;

  Status open_file(const char* path);
  Status find_entries();
  Plan& plan_for(const Key& key, const float* bias);
  void make_plan(const Key& key, const float* bias, Plan* plan);
  bool describe(const Key& key, Plan* plan);
  bool set_bias(const float* bias, const Plan& plan);
  bool choose_algorithm(const Key& key, Plan* plan);
  void drop(Plan* plan);

  void *library_ = nullptr, *handle_ = nullptr;
  Buffer<Entries> entries_;
  Buffer<Plan> plans_;
  void* workspace_ = nullptr;
  int64_t workspace_bytes_ = 0, version_ = 0, plans_made_ = 0;
  char path_[512] = {};
};

}  // namespace maque::cuda
