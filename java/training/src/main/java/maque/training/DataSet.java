package maque.training;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import maque.runtime.InvalidInputException;

/** Texts with classes, in memory. Immutable. */
public final class DataSet implements Texts {
  private final String name;
  private final List<Example> examples;
  private final List<String> labels;
  private final String hash;

  private DataSet(String name, List<Example> examples, List<String> labels) {
    this.name = name;
    this.examples = List.copyOf(examples);
    this.labels = List.copyOf(labels);
    hash = computeHash();
  }

  /**
   * Makes a data set of examples.
   *
   * @throws InvalidInputException where a label is neither -1 nor an index of {@code labels}
   */
  public static DataSet of(String name, List<Example> examples, List<String> labels) {
    new Labels(labels);
    for (Example example : examples) {
      if (example.label() < Example.NO_LABEL || example.label() >= labels.size()) {
        throw new InvalidInputException(
            name + ": label " + example.label() + " of " + labels.size() + " classes");
      }
    }
    return new DataSet(name, examples, labels);
  }

  /**
   * Reads a data file.
   *
   * @throws InvalidInputException naming file and line: not UTF-8, broken syntax, a missing field,
   *     a label that is not in the list, no rows
   */
  public static DataSet read(Path file, DataOptions options) {
    List<DataReaders.Row> rows = new ArrayList<>();
    DataReaders.read(file, options, rows::add);
    if (rows.isEmpty()) {
      throw new InvalidInputException(file + " has no rows");
    }
    List<String> names = options.labels() == null ? Labels.beside(file) : options.labels();
    Labels labels = names == null ? Labels.infer(file, rows) : new Labels(names);
    List<Example> examples = new ArrayList<>(rows.size());
    for (DataReaders.Row row : rows) {
      examples.add(new Example(row.text(), index(file, labels, row)));
    }
    return new DataSet(String.valueOf(file.getFileName()), examples, labels.names());
  }

  /** Reads names of classes, one a line. */
  public static List<String> readLabels(Path file) {
    return List.copyOf(Labels.read(file));
  }

  /** The names in {@code labels.txt} or {@code classes.txt} beside a data file, or null. */
  public static List<String> labelsBeside(Path file) {
    List<String> names = Labels.beside(file);
    return names == null ? null : List.copyOf(names);
  }

  /**
   * The same examples with their classes numbered as in {@code names}, matched by name.
   *
   * @throws InvalidInputException where a class of these examples is not in {@code names}
   */
  public DataSet withLabels(List<String> names) {
    if (names.equals(labels)) {
      return this;
    }
    List<Example> renumbered = new ArrayList<>(examples.size());
    for (Example example : examples) {
      int label = example.label();
      int found = label < 0 ? Example.NO_LABEL : names.indexOf(labels.get(label));
      if (label >= 0 && found < 0) {
        throw new InvalidInputException(
            name + ": class '" + labels.get(label) + "' is not one of the classes " + names);
      }
      renumbered.add(new Example(example.text(), found));
    }
    return new DataSet(name, renumbered, names);
  }

  private static int index(Path file, Labels labels, DataReaders.Row row) {
    if (row.label() == null) {
      return Example.NO_LABEL;
    }
    int found = labels.indexOf(row.label());
    if (found < 0) {
      List<String> names = labels.names();
      String listed = names.size() <= 20 ? names.toString() : names.subList(0, 20) + " and others";
      throw DataReaders.at(
          file, row.line(), "label '" + row.label() + "' is not one of the classes " + listed);
    }
    return found;
  }

  /** The file's name, or what it was called when it was made. */
  public String name() {
    return name;
  }

  public List<Example> examples() {
    return examples;
  }

  /** Names of the classes, by index. */
  public List<String> labels() {
    return labels;
  }

  /** SHA-256 of texts, labels and names of classes, in hexadecimal. */
  @Override
  public String hash() {
    return hash;
  }

  @Override
  public int size() {
    return examples.size();
  }

  @Override
  public String get(int index) {
    return examples.get(index).text();
  }

  /** The classes of all examples. */
  public int[] labelIndexes() {
    return examples.stream().mapToInt(Example::label).toArray();
  }

  /** Examples of each class. */
  public int[] counts() {
    int[] counts = new int[labels.size()];
    for (Example example : examples) {
      if (example.label() >= 0) {
        counts[example.label()]++;
      }
    }
    return counts;
  }

  /**
   * Weights that give every class the same say, for {@link TrainingOptions#classWeights}: labelled
   * examples / (classes that occur * examples of the class). A class that does not occur has 1.
   */
  public float[] balancedWeights() {
    int[] counts = counts();
    long labelled = 0;
    int occurring = 0;
    for (int count : counts) {
      labelled += count;
      occurring += count > 0 ? 1 : 0;
    }
    float[] weights = new float[counts.length];
    for (int c = 0; c < weights.length; c++) {
      weights[c] =
          counts[c] == 0 ? 1 : (float) ((double) labelled / ((double) occurring * counts[c]));
    }
    return weights;
  }

  /** The first n examples in an order keyed by seed, or all. */
  public DataSet sample(int n, long seed) {
    int size = Math.min(n, examples.size());
    return new DataSet(name + ".sample", picked(seed, 0, size), labels);
  }

  /**
   * Splits off a part for development.
   *
   * @param fraction of the examples that go to dev, in (0, 1); each part gets at least one
   */
  public Split split(double fraction, long seed) {
    if (!(fraction > 0 && fraction < 1) || examples.size() < 2) {
      throw new InvalidInputException(
          name + ": cannot split " + examples.size() + " examples at " + fraction);
    }
    int dev = (int) Math.round(examples.size() * fraction);
    dev = Math.max(1, Math.min(examples.size() - 1, dev));
    return new Split(
        new DataSet(name + ".train", picked(seed, dev, examples.size()), labels),
        new DataSet(name + ".dev", picked(seed, 0, dev), labels));
  }

  /** Some examples drawn to keep their labels, and the others; both in the data's order. */
  public record Draw(DataSet labelled, DataSet rest) {}

  /**
   * Draws examples by the seed.
   *
   * @param n how many, at least 1; all where there are no more
   * @param evenly the same number of each class, as far as a class has so many, instead of each
   *     example with the same chance
   * @throws InvalidInputException where n is below 1
   */
  public Draw draw(int n, long seed, boolean evenly) {
    if (n < 1) {
      throw new InvalidInputException("cannot draw " + n + " examples");
    }
    boolean[] taken = new boolean[examples.size()];
    int left = Math.min(n, taken.length);
    int[] quota = evenly ? quotas(left) : null;
    KeyedPermutation order = new KeyedPermutation(taken.length, seed, taken.length, n);
    for (int i = 0; left > 0; i++) {
      int at = (int) order.at(i);
      int label = examples.get(at).label();
      if (quota == null || label >= 0 && quota[label]-- > 0) {
        taken[at] = true;
        left--;
      }
    }
    List<Example> labelled = new ArrayList<>();
    List<Example> rest = new ArrayList<>();
    for (int i = 0; i < taken.length; i++) {
      (taken[i] ? labelled : rest).add(examples.get(i));
    }
    return new Draw(
        new DataSet(name + ".drawn", labelled, labels), new DataSet(name + ".rest", rest, labels));
  }

  /** How many of each class, as even as the classes' sizes allow, {@code n} in all. */
  private int[] quotas(int n) {
    int[] counts = counts();
    if (Arrays.stream(counts).sum() < examples.size()) {
      throw new InvalidInputException(name + ": every text needs a label to draw evenly");
    }
    int[] quota = new int[counts.length];
    int left = n;
    while (left > 0) {
      for (int c = 0; c < counts.length && left > 0; c++) {
        if (quota[c] < counts[c]) {
          quota[c]++;
          left--;
        }
      }
    }
    return quota;
  }

  /** Two parts of one data set. */
  public record Split(DataSet train, DataSet dev) {}

  private List<Example> picked(long seed, int from, int to) {
    KeyedPermutation order = new KeyedPermutation(examples.size(), seed, examples.size());
    List<Example> out = new ArrayList<>(to - from);
    for (int i = from; i < to; i++) {
      out.add(examples.get((int) order.at(i)));
    }
    return out;
  }

  /**
   * Checks that a classifier can be trained on this.
   *
   * @throws InvalidInputException where there are no examples, an example has no label, or all have
   *     one class
   */
  public void requireTrainable() {
    if (examples.isEmpty()) {
      throw new InvalidInputException(name + " is empty");
    }
    int classes = 0;
    int labelled = 0;
    for (int count : counts()) {
      classes += count > 0 ? 1 : 0;
      labelled += count;
    }
    if (labelled < examples.size()) {
      throw new InvalidInputException(
          name + ": " + (examples.size() - labelled) + " examples have no label");
    }
    if (classes < 2) {
      throw new InvalidInputException(
          name + ": all " + examples.size() + " examples have one class; training needs two");
    }
  }

  private String computeHash() {
    Sha256 sha = new Sha256();
    labels.forEach(sha::add);
    for (Example example : examples) {
      sha.add(example.text()).add(example.label());
    }
    return sha.hex();
  }
}
