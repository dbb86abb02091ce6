package maque.benchmarks;

import java.util.stream.IntStream;

/** Sizes of a BERT and what its passes cost. */
record BertShape(int layers, int hidden, int heads, int inner, int vocabulary, int positions) {
  /** bge-small-zh. */
  static final BertShape SMALL = new BertShape(4, 512, 8, 2048, 21128, 512);

  /** BERT-base with the Chinese vocabulary. */
  static final BertShape BASE = new BertShape(12, 768, 12, 3072, 21128, 512);

  /** The demo's teacher, all-MiniLM-L6-v2. */
  static final BertShape DEMO = new BertShape(6, 384, 12, 1536, 30522, 512);

  /** Which rows of the last layer somebody asks for: mean pooling all, a pooler the first ones. */
  enum Last {
    ALL_ROWS,
    FIRST_ROWS
  }

  private double layerWeights() {
    return 4.0 * hidden * hidden + 2.0 * hidden * inner;
  }

  private double rowBytes() {
    return 4.0 * hidden;
  }

  /**
   * One forward pass. A layer's products wait for each other: queries, keys and values; attention;
   * its output; up; down. Each reads its own weights once. What is neither product nor read
   * (LayerNorm, GELU, softmax) is free here.
   *
   * @param bytes of one weight in the layers; the embeddings are floats
   * @param used rows of the embeddings that this pass and its neighbours touch
   */
  Cost forward(int bytes, int used, Last last, int... lengths) {
    double resident = layers * layerWeights() * bytes + used * rowBytes();
    double tokens = IntStream.of(lengths).sum();
    Cost cost = new Cost(tokens * hidden, new Cost.Read(2 * tokens * rowBytes(), resident));
    for (int layer = 0; layer < layers; layer++) {
      boolean first = last == Last.FIRST_ROWS && layer == layers - 1;
      cost = cost.plus(layer(bytes, resident, first, lengths));
    }
    return cost;
  }

  private Cost layer(int bytes, double resident, boolean first, int... lengths) {
    double tokens = IntStream.of(lengths).sum();
    double rows = first ? lengths.length : tokens;
    double square = (double) hidden * hidden;
    double pairs = IntStream.of(lengths).mapToDouble(n -> (first ? 1.0 : n) * n).sum();
    Cost cost = product(2 * tokens + rows, square, 3 * square * bytes, resident);
    return cost.plus(new Cost(4 * pairs * hidden))
        .plus(product(rows, square, square * bytes, resident))
        .plus(product(rows, (double) hidden * inner, (double) hidden * inner * bytes, resident))
        .plus(product(rows, (double) hidden * inner, (double) hidden * inner * bytes, resident));
  }

  private static Cost product(double rows, double weights, double read, double resident) {
    return new Cost(2 * rows * weights, new Cost.Read(read, resident));
  }

  /**
   * A step of AdamW on everything, below a pooler: forward; backward to the inputs, which reads the
   * weights again; the weights' gradients, as many operations again; the update, which reads
   * weight, gradient and two moments (of the embeddings' untouched rows no gradient).
   *
   * @param bytes of one weight in the products
   */
  Cost step(int bytes, int... lengths) {
    int tokens = IntStream.of(lengths).sum();
    Cost forward = forward(bytes, tokens, Last.FIRST_ROWS, lengths);
    return forward.times(2).plus(new Cost(forward.flops())).plus(update(tokens));
  }

  /** AdamW after a batch of so many tokens. */
  private Cost update(int tokens) {
    double dense = layers * layerWeights() + (double) hidden * hidden;
    double table = (double) (vocabulary + positions + 2) * hidden;
    double touched = Math.min(table, (double) tokens * hidden);
    double bytes = 16 * dense + 12 * table + 4 * touched;
    return new Cost(0, new Cost.Read(bytes, bytes));
  }
}
