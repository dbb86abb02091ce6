package maque.runtime;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * A biLSTM text classifier: the one-layer model that a teacher was distilled into, in the form that
 * training wrote or in the one that serves.
 *
 * <p>Where the native library cannot be loaded, students answer in plain Java, with the same labels
 * but slower; see {@link Maque#info()} and {@link Maque#NATIVE_PROPERTY}.
 */
public final class Student implements TextClassifier {
  private static final int BATCH_TOKENS = 1024;

  private final Classifier classifier;

  private Student(Classifier classifier) {
    this.classifier = classifier;
  }

  /**
   * Loads a student: a directory, or a file that {@link ModelDirectory#pack} wrote.
   *
   * @throws ModelFormatException naming file, expected and found; also where the directory holds a
   *     teacher
   * @throws NativeLibraryException where the native library cannot be loaded, and {@link
   *     Maque#NATIVE_PROPERTY} requires it
   */
  public static Student load(Path path) {
    return of(ModelDirectory.read(path));
  }

  /**
   * Loads a student from the class path: a file that {@link ModelDirectory#pack} wrote.
   *
   * @param owner the class that the resource belongs to
   * @param name as {@link Class#getResourceAsStream} takes it: beside the class, or, after {@code
   *     /}, from the root; of another named module only where that opens the package to {@code
   *     maque.runtime}
   * @throws ModelFormatException as {@link #load(Path)}, and where there is no such resource
   * @throws NativeLibraryException as {@link #load(Path)}
   */
  public static Student load(Class<?> owner, String name) {
    return of(ModelDirectory.read(owner, name));
  }

  /**
   * As {@link #load(Class, String)}, by a class loader.
   *
   * @param name as {@link ClassLoader#getResourceAsStream} takes it: from the root, without {@code
   *     /} before it
   */
  public static Student load(ClassLoader loader, String name) {
    return of(ModelDirectory.read(loader, name));
  }

  /** As {@link #load(Path)}, of a model that has been read, also from a stream. */
  public static Student of(ModelDirectory directory) {
    if (directory.modelType().equals(ModelConfig.BERT)) {
      throw new ModelFormatException(
          directory.path() + ": holds a teacher (bert), which Teacher.load loads");
    }
    return new Student(
        Classifier.of(
            directory,
            directory.nativeOptions(),
            directory.nativeTensors(),
            BATCH_TOKENS,
            true,
            Student::build));
  }

  private static ClassifierModel build(
      Map<String, String> options, Map<String, Tensor> tensors, String source) {
    return Maque.isNative()
        ? NativeModel.build("student", options, tensors, source)
        : JavaStudent.build(options, tensors, source);
  }

  @Override
  public List<String> labels() {
    return classifier.labels;
  }

  @Override
  public TextEncoder encoder() {
    return classifier.encoder;
  }

  @Override
  public Prediction predict(CharSequence text) {
    return classifier.predict(text);
  }

  @Override
  public List<Prediction> predictAll(List<? extends CharSequence> texts) {
    return classifier.predictAll(texts);
  }

  @Override
  public double temperature() {
    return classifier.temperature;
  }

  @Override
  public float[] logits(CharSequence text) {
    return classifier.logits(classifier.encoder.encode(text));
  }

  @Override
  public float[][] logits(List<? extends CharSequence> texts) {
    return classifier.logits(texts, 1);
  }

  @Override
  public float[][] logitsOfIds(int[] ids, int[] offsets, int n) {
    return classifier.logitsOfIds(ids, offsets, n);
  }

  @Override
  public long nativeBytes() {
    return classifier.model.bytes();
  }

  @Override
  public long loadNanos() {
    return classifier.loadNanos;
  }

  @Override
  public long parameters() {
    return classifier.parameters;
  }

  @Override
  public void close() {
    classifier.close();
  }

  /**
   * For a check ahead of use.
   *
   * @throws IllegalStateException after {@link #close()}
   */
  void requireOpen() {
    classifier.model.bytes();
  }

  /** Scratch memory for one thread's predictions that allocate nothing. */
  public Session session() {
    return new Session();
  }

  /** What one thread asks this student by. */
  public final class Session implements Predictor.Session {
    private final TextEncoder.Session encoding = classifier.encoder.session();
    private final int[] ids = new int[classifier.encoder.maxTokens()];
    private final int[] offsets = new int[2];
    private final Bags bags = classifier.encoder.hasNgrams() ? new Bags(null, 0, new int[2]) : null;
    private final boolean readsTokens = classifier.encoder.readsTokens();

    private Session() {}

    @Override
    public int predict(CharSequence text, float[] probabilities) {
      if (probabilities.length != classifier.labels.size()) {
        throw new InvalidInputException(
            "probabilities: expected length "
                + classifier.labels.size()
                + ", found "
                + probabilities.length);
      }
      Object event = Events.predicting();
      int length = encoding.encode(text, ids);
      offsets[1] = length;
      if (bags != null) {
        bags.ids = encoding.ngrams();
        bags.length = encoding.ngramCount();
        bags.offsets[1] = bags.length;
      }
      classifier.model.predict(
          readsTokens ? ids : null,
          readsTokens ? length : 0,
          readsTokens ? offsets : null,
          bags,
          1,
          probabilities,
          true);
      int best = Classifier.softmax(probabilities, classifier.temperature);
      if (event != null) {
        Events.predicted(event, classifier.modelType, 1, length);
      }
      return best;
    }

    @Override
    public boolean truncated() {
      return encoding.truncated();
    }
  }
}
