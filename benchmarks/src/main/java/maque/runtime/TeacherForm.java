package maque.runtime;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A teacher in any precision that the native library has, for measuring. It is no part of the
 * public interface, hence this package.
 */
public final class TeacherForm implements AutoCloseable {
  private final NativeModel model;
  private final int classes;

  private TeacherForm(NativeModel model, int classes) {
    this.model = model;
    this.classes = classes;
  }

  /**
   * Opens a teacher.
   *
   * @param teacher of float32 weights, or packed in int8
   * @param precision {@code fp32}, {@code bf16} or {@code int8}
   * @throws MaqueException where the library or the processor does not have it
   */
  public static TeacherForm of(ModelDirectory teacher, String precision) {
    Map<String, String> options = new LinkedHashMap<>(teacher.nativeOptions());
    if (!precision.equals("fp32")) {
      options.put("precision", precision);
    }
    NativeModel model =
        NativeModel.build("teacher", options, teacher.nativeTensors(), teacher.path().toString());
    return new TeacherForm(model, teacher.labels().size());
  }

  /** Logits of n texts, a row each. */
  public float[] logits(int[] ids, int[] offsets, int n) {
    float[] out = new float[n * classes];
    model.predict(ids, ids.length, offsets, n, out, false);
    return out;
  }

  @Override
  public void close() {
    model.close();
  }
}
