package maque.runtime;

/**
 * The n-grams of the texts of one call: text i has the buckets ids[offsets[i]] to before
 * ids[offsets[i + 1]]. Filled again and again by its owner.
 */
final class Bags {
  int[] ids;
  int length;
  int[] offsets;

  Bags(int[] ids, int length, int[] offsets) {
    this.ids = ids;
    this.length = length;
    this.offsets = offsets;
  }

  /** Of one text. */
  static Bags of(int[] ids) {
    return new Bags(ids, ids.length, new int[] {0, ids.length});
  }
}
