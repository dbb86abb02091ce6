// Checks of what comes in over the ABI, shared by inference and training.
#pragma once
#include "model/model.h"

namespace maque {

/// The texts of a call as the ABI passes them.
struct TextArguments {
  const int32_t* ids;
  int64_t ids_len;
  const int32_t* offsets;
  int32_t n;
  const int32_t* type_ids;
  const int32_t* bag_ids = nullptr;
  int64_t bag_len = 0;
  const int32_t* bag_offsets = nullptr;
};

/// Checks n >= 0, the offsets, lengths and ids, of tokens and of n-grams, and fills texts. Without
/// `needs_ids` ids and type_ids are not looked at (and are null in texts), nor are lengths held against
/// max_position_embeddings.
Status check_texts(const Geometry& g, const TextArguments& in, bool needs_ids, Texts* texts);

/// kInvalidArgument where out is null (and something is to be written) or shorter than rows * width.
Status check_output(const float* out, int64_t out_len, int64_t rows, int64_t width);

}  // namespace maque
