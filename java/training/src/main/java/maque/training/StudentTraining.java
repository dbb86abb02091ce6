package maque.training;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import maque.runtime.InvalidInputException;
import maque.runtime.Json;
import maque.runtime.ModelDirectory;
import maque.runtime.Ngrams;
import maque.runtime.TextEncoder;
import maque.runtime.TextEncoders;

/**
 * Trains a student: from labels alone, or distilled from a teacher's logits, on labelled texts and,
 * if there are any, on unlabelled ones (the transfer set), which the soft part alone is for. The
 * same inputs give the same model files, for any number of threads, and however often the run was
 * stopped and resumed.
 */
public final class StudentTraining {
  /** The name of this stage in progress reports. */
  public static final String STAGE = "train-student";

  private final Inputs inputs;
  private final StudentOptions options;
  private final RunControl control;
  private final TrainingRun run;
  private final TrainingRecord record;
  private final int classes;
  private LogitSource soft; // with the data's classes; null where none is used

  /**
   * What a run reads and writes. Fields that may be null say so.
   *
   * @param train labelled examples
   * @param dev examples to choose the best weights by; null: split off {@code train}
   * @param transfer unlabelled texts with soft targets; null: none
   * @param soft the teacher's logits; null where {@code soft_weight} is 0
   * @param teacher model directory whose vocabulary (tokens WORDPIECE) and embeddings (TEACHER) are
   *     used; null where neither is
   * @param vectors word2vec file (VECTORS); null where it is not used
   * @param start a student of the same shape and classes whose vocabulary is kept and whose weights
   *     are the first ones; null: fresh ones
   * @param out the model directory to write
   */
  public record Inputs(
      DataSet train,
      DataSet dev,
      Texts transfer,
      LogitSource soft,
      Path teacher,
      Path vectors,
      Path start,
      Path out) {
    /** From labels alone. */
    public static Inputs labelled(DataSet train, DataSet dev, Path out) {
      return new Inputs(train, dev, null, null, null, null, null, out);
    }

    public Inputs withTransfer(Texts texts) {
      return new Inputs(train, dev, texts, soft, teacher, vectors, start, out);
    }

    public Inputs withSoft(LogitSource source) {
      return new Inputs(train, dev, transfer, source, teacher, vectors, start, out);
    }

    public Inputs withTeacher(Path directory) {
      return new Inputs(train, dev, transfer, soft, directory, vectors, start, out);
    }

    public Inputs withVectors(Path file) {
      return new Inputs(train, dev, transfer, soft, teacher, file, start, out);
    }

    public Inputs withStart(Path student) {
      return new Inputs(train, dev, transfer, soft, teacher, vectors, student, out);
    }

    public Inputs withOut(Path directory) {
      return new Inputs(train, dev, transfer, soft, teacher, vectors, start, directory);
    }
  }

  private StudentTraining(Inputs inputs, StudentOptions options, RunControl control) {
    this.inputs = inputs;
    this.options = options;
    this.control = control;
    run = new TrainingRun(STAGE, inputs.out(), options, control);
    record = run.record();
    classes = inputs.train().labels().size();
  }

  /**
   * Runs, or resumes from {@code OUT.checkpoint}.
   *
   * @throws CancelledException where the token was set; a checkpoint is there then
   * @throws InvalidInputException where the data cannot train a classifier, a text has no soft
   *     target, something that the options need is not given, or something that is no model stands
   *     at {@code out}
   */
  public static TrainingResult run(Inputs inputs, StudentOptions options, RunControl control) {
    inputs.train().requireTrainable();
    ModelDirectory.write(inputs.out()).requireReplaceable();
    StudentTraining training = new StudentTraining(inputs, options, control);
    training.requireInputs();
    return training.run();
  }

  private void requireInputs() {
    boolean distilled = options.usesSoftTargets();
    if (distilled && inputs.soft() == null) {
      throw new InvalidInputException("soft_weight is above 0, but no soft targets are given");
    }
    if (!distilled && inputs.transfer() != null) {
      throw new InvalidInputException(
          "unlabelled texts teach nothing without soft targets (soft_weight is 0)");
    }
    if (distilled) {
      soft = LogitEnsemble.withLabels(inputs.soft(), inputs.train().labels());
    }
    boolean teacher =
        options.readsTokens() && options.tokens() == StudentOptions.Tokens.WORDPIECE
            || options.embeddings() == StudentOptions.Embeddings.TEACHER;
    if (teacher && inputs.teacher() == null) {
      throw new InvalidInputException(
          "tokens wordpiece and embeddings teacher need the teacher's directory");
    }
    if (options.embeddings() == StudentOptions.Embeddings.VECTORS && inputs.vectors() == null) {
      throw new InvalidInputException("embeddings vectors need a word2vec file");
    }
  }

  private TrainingResult run() {
    DataSet.Split data = run.split(inputs.train(), inputs.dev());
    if (inputs.transfer() != null) {
      record.texts("transfer", inputs.transfer());
    }
    Texts seen =
        inputs.transfer() == null ? data.train() : Texts.concat(data.train(), inputs.transfer());
    ModelDirectory teacher =
        inputs.teacher() == null ? null : ModelDirectory.read(inputs.teacher());
    ModelDirectory start = inputs.start() == null ? null : start();
    StudentEmbeddings embeddings =
        StudentEmbeddings.make(
            options, teacher, inputs.vectors(), start == null ? null : start.vocab(), seen, record);
    Map<String, Object> config = config(embeddings.vocabulary());
    TextEncoder encoder = TextEncoders.of(config, embeddings.vocabulary().tokens());
    record.input("vocabulary", vocabularyHash(embeddings.vocabulary()));
    record.input("embeddings", embeddings.matrix().hash());
    if (start != null) {
      // Through JSON, so that both have the types that a reader sees.
      Map<String, Object> own = Json.parseObject(Json.write(config), "config.json");
      ModelIo.requireAlike(start, own, embeddings.vocabulary().tokens(), "this student");
      record.input("start", start.fingerprint());
    }
    try (Trainer trainer = trainer(embeddings, start)) {
      return train(trainer, config, data, encoder, embeddings.vocabulary());
    }
  }

  private static String vocabularyHash(StudentVocabulary vocabulary) {
    Sha256 sha = new Sha256();
    vocabulary.tokens().forEach(sha::add);
    return sha.hex();
  }

  private Map<String, Object> config(StudentVocabulary vocabulary) {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("model_type", "maque-" + options.kind());
    if (options.readsTokens()) {
      config.put("vocab_size", vocabulary.tokens().size());
    }
    if (options.kind() != StudentOptions.Kind.BAG) {
      config.put("embedding_size", options.embeddingSize());
      config.put("hidden_size", options.hiddenSize());
    }
    if (options.ngrams() != null) {
      config.put("ngrams", options.ngrams().toMap());
    }
    if (options.kind() == StudentOptions.Kind.SEQUENCE) {
      config.put("pooling", options.pooling());
    }
    config.put("head", options.head());
    ModelIo.putLabels(config, inputs.train().labels());
    config.put("max_tokens", options.maxTokens());
    config.put("clean", options.clean());
    config.put("tokenizer", vocabulary.tokenizer());
    return config;
  }

  /** The student that this one goes on from, whose words and characters are this one's too. */
  private ModelDirectory start() {
    ModelDirectory model = ModelDirectory.read(inputs.start());
    if (model.isServingForm()) {
      throw new InvalidInputException(
          inputs.start() + " is packed: training starts from the directory that was packed");
    }
    return model;
  }

  private Trainer trainer(StudentEmbeddings embeddings, ModelDirectory start) {
    InitialWeights fresh = new InitialWeights(options.seed());
    int features = 0;
    if (options.kind() != StudentOptions.Kind.BAG) {
      firstLstm(fresh, embeddings.matrix());
      features = 2 * options.hiddenSize();
    }
    Ngrams ngrams = options.ngrams();
    if (ngrams != null) {
      fresh.ngrams(ngrams.buckets(), ngrams.width());
      features += ngrams.width();
    }
    fresh.head(features, options.head(), classes);
    try (Trainer.Builder builder = Trainer.builder()) {
      builder
          .option("kind", options.kind())
          .option("num_labels", classes)
          .option("head", options.headText())
          .option("threads", control.threads());
      if (options.kind() != StudentOptions.Kind.BAG) {
        builder
            .option("vocab_size", embeddings.matrix().rows())
            .option("embedding_size", options.embeddingSize())
            .option("hidden_size", options.hiddenSize());
      }
      if (options.kind() == StudentOptions.Kind.SEQUENCE) {
        builder.option("pooling", options.pooling());
      }
      options.apply(builder);
      if (start != null) {
        start
            .nativeTensors()
            .forEach(
                (name, tensor) -> fresh.put(name, ModelIo.finite(start, tensor), tensor.shape()));
      }
      fresh.apply(builder);
      return builder.build();
    }
  }

  private void firstLstm(InitialWeights fresh, EmbeddingMatrix matrix) {
    boolean sequence = options.kind() == StudentOptions.Kind.SEQUENCE;
    String table = sequence ? "embedding.weight" : "vectors.weight";
    fresh.put(table, matrix.values(), matrix.rows(), matrix.width());
    if (options.init() == StudentOptions.Init.PYTORCH) {
      fresh.pytorchLstm(options.embeddingSize(), options.hiddenSize());
    } else {
      fresh.orthogonalLstm(options.embeddingSize(), options.hiddenSize());
    }
  }

  private TrainingResult train(
      Trainer trainer,
      Map<String, Object> config,
      DataSet.Split data,
      TextEncoder encoder,
      StudentVocabulary vocabulary) {
    Rows rows = new Rows(encoder, data.train(), inputs.transfer());
    SoftRows targets = soft(rows);
    if (targets != null) {
      targets.requireAll();
      record.input("soft_targets", targets.hash());
      record.input("teacher", soft.key().teacher());
    }
    DevSet dev = devSet(encoder, data.dev());
    options.requireFits(trainer);
    TokenDropout tokens = TokenDropout.of(options, vocabulary);
    NgramDropout ngrams = new NgramDropout(options);
    Checkpoint checkpoint = run.checkpoint();
    TrainingState state =
        new TrainingLoop(
                new TrainingLoop.Setup(
                    STAGE,
                    trainer,
                    run.order(rows),
                    (picked, step) ->
                        ngrams.apply(
                            tokens.apply(with(targets, rows.batch(picked), picked), step), step),
                    dev,
                    options,
                    checkpoint,
                    control))
            .run();
    run.calibrate(trainer, dev, state, config);
    return run.finish(
        trainer, config, vocabulary.tokens(), inputs.train().labels(), state, checkpoint);
  }

  private SoftRows soft(Rows rows) {
    return soft == null ? null : new SoftRows(soft, rows, classes);
  }

  private static Batch with(SoftRows soft, Batch batch, int[] picked) {
    return soft == null ? batch : soft.with(batch, picked);
  }

  /**
   * The loss on dev is the last step's objective, so that losses of all steps can be compared, as
   * far as dev's soft targets are there.
   */
  private DevSet devSet(TextEncoder encoder, DataSet data) {
    if (data == null) {
      return null;
    }
    Rows rows = new Rows(encoder, data, null);
    SoftRows targets = soft(rows);
    if (targets != null && targets.missing() > 0) {
      record.note("dev has no soft targets for all texts: its loss is that of the labels alone");
      targets = null;
    } else if (targets != null) {
      record.input("dev_soft_targets", targets.hash());
    }
    Objective objective =
        targets == null
            ? Objective.crossEntropy(options.classWeights())
            : new Objective(
                options.ceWeight().to(),
                options.softWeight().to(),
                options.softLoss(),
                options.temperature().to(),
                options.classWeights());
    SoftRows used = targets;
    return new DevSet(
        rows.size(), classes, picked -> with(used, rows.batch(picked), picked), objective);
  }
}
