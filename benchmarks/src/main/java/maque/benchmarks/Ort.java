package maque.benchmarks;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * ONNX Runtime on one thread with all graph optimisations. Input tensors are made from direct
 * buffers in every call.
 */
final class Ort implements AutoCloseable {
  static final String NAME = "onnxruntime";
  static final OrtEnvironment ENVIRONMENT = OrtEnvironment.getEnvironment();

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

  /** Named inputs of one call; direct buffers and their shape. */
  record Input(Map<String, java.nio.Buffer> buffers, long[] shape) {
    /** What BERT exports ask for, padded to the longest text. */
    static Input bert(int[][] texts) {
      int length = Texts.longest(texts);
      int n = texts.length * length;
      LongBuffer ids = longs(n);
      LongBuffer mask = longs(n);
      for (int i = 0; i < texts.length; i++) {
        for (int j = 0; j < texts[i].length; j++) {
          ids.put(i * length + j, texts[i][j]);
          mask.put(i * length + j, 1);
        }
      }
      Map<String, java.nio.Buffer> buffers = new LinkedHashMap<>();
      buffers.put("input_ids", ids);
      buffers.put("attention_mask", mask);
      buffers.put("token_type_ids", longs(n));
      return new Input(buffers, new long[] {texts.length, length});
    }

    /** Rows of one length under the name {@code ids}. */
    static Input rows(int[][] rows) {
      LongBuffer ids = longs(rows.length * rows[0].length);
      for (int[] row : rows) {
        for (int id : row) {
          ids.put(id);
        }
      }
      return new Input(Map.of("ids", ids.rewind()), new long[] {rows.length, rows[0].length});
    }

    /** Floats under the name {@code x}. */
    static Input floats(float[] values, int rows) {
      FloatBuffer x =
          ByteBuffer.allocateDirect(4 * values.length)
              .order(ByteOrder.nativeOrder())
              .asFloatBuffer();
      x.put(values).rewind();
      return new Input(Map.of("x", x), new long[] {rows, values.length / rows});
    }

    private static LongBuffer longs(int n) {
      return ByteBuffer.allocateDirect(8 * n).order(ByteOrder.nativeOrder()).asLongBuffer();
    }

    private OnnxTensor tensor(String name) throws OrtException {
      java.nio.Buffer buffer = buffers.get(name);
      return buffer instanceof FloatBuffer floats
          ? OnnxTensor.createTensor(ENVIRONMENT, floats, shape)
          : OnnxTensor.createTensor(ENVIRONMENT, (LongBuffer) buffer, shape);
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
      for (String name : input.buffers.keySet()) {
        tensors.put(name, input.tensor(name));
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
