package maque.runtime;

import java.nio.ByteBuffer;
import org.bytedeco.javacpp.annotation.Cast;
import org.bytedeco.javacpp.annotation.CriticalRegion;
import org.bytedeco.javacpp.annotation.Name;
import org.bytedeco.javacpp.annotation.NoException;
import org.bytedeco.javacpp.annotation.Platform;
import org.bytedeco.javacpp.annotation.Raw;

/**
 * The C ABI of inference, one method for each function of {@code abi/maque.h}, which says what they
 * do. Strings are UTF-8 and end in a zero byte. JavaCPP makes the JNI code from this class at build
 * time; at run time nothing of JavaCPP is used.
 */
@Platform(include = {"abi/maque.h", "direct_buffer.h"})
@NoException
final class MaqueNative {
  /** What {@link #abiVersion} must answer. */
  static final int ABI_VERSION = 2;

  private MaqueNative() {}

  /** Here, so that the library belongs to this class's loader. */
  static void load(String path) {
    System.load(path);
  }

  @Name("maque_abi_version")
  static native int abiVersion();

  @Name("maque_nothing")
  @CriticalRegion
  static native int nothing(int[] ids, float[] out);

  @Name("maque_last_error")
  static native int lastError(@Cast("char*") byte[] out, long capacity);

  @Name("maque_isa")
  static native int isa(@Cast("char*") byte[] out, long capacity);

  @Name("maque_isa_bf16")
  static native int isaBf16(@Cast("char*") byte[] out, long capacity);

  @Name("maque_isa_int8")
  static native int isaInt8(@Cast("char*") byte[] out, long capacity);

  @Name("maque_cpu_features")
  static native int cpuFeatures(@Cast("char*") byte[] out, long capacity);

  /**
   * Address of a direct buffer's first byte, 0 for a heap buffer; the buffer must stay reachable
   * while it is used.
   */
  @Name("maque_buffer_address")
  static native long bufferAddress(@Raw(withEnv = true) ByteBuffer buffer);

  @Name("maque_builder_new")
  static native int builderNew(@Cast("int64_t*") long[] builder);

  @Name("maque_builder_option")
  static native int builderOption(
      long builder, @Cast("const char*") byte[] key, @Cast("const char*") byte[] value);

  @Name("maque_builder_tensor")
  static native int builderTensor(
      long builder,
      @Cast("const char*") byte[] name,
      @Cast("const char*") byte[] dtype,
      int rank,
      @Cast("const int64_t*") long[] dims,
      @Cast("const void*") long address,
      long bytes);

  @Name("maque_builder_build")
  static native int builderBuild(long builder, @Cast("int64_t*") long[] model);

  @Name("maque_builder_free")
  static native int builderFree(long builder);

  @Name("maque_model_free")
  static native int modelFree(long model);

  @Name("maque_model_bytes")
  static native int modelBytes(long model, @Cast("int64_t*") long[] bytes);

  /** For calls under a millisecond: arrays are not copied, but the garbage collector waits. */
  @Name("maque_predict")
  @CriticalRegion
  static native int predictShort(
      long model,
      @Cast("const int32_t*") int[] ids,
      long idsLength,
      @Cast("const int32_t*") int[] offsets,
      int n,
      @Cast("const int32_t*") int[] typeIds,
      @Cast("const int32_t*") int[] bagIds,
      long bagLength,
      @Cast("const int32_t*") int[] bagOffsets,
      float[] out,
      long outLength);

  /** For longer calls: arrays are copied, the garbage collector runs. */
  @Name("maque_predict")
  static native int predict(
      long model,
      @Cast("const int32_t*") int[] ids,
      long idsLength,
      @Cast("const int32_t*") int[] offsets,
      int n,
      @Cast("const int32_t*") int[] typeIds,
      @Cast("const int32_t*") int[] bagIds,
      long bagLength,
      @Cast("const int32_t*") int[] bagOffsets,
      float[] out,
      long outLength);

  @Name("maque_hidden_states")
  static native int hiddenStates(
      long model,
      @Cast("const int32_t*") int[] ids,
      long idsLength,
      @Cast("const int32_t*") int[] offsets,
      int n,
      @Cast("const int32_t*") int[] typeIds,
      float[] out,
      long outLength);
}
