// Stable sorting of rows by id, for gradients of tables.
#pragma once
#include "core/types.h"

namespace maque {

/// order[0 .. n) = the numbers 0 .. n - 1 sorted by ids (not negative) and, within an id, by number.
/// temporary: n elements. Radix sort, 8 bits a pass, as many passes as the largest id needs.
void sort_rows(const int32_t* ids, int64_t n, int32_t* order, int32_t* temporary);

}  // namespace maque
