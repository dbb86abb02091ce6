package maque.training;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.net.URLConnection;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import maque.runtime.NativeLibrary;
import maque.runtime.NativeLibraryException;

/**
 * Where {@code libmaque_cuda} and cuBLASLt lie, which the native side opens when a GPU is first
 * asked for.
 */
final class CudaLibrary {
  /** System property: the file of {@code libmaque_cuda}. */
  static final String PROPERTY = "maque.cuda.library";

  /** System property: cuBLASLt's file, or a directory that holds it. */
  static final String CUBLASLT_PROPERTY = "maque.cublaslt.library";

  private static final String RESOURCE = "/maque/native/linux-x86_64/libmaque_cuda.so";
  private static final String PRESETS = "/org/bytedeco/cuda/linux-x86_64/";
  private static final List<String> CUBLASLT = List.of("libcublasLt.so.13", "libcublasLt.so.12");
  private static final NativeLibrary LIBRARY = new NativeLibrary("maque_cuda", TrainNative.class);

  private CudaLibrary() {}

  /**
   * The file that {@value #PROPERTY} names; else a copy of the one in the artifact {@code
   * maque-cuda}; where neither is there, the empty string: the system's loader searches.
   *
   * @throws NativeLibraryException where it cannot be brought out of its jar
   */
  static String path() {
    String chosen = chosen(PROPERTY);
    if (chosen != null) {
      return chosen;
    }
    if (TrainNative.class.getResource(RESOURCE) == null) {
      return "";
    }
    return LIBRARY.load(path -> {}).toString();
  }

  /**
   * What {@value #CUBLASLT_PROPERTY} names; else a copy of the library in the redistributable jar
   * of JavaCPP's presets for CUDA; where neither is there, the empty string, as above.
   *
   * @throws NativeLibraryException where it cannot be brought out of its jar
   */
  static String cublasLt() {
    String chosen = chosen(CUBLASLT_PROPERTY);
    if (chosen != null) {
      return chosen;
    }
    for (String name : CUBLASLT) {
      URL resource = TrainNative.class.getResource(PRESETS + name);
      if (resource != null) {
        return copy(resource, name, NativeLibrary.cache()).toString();
      }
    }
    return "";
  }

  private static String chosen(String property) {
    String value = System.getProperty(property, "");
    return value.isEmpty() ? null : Path.of(value).toAbsolutePath().toString();
  }

  /**
   * A copy of half a gigabyte, kept from run to run; its name holds the size, which tells versions
   * apart.
   */
  static Path copy(URL resource, String name, Path directory) {
    try {
      URLConnection connection = resource.openConnection();
      connection.setUseCaches(false);
      try (InputStream in = connection.getInputStream()) {
        long size = connection.getContentLengthLong();
        return NativeLibrary.copy(
            directory.resolve(name + "-" + size),
            file -> Files.isRegularFile(file) && Files.size(file) == size,
            channel -> in.transferTo(Channels.newOutputStream(channel)));
      }
    } catch (IOException e) {
      throw new NativeLibraryException(resource + ": cannot be read: " + e, e);
    }
  }
}
