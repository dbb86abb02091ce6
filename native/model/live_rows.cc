#include "model/live_rows.h"

#include <string.h>

namespace maque {

void find_live_rows(const StudentBatch& batch, int64_t classes, int32_t* argmax, LiveRows* live) {
  int32_t* place = live->place;
  memset(place, 0, static_cast<size_t>(batch.rows) * sizeof(int32_t));
  for (int64_t i = 0; i < batch.texts * classes; ++i) place[argmax[i]] = 1;
  int32_t count = 0;
  for (int64_t row = 0; row < batch.rows; ++row) {
    const bool found = place[row] != 0;
    place[row] = found ? count : -1;
    if (found) live->rows[count++] = static_cast<int32_t>(row);
  }
  live->count = count;
  for (int64_t i = 0; i < batch.texts * classes; ++i) argmax[i] = place[argmax[i]];
  int32_t positions = 0;
  for (int64_t text = 0; text < batch.texts; ++text) {
    live->offsets[text] = positions;
    for (int32_t s = batch.pool_offsets[text]; s < batch.pool_offsets[text + 1]; ++s) {
      const int32_t at = place[batch.pool_rows[s]];
      if (at >= 0) live->positions[positions++] = at;
    }
  }
  live->offsets[batch.texts] = positions;
}

}  // namespace maque
