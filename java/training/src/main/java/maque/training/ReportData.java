package maque.training;

import java.util.List;
import java.util.Map;

/**
 * What {@link HtmlReport} shows.
 *
 * @param title of the page
 * @param verdict first sentence
 * @param intro a paragraph on task and data; may be empty
 * @param models in the order to show; the first is the teacher
 * @param comparisons between them
 * @param sections tables of names and values: data, options, hashes, downloads
 * @param next a command to type next; may be empty
 */
public record ReportData(
    String title,
    Verdict verdict,
    String intro,
    List<Model> models,
    List<Comparison> comparisons,
    List<Section> sections,
    String next) {
  public ReportData {
    models = List.copyOf(models);
    comparisons = List.copyOf(comparisons);
    sections = List.copyOf(sections);
  }

  /**
   * A model's results.
   *
   * @param evaluation on the test texts
   * @param training options and the like, by name; may be empty
   * @param learning evaluations on dev while it was trained; may be empty
   */
  public record Model(
      Evaluation.Result evaluation, Map<String, String> training, List<Point> learning) {
    public Model {
      learning = List.copyOf(learning);
    }
  }

  /** An evaluation on dev after a number of updates. */
  public record Point(long step, double accuracy) {}

  /** One model against another. */
  public record Comparison(String baseline, String model, PairedComparison numbers) {}

  /** Names and values in their order. */
  public record Section(String title, Map<String, String> values) {}
}
