package maque.runtime;

import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** A model in native memory. Immutable and thread-safe; closing it while others compute is safe. */
final class NativeModel implements ClassifierModel {
  /** Handles of the models that are not freed. */
  private static final Set<Long> LIVE = ConcurrentHashMap.newKeySet();

  private final NativeHandle handle;

  private NativeModel(String name, long model) {
    LIVE.add(model);
    handle = new NativeHandle(this, name, model, NativeModel::free);
  }

  private static void free(long model) {
    LIVE.remove(model);
    MaqueNative.modelFree(model);
  }

  /** Bytes of all models that are open; frees forgotten ones first. */
  static long bytesOfAll() {
    NativeHandle.freeForgotten();
    long sum = 0;
    long[] bytes = new long[1];
    for (long model : LIVE) {
      // One that was closed in this moment counts no more.
      sum += MaqueNative.modelBytes(model, bytes) == NativeStatus.OK ? bytes[0] : 0;
    }
    return sum;
  }

  /**
   * Builds a model. The tensors are copied.
   *
   * @param name what use after close calls it
   * @param source the file that an error names
   * @throws ModelFormatException where tensors do not fit the options or hold NaN or infinity
   */
  static NativeModel build(
      String name, Map<String, String> options, Map<String, Tensor> tensors, String source) {
    Maque.load();
    long[] builder = new long[1];
    check(MaqueNative.builderNew(builder), "builder");
    try {
      options.forEach((key, value) -> option(builder[0], key, value));
      tensors.forEach((tensorName, tensor) -> tensor(builder[0], tensorName, tensor, source));
      long[] model = new long[1];
      int code = MaqueNative.builderBuild(builder[0], model);
      if (code != NativeStatus.OK) {
        throw new ModelFormatException(source + ": " + lastError());
      }
      return owned(name, model[0]);
    } finally {
      MaqueNative.builderFree(builder[0]);
    }
  }

  /** Frees the model where the heap has no room for its owner. */
  private static NativeModel owned(String name, long model) {
    try {
      return new NativeModel(name, model);
    } catch (Throwable e) {
      MaqueNative.modelFree(model);
      throw e;
    }
  }

  private static void option(long builder, String key, String value) {
    check(
        MaqueNative.builderOption(builder, Utf8.zeroEnded(key), Utf8.zeroEnded(value)),
        key + " " + value);
  }

  private static void tensor(long builder, String name, Tensor tensor, String source) {
    long[] shape = tensor.shape();
    ByteBuffer data = tensor.data();
    int code =
        MaqueNative.builderTensor(
            builder,
            Utf8.zeroEnded(name),
            Utf8.zeroEnded(tensor.dtype()),
            shape.length,
            shape,
            MaqueNative.bufferAddress(data),
            data.remaining());
    Reference.reachabilityFence(data);
    if (code == NativeStatus.NOT_FINITE) {
      throw new ModelFormatException(source + ": tensor " + name + " holds NaN or infinity");
    }
    check(code, source + ": tensor " + name);
  }

  /** Arrays of a brief call are not copied. */
  @Override
  public void predict(int[] ids, int idsLength, int[] offsets, int n, float[] out, boolean brief) {
    predict(ids, idsLength, offsets, null, n, out, brief);
  }

  @Override
  public void predict(
      int[] ids, int idsLength, int[] offsets, Bags bags, int n, float[] out, boolean brief) {
    long model = handle.get();
    int[] bagIds = bags == null ? null : bags.ids;
    int bagLength = bags == null ? 0 : bags.length;
    int[] bagOffsets = bags == null ? null : bags.offsets;
    int code =
        brief
            ? MaqueNative.predictShort(
                model,
                ids,
                idsLength,
                offsets,
                n,
                null,
                bagIds,
                bagLength,
                bagOffsets,
                out,
                out.length)
            : MaqueNative.predict(
                model,
                ids,
                idsLength,
                offsets,
                n,
                null,
                bagIds,
                bagLength,
                bagOffsets,
                out,
                out.length);
    Reference.reachabilityFence(this);
    checkOpen(code);
  }

  /** The last hidden states; see {@code maque_hidden_states}. */
  void hiddenStates(int[] ids, int[] offsets, int n, float[] out) {
    long model = handle.get();
    int code = MaqueNative.hiddenStates(model, ids, ids.length, offsets, n, null, out, out.length);
    Reference.reachabilityFence(this);
    checkOpen(code);
  }

  @Override
  public long bytes() {
    long[] bytes = new long[1];
    int code = MaqueNative.modelBytes(handle.get(), bytes);
    Reference.reachabilityFence(this);
    checkOpen(code);
    return bytes[0];
  }

  private void checkOpen(int code) {
    if (code == NativeStatus.OK) {
      return;
    }
    if (code == NativeStatus.BAD_HANDLE) {
      throw handle.closed();
    }
    throw NativeStatus.exception(code, lastError());
  }

  private static void check(int code, String context) {
    if (code != NativeStatus.OK) {
      throw NativeStatus.exception(code, context + ": " + lastError());
    }
  }

  private static String lastError() {
    byte[] text = new byte[1024];
    MaqueNative.lastError(text, text.length);
    return Utf8.untilZero(text);
  }

  @Override
  public void close() {
    handle.close();
  }
}
