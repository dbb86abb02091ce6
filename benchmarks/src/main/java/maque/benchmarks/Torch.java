package maque.benchmarks;

import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.InferenceMode;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** LibTorch through JavaCPP's preset, on one thread. */
final class Torch {
  private Torch() {}

  /** One thread, and oneDNN on or off: each is the faster one somewhere. */
  static void prepare(String contender) {
    torch.set_num_threads(1);
    torch.globalContext().setUserEnabledMkldnn(!contender.endsWith("without-onednn"));
  }

  static Tensor floats(float[] values, long... shape) {
    try (FloatPointer data = new FloatPointer(values)) {
      return kept(torch.from_blob(data, shape).clone());
    }
  }

  static Tensor longs(long[] values, long... shape) {
    try (LongPointer data = new LongPointer(values)) {
      return kept(torch.from_blob(data, shape, new TensorOptions(ScalarType.Long)).clone());
    }
  }

  /** Outlives the scope that it was made in. */
  static Tensor kept(Tensor tensor) {
    tensor.retainReference();
    return tensor;
  }

  /** Rows of equal or smaller length as one matrix, the rest 0. */
  static Tensor padded(int[][] rows, int length) {
    long[] ids = new long[rows.length * length];
    for (int i = 0; i < rows.length; i++) {
      for (int j = 0; j < rows[i].length; j++) {
        ids[i * length + j] = rows[i][j];
      }
    }
    return longs(ids, rows.length, length);
  }

  static Map<String, Tensor> parameters(Weights weights, ScalarType type) {
    Map<String, Tensor> parameters = new LinkedHashMap<>();
    weights
        .values()
        .forEach(
            (name, values) ->
                parameters.put(name, converted(floats(values, weights.shape(name)), type)));
    return parameters;
  }

  static Tensor converted(Tensor floats, ScalarType type) {
    return type == ScalarType.Float ? floats : kept(floats.to(type));
  }

  static TensorOptional optional(Tensor tensor) {
    TensorOptional optional = new TensorOptional(tensor);
    optional.retainReference();
    return optional;
  }

  static float[] array(Tensor tensor) {
    float[] values = new float[(int) tensor.numel()];
    tensor.to(ScalarType.Float).contiguous().data_ptr_float().get(values);
    return values;
  }

  /** What inference computes, and whose native objects are freed at once. */
  interface Inference {
    Tensor get();
  }

  @SuppressWarnings("try") // scope and mode work by being open
  static float[] infer(Inference inference) {
    try (PointerScope scope = new PointerScope();
        InferenceMode mode = new InferenceMode(true)) {
      return array(inference.get());
    }
  }

  /** Computes, and says how large the result is. */
  @SuppressWarnings("try")
  static long inferOnly(Inference inference) {
    try (PointerScope scope = new PointerScope();
        InferenceMode mode = new InferenceMode(true)) {
      return inference.get().numel();
    }
  }

  @SuppressWarnings("try")
  static <T> T scoped(java.util.function.Supplier<T> block) {
    try (PointerScope scope = new PointerScope()) {
      return block.get();
    }
  }

  static Scalar scalar(double value) {
    Scalar scalar = new Scalar(value);
    scalar.retainReference();
    return scalar;
  }
}
