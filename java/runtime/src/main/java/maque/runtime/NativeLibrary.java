package maque.runtime;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;

/**
 * One of the native libraries: finds it, brings it out of its jar, and loads it once. Meant for
 * Maque's own modules.
 *
 * <p>The directory named by the system property {@value #PATH_PROPERTY} is taken as it is.
 * Otherwise the library is copied out of the jar into a cache: the directory named by the
 * environment variable {@value #CACHE_VARIABLE}, else {@code ~/.cache/maque}, else (where that
 * cannot be written) a temporary directory of this process. The copy's name holds the hash of its
 * content, and its content is compared with the jar's each time, so that a stale or altered copy is
 * never loaded; it is put in place by a rename, so that any number of processes may start at once.
 */
public final class NativeLibrary {
  /** System property: a directory that holds the library. */
  public static final String PATH_PROPERTY = "maque.library.path";

  /** Environment variable: the directory that copies are kept in. */
  public static final String CACHE_VARIABLE = "MAQUE_CACHE";

  private static final List<String> PLATFORMS = List.of("linux-x86_64", "linux-arm64");

  private static final String NO_EXEC =
      " (is its file system mounted noexec? "
          + CACHE_VARIABLE
          + " may name another directory for the copy)";

  private final String name;
  private final Class<?> owner;
  private volatile Path loaded;

  /**
   * A library that is not loaded yet.
   *
   * @param name without prefix and suffix, e.g. {@code jnimaque}
   * @param owner the class with the native methods, whose jar holds the library
   */
  public NativeLibrary(String name, Class<?> owner) {
    this.name = name;
    this.owner = owner;
  }

  /**
   * Loads the library unless that has been done. Thread-safe.
   *
   * @param load {@code path -> System.load(path)}, written in the owner, whose class loader then
   *     gets the library
   * @return the file
   * @throws NativeLibraryException naming path and cause; another call tries again
   */
  public Path load(Consumer<String> load) {
    Path file = loaded;
    if (file != null) {
      return file;
    }
    synchronized (this) {
      if (loaded == null) {
        loaded = findInterrupted(load);
      }
      return loaded;
    }
  }

  /**
   * An interrupt closes the file that is being read or written: it is put off until the library is
   * there, so that it is no reason to go on without.
   */
  private Path findInterrupted(Consumer<String> load) {
    boolean interrupted = Thread.interrupted();
    try {
      while (true) {
        try {
          return find(load);
        } catch (NativeLibraryException e) {
          if (!Thread.interrupted()) {
            throw e;
          }
          interrupted = true;
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private Path find(Consumer<String> load) {
    String directory = System.getProperty(PATH_PROPERTY);
    if (directory != null && !directory.isEmpty()) {
      Path file = Path.of(directory, fileName()).toAbsolutePath();
      if (!Files.isRegularFile(file)) {
        throw new NativeLibraryException(
            file + ": no such file (" + PATH_PROPERTY + " names its directory)");
      }
      link(file, true, load);
      return file;
    }
    byte[] content = content();
    Path file = extract(content);
    try {
      link(file, false, load);
      return file;
    } catch (NativeLibraryException e) {
      if (!String.valueOf(e.getMessage()).contains("already loaded in another classloader")) {
        throw e;
      }
      return linkPrivateCopy(content, load);
    }
  }

  /** A chosen file is held against its seal; a copy has been held against the jar's. */
  private void link(Path file, boolean chosen, Consumer<String> load) {
    try {
      String problem = platform().startsWith("linux") ? ElfFile.problem(file, chosen) : "";
      if (!problem.isEmpty()) {
        throw new NativeLibraryException(file + ": cannot be loaded: " + problem);
      }
      load.accept(file.toString());
    } catch (IOException e) {
      throw new NativeLibraryException(file + ": cannot be read: " + e.getMessage(), e);
    } catch (IllegalCallerException e) {
      Module module = owner.getModule();
      throw new NativeLibraryException(
          file
              + ": native access is denied: --enable-native-access="
              + (module.isNamed() ? module.getName() : "ALL-UNNAMED")
              + " allows it",
          e);
    } catch (UnsatisfiedLinkError | SecurityException e) {
      String reason = String.valueOf(e.getMessage());
      throw new NativeLibraryException(
          file + ": cannot be loaded: " + reason + (isNoExec(reason) ? NO_EXEC : ""), e);
    }
  }

  /** What the C library says of a file on a file system that is mounted noexec. */
  private static boolean isNoExec(String reason) {
    return reason.contains("failed to map segment");
  }

  /**
   * The JVM lets each file belong to one class loader; another one (a second web application) gets
   * a file of its own.
   */
  private Path linkPrivateCopy(byte[] content, Consumer<String> load) {
    Path file = null;
    try {
      file = Files.createTempDirectory("maque-").resolve(fileName());
      Files.write(file, content);
      link(file, false, load);
      return file;
    } catch (IOException e) {
      throw new NativeLibraryException(file + ": cannot be written: " + e, e);
    } finally {
      if (file != null) {
        AtomicFiles.deleteQuietly(file);
        AtomicFiles.deleteQuietly(file.getParent());
      }
    }
  }

  private String fileName() {
    return "lib" + name + ".so";
  }

  /**
   * {@code linux-x86_64} or {@code linux-arm64}; other platforms have no library and are named in
   * the error.
   */
  static String platform() {
    String os = System.getProperty("os.name", "").toLowerCase(java.util.Locale.ROOT);
    return (os.startsWith("linux") ? "linux" : os.replace(' ', '-')) + "-" + machine();
  }

  /** The processor's architecture under one name, where the JDK has several. */
  static String machine() {
    String machine = System.getProperty("os.arch", "");
    return switch (machine) {
      case "amd64" -> "x86_64";
      case "aarch64" -> "arm64";
      default -> machine;
    };
  }

  private byte[] content() {
    String resource = "/maque/native/" + platform() + "/" + fileName();
    try (InputStream in = owner.getResourceAsStream(resource)) {
      if (in == null) {
        throw new NativeLibraryException(
            resource
                + ": not in the jar of "
                + owner.getName()
                + "; this platform is "
                + platform()
                + ", the jar has it for "
                + platformsInJar());
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new NativeLibraryException(resource + ": cannot be read: " + e.getMessage(), e);
    }
  }

  /** Those of the platforms that Maque knows whose library is there. */
  private String platformsInJar() {
    List<String> present = new ArrayList<>();
    for (String platform : PLATFORMS) {
      try (InputStream in =
          owner.getResourceAsStream("/maque/native/" + platform + "/" + fileName())) {
        if (in != null) {
          present.add(platform);
        }
      } catch (IOException e) {
        throw new NativeLibraryException(owner.getName() + ": its jar cannot be read: " + e, e);
      }
    }
    return present.isEmpty() ? "no platform" : String.join(", ", present);
  }

  private Path extract(byte[] content) {
    try {
      return extract(content, cache());
    } catch (NativeLibraryException e) {
      if (!chosenCache().isEmpty()) {
        throw e;
      }
      try {
        Path directory = Files.createTempDirectory("maque-");
        directory.toFile().deleteOnExit();
        Path file = extract(content, directory);
        file.toFile().deleteOnExit();
        return file;
      } catch (IOException again) {
        e.addSuppressed(again);
        throw e;
      }
    }
  }

  /** The copy in that directory, made or made anew where it is not what the jar holds. */
  Path extract(byte[] content, Path directory) {
    byte[] hash = hash(content);
    String copy = "lib" + name + "-" + HexFormat.of().formatHex(hash, 0, 16) + ".so";
    return copy(
        directory.resolve(copy),
        file -> holds(file, content),
        channel -> AtomicFiles.writeAll(channel, content));
  }

  /** The directory of copies, which need not be there. */
  public static Path cache() {
    String chosen = chosenCache();
    return chosen.isEmpty()
        ? Path.of(System.getProperty("user.home", ""), ".cache", "maque")
        : Path.of(chosen);
  }

  private static String chosenCache() {
    return Objects.requireNonNullElse(System.getenv(CACHE_VARIABLE), "");
  }

  /** Whether a file is the copy that is wanted. */
  @FunctionalInterface
  public interface Check {
    boolean holds(Path file) throws IOException;
  }

  /**
   * A copy, made or made anew where it is not what is wanted.
   *
   * @return the file's absolute path
   * @throws NativeLibraryException naming path and cause
   */
  public static Path copy(Path file, Check wanted, AtomicFiles.Content content) {
    Path copy = file.toAbsolutePath();
    try {
      Files.createDirectories(copy.getParent());
      if (!wanted.holds(copy)) {
        AtomicFiles.write(copy, content);
      }
      return copy;
    } catch (IOException | StorageException e) {
      throw new NativeLibraryException(
          copy
              + ": cannot be written: "
              + e
              + " ("
              + CACHE_VARIABLE
              + " may name another directory)",
          e);
    }
  }

  private static boolean holds(Path file, byte[] content) throws IOException {
    return Files.isRegularFile(file)
        && Files.size(file) == content.length
        && Arrays.equals(Files.readAllBytes(file), content);
  }

  private static byte[] hash(byte[] content) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(content);
    } catch (NoSuchAlgorithmException e) {
      throw new NativeLibraryException("this Java has no SHA-256", e);
    }
  }
}
