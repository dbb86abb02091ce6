// Bags of n-grams: for each text the mean of the rows of a table at the numbers of its n-grams (fastText:
// Joulin et al., arXiv 1607.01759; the buckets that n-grams are hashed into come with the text). A text of no
// n-grams has a row of zeros.
#pragma once
#include "model/compute.h"

namespace maque {

/// The n-grams of a batch: text i has ids[offsets[i] .. offsets[i + 1]).
struct BagBatch {
  const int32_t *ids, *offsets;
  int64_t texts;
  // Training only: the batch turned round. Row r of the table's gradient belongs to bucket row_ids[r], and is
  // the sum over the texts row_texts[row_offsets[r] .. row_offsets[r + 1]), one for each occurrence.
  int64_t rows;            // distinct buckets
  const int32_t* row_ids;  // [rows], ascending
  const int32_t* row_offsets;
  const int32_t* row_texts;
};

/// Turns a batch round; ids, offsets and texts are set. Arrays are cut from the carver, and filled unless it
/// only measures.
void lay_out_bag(Carver* carver, BagBatch* bag);

/// out [texts, width] = the mean of each text's rows.
template <class T>
void bag_forward(const Compute<T>& compute, const T* table, int64_t width, const BagBatch& bag, T* out);

/// gradient [rows, width] of the table's rows that occur (overwrites), from d_out [texts, width], which is
/// divided by the lengths in place.
template <class T>
void bag_backward(const Compute<T>& compute, int64_t width, const BagBatch& bag, T* d_out, T* gradient);

}  // namespace maque
