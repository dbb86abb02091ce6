package maque.training;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import maque.runtime.InvalidInputException;
import maque.runtime.Json;
import maque.runtime.Ngrams;

/** Makes options of the {@code options} that a {@code training.json} records. */
public final class RecordedOptions {
  private final Map<?, ?> values;

  private RecordedOptions(Map<?, ?> values) {
    this.values = values;
  }

  /**
   * A student's options.
   *
   * @throws InvalidInputException where one is missing, wrong, or not known to this version
   */
  public static StudentOptions student(Map<?, ?> recorded) {
    RecordedOptions read = new RecordedOptions(recorded);
    StudentOptions options =
        switch (read.choice("kind", StudentOptions.Kind.class)) {
          case SEQUENCE -> StudentOptions.sequence().pooling(read.text("pooling"));
          case DOCUMENT -> StudentOptions.document();
          case BAG -> StudentOptions.bag();
        };
    read.shared(options);
    options
        .tokens(read.choice("tokens", StudentOptions.Tokens.class))
        .embeddingSize(read.integer("embedding_size"))
        .hiddenSize(read.integer("hidden_size"))
        .embeddings(read.choice("embeddings", StudentOptions.Embeddings.class))
        .embeddingSd(read.number("embedding_sd"))
        .init(read.choice("init", StudentOptions.Init.class))
        .vocabulary(read.integer("min_count"), read.integer("max_vocabulary"))
        .trainVectors(read.flag("train_vectors"))
        .standardizeVectors(read.flag("standardize_vectors"))
        .softLoss(read.text("soft_loss"))
        .weights(read.ramp("ce_weight"), read.ramp("soft_weight"))
        .temperature(read.ramp("temperature"))
        .tokenDropout(read.number("token_dropout"))
        .dropout(
            read.number("embedding_dropout"),
            read.number("output_dropout"),
            read.number("head_dropout"));
    if (recorded.get("ngrams") instanceof Map<?, ?> ngrams) {
      RecordedOptions shape = new RecordedOptions(ngrams);
      options
          .ngrams(
              new Ngrams(
                  shape.choice("unit", Ngrams.Unit.class),
                  shape.integer("min"),
                  shape.integer("max"),
                  shape.integer("buckets"),
                  shape.integer("width")))
          .ngramDropout(read.number("ngram_dropout"))
          .wholeNgramDropout(read.number("whole_ngram_dropout"));
    }
    if (recorded.get("segmenter") instanceof String segmenter) {
      options.segmenter(segmenter);
    }
    return read.complete(options);
  }

  /** A teacher's options; otherwise as {@link #student}. */
  public static TeacherOptions teacher(Map<?, ?> recorded) {
    RecordedOptions read = new RecordedOptions(recorded);
    TeacherOptions options = TeacherOptions.defaults();
    read.shared(options);
    options
        .train(read.text("train"))
        .pooling(read.text("pooling"))
        .headLrFactor(read.number("head_lr_factor"))
        .dropout(
            read.number("hidden_dropout"),
            read.number("attention_dropout"),
            read.number("head_dropout"));
    return read.complete(options);
  }

  private <T extends TrainingOptions<T>> void shared(T options) {
    options
        .optimizer(choice("optimizer", TrainingOptions.Optimizer.class))
        .precision(Precision.of(text("precision")))
        .device(values.containsKey("device") ? Device.of(text("device")) : Device.CPU)
        .lr(number("lr"))
        .momentum(number("momentum"))
        .weightDecay(number("weight_decay"))
        .clipNorm(number("clip_norm"))
        .warmup(number("warmup"))
        .decay(Schedule.Decay.parse(text("decay")))
        .epochs(integer("epochs"))
        .maxSteps(whole("max_steps"))
        .batchSize(integer("batch_size"))
        .poolBatches(integer("pool_batches"))
        .shuffle(flag("shuffle"))
        .seed(whole("seed"))
        .evaluateEvery(whole("evaluate_every"))
        .patience(whole("patience"))
        .selection(choice("selection", TrainingOptions.Selection.class))
        .devFraction(number("dev_fraction"))
        .averaging(Averaging.parse(text("average"), integer("average_every")))
        .maxTokens(integer("max_tokens"))
        .clean(text("clean"))
        .head(numbers("head").stream().map(Number::intValue).toList())
        .classWeights(classWeights());
    if (!(values.get("lr_scale") instanceof Map<?, ?> scales)) {
      throw wrong("lr_scale");
    }
    scales.forEach(
        (prefix, factor) -> {
          if (!(factor instanceof Number number)) {
            throw wrong("lr_scale");
          }
          options.lrScale(String.valueOf(prefix), number.doubleValue());
        });
  }

  private float[] classWeights() {
    List<Number> recorded = numbers("class_weights");
    float[] weights = new float[recorded.size()];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = recorded.get(i).floatValue();
    }
    return weights;
  }

  /** Nothing may be lost: an option that another version knew would give another model. */
  private <T extends TrainingOptions<T>> T complete(T options) {
    Map<String, Object> made =
        Json.parseObject(Json.write(options.toMap()), "the options of this version");
    TreeSet<String> different = new TreeSet<>();
    for (Object name : values.keySet()) {
      if (!Objects.equals(values.get(name), made.get(String.valueOf(name)))) {
        different.add(String.valueOf(name));
      }
    }
    made.keySet().stream().filter(name -> !values.containsKey(name)).forEach(different::add);
    if (!different.isEmpty()) {
      throw new InvalidInputException(
          "the record's options are not this version's; they differ in " + different);
    }
    return options;
  }

  private <V> V value(String name, Class<V> type) {
    Object value = values.get(name);
    if (!type.isInstance(value)) {
      throw wrong(name);
    }
    return type.cast(value);
  }

  private String text(String name) {
    return value(name, String.class);
  }

  private boolean flag(String name) {
    return value(name, Boolean.class);
  }

  private double number(String name) {
    return value(name, Number.class).doubleValue();
  }

  private long whole(String name) {
    return value(name, Long.class);
  }

  private int integer(String name) {
    long value = whole(name);
    if (value != (int) value) {
      throw wrong(name);
    }
    return (int) value;
  }

  private Ramp ramp(String name) {
    return values.get(name) instanceof Number number
        ? Ramp.constant(number.doubleValue())
        : Ramp.parse(name, text(name));
  }

  private List<Number> numbers(String name) {
    List<Number> numbers = new ArrayList<>();
    for (Object each : value(name, List.class)) {
      if (!(each instanceof Number number)) {
        throw wrong(name);
      }
      numbers.add(number);
    }
    return numbers;
  }

  private <E extends Enum<E>> E choice(String name, Class<E> type) {
    for (E constant : type.getEnumConstants()) {
      if (constant.name().toLowerCase(Locale.ROOT).equals(text(name))) {
        return constant;
      }
    }
    throw wrong(name);
  }

  private InvalidInputException wrong(String name) {
    return new InvalidInputException(
        "the record's option '" + name + "' is missing or wrong: " + values.get(name));
  }
}
