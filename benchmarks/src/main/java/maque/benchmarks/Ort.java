package maque.benchmarks;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * ONNX Runtime on one thread with all graph optimisations. Input tensors are made from direct
 * buffers in every call.
 */
final class Ort implements AutoCloseable {
  static final OrtEnvironment ENVIRONMENT = OrtEnvironment.getEnvironment();
  private static final float LATE = -1e9f;

  private final OrtSession session;

  Ort(Path model) {
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(1);
      options.setInterOpNumThreads(1);
      options.setExecutionMode(OrtSession.SessionOptions.ExecutionMode.SEQUENTIAL);
      options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT);
      session = ENVIRONMENT.createSession(model.toString(), options);
    } catch (OrtException e) {
      throw new IllegalStateException(e);
    }
  }

  /** One named input: a direct buffer and its shape. */
  private record Part(Buffer buffer, long... shape) {
    OnnxTensor tensor() throws OrtException {
      if (buffer instanceof FloatBuffer floats) {
        return OnnxTensor.createTensor(ENVIRONMENT, floats, shape);
      }
      return buffer instanceof IntBuffer integers
          ? OnnxTensor.createTensor(ENVIRONMENT, integers, shape)
          : OnnxTensor.createTensor(ENVIRONMENT, (LongBuffer) buffer, shape);
    }
  }

  /** Named inputs of one call. */
  record Input(Map<String, Part> parts) {
    /** What BERT exports ask for, padded to the longest text. */
    static Input bert(int[][] texts) {
      int length = Texts.longest(texts);
      long[] shape = {texts.length, length};
      LongBuffer ids = longs(texts.length * length);
      LongBuffer mask = longs(texts.length * length);
      for (int i = 0; i < texts.length; i++) {
        for (int j = 0; j < texts[i].length; j++) {
          ids.put(i * length + j, texts[i][j]);
          mask.put(i * length + j, 1);
        }
      }
      Map<String, Part> parts = new LinkedHashMap<>();
      parts.put("input_ids", new Part(ids, shape));
      parts.put("attention_mask", new Part(mask, shape));
      parts.put("token_type_ids", new Part(longs(texts.length * length), shape));
      return new Input(parts);
    }

    /** What {@link BertGraph} asks for, padded to the longest text. */
    static Input fusedBert(int[][] texts) {
      int length = Texts.longest(texts);
      long[] shape = {texts.length, length};
      IntBuffer ids = integers(texts.length * length);
      IntBuffer mask = integers(texts.length * length);
      for (int i = 0; i < texts.length; i++) {
        for (int j = 0; j < texts[i].length; j++) {
          ids.put(i * length + j, texts[i][j]);
          mask.put(i * length + j, 1);
        }
      }
      return new Input(Map.of("ids", new Part(ids, shape), "mask", new Part(mask, shape)));
    }

    /** What {@link StudentGraph#sequence} asks for, padded to the longest text. */
    static Input sequence(int[][] texts) {
      int length = Texts.longest(texts);
      int n = texts.length;
      LongBuffer ids = longs(n * length);
      IntBuffer lengths = integers(n);
      FloatBuffer late = floats(n * length);
      for (int i = 0; i < n; i++) {
        lengths.put(i, texts[i].length);
        for (int j = 0; j < length; j++) {
          ids.put(i * length + j, j < texts[i].length ? texts[i][j] : 0);
          late.put(j * n + i, j < texts[i].length ? 0 : LATE);
        }
      }
      return new Input(
          Map.of(
              "ids",
              new Part(ids, n, length),
              "lengths",
              new Part(lengths, n),
              "late",
              new Part(late, length, n, 1)));
    }

    /** Floats under the name {@code x}. */
    static Input floats(float[] values, int rows) {
      FloatBuffer x = floats(values.length);
      x.put(values).rewind();
      return new Input(Map.of("x", new Part(x, rows, values.length / rows)));
    }

    private static LongBuffer longs(int n) {
      return direct(8 * n).asLongBuffer();
    }

    private static IntBuffer integers(int n) {
      return direct(4 * n).asIntBuffer();
    }

    private static FloatBuffer floats(int n) {
      return direct(4 * n).asFloatBuffer();
    }

    private static ByteBuffer direct(int bytes) {
      return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
    }
  }

  private interface Use<T> {
    T of(OnnxTensor first) throws OrtException;
  }

  /** Runs and hands on the shape of the first output, whose contents stay where they are. */
  long run(Input input) {
    return run(input, first -> first.getInfo().getShape()[0]);
  }

  /** Runs and copies the first output into an array. */
  float[] array(Input input) {
    return run(
        input,
        first -> {
          FloatBuffer buffer = first.getFloatBuffer();
          float[] values = new float[buffer.remaining()];
          buffer.get(values);
          return values;
        });
  }

  private <T> T run(Input input, Use<T> use) {
    Map<String, OnnxTensor> tensors = new LinkedHashMap<>();
    try {
      for (Map.Entry<String, Part> part : input.parts.entrySet()) {
        tensors.put(part.getKey(), part.getValue().tensor());
      }
      try (OrtSession.Result result = session.run(tensors)) {
        return use.of((OnnxTensor) result.get(0));
      }
    } catch (OrtException e) {
      throw new IllegalStateException(e);
    } finally {
      tensors.values().forEach(OnnxTensor::close);
    }
  }

  @Override
  public void close() {
    try {
      session.close();
    } catch (OrtException e) {
      throw new IllegalStateException(e);
    }
  }
}
