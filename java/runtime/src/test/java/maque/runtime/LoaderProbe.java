package maque.runtime;

import java.io.IOException;
import java.io.InputStream;
import java.lang.ref.WeakReference;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Class loaders that each get Maque's classes and library anew, in a JVM that does nothing else.
 */
final class LoaderProbe {
  private static final String TEXT = "red green";

  private LoaderProbe() {}

  private static URL classes() {
    return Maque.class.getProtectionDomain().getCodeSource().getLocation();
  }

  private static URLClassLoader loader() {
    return new URLClassLoader(new URL[] {classes()}, ClassLoader.getPlatformClassLoader());
  }

  /**
   * A copy whose package has another name, as shading makes it. The name is as long as the old one,
   * so that a class file stays whole when it is replaced there.
   */
  private static final class Shaded extends URLClassLoader {
    static final String PACKAGE = "naque.runtime";

    Shaded() {
      super(new URL[] {classes()}, ClassLoader.getPlatformClassLoader());
    }

    /** Resources move with the package. */
    @Override
    public URL findResource(String name) {
      return super.findResource(name.replace("naque/runtime", "maque/runtime"));
    }

    @Override
    protected Class<?> findClass(String name) throws ClassNotFoundException {
      String file = name.replace(PACKAGE, "maque.runtime").replace('.', '/') + ".class";
      try (InputStream in = getResourceAsStream(file)) {
        String bytes = new String(in.readAllBytes(), StandardCharsets.ISO_8859_1);
        byte[] renamed =
            bytes
                .replace("maque/runtime", "naque/runtime")
                .replace("maque.runtime", PACKAGE)
                .getBytes(StandardCharsets.ISO_8859_1);
        return defineClass(name, renamed, 0, renamed.length);
      } catch (IOException e) {
        throw new ClassNotFoundException(name, e);
      }
    }
  }

  /** One copy's student, reached by reflection. */
  private record Copy(Class<?> type, Object student) {
    static Copy load(ClassLoader loader, String inPackage, Path model) throws Exception {
      Class<?> type = loader.loadClass(inPackage + ".Student");
      return new Copy(type, type.getMethod("load", Path.class).invoke(null, model));
    }

    float[] logits() throws Exception {
      return (float[]) type.getMethod("logits", CharSequence.class).invoke(student, TEXT);
    }

    String isa() throws Exception {
      Object info =
          type.getClassLoader()
              .loadClass(type.getPackageName() + ".Maque")
              .getMethod("info")
              .invoke(null);
      return (String) info.getClass().getMethod("isa").invoke(info);
    }

    void close() throws Exception {
      type.getMethod("close").invoke(student);
    }
  }

  /** Each loads, answers, closes and is dropped before the next one comes. */
  static void oneAfterTheOther(Path model, int count) throws Exception {
    List<WeakReference<ClassLoader>> dropped = new ArrayList<>();
    float[] expected = null;
    long[] resident = new long[count];
    for (int i = 0; i < count; i++) {
      try (URLClassLoader loader = loader()) {
        Copy copy = Copy.load(loader, "maque.runtime", model);
        float[] logits = copy.logits();
        if (copy.isa().equals("java") || expected != null && !Arrays.equals(expected, logits)) {
          throw new AssertionError("class loader " + i + ": " + copy.isa());
        }
        expected = logits;
        copy.close();
        dropped.add(new WeakReference<>(loader));
      }
      if (i % 10 == 9) {
        System.gc();
      }
      resident[i] = ProcessState.residentNow();
    }
    long left = collected(dropped);
    System.out.println("loaded " + count + " left " + left + " mapped " + mapped());
    System.out.println(
        "resident MB after half "
            + (resident[count / 2] >> 20)
            + ", at the end "
            + (resident[count - 1] >> 20));
    System.out.println(
        "rise MB "
            + Math.round(
                ProcessState.rise(Arrays.copyOfRange(resident, count / 2, count)) / (1 << 20)));
  }

  /**
   * How many are still there once the collector has had its time; libraries are unloaded a little
   * later, by a thread of the JDK's.
   */
  private static long collected(List<WeakReference<ClassLoader>> dropped) throws Exception {
    long left = dropped.size();
    for (int i = 0; i < 500 && (left > 0 || mapped() > 1); i++) {
      System.gc();
      Thread.sleep(10);
      left = dropped.stream().filter(reference -> reference.get() != null).count();
    }
    return left;
  }

  /** Copies of the library in this process's memory. */
  private static long mapped() throws IOException {
    try (var lines = Files.lines(Path.of("/proc/self/maps"))) {
      return lines.filter(line -> line.contains("libjnimaque") && line.contains("r-xp")).count();
    }
  }

  /** Two copies and a shaded one answer at the same time, each in a thread of its own. */
  static void sideBySide(Path model) throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(3);
    try (URLClassLoader one = loader();
        URLClassLoader other = loader();
        URLClassLoader shaded = new Shaded()) {
      List<Copy> copies =
          List.of(
              Copy.load(one, "maque.runtime", model),
              Copy.load(other, "maque.runtime", model),
              Copy.load(shaded, Shaded.PACKAGE, model));
      float[] expected = copies.get(0).logits();
      List<Future<?>> running = new ArrayList<>();
      for (Copy copy : copies) {
        running.add(
            threads.submit(
                () -> {
                  for (int i = 0; i < 2000; i++) {
                    if (!Arrays.equals(expected, copy.logits())) {
                      throw new AssertionError(copy.type() + ": a wrong answer");
                    }
                  }
                  return null;
                }));
      }
      for (Future<?> future : running) {
        future.get();
      }
      for (Copy copy : copies) {
        System.out.println(copy.type().getPackageName() + " " + copy.isa());
        copy.close();
      }
    } finally {
      threads.shutdownNow();
    }
  }
}
