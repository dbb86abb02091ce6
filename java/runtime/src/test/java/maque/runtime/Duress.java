package maque.runtime;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What happens to a JVM while it loads and predicts, one mode for each; run in a JVM of its own.
 */
final class Duress {
  private static final String TEXT = "red green sparrow";

  private Duress() {}

  static void run(String mode, Path model) throws Exception {
    switch (mode) {
      case "interrupt" -> interrupt(model);
      case "memory" -> memory(model);
      case "stack" -> stack(model);
      case "exit", "wait" -> predictUntilTheEnd(model, mode.equals("exit"));
      default -> throw new IllegalArgumentException(mode);
    }
  }

  private static void require(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError(what);
    }
  }

  /** Before and amid the first loading of the library, the reading of a model, a prediction. */
  private static void interrupt(Path model) throws Exception {
    Thread main = Thread.currentThread();
    Thread other =
        new Thread(
            () -> {
              for (int i = 0; i < 200_000; i++) {
                main.interrupt();
                Thread.onSpinWait();
              }
            });
    main.interrupt();
    other.start();
    require(Maque.info().isNative(), "an interrupt is no reason to go on without the library");
    require(main.isInterrupted(), "the interrupt is still seen");
    other.join();
    Thread.interrupted();
    int refused = 0;
    try (Student student = Student.load(model)) {
      float[] expected = student.logits(TEXT);
      for (int i = 0; i < 50; i++) {
        main.interrupt();
        try {
          Student.load(model).close();
        } catch (ModelFormatException e) {
          require(e.getMessage().contains("the thread was interrupted"), e.getMessage());
          refused++;
        }
        require(Arrays.equals(expected, student.logits(TEXT)), "a wrong answer");
        require(Thread.interrupted(), "the interrupt is still seen after a prediction");
      }
    }
    Student.load(model).close();
    System.out.println("interrupted " + refused);
  }

  /** The heap fills up while models are loaded; once there is room again, all is well. */
  private static void memory(Path model) {
    List<byte[]> filler = new ArrayList<>(1 << 16);
    int failed = 0;
    int loaded = 0;
    try (Student student = Student.load(model)) {
      float[] expected = student.logits(TEXT);
      fill(filler);
      while (loaded < 30 && !filler.isEmpty()) {
        try (Student another = Student.load(model)) {
          require(Arrays.equals(expected, another.logits(TEXT)), "a wrong answer");
          loaded++;
        } catch (OutOfMemoryError e) {
          failed++;
        }
        filler.remove(filler.size() - 1);
      }
      filler.clear();
      require(Arrays.equals(expected, student.logits(TEXT)), "a wrong answer afterwards");
    }
    try (Student student = Student.load(model)) {
      require(student.nativeBytes() > 0 && Maque.info().isNative(), "native afterwards");
    }
    System.out.println("out of memory " + failed + " loaded " + loaded);
  }

  private static void fill(List<byte[]> filler) {
    for (int size : new int[] {1 << 20, 1 << 12, 1 << 9}) {
      try {
        while (true) {
          filler.add(new byte[size]);
        }
      } catch (OutOfMemoryError e) {
        continue;
      }
    }
  }

  /** Predictions at every depth down to where the stack ends, from some depths of beginning. */
  private static void stack(Path model) throws Exception {
    int[] overflows = {0};
    Thread deep =
        new Thread(
            null,
            () -> {
              try (Student student = Student.load(model)) {
                Student.Session session = student.session();
                float[] out = new float[TinyModels.LABELS.size()];
                session.predict(TEXT, out);
                float[] expected = out.clone();
                for (int round = 0; round < 20; round++) {
                  try {
                    deeper(session, out, round);
                  } catch (StackOverflowError e) {
                    overflows[0]++;
                  }
                  session.predict(TEXT, out);
                  require(Arrays.equals(expected, out), "a wrong answer");
                }
              }
            },
            "deep",
            512 << 10);
    deep.start();
    deep.join();
    System.out.println("overflows " + overflows[0]);
  }

  private static int deeper(Student.Session session, float[] out, int extra) {
    session.predict(TEXT, out);
    return extra > 0 ? deeper(session, out, extra - 1) : 1 + deeper(session, out, 3);
  }

  /** Eight threads ask without end; then the JVM exits, or is told to by a signal. */
  private static void predictUntilTheEnd(Path model, boolean exit) throws Exception {
    Student student = Student.load(model);
    float[] expected = student.logits(TEXT);
    for (int i = 0; i < 8; i++) {
      boolean closes = i == 0;
      Thread thread =
          new Thread(
              () -> {
                while (true) {
                  require(Arrays.equals(expected, student.logits(TEXT)), "a wrong answer");
                  if (closes) {
                    Student.load(model).close();
                  }
                }
              });
      thread.setDaemon(i % 2 == 0);
      thread.start();
    }
    Thread.sleep(150);
    System.out.println("ready");
    if (exit) {
      System.exit(7);
    }
    Thread.sleep(60_000);
  }
}
