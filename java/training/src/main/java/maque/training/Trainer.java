package maque.training;

import java.lang.ref.Reference;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import maque.runtime.InvalidInputException;
import maque.runtime.MaqueException;
import maque.runtime.ModelFormatException;
import maque.runtime.NativeHandle;

/**
 * A model in training: forward, objective, backward and update, each one native call. Options and
 * tensor names are those of the native interface, {@code abi/maque_train.h}.
 *
 * <p>One thread at a time; {@link #close} is idempotent, and a forgotten close frees the memory
 * when the object is collected. Use after close throws {@link IllegalStateException}. Wrong input
 * throws {@link InvalidInputException}, weights that do not fit {@link ModelFormatException},
 * everything else {@link TrainingException}; nothing is updated then.
 */
public final class Trainer implements AutoCloseable {
  private static final int MAX_RANK = 4;
  private static final int NAME_CAPACITY = 256;
  private static final int REPORT_SIZE = 9;
  private static final int DEVICE_INFO = 1 << 14;

  private final NativeHandle handle;
  private final List<TensorInfo> tensors;
  private final int classes;
  private final TrunkShape trunkShape;

  private Trainer(long handle, int classes) {
    this.handle = new NativeHandle(this, "trainer", handle, TrainNative::free);
    this.classes = classes;
    tensors = List.copyOf(readTensors());
    trunkShape = readTrunkShape();
  }

  /** What one step saw; see {@code kernels/objective.h} for the formulas. */
  public record Report(
      double loss,
      double ce,
      double soft,
      double ceGradientNorm,
      double softGradientNorm,
      long labelled,
      long withSoft,
      long correct,
      double gradientNorm) {
    static Report of(double[] r) {
      return new Report(r[0], r[1], r[2], r[3], r[4], (long) r[5], (long) r[6], (long) r[7], r[8]);
    }
  }

  /** Form of the frozen lower part's output. */
  public record TrunkShape(Kind kind, int width) {
    /** What a row of the output stands for. */
    public enum Kind {
      NONE,
      TOKENS,
      TEXTS
    }

    /** Rows of a batch. */
    public int rows(Batch batch) {
      return switch (kind) {
        case NONE -> 0;
        case TOKENS -> batch.offsets()[batch.n()];
        case TEXTS -> batch.n();
      };
    }
  }

  /** The instruction set that training uses: {@code avx512}, {@code avx2} or {@code ref}. */
  public static String instructionSet() {
    TrainLibrary.load();
    byte[] out = new byte[32];
    check(TrainNative.isa(out, out.length), "instruction set");
    return string(out);
  }

  /** As {@link Device#status}. */
  static Device.Status deviceStatus(String library) {
    TrainLibrary.load();
    byte[] out = new byte[DEVICE_INFO];
    int code = TrainNative.deviceInfo(bytes(library), out, out.length);
    if (code != 0) {
      TrainNative.lastError(out, out.length);
    }
    return new Device.Status(code == 0, string(out).strip());
  }

  public static Builder builder() {
    return new Builder();
  }

  /** Collects options and initial weights. Free it by {@link #build} or {@link #close}. */
  public static final class Builder implements AutoCloseable {
    private final NativeHandle handle;
    private int classes;

    private Builder() {
      TrainLibrary.load();
      long[] out = new long[1];
      check(TrainNative.trainerNew(out), "new trainer");
      handle = new NativeHandle(this, "builder", out[0], TrainNative::free);
    }

    /** As {@link Trainer#done}. */
    private void done(int code, String what) {
      Reference.reachabilityFence(this);
      check(code, what);
    }

    /** Sets an option. */
    public Builder option(String key, Object value) {
      String text = String.valueOf(value);
      done(TrainNative.option(handle.get(), bytes(key), bytes(text)), key);
      if (key.equals("num_labels")) {
        classes = Integer.parseInt(text);
      }
      return this;
    }

    /** Sets where the trainer's tensors lie and its passes run; the processor where not set. */
    public Builder device(Device device) {
      if (device.isCuda()) {
        option("cuda_library", CudaLibrary.path());
        option("cublaslt", CudaLibrary.cublasLt());
      }
      return option("device", device.id());
    }

    /** Sets a tensor's initial values; they are copied. */
    public Builder tensor(String name, long[] shape, float[] values) {
      int code =
          TrainNative.tensor(
              handle.get(),
              bytes(name),
              bytes("F32"),
              shape.length,
              shape,
              values,
              4L * values.length);
      done(code, name);
      return this;
    }

    /** Makes the trainer; the builder is spent, whether this succeeds or not. */
    public Trainer build() {
      try {
        done(TrainNative.build(handle.get()), "build");
      } catch (MaqueException e) {
        close();
        throw e;
      }
      return new Trainer(handle.release(), classes);
    }

    @Override
    public void close() {
      handle.close();
    }
  }

  /** Checks a code; this object is not collected, and its memory not freed, before that. */
  private void done(int code, String what) {
    Reference.reachabilityFence(this);
    check(code, what);
  }

  /** Number of classes. */
  public int classes() {
    return classes;
  }

  /** All tensors in the model's order. */
  public List<TensorInfo> tensors() {
    return tensors;
  }

  public TrunkShape trunkShape() {
    return trunkShape;
  }

  /**
   * Sets one of the options that may change at any time: {@code ce_weight}, {@code soft_weight},
   * {@code soft_loss}, {@code temperature}, {@code step}.
   */
  public void option(String key, Object value) {
    done(TrainNative.option(handle.get(), bytes(key), bytes(String.valueOf(value))), key);
  }

  /** Forward with dropout, objective and backward; gradients replace those of the call before. */
  public Report gradients(Batch b) {
    double[] report = new double[REPORT_SIZE];
    give(b, "gradients");
    done(TrainNative.gradients(handle.get(), report), "gradients");
    return Report.of(report);
  }

  /** One update from the last gradients. */
  public void update(double lr) {
    done(TrainNative.update(handle.get(), lr), "update");
  }

  /** {@link #gradients}, then {@link #update}. */
  public Report step(Batch b, double lr) {
    start(b, lr);
    return finish();
  }

  /**
   * Begins a step: a GPU works on it while the caller prepares the next batch, the processor has
   * done it when this returns. {@link #finish} is called next, and nothing else but {@link #close}.
   */
  void start(Batch b, double lr) {
    give(b, "step");
    done(TrainNative.start(handle.get(), lr), "step");
  }

  /** Waits for the step that {@link #start} began: what {@link #step} answers. */
  Report finish() {
    double[] report = new double[REPORT_SIZE];
    done(TrainNative.finish(handle.get(), report), "step");
    return Report.of(report);
  }

  /** Logits without dropout, a row for each text: the bits of prediction. */
  public float[][] forward(Batch b) {
    float[] flat = forwardFlat(b);
    float[][] rows = new float[b.n()][];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = Arrays.copyOfRange(flat, i * classes, (i + 1) * classes);
    }
    return rows;
  }

  /** As {@link #forward}, in one array [n * classes]. */
  public float[] forwardFlat(Batch b) {
    float[] out = new float[Math.multiplyExact(b.n(), classes)];
    give(b, "forward");
    done(TrainNative.forward(handle.get(), out, out.length), "forward");
    return out;
  }

  /** The frozen lower part's output for a batch, [rows * width]; empty where there is none. */
  public float[] trunk(Batch b) {
    give(b, "trunk");
    float[] out = new float[Math.multiplyExact(trunkShape.rows(b), trunkShape.width())];
    if (trunkShape.kind() != TrunkShape.Kind.NONE) {
      done(TrainNative.trunk(handle.get(), out, out.length), "trunk");
    }
    return out;
  }

  /**
   * The largest magnitudes of the columns that a BERT's products read, over a batch without
   * dropout.
   *
   * @param size layers * (3 hidden + intermediate): for each layer the input of queries, keys and
   *     values, of the attention's output, of the feed-forward part and of its second product
   */
  float[] ranges(Batch b, int size) {
    give(b, "ranges");
    float[] out = new float[size];
    done(TrainNative.ranges(handle.get(), out, out.length), "ranges");
    return out;
  }

  /**
   * Reads a tensor.
   *
   * @param what {@code value}, {@code gradient}, {@code m}, {@code v} (Adam) or {@code momentum}
   *     (SGD)
   */
  public float[] read(String name, String what) {
    float[] out = new float[info(name).size()];
    done(TrainNative.read(handle.get(), bytes(name), bytes(what), out, out.length), name);
    return out;
  }

  /** Writes a tensor; {@code what} as in {@link #read}. */
  public void write(String name, String what, float[] values) {
    done(TrainNative.write(handle.get(), bytes(name), bytes(what), values, values.length), name);
  }

  private TensorInfo info(String name) {
    for (TensorInfo tensor : tensors) {
      if (tensor.name().equals(name)) {
        return tensor;
      }
    }
    throw new InvalidInputException("the model has no tensor '" + name + "'");
  }

  @Override
  public void close() {
    handle.close();
  }

  /** The native side knows the lengths of ids and trunk; these it must be told the truth about. */
  private void checkBatch(Batch b) {
    if (b.n() < 1
        || (b.offsets() != null && b.offsets().length < b.n() + 1)
        || (b.bagOffsets() != null && b.bagOffsets().length < b.n() + 1)
        || (b.labels() != null && b.labels().length < b.n())
        || (b.hasSoft() != null && b.hasSoft().length < b.n())
        || (b.soft() != null && b.soft().length < (long) b.n() * classes)) {
      throw new InvalidInputException("a batch's arrays are shorter than its " + b.n() + " texts");
    }
  }

  /** Gives the batch that the next call works on; the native side checks and copies it. */
  private void give(Batch b, String what) {
    checkBatch(b);
    int code =
        TrainNative.batch(
            handle.get(),
            b.ids(),
            length(b.ids()),
            b.offsets(),
            b.n(),
            null,
            b.bagIds(),
            length(b.bagIds()),
            b.bagOffsets(),
            b.trunk(),
            length(b.trunk()),
            b.labels(),
            b.soft(),
            b.hasSoft());
    done(code, what);
  }

  private static long length(int[] array) {
    return array == null ? 0 : array.length;
  }

  private static long length(float[] array) {
    return array == null ? 0 : array.length;
  }

  private List<TensorInfo> readTensors() {
    int[] count = new int[1];
    done(TrainNative.tensorCount(handle.get(), count), "tensors");
    List<TensorInfo> out = new ArrayList<>();
    for (int i = 0; i < count[0]; i++) {
      byte[] name = new byte[NAME_CAPACITY];
      int[] rank = new int[1];
      long[] dims = new long[MAX_RANK];
      int[] trained = new int[1];
      done(
          TrainNative.tensorInfo(handle.get(), i, name, name.length, rank, dims, trained),
          "tensor " + i);
      out.add(new TensorInfo(string(name), Arrays.copyOf(dims, rank[0]), trained[0] != 0));
    }
    return out;
  }

  private TrunkShape readTrunkShape() {
    int[] kind = new int[1];
    int[] width = new int[1];
    done(TrainNative.trunkShape(handle.get(), kind, width), "trunk");
    return new TrunkShape(TrunkShape.Kind.values()[kind[0]], width[0]);
  }

  static byte[] bytes(String text) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    return Arrays.copyOf(utf8, utf8.length + 1);
  }

  private static String string(byte[] bytes) {
    int end = 0;
    while (end < bytes.length && bytes[end] != 0) {
      end++;
    }
    return new String(bytes, 0, end, StandardCharsets.UTF_8);
  }

  private static void check(int code, String what) {
    if (code == 0) {
      return;
    }
    byte[] out = new byte[1024];
    TrainNative.lastError(out, out.length);
    String message = what + ": " + string(out);
    switch (code) {
      case 1 -> throw new InvalidInputException(message);
      case 2 -> throw new IllegalStateException(message);
      case 4 -> throw new ModelFormatException(message);
      default -> throw new TrainingException(message);
    }
  }
}
