// Base types of the native core: status codes, activations, dropout keys.
#pragma once
#include <cstddef>
#include <cstdint>

namespace maque {

/// Codes that cross the ABI. 0 is success; every other value has a message (see core/error.h).
enum Status : int32_t {
  kOk = 0,
  kInvalidArgument = 1,  // a null pointer, a size or an option out of range
  kBadHandle = 2,        // closed, foreign or null handle
  kOutOfMemory = 3,
  kBadModel = 4,   // tensors missing, too many, or of a shape that the geometry does not have
  kNotFinite = 5,  // NaN or infinity in weights or in a loss
  kUnsupported = 6,
  kBadState = 7,  // a call out of order
};

/// What products are computed in: bf16 accumulates in fp32, int8 in 32-bit integers.
enum class Precision : int32_t { fp32, bf16, int8 };

/// Element-wise functions that a GEMM can apply to its result.
enum class Activation : int32_t { none, relu, tanh, gelu_erf, gelu_tanh };

/// Key of a dropout mask. Element e of the masked array is dropped when word e % 4 of
/// Philox4x32-10(counter = {low32(q), high32(q), step, site}, key = seed), q = (offset + e) / 4, word (offset
/// + e) % 4, is below p * 2^32; kept elements are multiplied by 1 / (1 - p). p = 0 keeps everything.
struct Dropout {
  float p;
  uint64_t seed;
  uint32_t step;
  uint32_t site;
  uint64_t offset;
};

}  // namespace maque
