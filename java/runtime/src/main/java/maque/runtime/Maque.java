package maque.runtime;

import java.io.IOException;
import java.io.InputStream;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.util.Properties;
import java.util.function.ToIntBiFunction;

/**
 * What is running: version, instruction set, library.
 *
 * <p>The native library is loaded when it is first needed. Where that fails, a warning names the
 * cause, once, and from then on students answer in plain Java.
 */
public final class Maque {
  /**
   * System property: {@code auto} (or absent) takes the plain Java path where the native library
   * cannot be loaded, {@code required} makes that a {@link NativeLibraryException}, {@code off}
   * takes the plain Java path without looking for the library. Read at each load of a model.
   */
  public static final String NATIVE_PROPERTY = "maque.native";

  private static final NativeLibrary LIBRARY = new NativeLibrary("jnimaque", MaqueNative.class);
  private static final String OFF = "switched off by -D" + NATIVE_PROPERTY + "=off";

  private static volatile NativeLibraryException failure;

  private Maque() {}

  /**
   * What runs here.
   *
   * @param version Maque's version
   * @param isa the instruction set in use: {@code avx512}, {@code avx2} or {@code ref}; {@code
   *     java} where students answer in plain Java
   * @param bf16 the one of products in bf16; empty where the processor has none, and in plain Java
   * @param int8 the one of int8 models, such as {@code avx512vnni}; {@code java} in plain Java
   * @param cpuFeatures those of the processor that matter, comma-separated; empty in plain Java
   * @param library the file that the native code was loaded from; null in plain Java
   * @param problem why the native library is not in use; empty where it is
   */
  public record Info(
      String version,
      String isa,
      String bf16,
      String int8,
      String cpuFeatures,
      Path library,
      String problem) {
    /** Whether the native library is in use. */
    public boolean isNative() {
      return library != null;
    }
  }

  /**
   * Loads the native library unless that has been done, and says what runs.
   *
   * @throws NativeLibraryException where it cannot be loaded, and {@link #NATIVE_PROPERTY} requires
   *     it
   */
  public static Info info() {
    if (!isNative()) {
      NativeLibraryException cause = failure;
      String problem = cause == null || mode().equals("off") ? OFF : cause.getMessage();
      return new Info(version(), "java", "", "java", "", null, problem);
    }
    Path library = load();
    return new Info(
        version(),
        text(MaqueNative::isa),
        text(MaqueNative::isaBf16),
        text(MaqueNative::isaInt8),
        text(MaqueNative::cpuFeatures),
        library,
        "");
  }

  private static String text(ToIntBiFunction<byte[], Integer> call) {
    byte[] out = new byte[1024];
    call.applyAsInt(out, out.length);
    return Utf8.untilZero(out);
  }

  /**
   * Bytes of native memory that all open models hold together, their scratch included: a gauge for
   * a service's metrics. A model that was forgotten without a close counts until the garbage
   * collector has found that; its memory is freed when this is called, or the next model is loaded
   * or closed. Models of another class loader have a gauge of their own; on the plain Java path
   * models have no native memory.
   */
  public static long nativeBytes() {
    return NativeModel.bytesOfAll();
  }

  /**
   * Whether students are to be native; tries to load the library, once.
   *
   * @throws NativeLibraryException where it cannot be loaded and is required
   */
  static boolean isNative() {
    String mode = mode();
    if (mode.equals("off")) {
      return false;
    }
    if (mode.equals("required")) {
      load();
      return true;
    }
    return failure == null && tryLoad();
  }

  private static synchronized boolean tryLoad() {
    if (failure == null) {
      try {
        load();
      } catch (NativeLibraryException e) {
        failure = e;
        Events.fellBack(e.getMessage());
        System.getLogger("maque")
            .log(
                Level.WARNING,
                "students answer in plain Java, slower: the native library cannot be loaded: "
                    + e.getMessage());
      }
    }
    return failure == null;
  }

  private static String mode() {
    String mode = System.getProperty(NATIVE_PROPERTY, "auto");
    if (!mode.equals("auto") && !mode.equals("required") && !mode.equals("off")) {
      throw new InvalidInputException(
          "system property " + NATIVE_PROPERTY + ": expected auto, required or off, found " + mode);
    }
    return mode;
  }

  static Path load() {
    Path library = LIBRARY.load(MaqueNative::load);
    int version = abiVersion(library);
    if (version != MaqueNative.ABI_VERSION) {
      throw new NativeLibraryException(
          library
              + ": has version "
              + version
              + " of the interface, expected "
              + MaqueNative.ABI_VERSION);
    }
    return library;
  }

  private static int abiVersion(Path library) {
    try {
      return MaqueNative.abiVersion();
    } catch (UnsatisfiedLinkError e) {
      throw new NativeLibraryException(
          library
              + ": lacks the functions of "
              + MaqueNative.class.getName()
              + " (has the package been renamed by shading?)",
          e);
    }
  }

  private static String version() {
    Properties properties = new Properties();
    try (InputStream in = Maque.class.getResourceAsStream("/maque/version.properties")) {
      if (in != null) {
        properties.load(in);
      }
    } catch (IOException e) {
      throw new MaqueException("version.properties cannot be read", e);
    }
    return properties.getProperty("version", "unknown");
  }
}
