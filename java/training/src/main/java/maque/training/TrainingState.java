package maque.training;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** All that a run carries from one step to the next besides the trainer's own tensors. */
final class TrainingState {
  long step;
  boolean stopped;

  /** No steps are left: of all tensors only {@link #best} matters now. */
  boolean finished;

  long bestStep;
  double bestLoss = Double.POSITIVE_INFINITY;
  double bestAccuracy = -1;
  Map<String, float[]> best;

  /** The mean of the weights so far; null where there is none, or not yet. */
  Map<String, float[]> average;

  /** Samples behind {@link #average}. */
  long averaged;

  final List<Point> history = new ArrayList<>();
  private double lossSum;
  private double ceGradients;
  private double softGradients;
  private long lossCount;
  private long correct;
  private long labelled;

  /**
   * One evaluation.
   *
   * @param step updates made before it
   * @param trainLoss mean over the batches since the evaluation before
   * @param trainAccuracy over the same batches' labelled texts, with dropout
   * @param gradients of the objective's two parts over the same batches
   * @param dev null where there is no development set
   */
  record Point(
      long step, double trainLoss, double trainAccuracy, Gradients gradients, DevSet.Score dev) {
    Map<String, Object> toMap() {
      Map<String, Object> map = new LinkedHashMap<>();
      map.put("step", step);
      map.put("train_loss", trainLoss);
      map.put("train_accuracy", trainAccuracy);
      if (gradients.hasSoft()) {
        map.put("ce_gradient", gradients.ce());
        map.put("soft_gradient", gradients.soft());
      }
      if (dev != null) {
        map.put("dev_loss", dev.loss());
        map.put("dev_accuracy", dev.accuracy());
      }
      return map;
    }

    static Point of(Map<?, ?> map) {
      DevSet.Score dev =
          map.containsKey("dev_loss")
              ? new DevSet.Score(number(map, "dev_loss"), number(map, "dev_accuracy"))
              : null;
      return new Point(
          (long) number(map, "step"),
          number(map, "train_loss"),
          number(map, "train_accuracy"),
          map.containsKey("soft_gradient")
              ? new Gradients(number(map, "ce_gradient"), number(map, "soft_gradient"))
              : new Gradients(0, 0),
          dev);
    }
  }

  /**
   * How hard each part of the objective pulls at the logits.
   *
   * @param ce Euclidean norm, over a batch's logits, of the gradient of the weighted cross entropy,
   *     as a mean over batches
   * @param soft the same of the weighted loss with soft targets
   */
  record Gradients(double ce, double soft) {
    boolean hasSoft() {
      return soft > 0;
    }

    /** The soft part's share of the sum of both norms, 0..1. */
    double softShare() {
      return ce + soft > 0 ? soft / (ce + soft) : 0;
    }
  }

  void add(Trainer.Report report) {
    ceGradients += report.ceGradientNorm();
    softGradients += report.softGradientNorm();
    lossSum += report.loss();
    lossCount++;
    correct += report.correct();
    labelled += report.labelled();
  }

  double trainLoss() {
    return lossCount == 0 ? 0 : lossSum / lossCount;
  }

  double trainAccuracy() {
    return labelled == 0 ? 0 : (double) correct / labelled;
  }

  Gradients gradients() {
    return lossCount == 0
        ? new Gradients(0, 0)
        : new Gradients(ceGradients / lossCount, softGradients / lossCount);
  }

  /** The soft part's mean share over the evaluations; NaN where there is no soft part. */
  double softShare() {
    return history.stream()
        .map(Point::gradients)
        .filter(Gradients::hasSoft)
        .mapToDouble(Gradients::softShare)
        .average()
        .orElse(Double.NaN);
  }

  /** Records an evaluation and begins new means; true where it is the best so far. */
  boolean evaluated(DevSet.Score score, TrainingOptions.Selection selection) {
    history.add(new Point(step, trainLoss(), trainAccuracy(), gradients(), score));
    lossSum = 0;
    ceGradients = 0;
    softGradients = 0;
    lossCount = 0;
    correct = 0;
    labelled = 0;
    if (score == null || !better(score, selection)) {
      return false;
    }
    bestStep = step;
    bestLoss = score.loss();
    bestAccuracy = score.accuracy();
    return true;
  }

  /** Equal accuracies are told apart by loss. */
  private boolean better(DevSet.Score score, TrainingOptions.Selection selection) {
    if (selection == TrainingOptions.Selection.LOSS || score.accuracy() == bestAccuracy) {
      return score.loss() < bestLoss;
    }
    return score.accuracy() > bestAccuracy;
  }

  Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("step", step);
    map.put("stopped", stopped);
    map.put("finished", finished);
    map.put("best_step", bestStep);
    map.put("averaged", averaged);
    map.put("best_loss", Double.doubleToLongBits(bestLoss));
    map.put("best_accuracy", Double.doubleToLongBits(bestAccuracy));
    map.put("loss_sum", Double.doubleToLongBits(lossSum));
    map.put("ce_gradients", Double.doubleToLongBits(ceGradients));
    map.put("soft_gradients", Double.doubleToLongBits(softGradients));
    map.put("loss_count", lossCount);
    map.put("correct", correct);
    map.put("labelled", labelled);
    map.put("history", history.stream().map(Point::toMap).toList());
    return map;
  }

  static TrainingState of(Map<String, Object> map) {
    TrainingState state = new TrainingState();
    state.step = (Long) map.get("step");
    state.stopped = (Boolean) map.get("stopped");
    state.finished = (Boolean) map.get("finished");
    state.bestStep = (Long) map.get("best_step");
    state.averaged = (Long) map.get("averaged");
    state.bestLoss = Double.longBitsToDouble((Long) map.get("best_loss"));
    state.bestAccuracy = Double.longBitsToDouble((Long) map.get("best_accuracy"));
    state.lossSum = Double.longBitsToDouble((Long) map.get("loss_sum"));
    state.ceGradients = Double.longBitsToDouble((Long) map.get("ce_gradients"));
    state.softGradients = Double.longBitsToDouble((Long) map.get("soft_gradients"));
    state.lossCount = (Long) map.get("loss_count");
    state.correct = (Long) map.get("correct");
    state.labelled = (Long) map.get("labelled");
    for (Object point : (List<?>) map.get("history")) {
      state.history.add(Point.of((Map<?, ?>) point));
    }
    return state;
  }

  private static double number(Map<?, ?> map, String key) {
    return ((Number) map.get(key)).doubleValue();
  }
}
