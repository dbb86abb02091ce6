package maque.runtime;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * What tests run in a JVM of its own, for what one process has once: environment, limits, threads,
 * a loaded library.
 */
final class Probe {
  /** Exit status and output of a probe that has ended. */
  record Result(int status, String output) {}

  private final ProcessBuilder builder;

  /**
   * A probe that has not started.
   *
   * @param prefix shell commands that go before it, e.g. a limit
   * @param arguments options of the JVM and then, from the mode on, of {@link #main}
   */
  Probe(String prefix, List<String> options, String... arguments) {
    List<String> command = new ArrayList<>(List.of("bash", "-c", prefix + " exec \"$@\"", "probe"));
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Xmx128m", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Xcheck:jni"));
    command.addAll(options);
    String classPath = System.getProperty("surefire.test.class.path");
    command.addAll(
        List.of("-cp", classPath == null ? System.getProperty("java.class.path") : classPath));
    command.add(Probe.class.getName());
    command.addAll(List.of(arguments));
    builder = new ProcessBuilder(command).redirectErrorStream(true);
  }

  Probe environment(Map<String, String> variables) {
    builder.environment().putAll(variables);
    return this;
  }

  Probe without(String variable) {
    builder.environment().remove(variable);
    return this;
  }

  Process start() throws IOException {
    return builder.start();
  }

  static Result await(Process process) throws IOException, InterruptedException {
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (!process.waitFor(120, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      throw new AssertionError("the probe does not end; so far it said: " + output);
    }
    return new Result(process.exitValue(), output);
  }

  Result run() throws IOException, InterruptedException {
    return await(start());
  }

  public static void main(String[] arguments) throws Exception {
    try {
      switch (arguments[0]) {
        case "predict" -> predict(Path.of(arguments[1]));
        case "bits" -> {
          for (String model : Arrays.asList(arguments).subList(1, arguments.length)) {
            bits(Path.of(model));
          }
        }
        case "write" -> AtomicFiles.write(Path.of(arguments[1]), new byte[1 << 20]);
        case "loaders" -> LoaderProbe.oneAfterTheOther(Path.of(arguments[1]), 100);
        case "side-by-side" -> LoaderProbe.sideBySide(Path.of(arguments[1]));
        case "duress" -> Duress.run(arguments[1], Path.of(arguments[2]));
        case "soak" -> Soak.main(Arrays.copyOfRange(arguments, 1, arguments.length));
        case "model" -> writeLargeModel(Path.of(arguments[1]));
        default -> throw new IllegalArgumentException(arguments[0]);
      }
    } catch (MaqueException e) {
      System.out.println(e.getClass().getSimpleName() + ": " + e.getMessage());
      System.exit(3);
    }
  }

  private static Set<String> threads() {
    return Thread.getAllStackTraces().keySet().stream()
        .map(Thread::getName)
        .collect(Collectors.toCollection(TreeSet::new));
  }

  /** Predicts from two threads, and says which threads are there beyond those of a bare JVM. */
  private static void predict(Path model) throws InterruptedException {
    Set<String> before = threads();
    try (Student student = Student.load(model);
        Student again = Student.load(model)) {
      CountDownLatch done = new CountDownLatch(2);
      CountDownLatch listed = new CountDownLatch(1);
      for (int i = 1; i <= 2; i++) {
        Thread caller = new Thread(() -> predictAndStay(student, done, listed), "caller-" + i);
        caller.setDaemon(true);
        caller.start();
      }
      done.await();
      Set<String> after = threads();
      listed.countDown();
      after.removeAll(before);
      System.out.println("threads " + after);
      System.out.println("library " + Maque.info().library());
      System.out.println("isa " + Maque.info().isa());
      System.out.println("logits " + Arrays.toString(again.logits("red green")));
    }
  }

  private static void predictAndStay(Student student, CountDownLatch done, CountDownLatch listed) {
    Student.Session session = student.session();
    float[] probabilities = new float[student.labels().size()];
    for (int i = 0; i < 1000; i++) {
      student.predict("red green");
      student.logits(List.of("red green", "blue"));
      session.predict("sparrow", probabilities);
    }
    done.countDown();
    try {
      listed.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Prints a hash of the bits of a model's logits of random texts. */
  private static void bits(Path model) {
    Random random = new Random(3);
    try (Student student = Student.load(model)) {
      int hash = 0;
      for (int length : new int[] {0, 1, 2, 17, 40, 300}) {
        int[] ids = random.ints(3L * length, 0, student.encoder().vocabSize()).toArray();
        int[] offsets = {0, length, length, 3 * length};
        for (float[] logits : student.logitsOfIds(ids, offsets, 3)) {
          hash = 31 * hash + Arrays.hashCode(logits);
        }
      }
      System.out.println(model.getFileName() + " " + hash);
    }
  }

  private static void writeLargeModel(Path model) {
    Map<String, Object> config = TinyModels.studentConfig("document", null);
    config.put("hidden_size", 200);
    TinyModels.writer(model, config, 1).commit();
  }
}
