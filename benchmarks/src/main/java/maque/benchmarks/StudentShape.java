package maque.benchmarks;

/**
 * Sizes of a student and what its predictions cost.
 *
 * @param in size of an embedding
 * @param hidden of one direction
 * @param middle hidden layer of the head
 */
record StudentShape(int vocabulary, int in, int hidden, int middle, int classes) {
  /** How a form keeps its weights. */
  record Form(int bytes, boolean folded) {}

  /** Of a text's features: both directions through the head. */
  private double headFlops() {
    return 2.0 * (2 * hidden * middle + middle * classes);
  }

  private double headBytes(Form form) {
    return (double) form.bytes * (2 * hidden * middle + middle * classes);
  }

  /**
   * Documents: the mean of a text's vectors, one step from a zero state, so three gates and no
   * recurrent product. Folded, the mean is taken over rows of gates and nothing is left to multiply
   * but the head.
   */
  Cost document(int texts, int words, Form form) {
    double gates = 6.0 * hidden;
    double row = form.folded ? gates : in;
    double flops = texts * (words * row + (form.folded ? 0 : 2 * in * gates) + headFlops());
    double projection = form.folded ? 0 : gates * in * form.bytes;
    double weights = projection + headBytes(form);
    return new Cost(
        flops,
        new Cost.Read(weights, weights),
        new Cost.Read(texts * words * row * form.bytes, vocabulary * row * form.bytes));
  }

  /**
   * Sequences, the head on every token. An id that a batch repeats needs its input product once.
   * The recurrent weights are read once in each of the steps, for all texts together, one direction
   * after the other.
   *
   * @param tokens of all texts
   * @param distinct ids among them
   * @param steps of the longest text
   */
  Cost sequence(int tokens, int distinct, int steps, Form form) {
    double gates = 8.0 * hidden;
    double row = form.folded ? gates : in;
    double projection = form.folded ? 0 : gates * in;
    double perToken = 2 * gates * hidden + headFlops();
    double recurrent = gates * hidden * form.bytes;
    double rest = projection * form.bytes + headBytes(form);
    return new Cost(
        tokens * perToken + distinct * 2 * projection,
        new Cost.Read(steps * recurrent, recurrent / 2),
        new Cost.Read(rest, rest + recurrent),
        new Cost.Read(tokens * row * form.bytes, vocabulary * row * form.bytes));
  }

  /**
   * A step of plain gradient descent: weights and gradients of what is dense are read once. Without
   * dropout the input products are those of the distinct tokens.
   */
  Cost sequenceStep(int tokens, int distinct, int steps) {
    Cost forward = sequence(tokens, distinct, steps, new Form(4, false));
    double dense = 8.0 * hidden * (in + hidden) + 2.0 * hidden * middle + (double) middle * classes;
    return new Cost(3 * forward.flops(), new Cost.Read(8 * dense, 8 * dense));
  }
}
