package maque.cli;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import maque.training.Averaging;
import maque.training.DataSet;
import maque.training.Device;
import maque.training.Precision;
import maque.training.Schedule;
import maque.training.TrainingOptions;
import picocli.CommandLine.Option;

/**
 * Options that train-teacher and train-student share. What is not given keeps the preset's value.
 */
final class TrainingFlags {
  private static final String BALANCED = "balanced";
  private static final float MAX_CLASS_WEIGHT = 1e6f;

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

  @Option(
      names = "--precision",
      paramLabel = "NAME",
      description =
          "What products are computed in: fp32, or bf16, about twice as fast, on processors with"
              + " AVX512_BF16 only (default: fp32).")
  private String precision;

  @Option(
      names = "--device",
      paramLabel = "NAME",
      description =
          "Where it is computed: cpu, cuda (the first GPU) or cuda:N (default: cpu); maque info"
              + " says whether a GPU can be used.")
  private String device;

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
      names = "--average",
      paramLabel = "MEAN",
      description =
          "Evaluate and save a mean of the weights: ema:FACTOR (moving average, e.g. ema:0.99: a"
              + " step's weights fade by that at each later step), tail:PART (the mean over the"
              + " last part of the run, e.g. tail:0.25), or none.")
  private String average;

  @Option(
      names = "--average-every",
      paramLabel = "N",
      description = "Batches from one sample of --average to the next (default: 10).")
  private Integer averageEvery;

  @Option(
      names = "--dev-fraction",
      paramLabel = "X",
      description =
          "Part of the labelled texts split off as dev where no --dev is given (0: none, the last"
              + " weights win).")
  private Double devFraction;

  @Option(
      names = "--lr-scale",
      paramLabel = "PREFIX=FACTOR",
      description =
          "Factor on the learning rate for tensors whose names begin so, e.g. encoder.layer.0.=0.1,"
              + " embeddings.=0; the longest prefix wins; may be given several times.")
  private Map<String, Double> lrScales = new LinkedHashMap<>();

  @Option(
      names = "--class-weights",
      paramLabel = "WEIGHTS",
      description =
          "Weights of the classes in CE: balanced (each class has the same say), or one number a"
              + " class, comma-separated, in the order of the labels (default: all 1).")
  private String classWeights;

  /** Sets what was given and does not depend on data; {@code hasDev}: whether there is a --dev. */
  <T extends TrainingOptions<T>> T apply(T options, long seed, boolean hasDev) {
    Usage.require(devFraction == null || !hasDev, "give either --dev or --dev-fraction");
    parsedWeights();
    options.seed(seed);
    if (precision != null) {
      options.precision(Usage.checked(() -> Precision.of(precision)));
    }
    if (device != null) {
      options.device(Usage.checked(() -> Device.of(device)));
    }
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
    lrScales.forEach(options::lrScale);
    return options;
  }

  /** Sets the weights of the classes, which take the labels to make. */
  void applyClassWeights(TrainingOptions<?> options, DataSet labelled) {
    if (classWeights == null) {
      return;
    }
    float[] weights = parsedWeights();
    int classes = labelled.labels().size();
    Usage.require(
        weights.length == 0 || weights.length == classes,
        "--class-weights has " + weights.length + " numbers for " + classes + " classes");
    options.classWeights(weights.length == 0 ? labelled.balancedWeights() : weights);
  }

  /** The numbers given; none for balanced ones or where the option was not given. */
  private float[] parsedWeights() {
    if (classWeights == null || classWeights.equals(BALANCED)) {
      return new float[0];
    }
    String[] parts = classWeights.split(",", -1);
    float[] weights = new float[parts.length];
    double sum = 0;
    for (int i = 0; i < parts.length; i++) {
      try {
        weights[i] = Float.parseFloat(parts[i].strip());
      } catch (NumberFormatException e) {
        throw badWeights();
      }
      Usage.require(weights[i] >= 0 && weights[i] <= MAX_CLASS_WEIGHT, badWeights().getMessage());
      sum += weights[i];
    }
    Usage.require(sum > 0, "--class-weights are all 0: nothing to train by");
    return weights;
  }

  private Usage.WrongUsageException badWeights() {
    return Usage.error(
        "--class-weights must be balanced or numbers of 0..1e6, comma-separated, not '"
            + classWeights
            + "'");
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
      Usage.require(
          options.optimizer() == TrainingOptions.Optimizer.SGD, "--momentum needs --optimizer sgd");
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
    Usage.require(
        averageEvery == null || average != null && !average.equals("none"),
        "--average-every needs --average");
    if (average != null) {
      int every = averageEvery == null ? Averaging.EVERY : averageEvery;
      options.averaging(Averaging.parse(average, every));
    }
  }
}
