package maque.training;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import maque.runtime.InvalidInputException;
import maque.runtime.NativeLibraryException;

/**
 * Where training and scoring compute: the processor, or a GPU by its number. A GPU takes the
 * library {@code maque_cuda} (artifact {@code maque-cuda}) and a driver; {@link #status} says
 * whether one can be used. Results on a GPU are those of the processor within the bounds of the
 * operations, and the same bits from run to run.
 */
public final class Device {
  /** The processor. */
  public static final Device CPU = new Device(-1);

  private static final String HINT =
      "; the artifact maque-cuda has it (built with Maven's profile cuda), or -D"
          + CudaLibrary.PROPERTY
          + "= names its file";
  private static final Pattern CUDA = Pattern.compile("cuda(?::(\\d{1,4}))?");

  /**
   * Whether a GPU can be used.
   *
   * @param text a line for each GPU; else why there is none
   */
  public record Status(boolean usable, String text) {}

  private final int index;

  private Device(int index) {
    this.index = index;
  }

  /** The GPU of a number, as the CUDA driver counts them from 0. */
  public static Device cuda(int index) {
    if (index < 0 || index > 9999) {
      throw new InvalidInputException("a GPU's number is 0..9999, not " + index);
    }
    return new Device(index);
  }

  /**
   * The device of a name: {@code cpu}, {@code cuda} (the first GPU) or {@code cuda:N}.
   *
   * @throws InvalidInputException for any other
   */
  public static Device of(String id) {
    if (id.equals("cpu")) {
      return CPU;
    }
    Matcher cuda = CUDA.matcher(id);
    if (!cuda.matches()) {
      throw new InvalidInputException("device is cpu, cuda or cuda:N, not '" + id + "'");
    }
    return cuda(cuda.group(1) == null ? 0 : Integer.parseInt(cuda.group(1)));
  }

  /** Looks for GPUs: opens the library and asks the driver. */
  public static Status status() {
    try {
      String library = CudaLibrary.path();
      Status status = Trainer.deviceStatus(library);
      return status.usable() || !library.isEmpty() ? status : new Status(false, status.text + HINT);
    } catch (NativeLibraryException e) {
      return new Status(false, e.getMessage());
    }
  }

  /** Whether this is a GPU. */
  public boolean isCuda() {
    return index >= 0;
  }

  /** Which GPU; -1 for the processor. */
  public int index() {
    return index;
  }

  /** {@code cpu} or {@code cuda:N}. */
  public String id() {
    return isCuda() ? "cuda:" + index : "cpu";
  }

  /** The kind alone, {@code cpu} or {@code cuda}: what a result depends on. */
  public String kind() {
    return isCuda() ? "cuda" : "cpu";
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Device device && device.index == index;
  }

  @Override
  public int hashCode() {
    return index;
  }

  @Override
  public String toString() {
    return id();
  }
}
