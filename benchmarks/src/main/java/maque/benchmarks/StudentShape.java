package maque.benchmarks;

import java.util.stream.IntStream;

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

  private double headWeights() {
    return 2.0 * hidden * middle + (double) middle * classes;
  }

  /** A product of some rows with weights that are read once. */
  private static Cost product(double rows, double weights, int bytes, double resident) {
    return new Cost(2 * rows * weights, new Cost.Read(weights * bytes, resident));
  }

  /**
   * Documents: the mean of a text's vectors, one step from a zero state, so three gates and no
   * recurrent product. Folded, the mean is taken over rows of gates and nothing is left to multiply
   * but the head.
   *
   * @param used words that this piece of work and its neighbours touch
   */
  Cost document(int texts, int words, int used, Form form) {
    double gates = 6.0 * hidden;
    double row = form.folded ? gates : in;
    double projection = form.folded ? 0 : gates * in;
    double table = (double) Math.min(used, vocabulary) * row * form.bytes;
    double resident = (projection + headWeights()) * form.bytes + table;
    double summed = (double) texts * words * row;
    Cost cost = new Cost(summed, new Cost.Read(summed * form.bytes, resident));
    if (!form.folded) {
      cost = cost.plus(product(texts, projection, form.bytes, resident));
    }
    return cost.plus(product(texts, headWeights(), form.bytes, resident));
  }

  /**
   * Sequences, the head on every token. An id that a batch repeats needs its input product once.
   * The parts: the tokens' rows of the table; the input product; the steps, each of which reads the
   * recurrent weights for the texts that are not at their end yet, one direction after the other;
   * the head.
   *
   * @param lengths of the texts
   * @param projected rows of the input product: the batch's distinct ids, or all its tokens
   * @param used ids that this batch and its neighbours touch
   */
  Cost sequence(int[] lengths, int projected, int used, Form form) {
    double gates = 8.0 * hidden;
    double row = form.folded ? gates : in;
    double tokens = IntStream.of(lengths).sum();
    double table = used * row * form.bytes;
    double recurrent = gates * hidden;
    double projection = form.folded ? 0 : gates * in;
    double resident = (projection + recurrent + headWeights()) * form.bytes + table;
    Cost cost = new Cost(0, new Cost.Read(tokens * row * form.bytes, resident));
    if (!form.folded) {
      cost = cost.plus(product(projected, projection, form.bytes, resident));
    }
    return cost.plus(steps(lengths, form.bytes))
        .plus(product(tokens, headWeights(), form.bytes, resident));
  }

  /** Between two steps of a direction nothing else is touched than that direction's weights. */
  private Cost steps(int[] lengths, int bytes) {
    double recurrent = 8.0 * hidden * hidden;
    Cost cost = Cost.nothing();
    int longest = IntStream.of(lengths).max().orElse(0);
    for (int step = 0; step < longest; step++) {
      int now = step;
      double active = IntStream.of(lengths).filter(length -> length > now).count();
      cost = cost.plus(product(active, recurrent, bytes, recurrent * bytes / 2));
    }
    return cost;
  }

  /**
   * A step of plain gradient descent: forward; backward through the same steps with the same reads;
   * the weights' gradients, as many operations again, for all steps together; the update, which
   * reads what is dense and its gradients.
   *
   * @param bytes of one weight in the products
   */
  Cost sequenceStep(int[] lengths, int projected, int used, int bytes) {
    Cost forward = sequence(lengths, projected, used, new Form(bytes, false));
    double dense = 8.0 * hidden * (in + hidden) + headWeights();
    return forward
        .times(2)
        .plus(new Cost(forward.flops()))
        .plus(new Cost(0, new Cost.Read(8 * dense, 8 * dense)));
  }
}
