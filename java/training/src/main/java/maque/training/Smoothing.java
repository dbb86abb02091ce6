package maque.training;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import maque.runtime.ModelDirectory;
import maque.runtime.Tensor;

/**
 * Moves range from activations to weights before both become bytes (SmoothQuant, Xiao et al., arXiv
 * 2211.10438). In a BERT one or two columns of a LayerNorm's output are ten times as large as the
 * others, and a row's scale is theirs: the others get few of its 256 steps. Dividing column p by
 *
 * <pre>s[p] = sqrt(max |x[p]| / max |w[p]|)</pre>
 *
 * <p>and multiplying column p of the weights by it leaves the product as it is. The model divides
 * when it quantises; the input of the attention's output is divided where it comes from, in the
 * rows of the values' weights. The feed-forward part's second product stays as it is: behind GELU
 * smoothing costs the weights more than it saves.
 */
final class Smoothing {
  private final ModelDirectory teacher;
  private final ColumnRanges ranges;
  private final Map<String, float[]> changed = new HashMap<>();
  private final Map<String, Tensor> inputScales = new LinkedHashMap<>();

  private Smoothing(ModelDirectory teacher, ColumnRanges ranges) {
    this.teacher = teacher;
    this.ranges = ranges;
  }

  /** Smooths all layers of a teacher, or of an encoder without a head. */
  static Smoothing of(ModelDirectory teacher) {
    Smoothing smoothing = new Smoothing(teacher, ColumnRanges.of(teacher));
    int layers = ModelIo.integer(teacher.config(), "num_hidden_layers");
    for (int layer = 0; layer < layers; layer++) {
      smoothing.smooth(layer);
    }
    return smoothing;
  }

  /** A tensor's values, smoothed where they take part. */
  float[] values(Tensor tensor) {
    float[] values = changed.get(tensor.name());
    return values == null ? ModelIo.finite(teacher, tensor) : values;
  }

  /** Whether a tensor differs from the teacher's. */
  boolean changes(String name) {
    return changed.containsKey(name);
  }

  /** What the model multiplies columns by, a tensor {@code NAME.input.scale} for each input. */
  Map<String, Tensor> inputScales() {
    return inputScales;
  }

  private void smooth(int layer) {
    String prefix = "encoder.layer." + layer + ".";
    String self = prefix + "attention.self.";
    String value = self + "value";
    String output = prefix + "attention.output.dense.weight";
    float[] divisors = divisors(ranges.attentionOutput(layer), List.of(output));
    multiplyColumns(output, divisors);
    divideRows(value + ".weight", divisors);
    divideRows(value + ".bias", divisors);
    scaled(
        self + "input.scale",
        ranges.attention(layer),
        List.of(self + "query.weight", self + "key.weight", value + ".weight"));
    String inner = prefix + "intermediate.dense.";
    scaled(inner + "input.scale", ranges.feedForward(layer), List.of(inner + "weight"));
  }

  private void scaled(String name, float[] most, List<String> weights) {
    float[] divisors = divisors(most, weights);
    weights.forEach(weight -> multiplyColumns(weight, divisors));
    float[] factors = new float[divisors.length];
    for (int p = 0; p < factors.length; p++) {
      factors[p] = 1 / divisors[p];
    }
    inputScales.put(name, Tensor.of(name, new long[] {factors.length}, factors));
  }

  /**
   * s of each column, their geometric mean 1; as one of the mean where x or w is 0 or x overflows.
   */
  private float[] divisors(float[] most, List<String> weights) {
    double[] logs = new double[most.length];
    double sum = 0;
    for (int p = 0; p < logs.length; p++) {
      double largest = 0;
      for (String weight : weights) {
        largest = Math.max(largest, largest(weight, p, most.length));
      }
      if (Float.isFinite(most[p]) && most[p] > 0 && largest > 0) {
        logs[p] = 0.5 * (StrictMath.log(most[p]) - StrictMath.log(largest));
      }
      sum += logs[p];
    }
    float[] divisors = new float[logs.length];
    for (int p = 0; p < logs.length; p++) {
      divisors[p] = (float) StrictMath.exp(logs[p] - sum / logs.length);
    }
    return divisors;
  }

  private double largest(String weight, int column, int columns) {
    float[] values = weight(weight);
    float most = 0;
    for (int i = column; i < values.length; i += columns) {
      most = Math.max(most, Math.abs(values[i]));
    }
    return most;
  }

  private float[] weight(String name) {
    return changed.computeIfAbsent(
        name, n -> ModelIo.finite(teacher, teacher.nativeTensors().get(n)).clone());
  }

  private void multiplyColumns(String name, float[] factors) {
    float[] values = weight(name);
    for (int i = 0; i < values.length; i++) {
      values[i] *= factors[i % factors.length];
    }
  }

  private void divideRows(String name, float[] divisors) {
    float[] values = weight(name);
    int columns = values.length / divisors.length;
    for (int i = 0; i < values.length; i++) {
      values[i] /= divisors[i / columns];
    }
  }
}
