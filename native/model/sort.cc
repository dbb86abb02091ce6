#include "model/sort.h"

#include <string.h>

namespace maque {

void sort_rows(const int32_t* ids, int64_t n, int32_t* order, int32_t* temporary) {
  int32_t largest = 0;
  for (int64_t i = 0; i < n; ++i) largest = ids[i] > largest ? ids[i] : largest;
  int32_t passes = 1;
  while (passes < 4 && (largest >> (8 * passes)) != 0) ++passes;
  int32_t* from = passes % 2 == 0 ? order : temporary;
  int32_t* to = passes % 2 == 0 ? temporary : order;
  for (int64_t i = 0; i < n; ++i) from[i] = static_cast<int32_t>(i);
  for (int32_t pass = 0; pass < passes; ++pass) {
    const int32_t shift = 8 * pass;
    int64_t next[257] = {0};
    for (int64_t i = 0; i < n; ++i) ++next[(ids[i] >> shift & 255) + 1];
    for (int32_t d = 0; d < 255; ++d) next[d + 1] += next[d];
    for (int64_t i = 0; i < n; ++i) to[next[ids[from[i]] >> shift & 255]++] = from[i];
    int32_t* swap = from;
    from = to;
    to = swap;
  }
}

}  // namespace maque
