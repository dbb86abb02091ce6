package maque.runtime;

/** The steps of one direction's LSTM in plain Java, to the native kernels' bits. Immutable. */
interface JavaCell {
  /**
   * One step.
   *
   * @param c cell state, read and written
   * @param out outputs of all tokens: the one before at {@code previous}, this one's place {@code
   *     at}. previous below 0: the state before is zero, and the forget gate is not read
   * @param scratch its gates hold the pre-activations without the recurrent product
   */
  void step(float[] c, float[] out, int previous, int at, JavaScratch scratch);

  long bytes();

  /** {@code kernels/lstm.h}. Weights null: a document's only step, with the gates i g o. */
  record Floats(FloatMatrix weights, int hidden) implements JavaCell {
    @Override
    public void step(float[] c, float[] out, int previous, int at, JavaScratch scratch) {
      float[] gates = scratch.gates;
      int g = weights == null ? hidden : 2 * hidden;
      int o = g + hidden;
      if (previous >= 0) {
        weights.addProduct(out, previous, gates);
      }
      for (int j = 0; j < hidden; j++) {
        float cell = JavaMath.sigmoid(gates[j]) * JavaMath.tanh(gates[g + j]);
        if (previous >= 0) {
          cell = JavaMath.fma(JavaMath.sigmoid(gates[hidden + j]), c[j], cell);
        }
        c[j] = cell;
        out[at + j] = JavaMath.sigmoid(gates[o + j]) * JavaMath.tanh(cell);
      }
    }

    @Override
    public long bytes() {
      return weights == null ? 0 : weights.bytes();
    }
  }

  /** {@code kernels/lstm_int8.h}, which derives it. Weights null: as above. */
  record Int8(Int8Matrix weights, int hidden) implements JavaCell {
    // tanh is v ((u + N0) u + N1) / (((D0 u + D1) u + D2) u + D3) with u = v v, the sigmoid of 2 x
    // the same; the bounds keep v where both are good.
    private static final float TANH_BOUND = 6;
    private static final float SIGMOID_BOUND = 12;
    private static final float N0 = 0x1.36bf7ep+6f;
    private static final float N1 = 0x1.54a560p+9f;
    private static final float D0 = 0x1.2a5a94p-5f;
    private static final float D1 = 0x1.79a1a2p+3f;
    private static final float D2 = 0x1.30b73cp+8f;
    private static final float D3 = 0x1.54a888p+9f;

    @Override
    public void step(float[] c, float[] out, int previous, int at, JavaScratch scratch) {
      float[] gates = scratch.gates;
      int g = weights == null ? hidden : 2 * hidden;
      int o = g + hidden;
      if (previous >= 0) {
        recurrent(out, previous, scratch);
      }
      for (int j = 0; j < hidden; j++) {
        float cell = gated(gates[j], gates[g + j]);
        if (previous >= 0) {
          cell = sigmoid(gates[hidden + j]) * c[j] + cell;
        }
        c[j] = cell;
        out[at + j] = gated(gates[o + j], cell);
      }
    }

    private void recurrent(float[] out, int previous, JavaScratch scratch) {
      float[] gates = scratch.gates;
      float[] sums = scratch.sums;
      float[] scales = weights.scales();
      Int8Matrix.quantizeState(out, previous, hidden, scratch.quantized);
      weights.product(scratch.quantized, sums);
      for (int j = 0; j < scales.length; j++) {
        gates[j] = sums[j] * (scales[j] * Int8Matrix.STATE_STEP) + gates[j];
      }
    }

    /** sigmoid(s) * tanh(t). */
    static float gated(float s, float t) {
      float v = bounded(s, SIGMOID_BOUND);
      float u = v * v;
      float d = sigmoidDenominator(u);
      float w = bounded(t, TANH_BOUND);
      float x = w * w;
      float n = w * (((x + N0) * x) + N1);
      return ((d + sigmoidNumerator(v, u)) * n)
          / ((d + d) * ((((((D0 * x) + D1) * x) + D2) * x) + D3));
    }

    static float sigmoid(float s) {
      float v = bounded(s, SIGMOID_BOUND);
      float u = v * v;
      float d = sigmoidDenominator(u);
      return (d + sigmoidNumerator(v, u)) / (d + d);
    }

    private static float sigmoidNumerator(float v, float u) {
      return v * (((u + 4 * N0) * u) + 16 * N1);
    }

    private static float sigmoidDenominator(float u) {
      return ((((((D0 / 2) * u) + 2 * D1) * u) + 8 * D2) * u) + 32 * D3;
    }

    /** As the kernels bound, NaN to the upper bound. */
    private static float bounded(float x, float bound) {
      float least = x < bound ? x : bound;
      return least > -bound ? least : -bound;
    }

    @Override
    public long bytes() {
      return weights == null ? 0 : weights.bytes();
    }
  }
}
