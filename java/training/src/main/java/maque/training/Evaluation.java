package maque.training;

import java.util.Arrays;
import java.util.stream.IntStream;
import maque.runtime.InvalidInputException;
import maque.runtime.TextClassifier;

/** Runs a classifier over labelled texts: its predictions, the report on them, and its speed. */
public final class Evaluation {
  /** The name of this stage in progress reports. */
  public static final String STAGE = "evaluate";

  private static final int MAX_SINGLE = 2000;
  private static final long SINGLE_NANOS = 3_000_000_000L;
  private static final int WARM_UP = 50;

  private Evaluation() {}

  /**
   * What an evaluation found.
   *
   * @param name of the model, for people
   * @param gold true classes
   * @param predicted the model's, in the same order
   * @param parameters of the model
   * @param seconds for all texts together, tokenizing included, on as many threads as the run had
   * @param medianMicros microseconds of a single prediction, text to label: the median
   * @param slowMicros the 99th percentile of the same
   */
  public record Result(
      String name,
      ClassificationReport report,
      int[] gold,
      int[] predicted,
      long parameters,
      double seconds,
      double medianMicros,
      double slowMicros) {
    public Result {
      gold = gold.clone();
      predicted = predicted.clone();
    }

    @Override
    public int[] gold() {
      return gold.clone();
    }

    @Override
    public int[] predicted() {
      return predicted.clone();
    }

    /** Part of the texts that both models give the same class. */
    public double agreement(Result other) {
      if (other.predicted.length != predicted.length) {
        throw new InvalidInputException("the two models were evaluated on different texts");
      }
      int same = 0;
      for (int i = 0; i < predicted.length; i++) {
        same += predicted[i] == other.predicted[i] ? 1 : 0;
      }
      return (double) same / predicted.length;
    }

    /** Compares this, as the baseline, with another model on the same texts. */
    public PairedComparison compare(Result other, long seed) {
      return PairedComparison.of(gold, predicted, other.predicted, seed);
    }
  }

  /**
   * Evaluates all texts on as many threads as {@code control} says; single predictions on one.
   *
   * @throws InvalidInputException where a text has no label, or the classes differ from the model's
   * @throws CancelledException where the token was set
   */
  public static Result run(String name, TextClassifier model, DataSet data, RunControl control) {
    return labelled(model, data, control).result(name, data);
  }

  /** As {@link #run}, with the logits. */
  public static Scores labelled(TextClassifier model, DataSet data, RunControl control) {
    if (!model.labels().equals(data.labels())) {
      throw new InvalidInputException(
          data.name() + " has classes " + data.labels() + ", the model " + model.labels());
    }
    if (Arrays.stream(data.counts()).sum() < data.size() || data.size() == 0) {
      throw new InvalidInputException(data.name() + ": every text needs a label to evaluate by");
    }
    return scores(model, data, control);
  }

  /**
   * Scores texts, with labels or without, on as many threads as {@code control} says; single
   * predictions on one.
   *
   * @throws InvalidInputException where there are no texts
   * @throws CancelledException where the token was set
   */
  public static Scores scores(TextClassifier model, Texts texts, RunControl control) {
    if (texts.size() == 0) {
      throw new InvalidInputException("there are no texts to score");
    }
    long start = System.nanoTime();
    float[][] logits = logits(model, texts, control);
    double seconds = (System.nanoTime() - start) * 1e-9;
    double[] micros = single(model, texts, control);
    return new Scores(
        logits, model.parameters(), seconds, percentile(micros, 0.5), percentile(micros, 0.99));
  }

  /**
   * Logits of texts, in their order, for any number of threads.
   *
   * @throws CancelledException where the token was set
   */
  public static float[][] logits(TextClassifier model, Texts texts, RunControl control) {
    float[][] out = new float[texts.size()][];
    try (LogitPool pool = new LogitPool(model, control.threads())) {
      int asked = 0;
      int answered = 0;
      while (answered < out.length) {
        stopIfAsked(control);
        while (asked < out.length && !pool.isFull()) {
          int to = Math.min(out.length, asked + pool.chunk());
          pool.ask(IntStream.range(asked, to).mapToObj(texts::get).toList());
          asked = to;
        }
        for (float[] logits : pool.next().logits()) {
          out[answered++] = logits;
        }
        control.progress(STAGE, answered, out.length, "");
      }
    }
    return out;
  }

  /** Times of single predictions, after a warm-up, for as many texts as a few seconds allow. */
  private static double[] single(TextClassifier model, Texts data, RunControl control) {
    for (int i = 0; i < WARM_UP; i++) {
      model.predict(data.get(i % data.size()));
    }
    double[] micros = new double[Math.min(MAX_SINGLE, data.size())];
    long end = System.nanoTime() + SINGLE_NANOS;
    int n = 0;
    while (n < micros.length && (n == 0 || System.nanoTime() < end)) {
      stopIfAsked(control);
      String text = data.get(n);
      long start = System.nanoTime();
      model.predict(text);
      micros[n++] = (System.nanoTime() - start) * 1e-3;
    }
    double[] sorted = Arrays.copyOf(micros, n);
    Arrays.sort(sorted);
    return sorted;
  }

  private static void stopIfAsked(RunControl control) {
    if (control.token().isCancelled()) {
      throw new CancelledException("evaluation stopped");
    }
  }

  private static double percentile(double[] sorted, double part) {
    return sorted[(int) Math.min(sorted.length - 1, Math.round(part * (sorted.length - 1)))];
  }
}
