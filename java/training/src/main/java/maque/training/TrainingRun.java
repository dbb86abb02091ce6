package maque.training;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import maque.runtime.InvalidInputException;
import maque.runtime.Tensor;

/**
 * What runs of teachers and students share around the loop: data at the beginning, files at the
 * end.
 */
final class TrainingRun {
  private final Path out;
  private final TrainingOptions<?> options;
  private final RunControl control;
  private final TrainingRecord record;
  private DataSet judge;

  TrainingRun(String stage, Path out, TrainingOptions<?> options, RunControl control) {
    this.out = out;
    this.options = options;
    this.control = control;
    record = new TrainingRecord(stage, options);
  }

  TrainingRecord record() {
    return record;
  }

  /** Train and dev as given, or split off; dev is null where the options ask for none. */
  DataSet.Split split(DataSet train, DataSet dev) {
    options.requireFits(train.labels());
    DataSet.Split data;
    if (dev != null) {
      if (!dev.labels().equals(train.labels())) {
        throw new InvalidInputException(
            dev.name() + " has classes " + dev.labels() + ", expected " + train.labels());
      }
      data = new DataSet.Split(train, dev);
    } else if (options.devFraction() > 0) {
      data = train.split(options.devFraction(), options.seed());
      data.train().requireTrainable();
    } else {
      data = new DataSet.Split(train, null);
      record.note("no development set: the last weights are kept");
    }
    record.data("train", data.train());
    judge = data.dev();
    if (judge != null) {
      record.data("dev", judge);
    }
    return data;
  }

  /** The checkpoint of this run; everything that the result depends on is in the record by now. */
  Checkpoint checkpoint() {
    return new Checkpoint(out, record.fingerprint(), TrainingLoop.states(options));
  }

  BatchOrder order(Rows rows) {
    return new BatchOrder(
        rows.size(),
        options.batchSize(),
        options.shuffle(),
        options.seed(),
        options.poolBatches(),
        rows::length);
  }

  /**
   * Fits the temperature of the weights that are kept on dev, so that their probabilities can be
   * believed; no label changes by it. It becomes a part of the configuration.
   *
   * @param dev null where there is none: then nothing is fitted
   */
  void calibrate(Trainer trainer, DevSet dev, TrainingState state, Map<String, Object> config) {
    config.remove(TemperatureFit.KEY); // an encoder's that was fine-tuned before
    if (dev == null) {
      return;
    }
    WeightAverage.write(trainer, state.best);
    DevSet.Answers answers = dev.answers(trainer);
    if (answers.gold().length == 0) {
      return;
    }
    TemperatureFit fit = TemperatureFit.of(answers.logits(), answers.gold());
    config.put(TemperatureFit.KEY, fit.fitted().temperature());
    record.calibration(fit.toMap("dev"));
  }

  /** Writes the model and, once it is there, removes the checkpoint. */
  TrainingResult finish(
      Trainer trainer,
      Map<String, Object> config,
      List<String> vocab,
      List<String> labels,
      TrainingState state,
      Checkpoint checkpoint) {
    boolean chosen = state.bestAccuracy >= 0;
    if (judge != null && chosen) {
      record.metrics("dev", judge, state.bestAccuracy, state.bestLoss);
    }
    long parameters = ModelIo.parameters(trainer, false);
    long trained = ModelIo.parameters(trainer, true);
    Map<String, Tensor> tensors = ModelIo.tensors(trainer, state);
    ModelIo.write(
        out,
        config,
        tensors,
        vocab,
        labels,
        record.training(state, parameters, trained),
        record.run(control.threads()));
    checkpoint.delete();
    return new TrainingResult(
        out,
        state.step,
        state.bestStep,
        chosen ? state.bestLoss : Double.NaN,
        chosen ? state.bestAccuracy : Double.NaN,
        state.softShare(),
        parameters,
        trained,
        record.seconds(),
        record.notes(),
        options.toMap());
  }
}
