package maque.runtime;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A BERT text classifier, or an encoder without a head, in native memory. */
public final class Teacher implements TextClassifier {
  /**
   * Ids of one native call: enough to fill the matrix products, little enough to stay in the
   * caches.
   */
  private static final int BATCH_TOKENS = 2048;

  private final Classifier classifier;
  private final NativeModel model;
  private final int hidden;

  private Teacher(Classifier classifier, NativeModel model, int hidden) {
    this.classifier = classifier;
    this.model = model;
    this.hidden = hidden;
  }

  /**
   * Loads a teacher's directory, Maque's or Hugging Face's.
   *
   * @throws ModelFormatException naming file, expected and found; also where the directory holds a
   *     student
   * @throws NativeLibraryException where the native library cannot be loaded
   */
  public static Teacher load(Path directory) {
    return of(ModelDirectory.read(directory));
  }

  /** As {@link #load}, of a directory that has been read. */
  public static Teacher of(ModelDirectory directory) {
    if (!directory.modelType().equals(ModelConfig.BERT)) {
      throw new ModelFormatException(
          directory.path()
              + ": holds a student ("
              + directory.modelType()
              + "), which Student.load loads");
    }
    Map<String, String> options = new LinkedHashMap<>(directory.nativeOptions());
    Map<String, Tensor> tensors = directory.nativeTensors();
    int hidden = Integer.parseInt(options.get("hidden_size"));
    if (directory.labels().isEmpty()) {
      tensors = withEmptyHead(options, tensors, hidden);
    }
    Classifier classifier =
        Classifier.of(directory, options, tensors, BATCH_TOKENS, false, Teacher::build);
    return new Teacher(classifier, (NativeModel) classifier.model, hidden);
  }

  private static NativeModel build(
      Map<String, String> options, Map<String, Tensor> tensors, String source) {
    return NativeModel.build("teacher", options, tensors, source);
  }

  /** The native model always has a head; an encoder's is never asked. */
  private static Map<String, Tensor> withEmptyHead(
      Map<String, String> options, Map<String, Tensor> encoder, int hidden) {
    options.put("num_labels", "2");
    options.put("head", "");
    options.put("pooling", "cls");
    Map<String, Tensor> tensors = new LinkedHashMap<>(encoder);
    String weight = "head.0.weight";
    tensors.put(weight, Tensor.of(weight, new long[] {2, hidden}, new float[2 * hidden]));
    tensors.put("head.0.bias", Tensor.of("head.0.bias", new long[] {2}, new float[2]));
    return tensors;
  }

  /** Empty for an encoder without a head, which has {@link #hiddenStates} only. */
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
    return headed().predict(text);
  }

  @Override
  public List<Prediction> predictAll(List<? extends CharSequence> texts) {
    return headed().predictAll(texts);
  }

  @Override
  public double temperature() {
    return classifier.temperature;
  }

  @Override
  public float[] logits(CharSequence text) {
    return headed().logits(classifier.encoder.encode(text));
  }

  @Override
  public float[][] logits(List<? extends CharSequence> texts) {
    return logits(texts, 1);
  }

  /**
   * As {@link #logits(List)}, on several threads. The result has the same bits for any number of
   * them.
   *
   * @param threads at least 1; the caller's is one of them, the others end with the call
   */
  public float[][] logits(List<? extends CharSequence> texts, int threads) {
    return headed().logits(texts, threads);
  }

  @Override
  public float[][] logitsOfIds(int[] ids, int[] offsets, int n) {
    return headed().logitsOfIds(ids, offsets, n);
  }

  private Classifier headed() {
    if (classifier.labels.isEmpty()) {
      throw new InvalidInputException(
          "this encoder has no head: it gives hidden states, no labels");
    }
    return classifier;
  }

  /**
   * The encoder's last hidden states of one text.
   *
   * @param ids special tokens included, at least one
   * @return a row of hidden_size numbers for each id
   */
  public float[][] hiddenStates(int[] ids) {
    float[] out = new float[Math.multiplyExact(ids.length, hidden)];
    model.hiddenStates(ids, new int[] {0, ids.length}, 1, out);
    float[][] rows = new float[ids.length][hidden];
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(out, i * hidden, rows[i], 0, hidden);
    }
    return rows;
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
}
