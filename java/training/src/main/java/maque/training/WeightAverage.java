package maque.training;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The mean of a run's weights, as {@link Averaging} says. What it carries from step to step is in
 * the {@link TrainingState}, so that a checkpoint has it. Element by element and in the order of
 * the steps: the same bits for any number of threads.
 */
final class WeightAverage {
  private final Trainer trainer;
  private final Averaging options;
  private final long total;
  private final long begin;

  WeightAverage(Trainer trainer, Averaging options, long total) {
    this.trainer = trainer;
    this.options = options;
    this.total = total;
    boolean tail = options.kind() == Averaging.Kind.TAIL;
    begin = tail ? total - Math.max(1, Math.round(options.amount() * total)) : 0;
  }

  /** Takes a sample where one is due after an update; the run's last weights are always one. */
  void updated(TrainingState state) {
    if (options.kind() == Averaging.Kind.NONE || state.step <= begin) {
      return;
    }
    if ((state.step - begin) % options.every() != 0 && state.step != total) {
      return;
    }
    double share = share(state.averaged);
    if (state.average == null) {
      state.average = weights(trainer);
    } else {
      for (Map.Entry<String, float[]> entry : state.average.entrySet()) {
        move(entry.getValue(), trainer.read(entry.getKey(), "value"), share);
      }
    }
    state.averaged++;
  }

  /** What part of the new mean a sample is that comes after n others. */
  private double share(long n) {
    if (options.kind() == Averaging.Kind.TAIL) {
      return 1.0 / (n + 1);
    }
    double faded = StrictMath.pow(options.amount(), options.every());
    return 1 - Math.min(faded, (1.0 + n) / (10.0 + n));
  }

  private static void move(float[] mean, float[] sample, double share) {
    for (int i = 0; i < mean.length; i++) {
      mean[i] += (float) (share * ((double) sample[i] - mean[i]));
    }
  }

  /** The trained tensors' values. */
  static Map<String, float[]> weights(Trainer trainer) {
    Map<String, float[]> out = new LinkedHashMap<>();
    for (TensorInfo info : trainer.tensors()) {
      if (info.trained()) {
        out.put(info.name(), trainer.read(info.name(), "value"));
      }
    }
    return out;
  }

  /** Puts values into the trainer. */
  static void write(Trainer trainer, Map<String, float[]> values) {
    values.forEach((name, value) -> trainer.write(name, "value", value));
  }
}
