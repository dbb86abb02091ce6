package maque.training;

import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import maque.runtime.InvalidInputException;

/** Options of {@link TeacherTraining}. */
public final class TeacherOptions extends TrainingOptions<TeacherOptions> {
  private static final Pattern TRAIN =
      Pattern.compile("all|last-layers:[0-9]{1,4}|last-tensors:4|head");

  private String train = "all";
  private String pooling = "mean";
  private double headLrFactor = 5;
  private double hiddenDropout = 0.1;
  private double attentionDropout = 0.1;
  private double headDropout = 0.1;
  private long trunkCacheBytes = Math.min(512L << 20, Runtime.getRuntime().maxMemory() / 4);
  private long trunkFileBytes = 4L << 30;

  private TeacherOptions() {}

  /**
   * Full fine-tuning: AdamW, 1e-4 for the encoder and 5e-4 for the head, decay .01, warm-up over 10
   * %, linear decay, 3 epochs of batches of 32, clipping at 1, dropout .1, mean pooling, head
   * [192].
   */
  public static TeacherOptions defaults() {
    return new TeacherOptions()
        .lr(1e-4)
        .weightDecay(0.01)
        .clipNorm(1)
        .warmup(0.1)
        .batchSize(32)
        .poolBatches(40)
        .head(List.of(192));
  }

  /**
   * The seed repository's settings: Adam at 5e-4 for the last four tensors (the last LayerNorm and
   * the pooler) and the head [192], batches of 64 in the file's order, texts cleaned and cut at 50
   * tokens, 3 epochs, evaluated every 10 batches by loss, stopped after 1,000 batches without gain.
   *
   * <p>It differs where the repository's way would mislead: the best weights are chosen on dev, not
   * on the test set; the frozen part runs without dropout; texts are not padded.
   */
  public static TeacherOptions seedPreset() {
    return new TeacherOptions()
        .train("last-tensors:4")
        .pooling("pooler")
        .head(List.of(192))
        .headLrFactor(1)
        .lr(5e-4)
        .decay(Schedule.Decay.CONSTANT)
        .dropout(0, 0, 0)
        .batchSize(64)
        .shuffle(false)
        .maxTokens(50)
        .clean("seed")
        .epochs(3)
        .evaluateEvery(10)
        .patience(1000)
        .selection(Selection.LOSS);
  }

  @Override
  TeacherOptions self() {
    return this;
  }

  /** What is trained. */
  public String train() {
    return train;
  }

  /**
   * What is trained, besides the head, which always is: {@code all}, as where not set; {@code
   * last-layers:K}, the last K layers and the pooler; {@code last-tensors:4}, the encoder's last
   * four tensors (last LayerNorm, pooler); {@code head}, nothing more. A run refuses a K above the
   * encoder's layers, and {@code head} with pooling {@code pooler} where the encoder has none.
   *
   * @throws InvalidInputException for any other value
   */
  public TeacherOptions train(String value) {
    if (!TRAIN.matcher(value).matches()) {
      throw new InvalidInputException(
          "train must be all, last-layers:K, last-tensors:4 or head, not '" + value + "'");
    }
    train = value;
    return this;
  }

  /** What the head reads: {@code pooler}, {@code cls} or {@code mean}. */
  public String pooling() {
    return pooling;
  }

  /**
   * What the head reads, [hidden] for each text: {@code mean} of the last hidden states, as where
   * not set; {@code cls}, the first token's; {@code pooler}, that through a linear layer and tanh,
   * which is a fresh one where the encoder has none.
   *
   * @throws InvalidInputException for any other value
   */
  public TeacherOptions pooling(String value) {
    if (!List.of("pooler", "cls", "mean").contains(value)) {
      throw new InvalidInputException("pooling must be pooler, cls or mean, not '" + value + "'");
    }
    pooling = value;
    return this;
  }

  /** Factor on the learning rate for the head. */
  public double headLrFactor() {
    return headLrFactor;
  }

  /**
   * Factor on the learning rate for the head, 0..1e4; 5 where not set.
   *
   * @throws InvalidInputException for any other value
   */
  public TeacherOptions headLrFactor(double value) {
    headLrFactor = check("head_lr_factor", value, 0, 1e4);
    return this;
  }

  /**
   * As {@link TrainingOptions#lrScale}; the prefixes {@code head} and {@code head.} are {@link
   * #headLrFactor}'s.
   */
  @Override
  public TeacherOptions lrScale(String prefix, double factor) {
    if (prefix.equals("head") || prefix.equals("head.")) {
      throw new InvalidInputException("lr_scale: the head's factor is head_lr_factor");
    }
    return super.lrScale(prefix, factor);
  }

  /** Dropout on embeddings and layers' outputs. */
  public double hiddenDropout() {
    return hiddenDropout;
  }

  /** Dropout on attention's probabilities. */
  public double attentionDropout() {
    return attentionDropout;
  }

  /** Dropout on the pooled vector. */
  public double headDropout() {
    return headDropout;
  }

  /**
   * Probabilities of dropout, each 0..0.95; 0.1 where not set.
   *
   * @param hidden on embeddings and layers' outputs
   * @param attention on attention's probabilities
   * @param pooled on the pooled vector
   * @throws InvalidInputException for any other value
   */
  public TeacherOptions dropout(double hidden, double attention, double pooled) {
    hiddenDropout = check("hidden_dropout", hidden, 0, 0.95);
    attentionDropout = check("attention_dropout", attention, 0, 0.95);
    headDropout = check("head_dropout", pooled, 0, 0.95);
    return this;
  }

  /** Bytes of memory for the frozen part's outputs. */
  public long trunkCacheBytes() {
    return trunkCacheBytes;
  }

  /** Bytes of a file for the frozen part's outputs. */
  public long trunkFileBytes() {
    return trunkFileBytes;
  }

  /**
   * Bounds of the cache of the frozen part's output; what fits in neither is computed again. The
   * same bits in each case, so that this is not part of {@link #toMap}.
   *
   * @param memoryBytes at least 0; where not set 512 MiB, at most a quarter of the heap
   * @param fileBytes at least 0; 4 GiB where not set
   * @throws InvalidInputException for any other value
   */
  public TeacherOptions trunkCache(long memoryBytes, long fileBytes) {
    trunkCacheBytes = check("trunk_cache", memoryBytes, 0, Long.MAX_VALUE);
    trunkFileBytes = check("trunk_file", fileBytes, 0, Long.MAX_VALUE);
    return this;
  }

  @Override
  public Map<String, Object> toMap() {
    Map<String, Object> map = super.toMap();
    map.put("train", train);
    map.put("pooling", pooling);
    map.put("head_lr_factor", headLrFactor);
    map.put("hidden_dropout", hiddenDropout);
    map.put("attention_dropout", attentionDropout);
    map.put("head_dropout", headDropout);
    return map;
  }

  @Override
  void apply(Trainer.Builder builder) {
    super.apply(builder);
    builder
        .option("train", train)
        .option("hidden_dropout", hiddenDropout)
        .option("attention_dropout", attentionDropout)
        .option("head_dropout", headDropout)
        .option("lr_scale.head", headLrFactor);
  }
}
