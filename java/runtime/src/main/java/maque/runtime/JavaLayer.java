package maque.runtime;

/** y = W x + bias in plain Java, to the native kernels' bits. Immutable. */
interface JavaLayer {
  int outputs();

  /**
   * Reads x from xAt on and writes y [outputs].
   *
   * @param scratch at least as many elements as x has
   */
  void forward(float[] x, int xAt, float[] y, float[] scratch);

  /** As forward, with sums in the bias's place: those of what stands beside x. */
  void forwardOnto(float[] sums, float[] x, int xAt, float[] y, float[] scratch);

  long bytes();

  /** Weights in float: each sum is one chain of fused steps over the inputs, then the bias. */
  record Floats(FloatMatrix weights, float[] bias) implements JavaLayer {
    @Override
    public int outputs() {
      return bias.length;
    }

    @Override
    public void forward(float[] x, int xAt, float[] y, float[] scratch) {
      java.util.Arrays.fill(y, 0, bias.length, 0);
      weights.addProduct(x, xAt, y);
      for (int j = 0; j < bias.length; j++) {
        y[j] += bias[j];
      }
    }

    /** The chain goes on where the sums end. */
    @Override
    public void forwardOnto(float[] sums, float[] x, int xAt, float[] y, float[] scratch) {
      System.arraycopy(sums, 0, y, 0, bias.length);
      weights.addProduct(x, xAt, y);
    }

    @Override
    public long bytes() {
      return weights.bytes() + 4L * bias.length;
    }
  }

  /**
   * Weights and activations in whole numbers; see {@code kernels/gemm_int8.h}.
   *
   * @param bounded whether x lies in (-1, 1) and is quantized in steps of 1/63; otherwise by its
   *     largest element
   */
  record Int8(Int8Matrix weights, float[] bias, boolean bounded) implements JavaLayer {
    @Override
    public int outputs() {
      return bias.length;
    }

    @Override
    public void forward(float[] x, int xAt, float[] y, float[] scratch) {
      forwardOnto(bias, x, xAt, y, scratch);
    }

    @Override
    public void forwardOnto(float[] sums, float[] x, int xAt, float[] y, float[] scratch) {
      int n = weights.inputs();
      float step = Int8Matrix.STATE_STEP;
      if (bounded) {
        Int8Matrix.quantizeState(x, xAt, n, scratch);
      } else {
        step = Int8Matrix.quantizeRow(x, xAt, n, scratch);
      }
      weights.product(scratch, y);
      float[] scales = weights.scales();
      for (int j = 0; j < bias.length; j++) {
        y[j] = y[j] * (scales[j] * step) + sums[j];
      }
    }

    @Override
    public long bytes() {
      return weights.bytes() + 4L * bias.length;
    }
  }
}
