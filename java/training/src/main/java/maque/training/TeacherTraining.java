package maque.training;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import maque.runtime.InvalidInputException;
import maque.runtime.ModelDirectory;
import maque.runtime.ModelFormatException;
import maque.runtime.Tensor;
import maque.runtime.TextEncoder;
import maque.runtime.TextEncoders;

/**
 * Fine-tunes an encoder into a teacher: a fresh head on its pooled output, cross entropy with the
 * labels. The same inputs give the same model files, for any number of threads, and however often
 * the run was stopped and resumed.
 */
public final class TeacherTraining {
  /** The name of this stage in progress reports. */
  public static final String STAGE = "train-teacher";

  private static final int MAX_CLASSES = 65_536;
  private static final List<String> CHOSEN_HERE = List.of("kind", "num_labels", "head", "pooling");

  private final Inputs inputs;
  private final TeacherOptions options;
  private final RunControl control;
  private final TrainingRun run;
  private final TrainingRecord record;
  private final ModelDirectory encoder;

  /**
   * What a run reads and writes.
   *
   * @param encoder directory of an imported encoder
   * @param train labelled examples
   * @param dev examples to choose the best weights by; null: split off {@code train} as the options
   *     say
   * @param out the model directory to write
   */
  public record Inputs(Path encoder, DataSet train, DataSet dev, Path out) {}

  private TeacherTraining(Inputs inputs, TeacherOptions options, RunControl control) {
    this.inputs = inputs;
    this.options = options;
    this.control = control;
    run = new TrainingRun(STAGE, inputs.out(), options, control);
    record = run.record();
    encoder = ModelDirectory.read(inputs.encoder());
  }

  /**
   * Runs, or resumes from {@code OUT.checkpoint}.
   *
   * @throws CancelledException where the token was set; a checkpoint is there then
   * @throws InvalidInputException where the data cannot train a classifier, or something that is no
   *     model stands at {@code out}
   * @throws ModelFormatException where the encoder is not a BERT, or damaged, or holds NaN or
   *     infinity
   */
  public static TrainingResult run(Inputs inputs, TeacherOptions options, RunControl control) {
    inputs.train().requireTrainable();
    ModelDirectory.write(inputs.out()).requireReplaceable();
    return new TeacherTraining(inputs, options, control).run();
  }

  private TrainingResult run() {
    DataSet.Split data = run.split(inputs.train(), inputs.dev());
    Map<String, Object> config = config();
    requireFloats();
    Map<String, Tensor> weights = ModelIo.encoderTensors(encoder);
    requireTrainedPooler(weights);
    record.input("encoder", TeacherKey.of(encoder).teacher());
    try (Trainer trainer = trainer(config, weights)) {
      TextEncoder tokens = TextEncoders.of(config, encoder.vocab());
      return train(trainer, config, data, tokens);
    }
  }

  private Map<String, Object> config() {
    Map<String, Object> config = new LinkedHashMap<>(encoder.config());
    if (!"bert".equals(config.get("model_type"))) {
      throw new ModelFormatException(
          inputs.encoder() + ": a teacher is a bert, not " + config.get("model_type"));
    }
    if (inputs.train().labels().size() > MAX_CLASSES) {
      throw new InvalidInputException(
          inputs.train().labels().size() + " classes are more than " + MAX_CLASSES);
    }
    int positions = ModelIo.integer(config, "max_position_embeddings");
    if (options.maxTokens() > positions) {
      throw new InvalidInputException(
          "max_tokens " + options.maxTokens() + " is above the encoder's " + positions);
    }
    ModelIo.putLabels(config, inputs.train().labels());
    config.put("pooling", options.pooling());
    config.put("head", options.head());
    config.put("max_tokens", options.maxTokens());
    config.put("clean", options.clean());
    config.put("architectures", List.of("BertForSequenceClassification"));
    return config;
  }

  private void requireFloats() {
    if (encoder.precision().equals(Precision.INT8.id())) {
      throw new InvalidInputException(
          encoder.path() + ": is in int8, which answers but does not train: begin from float32");
    }
  }

  /** A fresh pooler is noise until it is trained. */
  private void requireTrainedPooler(Map<String, Tensor> weights) {
    if (options.pooling().equals("pooler")
        && options.train().equals("head")
        && !ModelIo.hasPooler(weights)) {
      throw new InvalidInputException(
          inputs.encoder()
              + ": the encoder has no pooler, and with train head a fresh one would stay as random"
              + " as it begins; choose pooling cls or mean, or train last-tensors:4 or all");
    }
  }

  private Trainer trainer(Map<String, Object> config, Map<String, Tensor> weights) {
    int hidden = ModelIo.integer(config, "hidden_size");
    InitialWeights fresh = new InitialWeights(options.seed());
    fresh.head(hidden, options.head(), inputs.train().labels().size());
    boolean pooler = options.pooling().equals("pooler");
    if (pooler && !ModelIo.hasPooler(weights)) {
      fresh.pooler(hidden);
      record.note("the encoder has no pooler: a fresh one is trained with the head");
    }
    try (Trainer.Builder builder = Trainer.builder()) {
      builder
          .option("kind", "bert")
          .option("num_labels", inputs.train().labels().size())
          .option("head", options.headText())
          .option("pooling", options.pooling())
          .option("threads", control.threads());
      encoder
          .nativeOptions()
          .forEach(
              (key, value) -> {
                if (!CHOSEN_HERE.contains(key)) {
                  builder.option(key, value);
                }
              });
      options.apply(builder);
      weights.forEach(
          (name, tensor) -> {
            if (pooler || !name.startsWith("pooler.")) {
              builder.tensor(name, tensor.shape(), ModelIo.finite(encoder, tensor));
            }
          });
      fresh.apply(builder);
      return builder.build();
    }
  }

  private TrainingResult train(
      Trainer trainer, Map<String, Object> config, DataSet.Split data, TextEncoder tokens) {
    options.requireFits(trainer);
    Checkpoint checkpoint = run.checkpoint();
    Rows rows = new Rows(tokens, data.train(), null);
    Rows dev = data.dev() == null ? null : new Rows(tokens, data.dev(), null);
    int texts = rows.size() + (dev == null ? 0 : dev.size());
    TrainingState state;
    try (TrunkCache cache =
        new TrunkCache(
            trainer,
            texts,
            options.trunkCacheBytes(),
            options.trunkFileBytes(),
            checkpoint.trunkFile())) {
      DevSet judge = devSet(dev, rows.size(), cache);
      state =
          new TrainingLoop(
                  new TrainingLoop.Setup(
                      STAGE,
                      trainer,
                      run.order(rows),
                      (picked, step) -> cache.with(rows.batch(picked), picked),
                      judge,
                      options,
                      checkpoint,
                      control))
              .run();
      run.calibrate(trainer, judge, state, config);
    }
    return run.finish(trainer, config, encoder.vocab(), inputs.train().labels(), state, checkpoint);
  }

  private DevSet devSet(Rows dev, int firstText, TrunkCache cache) {
    if (dev == null) {
      return null;
    }
    return new DevSet(
        dev.size(),
        inputs.train().labels().size(),
        picked -> {
          int[] texts = picked.clone();
          for (int i = 0; i < texts.length; i++) {
            texts[i] += firstText;
          }
          return cache.with(dev.batch(picked), texts);
        },
        Objective.crossEntropy(options.classWeights()));
  }
}
