package maque.training.imports;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.util.Arrays;
import java.util.Map;

/** The exporter's own file in ONNX Runtime, one thread: what an import has to equal. */
final class OrtEncoder implements AutoCloseable {
  private static final OrtEnvironment ENVIRONMENT = OrtEnvironment.getEnvironment();

  private final OrtSession session;

  OrtEncoder(byte[] onnx) throws OrtException {
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(1);
      session = ENVIRONMENT.createSession(onnx, options);
    }
  }

  /** The last hidden states of one text, a row for each id. */
  float[][] hiddenStates(int[] ids) throws OrtException {
    long[] wide = Arrays.stream(ids).asLongStream().toArray();
    long[] ones = new long[ids.length];
    Arrays.fill(ones, 1);
    try (OnnxTensor input = tensor(wide);
        OnnxTensor mask = tensor(ones);
        OnnxTensor types = tensor(new long[ids.length]);
        OrtSession.Result result =
            session.run(
                Map.of("input_ids", input, "attention_mask", mask, "token_type_ids", types))) {
      return ((float[][][]) result.get(0).getValue())[0];
    }
  }

  private static OnnxTensor tensor(long[] row) throws OrtException {
    return OnnxTensor.createTensor(ENVIRONMENT, new long[][] {row});
  }

  @Override
  public void close() throws OrtException {
    session.close();
  }
}
