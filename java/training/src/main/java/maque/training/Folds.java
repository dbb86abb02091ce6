package maque.training;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import maque.runtime.InvalidInputException;

/**
 * A data set's texts in parts of the same size, drawn by a seed, each class spread over all of
 * them: what cross-fitting holds back from a teacher, a part at a time. All rows of one text are in
 * one part, so that a part's texts are nowhere else. Immutable.
 */
public final class Folds {
  /** The most parts that there can be. */
  public static final int MAX_COUNT = 100;

  private final DataSet data;
  private final int count;
  private final Map<String, Integer> folds = new HashMap<>();
  private final String hash;

  private Folds(DataSet data, int count, long seed) {
    this.data = data;
    this.count = count;
    deal(seed);
    hash = computeHash();
  }

  /**
   * Deals a data set's texts out.
   *
   * @param count how many parts, 2 to {@link #MAX_COUNT}
   * @throws InvalidInputException where there are fewer different texts than parts, or what is left
   *     without one of them cannot train a classifier
   */
  public static Folds of(DataSet data, int count, long seed) {
    if (count < 2 || count > MAX_COUNT) {
      throw new InvalidInputException(count + " folds; there can be 2 to " + MAX_COUNT);
    }
    Folds folds = new Folds(data, count, seed);
    if (folds.folds.size() < count) {
      throw new InvalidInputException(
          data.name() + ": " + folds.folds.size() + " different texts make no " + count + " folds");
    }
    for (int fold = 0; fold < count; fold++) {
      folds.without(fold).requireTrainable();
    }
    return folds;
  }

  /** Class after class, each in an order keyed by the seed, one text to each part in turn. */
  private void deal(long seed) {
    List<Set<String>> classes = new ArrayList<>();
    Set<String> met = new LinkedHashSet<>();
    for (Example example : data.examples()) {
      while (classes.size() <= example.label() + 1) {
        classes.add(new LinkedHashSet<>());
      }
      if (met.add(example.text())) {
        classes.get(example.label() + 1).add(example.text());
      }
    }
    int next = 0;
    for (int c = 0; c < classes.size(); c++) {
      List<String> texts = List.copyOf(classes.get(c));
      KeyedPermutation order = new KeyedPermutation(texts.size(), seed, count, c);
      for (int i = 0; i < texts.size(); i++) {
        folds.put(texts.get((int) order.at(i)), next++ % count);
      }
    }
  }

  private String computeHash() {
    Sha256 sha = new Sha256().add("folds").add(count);
    for (Example example : data.examples()) {
      sha.add(example.text()).add(folds.get(example.text()));
    }
    return sha.hex();
  }

  /** Number of parts. */
  public int count() {
    return count;
  }

  /** SHA-256 of the texts and their parts, in hexadecimal. */
  public String hash() {
    return hash;
  }

  /** The part that a text is in, from 0; -1 where the data has no such text. */
  public int of(String text) {
    return folds.getOrDefault(text, -1);
  }

  /** The data without one part's texts, in the data's order. */
  public DataSet without(int fold) {
    return DataSet.of(
        data.name() + ".without-" + (fold + 1),
        data.examples().stream().filter(example -> of(example.text()) != fold).toList(),
        data.labels());
  }

  /** One part's different texts, in the data's order. */
  public Texts part(int fold) {
    return Texts.of(
        data.examples().stream()
            .map(Example::text)
            .distinct()
            .filter(text -> of(text) == fold)
            .toList());
  }
}
