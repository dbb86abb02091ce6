package maque.cli;

import java.util.List;
import maque.training.Schedule;
import maque.training.TrainingOptions;
import picocli.CommandLine.Option;

/**
 * Options that train-teacher and train-student share. What is not given keeps the preset's value.
 */
final class TrainingFlags {
  @Option(names = "--epochs", paramLabel = "N", description = "Passes over the training texts.")
  private Integer epochs;

  @Option(names = "--max-steps", paramLabel = "N", description = "Stop after this many batches.")
  private Long maxSteps;

  @Option(names = "--batch-size", paramLabel = "N", description = "Texts a batch.")
  private Integer batchSize;

  @Option(
      names = "--pool-batches",
      paramLabel = "N",
      description = "Sort by length within pools of this many batches (1: not at all).")
  private Integer poolBatches;

  @Option(names = "--lr", paramLabel = "X", description = "Highest learning rate.")
  private Double lr;

  @Option(
      names = "--warmup",
      paramLabel = "X",
      description = "Part of the steps that warms up, 0..1.")
  private Double warmup;

  @Option(
      names = "--decay",
      paramLabel = "NAME",
      description = "After the warm-up: constant, linear (to 0) or cosine (to 0).")
  private String decay;

  @Option(names = "--optimizer", paramLabel = "NAME", description = "adamw or sgd.")
  private String optimizer;

  @Option(names = "--momentum", paramLabel = "X", description = "Momentum of sgd.")
  private Double momentum;

  @Option(
      names = "--weight-decay",
      paramLabel = "X",
      description = "Decay of weights; adamw's is decoupled and spares biases and LayerNorm.")
  private Double weightDecay;

  @Option(
      names = "--clip-norm",
      paramLabel = "X",
      description = "Scale gradients down to this global norm (0: never).")
  private Double clipNorm;

  @Option(
      names = "--head",
      split = ",",
      paramLabel = "N",
      description = "Sizes of the head's hidden layers, comma-separated, each followed by a ReLU.")
  private List<Integer> head;

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      description = "Cut texts at this many tokens, [CLS] and [SEP] counted.")
  private Integer maxTokens;

  @Option(
      names = "--clean",
      paramLabel = "NAME",
      description = "none, or seed: keep ASCII letters, digits and U+4E00..U+9FA5 only.")
  private String clean;

  @Option(
      names = "--evaluate-every",
      paramLabel = "N",
      description = "Batches between evaluations on dev (0: once an epoch).")
  private Long evaluateEvery;

  @Option(
      names = "--patience",
      paramLabel = "N",
      description = "Stop after this many batches without a better evaluation (0: never).")
  private Long patience;

  @Option(
      names = "--select-by",
      paramLabel = "NAME",
      description = "What the best evaluation on dev is chosen by: accuracy or loss.")
  private String selectBy;

  @Option(
      names = "--dev-fraction",
      paramLabel = "X",
      description =
          "Part of the labelled texts split off as dev where no --dev is given (0: none, the last"
              + " weights win).")
  private Double devFraction;

  /** Sets what was given. */
  <T extends TrainingOptions<T>> void apply(T options, long seed) {
    options.seed(seed);
    applyRates(options);
    applyLoop(options);
    if (head != null) {
      options.head(head);
    }
    if (maxTokens != null) {
      options.maxTokens(maxTokens);
    }
    if (clean != null) {
      options.clean(clean);
    }
  }

  private <T extends TrainingOptions<T>> void applyRates(T options) {
    if (lr != null) {
      options.lr(lr);
    }
    if (warmup != null) {
      options.warmup(warmup);
    }
    if (decay != null) {
      options.decay(Schedule.Decay.parse(decay));
    }
    if (optimizer != null) {
      options.optimizer(Names.parse("--optimizer", TrainingOptions.Optimizer.class, optimizer));
    }
    if (momentum != null) {
      options.momentum(momentum);
    }
    if (weightDecay != null) {
      options.weightDecay(weightDecay);
    }
    if (clipNorm != null) {
      options.clipNorm(clipNorm);
    }
  }

  private <T extends TrainingOptions<T>> void applyLoop(T options) {
    if (epochs != null) {
      options.epochs(epochs);
    }
    if (maxSteps != null) {
      options.maxSteps(maxSteps);
    }
    if (batchSize != null) {
      options.batchSize(batchSize);
    }
    if (poolBatches != null) {
      options.poolBatches(poolBatches);
    }
    if (evaluateEvery != null) {
      options.evaluateEvery(evaluateEvery);
    }
    if (patience != null) {
      options.patience(patience);
    }
    if (selectBy != null) {
      options.selection(Names.parse("--select-by", TrainingOptions.Selection.class, selectBy));
    }
    if (devFraction != null) {
      options.devFraction(devFraction);
    }
  }
}
