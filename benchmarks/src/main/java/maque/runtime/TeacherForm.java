package maque.runtime;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A teacher in any precision that the native library has, for measuring: weights are brought into
 * the form that {@code abi/maque.h} asks for when it is opened. It is no part of the public
 * interface, hence this package.
 */
public final class TeacherForm implements AutoCloseable {
  private static final String LAYERS = "encoder.layer.";

  private final NativeModel model;
  private final int classes;

  private TeacherForm(NativeModel model, int classes) {
    this.model = model;
    this.classes = classes;
  }

  /**
   * Opens a teacher of float32 weights.
   *
   * @param precision {@code fp32}, {@code bf16} or {@code int8}
   * @throws MaqueException where the library or the processor does not have it
   */
  public static TeacherForm of(ModelDirectory teacher, String precision) {
    Map<String, String> options = new LinkedHashMap<>(teacher.nativeOptions());
    Map<String, Tensor> tensors = teacher.nativeTensors();
    if (!precision.equals("fp32")) {
      options.put("precision", precision);
    }
    if (precision.equals("int8")) {
      tensors = quantised(tensors);
    }
    NativeModel model = NativeModel.build("teacher", options, tensors, teacher.path().toString());
    return new TeacherForm(model, teacher.labels().size());
  }

  /** Logits of n texts, a row each. */
  public float[] logits(int[] ids, int[] offsets, int n) {
    float[] out = new float[n * classes];
    model.predict(ids, ids.length, offsets, n, out, false);
    return out;
  }

  private static Map<String, Tensor> quantised(Map<String, Tensor> tensors) {
    Map<String, Tensor> out = new LinkedHashMap<>();
    tensors.forEach(
        (name, tensor) -> {
          if (name.startsWith(LAYERS) && tensor.shape().length == 2) {
            quantise(tensor, out);
          } else {
            out.put(name, tensor);
          }
        });
    return out;
  }

  /** Row by row; two neighbours of a row come to magnitudes of at most 128 together. */
  private static void quantise(Tensor tensor, Map<String, Tensor> out) {
    int rows = (int) tensor.shape()[0];
    int columns = (int) tensor.shape()[1];
    float[] values = tensor.floats();
    ByteBuffer bytes = ByteBuffer.allocateDirect(values.length).order(ByteOrder.LITTLE_ENDIAN);
    float[] scales = new float[rows];
    for (int r = 0; r < rows; r++) {
      float largest = 0;
      for (int c = 0; c < columns; c += 2) {
        int at = r * columns + c;
        float second = c + 1 < columns ? Math.abs(values[at + 1]) : 0;
        largest = Math.max(largest, Math.abs(values[at]) + second);
      }
      // A pair's two roundings add up to 1 at most.
      scales[r] = largest / 127;
      for (int c = 0; c < columns; c++) {
        float value = largest == 0 ? 0 : values[r * columns + c] / scales[r];
        bytes.put(r * columns + c, (byte) Math.rint(value));
      }
    }
    String name = tensor.name();
    out.put(name, new Tensor(name, "I8", tensor.shape(), bytes));
    String scale = name + ".scale";
    out.put(scale, Tensor.of(scale, new long[] {rows}, scales));
  }

  @Override
  public void close() {
    model.close();
  }
}
