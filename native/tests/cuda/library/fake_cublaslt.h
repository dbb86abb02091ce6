// What the fake cuBLASLt does and has seen.
#pragma once
#include <cstddef>
#include <cstdint>

namespace maque::test {

enum class FakeFailure : int32_t { none, old, no_device, no_algorithm, nothing_found, execution };

/// The last product's arguments.
struct FakeCall {
  int32_t compute, epilogue, type, trans_a, trans_b;
  float beta;
  const void* workspace;
  size_t workspace_bytes;
  const void* stream;
};

struct FakeState {
  FakeFailure failure = FakeFailure::none;            // what the calls from now on do
  int64_t heuristics = 0, products = 0, objects = 0;  // objects: created and not destroyed
  uint64_t workspace = 0;                             // as preferred, with the two that follow
  uint32_t reduction_mask = 0, alignments[4] = {};
  FakeCall last = {};
};

}  // namespace maque::test

/// The library's own state; what tests find by dlsym.
extern "C" maque::test::FakeState* fake_cublaslt_state();
