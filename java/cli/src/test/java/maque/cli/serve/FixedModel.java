package maque.cli.serve;

import java.util.List;
import java.util.function.Function;
import maque.runtime.Prediction;
import maque.runtime.TextClassifier;
import maque.runtime.TextEncoder;

/** A classifier that answers what a test wants. */
final class FixedModel implements TextClassifier {
  static final List<String> LABELS = List.of("animal", "plant", "\"other\"");

  private final Function<String, float[]> answer;

  FixedModel(Function<String, float[]> answer) {
    this.answer = answer;
  }

  /** "animal" with that probability, whatever the text. */
  static FixedModel animal(float probability) {
    float rest = (1 - probability) / 2;
    return new FixedModel(text -> new float[] {probability, rest, rest});
  }

  @Override
  public List<String> labels() {
    return LABELS;
  }

  @Override
  public Prediction predict(CharSequence text) {
    float[] probabilities = answer.apply(text.toString());
    int best = 0;
    for (int i = 1; i < probabilities.length; i++) {
      best = probabilities[i] > probabilities[best] ? i : best;
    }
    return new Prediction(LABELS.get(best), best, probabilities, text.length() > 1_000);
  }

  @Override
  public List<Prediction> predictAll(List<? extends CharSequence> texts) {
    return texts.stream().map(this::predict).toList();
  }

  @Override
  public double temperature() {
    return 1;
  }

  @Override
  public long loadNanos() {
    return 0;
  }

  @Override
  public long nativeBytes() {
    return 4_096;
  }

  @Override
  public long parameters() {
    return 1_024;
  }

  @Override
  public TextEncoder encoder() {
    throw new UnsupportedOperationException();
  }

  @Override
  public float[] logits(CharSequence text) {
    throw new UnsupportedOperationException();
  }

  @Override
  public float[][] logits(List<? extends CharSequence> texts) {
    throw new UnsupportedOperationException();
  }

  @Override
  public float[][] logitsOfIds(int[] ids, int[] offsets, int n) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void close() {}
}
