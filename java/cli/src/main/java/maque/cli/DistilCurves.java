package maque.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import maque.runtime.ModelDirectory;
import maque.training.DataSet;
import maque.training.LogitStore;
import maque.training.SvgChart;
import maque.training.Texts;

/** What more labels and more unlabelled texts are worth: extra trainings on parts of them. */
final class DistilCurves {
  private static final double[] PARTS = {0.25, 0.5, 1};

  private final Distillation distillation;
  private final DistilResult result;

  DistilCurves(Distillation distillation, DistilResult result) {
    this.distillation = distillation;
    this.result = result;
  }

  /**
   * Trains the first seed's students on parts of the labels and on parts of the unlabelled texts;
   * returns accuracy on dev by their numbers.
   */
  List<DistilReport.Curve> measure() throws Exception {
    List<DistilReport.Curve> curves = new ArrayList<>();
    StudentRecipe alone = StudentRecipe.of(result.way("alone").recipe());
    StudentRecipe distilled = StudentRecipe.of(result.way("distilled").recipe());
    curves.add(labelCurve(alone, distilled));
    if (distillation.data().transfer() != null) {
      curves.add(transferCurve(distilled));
    }
    return curves;
  }

  /** Where a teacher was given, it has seen all labels: then only the student alone is honest. */
  private DistilReport.Curve labelCurve(StudentRecipe alone, StudentRecipe distilled)
      throws Exception {
    List<SvgChart.Point> teachers = new ArrayList<>();
    List<SvgChart.Point> without = new ArrayList<>();
    List<SvgChart.Point> with = new ArrayList<>();
    for (double part : PARTS) {
      int n = (int) Math.round(part * distillation.data().train().size());
      DataSet.Draw drawn =
          distillation.data().train().draw(Math.max(2, n), distillation.plan().seed(), false);
      DataSet train = drawn.labelled();
      DistilTeachers.Taught taught = distillation.lesson().taught();
      String folder = "curves/labels-" + n;
      if (distillation.plan().teachers().encoder() != null) {
        Texts rest = drawn.rest().size() == 0 ? null : drawn.rest();
        Texts transfer = Distillation.joined(rest, distillation.data().transfer());
        taught = part == 1 ? taught : distillation.teach(folder + "/", train, transfer);
        teachers.add(point(n, taught.teacher()));
        try (LogitStore store = LogitStore.open(taught.store(), taught.soft())) {
          Distillation.Lesson some = distillation.lesson(train, transfer, taught, store);
          with.add(
              point(
                  n,
                  distillation.train(
                      folder + "/distilled", distilled, true, distillation.plan().seed(), some)));
        }
      }
      Distillation.Lesson labels = new Distillation.Lesson(train, null, taught, null);
      without.add(
          point(
              n,
              distillation.train(
                  folder + "/alone", alone, false, distillation.plan().seed(), labels)));
    }
    Map<String, List<SvgChart.Point>> lines = new LinkedHashMap<>();
    lines.put("teacher", teachers);
    lines.put("student alone", without);
    lines.put("distilled student, the other texts unlabelled", with);
    return new DistilReport.Curve("Accuracy and the number of labels", "labels", lines);
  }

  private DistilReport.Curve transferCurve(StudentRecipe distilled) throws Exception {
    List<SvgChart.Point> points = new ArrayList<>();
    DistilTeachers.Taught taught = distillation.lesson().taught();
    try (LogitStore store = LogitStore.open(taught.store(), taught.soft())) {
      for (double part : new double[] {0, 0.25, 0.5, 1}) {
        int n = (int) Math.round(part * distillation.data().transfer().size());
        Texts transfer =
            n == 0
                ? null
                : Texts.draw(distillation.data().transfer(), n, distillation.plan().seed());
        Distillation.Lesson from =
            distillation.lesson(distillation.data().train(), transfer, taught, store);
        points.add(
            point(
                n,
                distillation.train(
                    "curves/unlabelled-" + n, distilled, true, distillation.plan().seed(), from)));
      }
    }
    return new DistilReport.Curve(
        "Accuracy and the number of unlabelled texts",
        "unlabelled texts",
        Map.of("distilled student", points));
  }

  private SvgChart.Point point(int n, String model) {
    return point(n, distillation.plan().out().resolve(model));
  }

  private static SvgChart.Point point(int n, Path model) {
    return new SvgChart.Point(n, 100 * Distillation.devAccuracy(ModelDirectory.read(model)));
  }
}
