package maque.training;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
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
    SGD,
    ADAMW;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** What makes one evaluation on dev better than another. */
  public enum Selection {
    LOSS,
    ACCURACY;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private Optimizer optimizer = Optimizer.ADAMW;
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
  private int maxTokens = 128;
  private String clean = "none";
  private List<Integer> head = List.of();

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

  public Optimizer optimizer() {
    return optimizer;
  }

  public T optimizer(Optimizer value) {
    optimizer = value;
    return self();
  }

  public double lr() {
    return lr;
  }

  /** The highest learning rate; see {@link Schedule}. */
  public T lr(double value) {
    lr = check("lr", value, 1e-12, 1e3);
    return self();
  }

  public double momentum() {
    return momentum;
  }

  /** Momentum of SGD, in [0, 1). */
  public T momentum(double value) {
    momentum = check("momentum", value, 0, 0.9999);
    return self();
  }

  public double weightDecay() {
    return weightDecay;
  }

  /** Decay of weights; AdamW's is decoupled and spares biases and LayerNorm. */
  public T weightDecay(double value) {
    weightDecay = check("weight_decay", value, 0, 10);
    return self();
  }

  public double clipNorm() {
    return clipNorm;
  }

  /** Gradients are scaled down to this global norm; 0 for not at all. */
  public T clipNorm(double value) {
    clipNorm = check("clip_norm", value, 0, 1e6);
    return self();
  }

  public double warmup() {
    return warmup;
  }

  /** Warm-up's part of all steps, in [0, 1]. */
  public T warmup(double value) {
    warmup = check("warmup", value, 0, 1);
    return self();
  }

  public Schedule.Decay decay() {
    return decay;
  }

  public T decay(Schedule.Decay value) {
    decay = value;
    return self();
  }

  public int epochs() {
    return epochs;
  }

  /** Passes over the training rows. */
  public T epochs(int value) {
    epochs = (int) check("epochs", value, 1, 1_000_000);
    return self();
  }

  public long maxSteps() {
    return maxSteps;
  }

  /** Steps to make instead of whole epochs; 0: by epochs. */
  public T maxSteps(long value) {
    maxSteps = check("max_steps", value, 0, 1L << 31);
    return self();
  }

  public int batchSize() {
    return batchSize;
  }

  public T batchSize(int value) {
    batchSize = (int) check("batch_size", value, 1, 65_536);
    return self();
  }

  public int poolBatches() {
    return poolBatches;
  }

  /** Batches of a pool that is sorted by length before it is cut; 1: no sorting. */
  public T poolBatches(int value) {
    poolBatches = (int) check("pool_batches", value, 1, 65_536);
    return self();
  }

  public boolean shuffle() {
    return shuffle;
  }

  /** Whether each epoch has an order of its own; without, rows come as they are in the data. */
  public T shuffle(boolean value) {
    shuffle = value;
    return self();
  }

  public long seed() {
    return seed;
  }

  /** Seed of initial weights, order, dropout and the dev split. */
  public T seed(long value) {
    seed = value;
    return self();
  }

  public long evaluateEvery() {
    return evaluateEvery;
  }

  /** Batches between evaluations on dev; 0: once an epoch. */
  public T evaluateEvery(long value) {
    evaluateEvery = check("evaluate_every", value, 0, 1L << 31);
    return self();
  }

  public long patience() {
    return patience;
  }

  /** Batches without a better evaluation after which training stops; 0: never. */
  public T patience(long value) {
    patience = check("patience", value, 0, 1L << 31);
    return self();
  }

  public Selection selection() {
    return selection;
  }

  /** What the best evaluation on dev is chosen by. */
  public T selection(Selection value) {
    selection = value;
    return self();
  }

  public double devFraction() {
    return devFraction;
  }

  /**
   * Part of the labelled examples split off as dev where none is given; 0: the last weights win.
   */
  public T devFraction(double value) {
    devFraction = check("dev_fraction", value, 0, 0.9);
    return self();
  }

  public int maxTokens() {
    return maxTokens;
  }

  /** Texts are cut at this many tokens, special ones counted. */
  public T maxTokens(int value) {
    maxTokens = (int) check("max_tokens", value, 2, 1 << 20);
    return self();
  }

  public String clean() {
    return clean;
  }

  /** {@code none}, or {@code seed}: keeps ASCII letters, digits and U+4E00..U+9FA5 only. */
  public T clean(String value) {
    if (!value.equals("none") && !value.equals("seed")) {
      throw new InvalidInputException("clean must be none or seed, not '" + value + "'");
    }
    clean = value;
    return self();
  }

  public List<Integer> head() {
    return head;
  }

  /** Sizes of the hidden layers between features and classes, each followed by a ReLU. */
  public T head(List<Integer> sizes) {
    for (int size : sizes) {
      check("head", size, 1, 1 << 20);
    }
    head = List.copyOf(sizes);
    return self();
  }

  /** Every option by name, for {@code training.json}. */
  public Map<String, Object> toMap() {
    Map<String, Object> map = new TreeMap<>();
    map.put("optimizer", optimizer.toString());
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
    map.put("max_tokens", (long) maxTokens);
    map.put("clean", clean);
    map.put("head", head.stream().map(Integer::longValue).toList());
    return map;
  }

  /** The native interface's options. */
  void apply(Trainer.Builder builder) {
    builder
        .option("optimizer", optimizer)
        .option("momentum", momentum)
        .option("weight_decay", weightDecay)
        .option("clip_norm", clipNorm)
        .option("seed", seed);
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
