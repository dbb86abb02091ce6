package maque.training;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.regex.Pattern;
import maque.runtime.InvalidInputException;

/**
 * Options that teachers and students share. Mutable while they are set; a run copies what it needs
 * when it begins. Setters refuse values out of range with {@link InvalidInputException}.
 *
 * @param <T> the class itself
 */
public abstract class TrainingOptions<T extends TrainingOptions<T>> {
  /** How weights follow gradients. */
  public enum Optimizer {
    /** Stochastic gradient descent, with {@link #momentum} if that is set. */
    SGD,
    /** Adam with decoupled weight decay (arXiv 1711.05101). */
    ADAMW;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** What makes one evaluation on dev better than another. */
  public enum Selection {
    /** The lowest loss. */
    LOSS,
    /** The highest accuracy; of equal ones the lowest loss. */
    ACCURACY;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private static final int MAX_LR_SCALES = 60; // the native side has room for 64
  private static final long MAX_SEED = 999_999_999_999_999_999L;
  private static final Pattern PREFIX = Pattern.compile("[A-Za-z0-9._]{1,80}");

  private Optimizer optimizer = Optimizer.ADAMW;
  private Precision precision = Precision.FP32;
  private Device device = Device.CPU;
  private double lr = 1e-3;
  private double momentum;
  private double weightDecay;
  private double clipNorm;
  private double warmup;
  private Schedule.Decay decay = Schedule.Decay.LINEAR;
  private int epochs = 3;
  private long maxSteps;
  private int batchSize = 64;
  private int poolBatches = 1;
  private boolean shuffle = true;
  private long seed = 1;
  private long evaluateEvery;
  private long patience;
  private Selection selection = Selection.ACCURACY;
  private double devFraction = 0.1;
  private Averaging averaging = Averaging.NONE;
  private int maxTokens = 128;
  private String clean = "none";
  private List<Integer> head = List.of();
  private float[] classWeights = {};
  private final Map<String, Double> lrScales = new TreeMap<>();

  TrainingOptions() {}

  abstract T self();

  static double check(String name, double value, double low, double high) {
    if (!(value >= low && value <= high)) {
      throw new InvalidInputException(name + " must be in " + low + ".." + high + ", not " + value);
    }
    return value;
  }

  static long check(String name, long value, long low, long high) {
    if (value < low || value > high) {
      throw new InvalidInputException(name + " must be in " + low + ".." + high + ", not " + value);
    }
    return value;
  }

  /** How weights follow gradients. */
  public Optimizer optimizer() {
    return optimizer;
  }

  /**
   * How weights follow gradients: {@link Optimizer#ADAMW} where not set.
   *
   * @throws NullPointerException for null
   */
  public T optimizer(Optimizer value) {
    optimizer = Objects.requireNonNull(value);
    return self();
  }

  /** What products with weights are computed in. */
  public Precision precision() {
    return precision;
  }

  /**
   * What products with weights are computed in, forward and backward: {@link Precision#FP32} where
   * not set, or {@link Precision#BF16}, which takes a processor with AVX512_BF16 (a run on another
   * throws). Sums, weights, optimizer and all else are in fp32 with both.
   *
   * @throws InvalidInputException for int8, which does not train
   * @throws NullPointerException for null
   */
  public T precision(Precision value) {
    if (value == Precision.INT8) {
      throw new InvalidInputException("precision must be fp32 or bf16 to train, not int8");
    }
    precision = Objects.requireNonNull(value);
    return self();
  }

  /** Where it is computed. */
  public Device device() {
    return device;
  }

  /**
   * Where it is computed: the processor where not set, or a GPU; a run throws where that cannot be
   * used, and says why.
   *
   * @throws NullPointerException for null
   */
  public T device(Device value) {
    device = Objects.requireNonNull(value);
    return self();
  }

  /** The highest learning rate. */
  public double lr() {
    return lr;
  }

  /**
   * The highest learning rate, 1e-12..1e3; 1e-3 where not set. {@link #warmup} and {@link #decay}
   * make each step's rate of it, {@link #lrScale} each tensor's.
   *
   * @throws InvalidInputException for any other value
   */
  public T lr(double value) {
    lr = check("lr", value, 1e-12, 1e3);
    return self();
  }

  /** Momentum of SGD. */
  public double momentum() {
    return momentum;
  }

  /**
   * Momentum of SGD, 0..0.9999; 0 where not set. AdamW does not read it.
   *
   * @throws InvalidInputException for any other value
   */
  public T momentum(double value) {
    momentum = check("momentum", value, 0, 0.9999);
    return self();
  }

  /** Decay of weights. */
  public double weightDecay() {
    return weightDecay;
  }

  /**
   * Decay of weights a step as a part of the rate, 0..10; 0 where not set. AdamW's is decoupled and
   * spares biases and LayerNorm.
   *
   * @throws InvalidInputException for any other value
   */
  public T weightDecay(double value) {
    weightDecay = check("weight_decay", value, 0, 10);
    return self();
  }

  /** The global norm that gradients are scaled down to; 0 for not at all. */
  public double clipNorm() {
    return clipNorm;
  }

  /**
   * The global norm that gradients are scaled down to, 0..1e6; 0, as where not set: not at all.
   *
   * @throws InvalidInputException for any other value
   */
  public T clipNorm(double value) {
    clipNorm = check("clip_norm", value, 0, 1e6);
    return self();
  }

  /** Warm-up's part of all steps. */
  public double warmup() {
    return warmup;
  }

  /**
   * Warm-up's part of all steps, 0..1, in which the rate rises linearly; 0 where not set.
   *
   * @throws InvalidInputException for any other value
   */
  public T warmup(double value) {
    warmup = check("warmup", value, 0, 1);
    return self();
  }

  /** How the rate falls after warm-up. */
  public Schedule.Decay decay() {
    return decay;
  }

  /**
   * How the rate falls after warm-up: {@link Schedule.Decay#LINEAR} where not set.
   *
   * @throws NullPointerException for null
   */
  public T decay(Schedule.Decay value) {
    decay = Objects.requireNonNull(value);
    return self();
  }

  /** Factors on the learning rate, by the beginning of tensors' names. */
  public Map<String, Double> lrScales() {
    return Collections.unmodifiableMap(lrScales);
  }

  /**
   * A factor on the learning rate, 0..1e4, for the tensors whose names begin with the prefix, e.g.
   * {@code encoder.layer.0.}, {@code embeddings.}, {@code lstm.}; the longest prefix that fits
   * wins, and where none does the factor is 1. 0 keeps tensors as they begin. At most 60 prefixes.
   * Names are those of the native interface, without {@code bert.}; a run refuses a prefix that
   * none of the trained tensors begins with.
   *
   * @throws InvalidInputException for any other factor or prefix, or too many
   */
  public T lrScale(String prefix, double factor) {
    if (!PREFIX.matcher(prefix).matches()) {
      throw new InvalidInputException(
          "lr_scale: a prefix has 1 to 80 letters, digits, '.' and '_', not '" + prefix + "'");
    }
    if (lrScales.size() == MAX_LR_SCALES && !lrScales.containsKey(prefix)) {
      throw new InvalidInputException("lr_scale: more than " + MAX_LR_SCALES + " prefixes");
    }
    lrScales.put(prefix, check("lr_scale." + prefix, factor, 0, 1e4));
    return self();
  }

  /** Weights of the classes in the cross entropy, by index; empty: all 1. */
  public float[] classWeights() {
    return classWeights.clone();
  }

  /**
   * Weights of the classes in the cross entropy with labels, of training and of dev: the mean over
   * texts becomes a weighted one. One for each class, by index, each finite and at least 0 and not
   * all 0; none, as where not set: all 1. {@link DataSet#balancedWeights} makes some. That there
   * are as many as classes is checked when a run begins.
   *
   * @throws InvalidInputException for any other value
   */
  public T classWeights(float... weights) {
    double sum = 0;
    for (float weight : weights) {
      sum += check("class_weights", weight, 0, 1e6);
    }
    if (weights.length > 0 && sum == 0) {
      throw new InvalidInputException("class_weights are all 0: nothing to train by");
    }
    classWeights = weights.clone();
    return self();
  }

  /** Passes over the training rows. */
  public int epochs() {
    return epochs;
  }

  /**
   * Passes over the training rows, 1..1,000,000; 3 where not set.
   *
   * @throws InvalidInputException for any other value
   */
  public T epochs(int value) {
    epochs = (int) check("epochs", value, 1, 1_000_000);
    return self();
  }

  /** Steps to make instead of whole epochs; 0: by epochs. */
  public long maxSteps() {
    return maxSteps;
  }

  /**
   * Steps to make instead of whole epochs, 0..2^31; 0, as where not set: by epochs.
   *
   * @throws InvalidInputException for any other value
   */
  public T maxSteps(long value) {
    maxSteps = check("max_steps", value, 0, 1L << 31);
    return self();
  }

  /** Texts of a batch. */
  public int batchSize() {
    return batchSize;
  }

  /**
   * Texts of a batch, 1..65,536; 64 where not set.
   *
   * @throws InvalidInputException for any other value
   */
  public T batchSize(int value) {
    batchSize = (int) check("batch_size", value, 1, 65_536);
    return self();
  }

  /** Batches of a pool that is sorted by length before it is cut. */
  public int poolBatches() {
    return poolBatches;
  }

  /**
   * Batches of a pool that is sorted by length before it is cut, 1..65,536; 1, as where not set: no
   * sorting.
   *
   * @throws InvalidInputException for any other value
   */
  public T poolBatches(int value) {
    poolBatches = (int) check("pool_batches", value, 1, 65_536);
    return self();
  }

  /** Whether each epoch has an order of its own. */
  public boolean shuffle() {
    return shuffle;
  }

  /**
   * Whether each epoch has an order of its own, as where not set; without, rows come as they are in
   * the data.
   */
  public T shuffle(boolean value) {
    shuffle = value;
    return self();
  }

  /** Seed of initial weights, order, dropout and the dev split. */
  public long seed() {
    return seed;
  }

  /**
   * Seed of initial weights, order, dropout and the dev split, of at most 18 digits; 1 where not
   * set.
   *
   * @throws InvalidInputException for any other value
   */
  public T seed(long value) {
    seed = check("seed", value, -MAX_SEED, MAX_SEED);
    return self();
  }

  /** Batches between evaluations on dev; 0: once an epoch. */
  public long evaluateEvery() {
    return evaluateEvery;
  }

  /**
   * Batches between evaluations on dev, 0..2^31; 0, as where not set: once an epoch.
   *
   * @throws InvalidInputException for any other value
   */
  public T evaluateEvery(long value) {
    evaluateEvery = check("evaluate_every", value, 0, 1L << 31);
    return self();
  }

  /** Batches without a better evaluation after which training stops; 0: never. */
  public long patience() {
    return patience;
  }

  /**
   * Batches without a better evaluation after which training stops, 0..2^31; 0, as where not set:
   * never.
   *
   * @throws InvalidInputException for any other value
   */
  public T patience(long value) {
    patience = check("patience", value, 0, 1L << 31);
    return self();
  }

  /** What the best evaluation on dev is chosen by. */
  public Selection selection() {
    return selection;
  }

  /**
   * What the best evaluation on dev is chosen by: {@link Selection#ACCURACY} where not set.
   *
   * @throws NullPointerException for null
   */
  public T selection(Selection value) {
    selection = Objects.requireNonNull(value);
    return self();
  }

  /** Which mean of the weights is evaluated and saved in their place. */
  public Averaging averaging() {
    return averaging;
  }

  /**
   * Which mean of the weights is evaluated and saved in their place: {@link Averaging#NONE} where
   * not set.
   *
   * @throws NullPointerException for null
   */
  public T averaging(Averaging value) {
    averaging = Objects.requireNonNull(value);
    return self();
  }

  /** Part of the labelled examples that is split off as dev where none is given. */
  public double devFraction() {
    return devFraction;
  }

  /**
   * Part of the labelled examples that is split off as dev where none is given, 0..0.9; 0.1 where
   * not set; 0: no dev, the last weights win.
   *
   * @throws InvalidInputException for any other value
   */
  public T devFraction(double value) {
    devFraction = check("dev_fraction", value, 0, 0.9);
    return self();
  }

  /** Tokens that texts are cut at, special ones counted. */
  public int maxTokens() {
    return maxTokens;
  }

  /**
   * Tokens that texts are cut at, special ones counted, 2..1,048,576; 128 where not set. A
   * teacher's may not be above its encoder's positions.
   *
   * @throws InvalidInputException for any other value
   */
  public T maxTokens(int value) {
    maxTokens = (int) check("max_tokens", value, 2, 1 << 20);
    return self();
  }

  /** What is done to texts before they become tokens: {@code none} or {@code seed}. */
  public String clean() {
    return clean;
  }

  /**
   * What is done to texts before they become tokens: {@code none}, as where not set, or {@code
   * seed}, which keeps ASCII letters, digits and U+4E00..U+9FA5 only.
   *
   * @throws InvalidInputException for any other value
   */
  public T clean(String value) {
    if (!value.equals("none") && !value.equals("seed")) {
      throw new InvalidInputException("clean must be none or seed, not '" + value + "'");
    }
    clean = value;
    return self();
  }

  /** Sizes of the hidden layers between features and classes. */
  public List<Integer> head() {
    return head;
  }

  /**
   * Sizes of the hidden layers between features and classes, each followed by a ReLU, each
   * 1..1,048,576; none where not set.
   *
   * @throws InvalidInputException for any other value
   */
  public T head(List<Integer> sizes) {
    for (int size : sizes) {
      check("head", size, 1, 1 << 20);
    }
    head = List.copyOf(sizes);
    return self();
  }

  /**
   * Every option that the result depends on, by its name in {@code training.json}: strings, longs,
   * doubles, booleans, lists and maps.
   */
  public Map<String, Object> toMap() {
    Map<String, Object> map = new TreeMap<>();
    map.put("optimizer", optimizer.toString());
    map.put("precision", precision.id());
    if (device.isCuda()) {
      map.put("device", device.kind());
    }
    map.put("lr", lr);
    map.put("momentum", momentum);
    map.put("weight_decay", weightDecay);
    map.put("clip_norm", clipNorm);
    map.put("warmup", warmup);
    map.put("decay", decay.toString());
    map.put("epochs", (long) epochs);
    map.put("max_steps", maxSteps);
    map.put("batch_size", (long) batchSize);
    map.put("pool_batches", (long) poolBatches);
    map.put("shuffle", shuffle);
    map.put("seed", seed);
    map.put("evaluate_every", evaluateEvery);
    map.put("patience", patience);
    map.put("selection", selection.toString());
    map.put("dev_fraction", devFraction);
    map.put("average", averaging.toString());
    map.put("average_every", (long) averaging.every());
    map.put("max_tokens", (long) maxTokens);
    map.put("clean", clean);
    map.put("head", head.stream().map(Integer::longValue).toList());
    map.put("lr_scale", new TreeMap<>(lrScales));
    map.put("class_weights", classWeightTexts().stream().map(Double::valueOf).toList());
    return map;
  }

  /** The native interface's options. */
  void apply(Trainer.Builder builder) {
    builder
        .option("optimizer", optimizer)
        .option("precision", precision.id())
        .device(device)
        .option("momentum", momentum)
        .option("weight_decay", weightDecay)
        .option("clip_norm", clipNorm)
        .option("seed", seed)
        .option("class_weights", String.join(",", classWeightTexts()));
    lrScales.forEach((prefix, factor) -> builder.option("lr_scale." + prefix, factor));
  }

  /** Sets what changes from step to step. */
  void beforeStep(Trainer trainer, long step, long total) {}

  /** Checks what only a run can: whether the prefixes of rates name something. */
  void requireFits(Trainer trainer) {
    for (String prefix : lrScales.keySet()) {
      boolean found =
          trainer.tensors().stream()
              .anyMatch(tensor -> tensor.trained() && tensor.name().startsWith(prefix));
      if (!found) {
        throw new InvalidInputException(
            "lr_scale: no trained tensor has a name that begins with '" + prefix + "'");
      }
    }
  }

  /** The same of class weights. */
  void requireFits(List<String> labels) {
    if (classWeights.length > 0 && classWeights.length != labels.size()) {
      throw new InvalidInputException(
          "class_weights: "
              + classWeights.length
              + " for the "
              + labels.size()
              + " classes "
              + labels);
    }
  }

  private List<String> classWeightTexts() {
    List<String> texts = new ArrayList<>();
    for (float weight : classWeights) {
      texts.add(Float.toString(weight));
    }
    return texts;
  }

  /** The native interface's form of head sizes. */
  String headText() {
    return String.join(",", head.stream().map(String::valueOf).toList());
  }

  /** The number of steps of a run. */
  long totalSteps(long batchesPerEpoch) {
    return maxSteps > 0 ? maxSteps : Math.multiplyExact(batchesPerEpoch, (long) epochs);
  }

  Schedule schedule(long totalSteps) {
    return new Schedule(decay, lr, Math.round(warmup * totalSteps), totalSteps);
  }
}
