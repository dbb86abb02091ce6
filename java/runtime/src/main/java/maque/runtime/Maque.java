package maque.runtime;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Properties;

/** What is running: version, instruction set, library. */
public final class Maque {
  private static final NativeLibrary LIBRARY = new NativeLibrary("jnimaque", MaqueNative.class);

  private Maque() {}

  /**
   * What runs here.
   *
   * @param version Maque's version
   * @param isa the instruction set in use: {@code avx512}, {@code avx2} or {@code ref}
   * @param cpuFeatures those of the processor that matter, comma-separated
   * @param library the file that the native code was loaded from
   */
  public record Info(String version, String isa, String cpuFeatures, Path library) {}

  /**
   * Loads the native library unless that has been done, and says what runs.
   *
   * @throws NativeLibraryException naming path and cause
   */
  public static Info info() {
    Path library = load();
    byte[] isa = new byte[256];
    MaqueNative.isa(isa, isa.length);
    byte[] features = new byte[1024];
    MaqueNative.cpuFeatures(features, features.length);
    return new Info(version(), Utf8.untilZero(isa), Utf8.untilZero(features), library);
  }

  static Path load() {
    Path library = LIBRARY.load(MaqueNative::load);
    int version = MaqueNative.abiVersion();
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
