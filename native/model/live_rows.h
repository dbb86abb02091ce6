// The rows of a head on every token that have a gradient: those where a class of their text has its maximum.
// The others' is zero and would add nothing to any sum, so that the head goes back over these alone.
#pragma once
#include "model/bilstm.h"

namespace maque {

/// Finds them and numbers them: argmax holds rows and receives their places among the live ones.
void find_live_rows(const StudentBatch& batch, int64_t classes, int32_t* argmax, LiveRows* live);

}  // namespace maque
