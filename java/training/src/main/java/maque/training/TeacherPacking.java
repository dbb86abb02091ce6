package maque.training;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import maque.runtime.InvalidInputException;
import maque.runtime.ModelDirectory;
import maque.runtime.Tensor;

/**
 * Turns a teacher's float32 weights into int8, of the encoder's layers and the pooler: a quarter of
 * their size, and products of whole numbers when it answers. Embeddings, LayerNorms, the head and
 * biases (but the values') stay as they are.
 *
 * <p>Activations are quantised with 8 bits when the model answers, and the widest product of bytes
 * that every CPU can add up without overflow is one whose two neighbouring weights share 128. So a
 * row's scale is set by its largest neighbours: s = max (|w[2 i]| + |w[2 i + 1]|) / 127, q = w / s
 * rounded to nearest, ties to even.
 *
 * <p>Before that, columns of activations that stand out give some of their range to the weights
 * ({@link Smoothing}); how far they stand out is measured on words drawn from the vocabulary, so
 * that no texts are needed and the same teacher always gives the same bytes.
 */
public final class TeacherPacking {
  private static final float LARGEST = 127;

  private TeacherPacking() {}

  /**
   * Packs a teacher, or an encoder without a head.
   *
   * @return a writer that has all but the place's content: {@code commit()} makes a directory,
   *     {@code commitFile()} one file
   * @throws InvalidInputException where the model is in int8 already or no BERT
   * @throws maque.runtime.ModelFormatException where a weight is NaN or infinity
   */
  public static ModelDirectory.Writer pack(ModelDirectory teacher, Path out) {
    if (!teacher.modelType().equals("bert")) {
      throw new InvalidInputException(
          teacher.path() + ": expected a teacher, found " + teacher.modelType());
    }
    if (teacher.precision().equals(Precision.INT8.id())) {
      throw new InvalidInputException(
          teacher.path() + ": is in int8 already: pack the teacher that training wrote");
    }
    Map<String, Object> config = new LinkedHashMap<>(teacher.config());
    config.put("precision", Precision.INT8.id());
    Map<String, Object> training = new LinkedHashMap<>(teacher.training());
    training.put(
        "packed", Map.of("source", teacher.fingerprint(), "precision", Precision.INT8.id()));
    return ModelDirectory.write(out)
        .config(config)
        .nativeTensors(tensors(teacher))
        .vocab(teacher.vocab())
        .labels(teacher.labels())
        .training(training);
  }

  private static Map<String, Tensor> tensors(ModelDirectory teacher) {
    Map<String, Tensor> out = new LinkedHashMap<>();
    Smoothing smoothing = Smoothing.of(teacher);
    teacher
        .nativeTensors()
        .forEach(
            (name, tensor) -> {
              if (isProduct(name)) {
                quantize(name, smoothing.values(tensor), tensor.shape(), out);
              } else if (smoothing.changes(name)) {
                out.put(name, Tensor.of(name, tensor.shape(), smoothing.values(tensor)));
              } else {
                out.put(name, tensor);
              }
            });
    out.putAll(smoothing.inputScales());
    return out;
  }

  private static boolean isProduct(String name) {
    boolean layer = name.startsWith("encoder.layer.") || name.startsWith("pooler.");
    return layer && name.endsWith(".weight") && !name.contains("LayerNorm");
  }

  private static void quantize(String name, float[] values, long[] shape, Map<String, Tensor> out) {
    int rows = (int) shape[0];
    int columns = (int) shape[1];
    float[] scales = new float[rows];
    ByteBuffer bytes = ByteBuffer.allocateDirect(values.length);
    for (int row = 0; row < rows; row++) {
      float scale = largestNeighbours(values, row * columns, columns) / LARGEST;
      // Below the normal numbers a quotient by it would no longer stay within 127.
      scale = scale < Float.MIN_NORMAL ? 0 : scale;
      scales[row] = scale;
      for (int i = row * columns; i < (row + 1) * columns; i++) {
        bytes.put((byte) (scale == 0 ? 0 : Math.rint(values[i] / scale)));
      }
    }
    out.put(name, new Tensor(name, "I8", shape, bytes.flip()));
    out.put(name + ".scale", Tensor.of(name + ".scale", new long[] {rows}, scales));
  }

  /** The largest sum of magnitudes of columns 0 and 1, 2 and 3, and so on. */
  private static float largestNeighbours(float[] values, int begin, int columns) {
    float most = 0;
    for (int i = 0; i < columns; i += 2) {
      float second = i + 1 < columns ? Math.abs(values[begin + i + 1]) : 0;
      most = Math.max(most, Math.abs(values[begin + i]) + second);
    }
    return most;
  }
}
