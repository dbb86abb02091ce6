package maque.training;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Arrays;
import java.util.List;
import maque.runtime.InvalidInputException;

/**
 * Precision, recall and F1 of each class, accuracy, averages and the confusion matrix. A quotient
 * by zero counts as 0. Immutable.
 */
public final class ClassificationReport {
  private static final int DIGITS = 4;

  private final List<String> labels;
  private final int[][] confusion;
  private final int total;

  private ClassificationReport(List<String> labels, int[][] confusion, int total) {
    this.labels = List.copyOf(labels);
    this.confusion = confusion;
    this.total = total;
  }

  /**
   * Compares predictions with the truth.
   *
   * @param gold classes in [0, labels)
   * @param predicted classes in [0, labels), as many
   */
  public static ClassificationReport of(int[] gold, int[] predicted, List<String> labels) {
    if (gold.length != predicted.length || gold.length == 0) {
      throw new InvalidInputException(
          "a report needs as many predictions as labels, at least one: "
              + predicted.length
              + " and "
              + gold.length);
    }
    int[][] confusion = new int[labels.size()][labels.size()];
    for (int i = 0; i < gold.length; i++) {
      if (Math.min(gold[i], predicted[i]) < 0 || Math.max(gold[i], predicted[i]) >= labels.size()) {
        throw new InvalidInputException(
            "class " + gold[i] + " or " + predicted[i] + " of " + labels.size());
      }
      confusion[gold[i]][predicted[i]]++;
    }
    return new ClassificationReport(labels, confusion, gold.length);
  }

  /** Numbers of one class or one average; {@code support} is its number of texts. */
  public record Row(String name, double precision, double recall, double f1, int support) {}

  public List<String> labels() {
    return labels;
  }

  /** Number of texts. */
  public int total() {
    return total;
  }

  /** Texts of class {@code gold} that were given class {@code predicted}. */
  public int confusion(int gold, int predicted) {
    return confusion[gold][predicted];
  }

  public double accuracy() {
    int right = 0;
    for (int c = 0; c < confusion.length; c++) {
      right += confusion[c][c];
    }
    return quotient(right, total);
  }

  public Row row(int c) {
    int predicted = 0;
    int support = 0;
    for (int other = 0; other < confusion.length; other++) {
      predicted += confusion[other][c];
      support += confusion[c][other];
    }
    int right = confusion[c][c];
    // F1 = 2PR / (P + R) = 2 right / (predicted + support), which needs no quotient of quotients.
    return new Row(
        labels.get(c),
        quotient(right, predicted),
        quotient(right, support),
        quotient(2.0 * right, predicted + support),
        support);
  }

  /** Every class counts the same. */
  public Row macroAverage() {
    return average("macro avg", false);
  }

  /** Classes count by their support. */
  public Row weightedAverage() {
    return average("weighted avg", true);
  }

  private Row average(String name, boolean weighted) {
    double precision = 0;
    double recall = 0;
    double f1 = 0;
    for (int c = 0; c < confusion.length; c++) {
      Row row = row(c);
      double weight = weighted ? (double) row.support() / total : 1.0 / confusion.length;
      precision += weight * row.precision();
      recall += weight * row.recall();
      f1 += weight * row.f1();
    }
    return new Row(name, precision, recall, f1, total);
  }

  private static double quotient(double a, double b) {
    return b == 0 ? 0 : a / b;
  }

  /**
   * The table that scikit-learn's {@code classification_report} prints with {@code digits=4},
   * character for character, where every class is listed.
   */
  public String text() {
    int width = "weighted avg".length();
    for (String label : labels) {
      width = Math.max(width, label.codePointCount(0, label.length()));
    }
    StringBuilder out = new StringBuilder();
    line(out, "", width, "precision", "recall", "f1-score", "support");
    out.append('\n');
    for (int c = 0; c < labels.size(); c++) {
      line(out, row(c), width);
    }
    out.append('\n');
    line(out, "accuracy", width, "", "", number(accuracy()), Integer.toString(total));
    line(out, macroAverage(), width);
    line(out, weightedAverage(), width);
    return out.toString();
  }

  private static void line(StringBuilder out, Row row, int width) {
    line(
        out,
        row.name(),
        width,
        number(row.precision()),
        number(row.recall()),
        number(row.f1()),
        Integer.toString(row.support()));
  }

  private static void line(StringBuilder out, String name, int width, String... cells) {
    pad(out, name, width);
    out.append(' ');
    for (String cell : cells) {
      out.append(' ');
      pad(out, cell, 9);
    }
    out.append('\n');
  }

  private static void pad(StringBuilder out, String cell, int width) {
    out.append(" ".repeat(Math.max(0, width - cell.codePointCount(0, cell.length()))));
    out.append(cell);
  }

  private static String number(double value) {
    return new BigDecimal(value).setScale(DIGITS, RoundingMode.HALF_EVEN).toPlainString();
  }

  /** The confusion matrix with its classes; rows are the truth, columns the predictions. */
  public String confusionText() {
    int width = 4;
    int cell = 4;
    for (String label : labels) {
      width = Math.max(width, label.codePointCount(0, label.length()));
    }
    for (int[] row : confusion) {
      for (int count : row) {
        cell = Math.max(cell, Integer.toString(count).length());
      }
    }
    StringBuilder out = new StringBuilder("rows: truth, columns: prediction, in the same order\n");
    for (int c = 0; c < labels.size(); c++) {
      pad(out, labels.get(c), width);
      for (int count : confusion[c]) {
        out.append(' ');
        pad(out, Integer.toString(count), cell);
      }
      out.append('\n');
    }
    return out.toString();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof ClassificationReport that
        && labels.equals(that.labels)
        && Arrays.deepEquals(confusion, that.confusion);
  }

  @Override
  public int hashCode() {
    return 31 * labels.hashCode() + Arrays.deepHashCode(confusion);
  }

  @Override
  public String toString() {
    return text();
  }
}
