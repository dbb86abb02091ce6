package maque.training;

import org.bytedeco.javacpp.annotation.Cast;
import org.bytedeco.javacpp.annotation.CriticalRegion;
import org.bytedeco.javacpp.annotation.Name;
import org.bytedeco.javacpp.annotation.NoException;
import org.bytedeco.javacpp.annotation.Platform;

/**
 * The C ABI of training, one method for each function of {@code abi/maque_train.h}, which says what
 * they do. Strings are UTF-8 and end in a zero byte; arrays are copied, so that the garbage
 * collector never waits for a step; it waits while a batch is checked and copied. Nothing of other
 * modules is named here: JavaCPP loads this class alone. {@link TrainLibrary} loads the library.
 */
@Platform(include = "abi/maque_train.h")
@NoException
final class TrainNative {
  private TrainNative() {}

  @Name("maque_train_abi_version")
  static native int abiVersion();

  @Name("maque_train_last_error")
  static native int lastError(@Cast("char*") byte[] out, long capacity);

  @Name("maque_train_isa")
  static native int isa(@Cast("char*") byte[] out, long capacity);

  @Name("maque_train_device_info")
  static native int deviceInfo(
      @Cast("const char*") byte[] path, @Cast("char*") byte[] out, long capacity);

  @Name("maque_trainer_new")
  static native int trainerNew(@Cast("int64_t*") long[] trainer);

  @Name("maque_trainer_option")
  static native int option(
      long trainer, @Cast("const char*") byte[] key, @Cast("const char*") byte[] value);

  @Name("maque_trainer_tensor")
  static native int tensor(
      long trainer,
      @Cast("const char*") byte[] name,
      @Cast("const char*") byte[] dtype,
      int rank,
      @Cast("const int64_t*") long[] dims,
      @Cast("const void*") float[] data,
      long bytes);

  @Name("maque_trainer_build")
  static native int build(long trainer);

  @Name("maque_trainer_free")
  static native int free(long trainer);

  @Name("maque_trainer_trunk_shape")
  static native int trunkShape(
      long trainer, @Cast("int32_t*") int[] kind, @Cast("int32_t*") int[] width);

  @Name("maque_trainer_batch")
  @CriticalRegion
  static native int batch(
      long trainer,
      @Cast("const int32_t*") int[] ids,
      long idsLength,
      @Cast("const int32_t*") int[] offsets,
      int n,
      @Cast("const int32_t*") int[] typeIds,
      @Cast("const int32_t*") int[] bagIds,
      long bagLength,
      @Cast("const int32_t*") int[] bagOffsets,
      @Cast("const float*") float[] trunk,
      long trunkLength,
      @Cast("const int32_t*") int[] labels,
      @Cast("const float*") float[] soft,
      @Cast("const int32_t*") int[] hasSoft);

  @Name("maque_trainer_trunk")
  static native int trunk(long trainer, float[] out, long outLength);

  @Name("maque_trainer_gradients")
  static native int gradients(long trainer, double[] report);

  @Name("maque_trainer_update")
  static native int update(long trainer, double lr);

  @Name("maque_trainer_start")
  static native int start(long trainer, double lr);

  @Name("maque_trainer_finish")
  static native int finish(long trainer, double[] report);

  @Name("maque_trainer_forward")
  static native int forward(long trainer, float[] out, long outLength);

  @Name("maque_trainer_ranges")
  static native int ranges(long trainer, float[] out, long outLength);

  @Name("maque_trainer_tensor_count")
  static native int tensorCount(long trainer, @Cast("int32_t*") int[] count);

  @Name("maque_trainer_tensor_info")
  static native int tensorInfo(
      long trainer,
      int index,
      @Cast("char*") byte[] name,
      long capacity,
      @Cast("int32_t*") int[] rank,
      @Cast("int64_t*") long[] dims,
      @Cast("int32_t*") int[] trained);

  @Name("maque_trainer_read")
  static native int read(
      long trainer,
      @Cast("const char*") byte[] name,
      @Cast("const char*") byte[] what,
      float[] out,
      long length);

  @Name("maque_trainer_write")
  static native int write(
      long trainer,
      @Cast("const char*") byte[] name,
      @Cast("const char*") byte[] what,
      @Cast("const float*") float[] in,
      long length);
}
