package maque.runtime;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Small students of every kind, form and file, with the answers that each must give. */
final class SoakModels {
  /** Texts of all lengths: none, unknown words, cut ones, a lone surrogate. */
  static final List<String> TEXTS =
      List.of(
          "",
          "red",
          "green 麻雀 blue",
          "sparrow red unknown \ud800 words",
          "red green blue sparrow 麻雀 ".repeat(2),
          "blue ".repeat(300));

  /**
   * One model.
   *
   * @param path a directory or a single file
   * @param logits of each of {@link #TEXTS}, computed alone
   * @param probabilities theirs
   */
  record Specimen(Path path, float[][] logits, float[][] probabilities) {
    /**
     * Fails unless these are the logits of that text, bit for bit.
     *
     * @throws AssertionError naming the model, where they are not
     */
    void checkLogits(int text, float[] found) {
      check(text, logits[text], found);
    }

    /** As {@link #checkLogits}. */
    void checkProbabilities(int text, float[] found) {
      check(text, probabilities[text], found);
    }

    private void check(int text, float[] expected, float[] found) {
      if (!Arrays.equals(expected, found)) {
        throw new AssertionError(path + ": a wrong answer to text " + text);
      }
    }
  }

  private SoakModels() {}

  /** Writes all of them, and asks each once in this thread. */
  static List<Specimen> write(Path directory) {
    List<Specimen> all = new ArrayList<>();
    for (String kind : List.of("document", "sequence", "bag", "ngrams")) {
      all.add(ask(trained(directory, kind)));
      for (String precision : List.of("fp32", "bf16", "int8")) {
        for (boolean folded : new boolean[] {true, false}) {
          if (!folded || !kind.equals("bag")) {
            all.add(ask(served(directory, kind, precision, folded)));
          }
        }
      }
    }
    return all;
  }

  private static Specimen ask(Path path) {
    try (Student student = Student.load(path)) {
      return new Specimen(
          path,
          TEXTS.stream().map(student::logits).toArray(float[][]::new),
          TEXTS.stream().map(t -> student.predict(t).probabilities()).toArray(float[][]::new));
    }
  }

  private static Map<String, Object> config(String kind) {
    boolean sequence = kind.equals("sequence") || kind.equals("ngrams");
    Map<String, Object> config =
        TinyModels.studentConfig(
            sequence ? "sequence" : "document", sequence ? "max-logits" : null);
    if (kind.equals("bag")) {
      config.put("model_type", "maque-bag");
      config.keySet().removeAll(List.of("hidden_size", "embedding_size"));
    }
    if (kind.equals("bag") || kind.equals("ngrams")) {
      config.put("ngrams", new Ngrams(Ngrams.Unit.TOKENS, 1, 2, 32, 8).toMap());
    }
    return config;
  }

  private static Path trained(Path directory, String kind) {
    return TinyModels.writer(directory.resolve(kind), config(kind), 1).commit();
  }

  /** In a directory where it is folded, in a single file where not. */
  private static Path served(Path directory, String kind, String precision, boolean folded) {
    Map<String, Object> config = config(kind);
    config.put("precision", precision);
    config.put("folded", folded);
    ModelDirectory.Writer writer =
        ModelDirectory.write(directory.resolve(kind + "-" + precision + (folded ? "" : ".maque")))
            .config(config)
            .tensors(ServingModels.weights(ServingModels.parsed(config), folded, new Random(2)))
            .vocab(TinyModels.WORDS)
            .labels(TinyModels.LABELS);
    return folded ? writer.commit() : writer.commitFile();
  }
}
