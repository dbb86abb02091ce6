package maque.runtime;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** What teacher and student share: a model, its labels and its encoder. */
final class Classifier implements AutoCloseable {
  final ClassifierModel model;
  final List<String> labels;
  final TextEncoder encoder;
  final long parameters;

  /** {@link ModelDirectory#modelType()}. */
  final String modelType;

  /** What logits are divided by before the softmax. */
  final double temperature;

  /** Nanoseconds from the first byte read to the model. */
  final long loadNanos;

  /** Most ids of one native call over several texts; bounds the scratch memory. */
  private final int batchTokens;

  /** Whether a single text takes less than a millisecond. */
  private final boolean brief;

  private Classifier(
      ModelDirectory directory,
      ClassifierModel model,
      TextEncoder encoder,
      long parameters,
      long loadNanos,
      int batchTokens,
      boolean brief) {
    this.model = model;
    this.labels = directory.labels();
    this.modelType = directory.modelType();
    this.encoder = encoder;
    this.parameters = parameters;
    this.temperature = directory.temperature();
    this.loadNanos = loadNanos;
    this.batchTokens = batchTokens;
    this.brief = brief;
  }

  /** Makes the model of options, tensors, and the file that an error names. */
  @FunctionalInterface
  interface Maker<M extends ClassifierModel> {
    M make(Map<String, String> options, Map<String, Tensor> tensors, String source);
  }

  static Classifier of(
      ModelDirectory directory,
      Map<String, String> options,
      Map<String, Tensor> tensors,
      int batchTokens,
      boolean brief,
      Maker<?> maker) {
    long start = System.nanoTime();
    TextEncoder encoder = encoder(directory);
    Path weights = directory.path().resolve(ModelDirectory.WEIGHTS);
    ClassifierModel model = maker.make(options, tensors, weights.toString());
    long parameters =
        tensors.values().stream()
            .filter(tensor -> ServingTensors.isWeight(tensor.name()))
            .mapToLong(Tensor::elements)
            .sum();
    long nanos = directory.readNanos() + System.nanoTime() - start;
    Events.loaded(directory, nanos, model.bytes());
    return new Classifier(directory, model, encoder, parameters, nanos, batchTokens, brief);
  }

  private static TextEncoder encoder(ModelDirectory directory) {
    try {
      return TextEncoders.of(directory);
    } catch (ModelFormatException e) {
      throw new ModelFormatException(directory.path() + ": " + e.getMessage(), e);
    }
  }

  Prediction predict(CharSequence text) {
    Object event = Events.predicting();
    Encoded encoded = encoder.encode(text);
    Prediction prediction = prediction(logits(encoded), encoded);
    if (event != null) {
      Events.predicted(event, modelType, 1, encoded.ids().length);
    }
    return prediction;
  }

  List<Prediction> predictAll(List<? extends CharSequence> texts) {
    Object event = Events.predicting();
    Encoded[] encoded = encode(texts);
    float[][] logits = logits(encoded, 1);
    List<Prediction> predictions = new ArrayList<>(encoded.length);
    for (int i = 0; i < encoded.length; i++) {
      predictions.add(prediction(logits[i], encoded[i]));
    }
    if (event != null) {
      int tokens = Arrays.stream(encoded).mapToInt(text -> text.ids().length).sum();
      Events.predicted(event, modelType, encoded.length, tokens);
    }
    return Collections.unmodifiableList(predictions);
  }

  private Prediction prediction(float[] logits, Encoded text) {
    int best = softmax(logits, temperature);
    return new Prediction(labels.get(best), best, logits, text.truncated());
  }

  float[] logits(Encoded text) {
    float[] out = new float[labels.size()];
    boolean reads = encoder.readsTokens();
    int[] ids = reads ? text.ids() : null;
    int[] offsets = reads ? new int[] {0, ids.length} : null;
    Bags bags = encoder.hasNgrams() ? Bags.of(text.ngrams()) : null;
    model.predict(ids, reads ? ids.length : 0, offsets, bags, 1, out, brief);
    return out;
  }

  float[][] logits(List<? extends CharSequence> texts, int threads) {
    return logits(encode(texts), threads);
  }

  private Encoded[] encode(List<? extends CharSequence> texts) {
    Encoded[] encoded = new Encoded[texts.size()];
    int i = 0;
    for (CharSequence text : texts) {
      encoded[i++] = encoder.encode(text);
    }
    return encoded;
  }

  private float[][] logits(Encoded[] texts, int threads) {
    return new Batches(texts, batchTokens).run(this::score, threads);
  }

  float[][] logitsOfIds(int[] ids, int[] offsets, int n) {
    checkOffsets(ids.length, offsets, n);
    Encoded[] texts = new Encoded[n];
    for (int i = 0; i < n; i++) {
      int[] own = Arrays.copyOfRange(ids, offsets[i], offsets[i + 1]);
      texts[i] =
          encoder instanceof NgramEncoder ngrams
              ? new Encoded(own, false, ngrams.ofIds(own))
              : new Encoded(own, false);
    }
    return logits(texts, 1);
  }

  static void checkOffsets(int ids, int[] offsets, int n) {
    if (n < 0 || offsets.length <= n || offsets[0] != 0) {
      throw new InvalidInputException(
          "expected n >= 0 and n + 1 offsets, the first 0; found n = "
              + n
              + " and "
              + offsets.length
              + " offsets");
    }
    for (int i = 0; i < n; i++) {
      if (offsets[i + 1] < offsets[i] || offsets[i + 1] > ids) {
        throw new InvalidInputException(
            "offset "
                + (i + 1)
                + ": expected "
                + offsets[i]
                + " to "
                + ids
                + ", found "
                + offsets[i + 1]);
      }
    }
  }

  private float[][] score(List<Encoded> texts) {
    int n = texts.size();
    int classes = labels.size();
    float[] out = new float[n * classes];
    Bags tokens = laidOut(texts, Encoded::ids);
    Bags bags = encoder.hasNgrams() ? laidOut(texts, Encoded::ngrams) : null;
    boolean reads = encoder.readsTokens();
    model.predict(
        reads ? tokens.ids : null,
        reads ? tokens.length : 0,
        reads ? tokens.offsets : null,
        bags,
        n,
        out,
        false);
    float[][] rows = new float[n][];
    for (int i = 0; i < n; i++) {
      rows[i] = Arrays.copyOfRange(out, i * classes, (i + 1) * classes);
    }
    return rows;
  }

  /** End to end. */
  private static Bags laidOut(List<Encoded> texts, Function<Encoded, int[]> part) {
    int[] offsets = new int[texts.size() + 1];
    for (int i = 0; i < texts.size(); i++) {
      offsets[i + 1] = offsets[i] + part.apply(texts.get(i)).length;
    }
    int[] ids = new int[offsets[texts.size()]];
    for (int i = 0; i < texts.size(); i++) {
      int[] own = part.apply(texts.get(i));
      System.arraycopy(own, 0, ids, offsets[i], own.length);
    }
    return new Bags(ids, ids.length, offsets);
  }

  /**
   * Turns logits, divided by a temperature, into probabilities in place.
   *
   * @return the first index of the largest
   * @throws MaqueException for logits that are not finite
   */
  static int softmax(float[] logits, double temperature) {
    int best = 0;
    for (int i = 1; i < logits.length; i++) {
      best = logits[i] > logits[best] ? i : best;
    }
    float max = logits[best];
    double sum = 0;
    for (int i = 0; i < logits.length; i++) {
      // StrictMath, for the same bits on every JVM.
      double e = StrictMath.exp((logits[i] - max) / temperature);
      logits[i] = (float) e;
      sum += e;
    }
    if (!(sum >= 1 && sum <= logits.length)) {
      throw new MaqueException("the model's logits are not finite");
    }
    for (int i = 0; i < logits.length; i++) {
      logits[i] = (float) (logits[i] / sum);
    }
    return best;
  }

  @Override
  public void close() {
    model.close();
  }
}
