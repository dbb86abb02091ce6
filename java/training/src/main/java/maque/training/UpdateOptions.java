package maque.training;

import java.util.Collections;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.regex.Pattern;
import maque.runtime.InvalidInputException;

/**
 * How weights follow gradients: options of every update. Setters refuse values out of range with
 * {@link InvalidInputException}.
 *
 * @param <T> the class itself
 */
public abstract class UpdateOptions<T extends UpdateOptions<T>> {
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

  private static final int MAX_LR_SCALES = 60; // the native side has room for 64
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
  private final Map<String, Double> lrScales = new TreeMap<>();

  UpdateOptions() {}

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

  /**
   * Every option that the result depends on, by its name in {@code training.json}: strings, longs,
   * doubles, booleans, lists and maps.
   */
  public Map<String, Object> toMap() {
    Map<String, Object> map = new TreeMap<>();
    map.put("optimizer", optimizer.toString());
    map.put("precision", precision.id());
    map.put("lr", lr);
    map.put("momentum", momentum);
    map.put("weight_decay", weightDecay);
    map.put("clip_norm", clipNorm);
    map.put("warmup", warmup);
    map.put("decay", decay.toString());
    map.put("lr_scale", new TreeMap<>(lrScales));
    if (device.isCuda()) {
      map.put("device", device.kind());
    }
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
        .option("clip_norm", clipNorm);
    lrScales.forEach((prefix, factor) -> builder.option("lr_scale." + prefix, factor));
  }

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

  Schedule schedule(long totalSteps) {
    return new Schedule(decay, lr, Math.round(warmup * totalSteps), totalSteps);
  }
}
