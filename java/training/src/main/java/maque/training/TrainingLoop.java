package maque.training;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The loop that teachers and students share: step, evaluate, keep the best, stop, save. */
final class TrainingLoop {
  private static final Logger LOG = System.getLogger(TrainingLoop.class.getName());

  /** Makes the training batch of some rows; what is random in it depends on the step's number. */
  @FunctionalInterface
  interface BatchMaker {
    Batch batch(int[] rows, long step);
  }

  /**
   * What a loop works on.
   *
   * @param batches makes training batches
   * @param dev null where there is no development set
   */
  record Setup(
      String stage,
      Trainer trainer,
      BatchOrder order,
      BatchMaker batches,
      DevSet dev,
      TrainingOptions<?> options,
      Checkpoint checkpoint,
      RunControl control) {}

  private final Setup setup;
  private final Trainer trainer;
  private final long total;
  private final long evaluateEvery;
  private final Schedule schedule;
  private final WeightAverage average;
  private final boolean overlaps;
  private TrainingState state;
  private Batch next; // of the step to come, where it has been made already
  private long savedAt = System.nanoTime();

  TrainingLoop(Setup setup) {
    this.setup = setup;
    trainer = setup.trainer();
    long perEpoch = setup.order().batchesPerEpoch();
    total = setup.options().totalSteps(perEpoch);
    evaluateEvery =
        setup.options().evaluateEvery() > 0 ? setup.options().evaluateEvery() : perEpoch;
    schedule = setup.options().schedule(total);
    average = new WeightAverage(trainer, setup.options().averaging(), total);
    // A frozen part's rows may have to be computed for a batch: then the trainer must be idle.
    overlaps =
        setup.options().device().isCuda()
            && trainer.trunkShape().kind() == Trainer.TrunkShape.Kind.NONE;
  }

  /** Names of the tensors' states that an optimiser keeps. */
  static List<String> states(TrainingOptions<?> options) {
    if (options.optimizer() == TrainingOptions.Optimizer.ADAMW) {
      return List.of("m", "v");
    }
    return options.momentum() > 0 ? List.of("momentum") : List.of();
  }

  /**
   * Runs to the end, from a checkpoint where there is one, and leaves the trained tensors' chosen
   * values in {@link TrainingState#best} and in the checkpoint: should the model find no place, the
   * same command goes on from there.
   */
  TrainingState run() {
    resume();
    if (state.finished) {
      return state;
    }
    while (state.step < total && !state.stopped) {
      if (setup.control().token().isCancelled()) {
        cancel();
      }
      step();
      if (state.step % evaluateEvery == 0 || state.step == total) {
        evaluate();
      }
      stopWithoutGain();
      saveWhenDue();
    }
    if (state.best == null) {
      state.best = state.average == null ? WeightAverage.weights(trainer) : state.average;
      state.bestStep = state.step;
    }
    state.finished = true;
    save();
    return state;
  }

  private void resume() {
    state = setup.checkpoint().read(trainer);
    if (state == null) {
      state = new TrainingState();
      trainer.option("step", 0);
    } else {
      LOG.log(Level.INFO, "resumed at step {0} of {1}", state.step, total);
    }
  }

  private Batch batch(long step) {
    return setup.batches().batch(setup.order().batch(step), step);
  }

  private void step() {
    Batch batch = next == null ? batch(state.step) : next;
    double lr = schedule.at(state.step);
    setup.options().beforeStep(trainer, state.step, total);
    trainer.start(batch, lr);
    next = overlaps && state.step + 1 < total ? batch(state.step + 1) : null;
    Trainer.Report report = trainer.finish();
    state.add(report);
    state.step++;
    average.updated(state);
    setup
        .control()
        .progress(
            setup.stage(),
            state.step,
            total,
            "",
            Map.of("loss", report.loss(), "lr", lr, "gradient_norm", report.gradientNorm()));
  }

  private void evaluate() {
    double trainLoss = state.trainLoss();
    double trainAccuracy = state.trainAccuracy();
    TrainingState.Gradients gradients = state.gradients();
    DevSet.Score score = setup.dev() == null ? null : score();
    boolean best = state.evaluated(score, setup.options().selection());
    if (best) {
      state.best = state.average == null ? WeightAverage.weights(trainer) : copy(state.average);
    }
    Map<String, Double> metrics = new LinkedHashMap<>();
    metrics.put("train_loss", trainLoss);
    metrics.put("train_accuracy", trainAccuracy);
    String message = String.format(Locale.ROOT, "step %d: train loss %.4f", state.step, trainLoss);
    if (gradients.hasSoft()) {
      metrics.put("soft_gradient_share", gradients.softShare());
      message +=
          String.format(Locale.ROOT, ", %.0f %% of the gradient soft", 100 * gradients.softShare());
    }
    if (score != null) {
      metrics.put("dev_loss", score.loss());
      metrics.put("dev_accuracy", score.accuracy());
      message +=
          String.format(
              Locale.ROOT,
              ", dev loss %.4f, dev accuracy %.4f%s",
              score.loss(),
              score.accuracy(),
              best ? " *" : "");
    }
    LOG.log(Level.INFO, message);
    setup.control().progress(setup.stage(), state.step, total, message, metrics);
  }

  private void stopWithoutGain() {
    long patience = setup.options().patience();
    if (setup.dev() != null && patience > 0 && state.step - state.bestStep > patience) {
      state.stopped = true;
      LOG.log(Level.INFO, "stopped: no gain in {0} batches", patience);
    }
  }

  private void saveWhenDue() {
    if (state.step >= total || state.stopped) {
      return;
    }
    RunControl control = setup.control();
    boolean byBatches =
        control.checkpointBatches() > 0 && state.step % control.checkpointBatches() == 0;
    boolean byTime =
        control.checkpointSeconds() > 0
            && System.nanoTime() - savedAt > control.checkpointSeconds() * 1_000_000_000L;
    if (byBatches || byTime) {
      save();
    }
  }

  private void save() {
    setup.checkpoint().write(trainer, state);
    savedAt = System.nanoTime();
  }

  private void cancel() {
    save();
    throw new CancelledException(
        String.format(
            Locale.ROOT,
            "stopped at step %d of %d; the same command resumes from %s",
            state.step,
            total,
            setup.checkpoint().path()));
  }

  /** The score on dev of the weights that would be saved. */
  private DevSet.Score score() {
    if (state.average == null) {
      return setup.dev().score(trainer);
    }
    Map<String, float[]> own = WeightAverage.weights(trainer);
    WeightAverage.write(trainer, state.average);
    try {
      return setup.dev().score(trainer);
    } finally {
      WeightAverage.write(trainer, own);
    }
  }

  private static Map<String, float[]> copy(Map<String, float[]> weights) {
    Map<String, float[]> out = new LinkedHashMap<>();
    weights.forEach((name, values) -> out.put(name, values.clone()));
    return out;
  }
}
