package maque.runtime;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;

/** Random students in the form that serves. */
final class ServingModels {
  private ServingModels() {}

  static ModelConfig parsed(Map<String, Object> config) {
    return new ModelConfig(Json.parseObject(Json.write(config), "test"), "test", 0);
  }

  /** Random weights for a configuration; with a map of ids, its rows are a random choice. */
  static Map<String, Tensor> weights(ModelConfig config, boolean mapped, Random random) {
    int ids = config.isBag() ? 0 : config.size("vocab_size");
    int rows = mapped ? 1 + random.nextInt(ids) : ids;
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    ServingTensors.specs(config, rows, mapped)
        .forEach((name, spec) -> tensors.put(name, tensor(name, spec, rows, random)));
    return tensors;
  }

  private static Tensor tensor(String name, ServingTensors.Spec spec, int rows, Random random) {
    int n = (int) Arrays.stream(spec.shape()).reduce(1, (a, b) -> a * b);
    ByteBuffer data = ByteBuffer.allocateDirect((int) Tensor.bytes(spec.dtype(), spec.shape()));
    data.order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < n; i++) {
      float value = (float) random.nextGaussian() * 0.5f;
      switch (spec.dtype()) {
        case "I8" -> data.put((byte) (random.nextInt(255) - 127));
        case "I32" -> data.putInt(random.nextInt(rows));
        case "BF16" -> data.putShort((short) (Float.floatToIntBits(value) >>> 16));
        default -> data.putFloat(name.endsWith(".scale") ? scale(random) : value);
      }
    }
    return new Tensor(name, spec.dtype(), spec.shape(), data.flip());
  }

  /** Now and then 0: a row of zeros. */
  private static float scale(Random random) {
    return random.nextInt(20) == 0 ? 0 : 0.001f + random.nextFloat() * 0.01f;
  }
}
