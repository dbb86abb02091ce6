package maque.training;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import maque.runtime.Encoded;
import maque.runtime.TextEncoder;

/** Looks for what makes a data file teach or measure less than it seems to. */
public final class DataCheck {
  private static final int EXAMPLES = 5;

  private DataCheck() {}

  /**
   * What reads the texts.
   *
   * @param encoder with a bound far above the texts' lengths
   * @param maxTokens where a model cuts
   * @param unknown id of what is not in the vocabulary; -1 where the model passes over it
   */
  public record Reader(TextEncoder encoder, int maxTokens, int unknown) {}

  /** Smallest, middle and largest of some lengths; 95 and 99 of 100 are at most the p's. */
  public record Lengths(int min, int median, int p95, int p99, int max) {
    static Lengths of(int[] values) {
      int[] sorted = values.clone();
      Arrays.sort(sorted);
      return new Lengths(
          sorted[0],
          at(sorted, 0.5),
          at(sorted, 0.95),
          at(sorted, 0.99),
          sorted[sorted.length - 1]);
    }

    private static int at(int[] sorted, double part) {
      return sorted[(int) Math.round(part * (sorted.length - 1))];
    }

    Map<String, Object> toMap() {
      Map<String, Object> map = new LinkedHashMap<>();
      map.put("min", (long) min);
      map.put("median", (long) median);
      map.put("p95", (long) p95);
      map.put("p99", (long) p99);
      map.put("max", (long) max);
      return map;
    }
  }

  /**
   * What a tokenizer makes of a file.
   *
   * @param lengths in tokens, special ones counted, before anything is cut
   * @param cutTexts texts that are longer than the model reads
   * @param tokens in all
   * @param cutTokens tokens that are cut off
   * @param unknownTokens tokens that are not in the vocabulary
   * @param unknownTexts texts that have one
   */
  public record Tokens(
      int maxTokens,
      Lengths lengths,
      int cutTexts,
      long tokens,
      long cutTokens,
      long unknownTokens,
      int unknownTexts) {
    Map<String, Object> toMap() {
      Map<String, Object> map = new LinkedHashMap<>();
      map.put("max_tokens", (long) maxTokens);
      map.put("lengths", lengths.toMap());
      map.put("cut_texts", (long) cutTexts);
      map.put("tokens", tokens);
      map.put("cut_tokens", cutTokens);
      map.put("unknown_tokens", unknownTokens);
      map.put("unknown_texts", (long) unknownTexts);
      return map;
    }
  }

  /**
   * One file.
   *
   * @param repeats rows whose text an earlier row has
   * @param conflicts distinct texts that have two labels or more
   * @param conflictExamples some of them
   * @param classes rows of each class; empty for unlabelled texts
   * @param unlabelled rows without a label
   * @param characters lengths in code points
   * @param tokens null where no tokenizer was given
   */
  public record File(
      String name,
      int rows,
      int distinct,
      int repeats,
      int empty,
      int conflicts,
      List<String> conflictExamples,
      Map<String, Integer> classes,
      int unlabelled,
      Lengths characters,
      Tokens tokens) {
    /** Largest class over smallest; 1 where there are none. */
    public double skew() {
      int max = classes.values().stream().mapToInt(Integer::intValue).max().orElse(1);
      int min = classes.values().stream().mapToInt(Integer::intValue).min().orElse(1);
      return min == 0 ? Double.POSITIVE_INFINITY : (double) max / min;
    }

    /** As JSON values. */
    public Map<String, Object> toMap() {
      Map<String, Object> map = new LinkedHashMap<>();
      map.put("file", name);
      map.put("rows", (long) rows);
      map.put("distinct_texts", (long) distinct);
      map.put("repeats", (long) repeats);
      map.put("empty_texts", (long) empty);
      map.put("texts_with_two_labels", (long) conflicts);
      map.put("unlabelled_rows", (long) unlabelled);
      Map<String, Object> counts = new LinkedHashMap<>();
      classes.forEach((label, count) -> counts.put(label, count.longValue()));
      map.put("classes", counts);
      map.put("characters", characters.toMap());
      if (tokens != null) {
        map.put("tokens", tokens.toMap());
      }
      return map;
    }
  }

  /**
   * Texts that two files share.
   *
   * @param rows of the second file whose text is in the first
   * @param otherLabel of these, those that have another label there
   * @param examples some of them
   */
  public record Shared(
      String first, String second, int rows, int otherLabel, List<String> examples) {
    /** As JSON values. */
    public Map<String, Object> toMap() {
      Map<String, Object> map = new LinkedHashMap<>();
      map.put("first", first);
      map.put("second", second);
      map.put("rows", (long) rows);
      map.put("other_label", (long) otherLabel);
      map.put("examples", examples);
      return map;
    }
  }

  /** Checks one file; {@code reader} may be null. */
  public static File file(String name, Texts texts, Reader reader) {
    Map<String, String> labels = new HashMap<>();
    Map<String, String> conflicts = new LinkedHashMap<>();
    Map<String, Integer> classes = classes(texts);
    int[] characters = new int[texts.size()];
    int empty = 0;
    int unlabelled = 0;
    for (int i = 0; i < characters.length; i++) {
      String text = texts.get(i);
      String label = label(texts, i);
      characters[i] = text.codePointCount(0, text.length());
      empty += text.isBlank() ? 1 : 0;
      unlabelled += label.isEmpty() ? 1 : 0;
      if (!label.isEmpty()) {
        classes.merge(label, 1, Integer::sum);
      }
      String before = labels.putIfAbsent(text, label);
      if (before != null && !before.equals(label)) {
        conflicts.putIfAbsent(text, before + " and " + label);
      }
    }
    return new File(
        name,
        characters.length,
        labels.size(),
        characters.length - labels.size(),
        empty,
        conflicts.size(),
        conflicts.entrySet().stream()
            .limit(EXAMPLES)
            .map(entry -> entry.getValue() + ": " + entry.getKey())
            .toList(),
        classes,
        unlabelled,
        Lengths.of(characters),
        reader == null ? null : tokens(texts, reader));
  }

  private static Map<String, Integer> classes(Texts texts) {
    Map<String, Integer> classes = new LinkedHashMap<>();
    if (texts instanceof DataSet data) {
      data.labels().forEach(label -> classes.put(label, 0));
    }
    return classes;
  }

  /** A class's name; empty where there is none. */
  private static String label(Texts texts, int row) {
    if (texts instanceof DataSet data && data.examples().get(row).label() >= 0) {
      return data.labels().get(data.examples().get(row).label());
    }
    return "";
  }

  /** What a tokenizer makes of texts. */
  public static Tokens tokens(Texts texts, Reader reader) {
    int[] lengths = new int[texts.size()];
    int cutTexts = 0;
    long all = 0;
    long cut = 0;
    long unknown = 0;
    int unknownTexts = 0;
    for (int i = 0; i < lengths.length; i++) {
      Encoded encoded = reader.encoder().encode(texts.get(i));
      int[] ids = encoded.ids();
      lengths[i] = ids.length;
      all += ids.length;
      cutTexts += ids.length > reader.maxTokens() ? 1 : 0;
      cut += Math.max(0, ids.length - reader.maxTokens());
      long here = Arrays.stream(ids).filter(id -> id == reader.unknown()).count();
      unknown += here;
      unknownTexts += here > 0 ? 1 : 0;
    }
    return new Tokens(
        reader.maxTokens(), Lengths.of(lengths), cutTexts, all, cut, unknown, unknownTexts);
  }

  /** Texts of the second file that are in the first too, letter for letter. */
  public static Shared shared(String firstName, Texts first, String secondName, Texts second) {
    Map<String, String> labels = new HashMap<>();
    for (int i = 0; i < first.size(); i++) {
      labels.putIfAbsent(first.get(i), label(first, i));
    }
    List<String> agreeing = new ArrayList<>();
    List<String> differing = new ArrayList<>();
    for (int i = 0; i < second.size(); i++) {
      String before = labels.get(second.get(i));
      if (before == null) {
        continue;
      }
      String label = label(second, i);
      if (before.isEmpty() || label.isEmpty() || before.equals(label)) {
        agreeing.add(second.get(i));
      } else {
        differing.add(before + " and " + label + ": " + second.get(i));
      }
    }
    return new Shared(
        firstName,
        secondName,
        agreeing.size() + differing.size(),
        differing.size(),
        Stream.concat(differing.stream(), agreeing.stream()).distinct().limit(EXAMPLES).toList());
  }

  /** Which rows of the second file have a text that is in the first. */
  public static boolean[] repeated(Texts first, Texts second) {
    Set<String> seen = new HashSet<>();
    for (int i = 0; i < first.size(); i++) {
      seen.add(first.get(i));
    }
    boolean[] repeated = new boolean[second.size()];
    for (int i = 0; i < repeated.length; i++) {
      repeated[i] = seen.contains(second.get(i));
    }
    return repeated;
  }
}
