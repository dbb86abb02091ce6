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

  private double layerWeights() {
    return 4.0 * hidden * hidden + 2.0 * hidden * inner;
  }

  /** Of texts of these lengths, every row of the last layer included. */
  double flops(int... lengths) {
    return IntStream.of(lengths)
        .mapToDouble(n -> layers * (2.0 * n * layerWeights() + 4.0 * n * n * hidden))
        .sum();
  }

  /** bytes: of one weight in the layers; the embeddings are floats. */
  Cost forward(int bytes, int... lengths) {
    double weights = layers * layerWeights() * bytes;
    double rows = 2.0 * IntStream.of(lengths).sum() * hidden * 4;
    return new Cost(
        flops(lengths),
        new Cost.Read(weights, weights),
        new Cost.Read(rows, (double) (vocabulary + positions) * hidden * 4));
  }

  private double parameters() {
    return layers * layerWeights() + (double) (vocabulary + positions + 2) * hidden;
  }

  /** A step of AdamW on everything: weight, gradient and two moments are read once. */
  Cost step(int... lengths) {
    double bytes = 16 * parameters();
    return new Cost(3 * flops(lengths), new Cost.Read(bytes, bytes));
  }
}
