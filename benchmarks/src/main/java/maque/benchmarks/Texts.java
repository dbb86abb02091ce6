package maque.benchmarks;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import maque.runtime.Json;
import maque.runtime.ModelDirectory;
import maque.runtime.TextEncoder;
import maque.runtime.TextEncoders;

/** Real texts and their token ids; every contender gets the same. */
final class Texts {
  private Texts() {}

  /** A JSON array of strings, or of objects with a field "text" or "sentence". */
  static List<String> read(Path json) {
    List<String> texts = new ArrayList<>();
    collect(Json.read(json), texts);
    if (texts.size() < 64) {
      throw new IllegalArgumentException(
          json + ": expected at least 64 texts, found " + texts.size());
    }
    return texts;
  }

  private static void collect(Object value, List<String> texts) {
    if (value instanceof String text) {
      texts.add(text);
    } else if (value instanceof Map<?, ?> map) {
      Object text = map.containsKey("text") ? map.get("text") : map.get("sentence");
      collect(text != null ? text : new ArrayList<>(map.values()), texts);
    } else if (value instanceof List<?> list) {
      list.forEach(item -> collect(item, texts));
    }
  }

  /** Ids of each text, with [CLS] and [SEP], by the model's own tokenizer. */
  static int[][] ids(List<String> texts, ModelDirectory model) {
    TextEncoder encoder = TextEncoders.of(model);
    return texts.stream().map(text -> encoder.encode(text).ids()).toArray(int[][]::new);
  }

  /** Whole batches of texts of similar length. */
  static int[][][] batches(int[][] ids, int size) {
    int[][] sorted = ids.clone();
    if (size > 1) {
      Arrays.sort(sorted, Comparator.comparingInt(text -> text.length));
    }
    int[][][] batches = new int[sorted.length / size][][];
    for (int i = 0; i < batches.length; i++) {
      batches[i] = Arrays.copyOfRange(sorted, i * size, (i + 1) * size);
    }
    return batches;
  }

  /**
   * The stream of all ids cut into rows of one length, so that ids repeat as often as they do in
   * texts.
   */
  static int[][] rows(int[][] ids, int count, int length) {
    int[] stream = Arrays.stream(ids).flatMapToInt(Arrays::stream).toArray();
    int[][] rows = new int[count][length];
    for (int i = 0; i < count * length; i++) {
      rows[i / length][i % length] = stream[i % stream.length];
    }
    return rows;
  }

  /** Texts of random ids, of one length. */
  static int[][] random(int vocabulary, int count, int length) {
    SplittableRandom random = new SplittableRandom(3);
    int[][] texts = new int[count][];
    Arrays.setAll(texts, i -> random.ints(length, 0, vocabulary).toArray());
    return texts;
  }

  static int[] lengths(int[][] batch) {
    return Arrays.stream(batch).mapToInt(text -> text.length).toArray();
  }

  /** The same texts, the longest first. */
  static int[][] longestFirst(int[][] batch) {
    int[][] sorted = batch.clone();
    Arrays.sort(sorted, Comparator.comparingInt(text -> -text.length));
    return sorted;
  }

  static int longest(int[][] batch) {
    return Arrays.stream(batch).mapToInt(text -> text.length).max().orElse(0);
  }
}
