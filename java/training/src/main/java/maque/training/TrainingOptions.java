package maque.training;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import maque.runtime.InvalidInputException;

/**
 * Options that teachers and students share. Mutable while they are set; a run copies what it needs
 * when it begins. Setters refuse values out of range with {@link InvalidInputException}.
 *
 * @param <T> the class itself
 */
public abstract class TrainingOptions<T extends TrainingOptions<T>> extends UpdateOptions<T> {
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

  private static final long MAX_SEED = 999_999_999_999_999_999L;

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

  TrainingOptions() {}

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

  @Override
  public Map<String, Object> toMap() {
    Map<String, Object> map = super.toMap();
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
    map.put("class_weights", classWeightTexts().stream().map(Double::valueOf).toList());
    return map;
  }

  @Override
  void apply(Trainer.Builder builder) {
    super.apply(builder);
    builder.option("seed", seed).option("class_weights", String.join(",", classWeightTexts()));
  }

  /** Sets what changes from step to step. */
  void beforeStep(Trainer trainer, long step, long total) {}

  /** Checks what only a run can: whether there is a weight for each class. */
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
}
