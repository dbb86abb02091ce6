package maque.runtime;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * Two long runs over small students of every kind: many predictions, whose resident set must stay
 * flat; and random loading, asking, closing and interrupting in several threads, after which
 * nothing may be left. Every answer is compared, bit for bit, with one that was computed alone.
 *
 * <p>benchmarks/soak.sh runs it at full length, a test with fewer of both.
 */
final class Soak {
  /**
   * How much the resident set may rise between the second quarter of a run and its end, by linear
   * trend: a fraction of a byte for each of 10^8 predictions, and room for the JVM's own growth.
   */
  static final long FLAT_BYTES = 32L << 20;

  private static final int SAMPLES = 200;
  private static final int SLOTS = 64;

  private static final String[] EVENTS = {
    "predictions", "loads", "closes", "answers of closed", "interrupts", "forgotten"
  };

  private final int threads;
  private final long seed;
  private final List<SoakModels.Specimen> models;

  Soak(Path directory, int threads, long seed) {
    this.threads = threads;
    this.seed = seed;
    models = SoakModels.write(directory);
  }

  /** What a run found; to be kept as JSON. */
  record Report(Map<String, Object> values, boolean flat) {}

  private interface Share {
    void run(int thread, AtomicLong left) throws Exception;
  }

  /** Runs until as many pieces of work are done, and samples the resident set at even steps. */
  private long[] sampled(long pieces, Share share) throws Exception {
    AtomicLong left = new AtomicLong(pieces);
    ExecutorService pool = Executors.newFixedThreadPool(threads);
    long[] resident = new long[SAMPLES];
    try {
      List<Future<?>> running = new ArrayList<>();
      for (int i = 0; i < threads; i++) {
        int thread = i;
        running.add(
            pool.submit(
                () -> {
                  share.run(thread, left);
                  return null;
                }));
      }
      for (int i = 0; i < SAMPLES; i++) {
        long until = pieces - pieces * (i + 1) / SAMPLES;
        while (left.get() > until && running.stream().anyMatch(f -> !f.isDone())) {
          Thread.sleep(1);
        }
        resident[i] = ProcessState.residentNow();
      }
      for (Future<?> future : running) {
        future.get();
      }
    } finally {
      pool.shutdownNow();
    }
    return resident;
  }

  private Report report(String what, long pieces, long start, long[] resident) {
    long[] settled = Arrays.copyOfRange(resident, SAMPLES / 4, SAMPLES);
    double rise = ProcessState.rise(settled);
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("what", what);
    values.put("count", pieces);
    values.put("threads", threads);
    values.put("models", models.size());
    values.put("seconds", (System.nanoTime() - start) / 1_000_000_000);
    values.put("resident MB at the start", resident[0] >> 20);
    values.put("resident MB after a quarter", settled[0] >> 20);
    values.put("resident MB at the end", resident[SAMPLES - 1] >> 20);
    values.put("rise by trend, MB", Math.round(rise / (1 << 20) * 100) / 100.0);
    values.put("limit, MB", FLAT_BYTES >> 20);
    return new Report(values, rise < FLAT_BYTES);
  }

  /** Predictions over all threads, with sessions and without, of all models. */
  Report predict(long predictions) throws Exception {
    long start = System.nanoTime();
    List<Student> students = models.stream().map(model -> Student.load(model.path())).toList();
    try {
      long[] resident = sampled(predictions, (thread, left) -> predict(thread, left, students));
      return report("predictions", predictions, start, resident);
    } finally {
      students.forEach(Student::close);
    }
  }

  private void predict(int thread, AtomicLong left, List<Student> students) {
    SplittableRandom random = new SplittableRandom(seed + thread);
    List<Student.Session> sessions = students.stream().map(Student::session).toList();
    float[] probabilities = new float[TinyModels.LABELS.size()];
    while (left.addAndGet(-16) > -16) {
      int model = random.nextInt(students.size());
      for (int i = 0; i < 15; i++) {
        int text = random.nextInt(SoakModels.TEXTS.size());
        sessions.get(model).predict(SoakModels.TEXTS.get(text), probabilities);
        models.get(model).checkProbabilities(text, probabilities);
      }
      int text = random.nextInt(SoakModels.TEXTS.size());
      models.get(model).checkLogits(text, students.get(model).logits(SoakModels.TEXTS.get(text)));
    }
  }

  /** Random events over all threads; afterwards all is closed and counted. */
  Report events(long events) throws Exception {
    long start = System.nanoTime();
    ProcessState before = ProcessState.now();
    Events stage = new Events();
    long[] resident = sampled(events, stage::run);
    stage.closeAll();
    ProcessState after = settled();
    Report report = report("random events", events, start, resident);
    for (int i = 0; i < EVENTS.length; i++) {
      report.values().put(EVENTS[i], stage.counts.get(i));
    }
    report.values().put("native bytes at the end", Maque.nativeBytes());
    report.values().put("descriptors before", before.descriptors());
    report.values().put("descriptors after", after.descriptors());
    report.values().put("temporary files before", before.temporaryFiles());
    report.values().put("temporary files after", after.temporaryFiles());
    boolean nothingLeft =
        Maque.nativeBytes() == 0
            && after.descriptors() <= before.descriptors()
            && after.temporaryFiles() <= before.temporaryFiles();
    return new Report(report.values(), report.flat() && nothingLeft);
  }

  /** Once the collector has been over what was forgotten. */
  private static ProcessState settled() throws InterruptedException {
    for (int i = 0; i < 100 && Maque.nativeBytes() > 0; i++) {
      System.gc();
      Thread.sleep(20);
    }
    return ProcessState.now();
  }

  /** Models come and go in slots, under each other's hands. */
  private final class Events {
    final AtomicLongArray counts = new AtomicLongArray(EVENTS.length);
    private final AtomicReferenceArray<Loaded> slots = new AtomicReferenceArray<>(SLOTS);
    private final AtomicReferenceArray<Thread> workers = new AtomicReferenceArray<>(threads);

    private record Loaded(Student student, SoakModels.Specimen model) {}

    void run(int thread, AtomicLong left) {
      workers.set(thread, Thread.currentThread());
      SplittableRandom random = new SplittableRandom(seed * 31 + thread);
      while (left.getAndDecrement() > 0) {
        int event = random.nextInt(100);
        int slot = random.nextInt(SLOTS);
        if (event < 18) {
          load(slot, random);
        } else if (event < 28) {
          close(slot, random.nextBoolean());
        } else if (event < 34) {
          interrupt(random.nextInt(threads));
        } else if (event < 35) {
          forget(slot);
        } else {
          predict(slots.get(slot), random);
        }
      }
      workers.set(thread, null);
      boolean interrupted = Thread.interrupted();
      counts.addAndGet(4, interrupted ? 1 : 0);
    }

    /** Reading a file in an interrupted thread may fail, with an error of its own and no model. */
    private void load(int slot, SplittableRandom random) {
      SoakModels.Specimen model = models.get(random.nextInt(models.size()));
      Student student;
      try {
        student = Student.load(model.path());
      } catch (ModelFormatException e) {
        if (!Thread.interrupted()) {
          throw e;
        }
        counts.incrementAndGet(4);
        return;
      }
      counts.incrementAndGet(1);
      Loaded before = slots.getAndSet(slot, new Loaded(student, model));
      if (before != null) {
        before.student().close();
      }
    }

    /** As the owner, or under the hands of others. */
    private void close(int slot, boolean owner) {
      Loaded loaded = owner ? slots.getAndSet(slot, null) : slots.get(slot);
      if (loaded != null) {
        loaded.student().close();
        counts.incrementAndGet(2);
      }
    }

    private void interrupt(int thread) {
      Thread other = workers.get(thread);
      if (other != null) {
        other.interrupt();
      }
    }

    /** The collector's to close. */
    private void forget(int slot) {
      if (slots.getAndSet(slot, null) != null) {
        counts.incrementAndGet(5);
      }
    }

    private void predict(Loaded loaded, SplittableRandom random) {
      if (loaded == null) {
        return;
      }
      int text = random.nextInt(SoakModels.TEXTS.size());
      try {
        if (random.nextBoolean()) {
          loaded.model().checkLogits(text, loaded.student().logits(SoakModels.TEXTS.get(text)));
        } else {
          float[][] all = loaded.student().logits(SoakModels.TEXTS);
          loaded.model().checkLogits(text, all[text]);
        }
        counts.incrementAndGet(0);
      } catch (IllegalStateException e) {
        counts.incrementAndGet(3);
      }
    }

    void closeAll() {
      for (int i = 0; i < SLOTS; i++) {
        Loaded loaded = slots.getAndSet(i, null);
        if (loaded != null) {
          loaded.student().close();
          counts.incrementAndGet(2);
        }
      }
    }
  }

  /** Arguments: predictions, events, threads, seed, file of the result. */
  public static void main(String[] arguments) throws Exception {
    long[] numbers =
        Arrays.stream(arguments, 0, 4).mapToLong(text -> (long) Double.parseDouble(text)).toArray();
    Path directory = Files.createTempDirectory("soak-");
    try {
      Soak soak = new Soak(directory, (int) numbers[2], numbers[3]);
      List<Report> reports = new ArrayList<>();
      reports.add(soak.predict(numbers[0]));
      System.out.println(Json.line(reports.get(0).values()));
      reports.add(soak.events(numbers[1]));
      System.out.println(Json.line(reports.get(1).values()));
      AtomicFiles.write(Path.of(arguments[4]), Json.write(result(numbers[3], reports)));
      if (!reports.stream().allMatch(Report::flat)) {
        System.err.println("something grew, or is left: see " + arguments[4]);
        System.exit(1);
      }
    } finally {
      ProcessState.deleteTree(directory);
    }
  }

  private static Map<String, Object> result(long seed, List<Report> reports) throws IOException {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("date", LocalDate.now(ZoneOffset.UTC).toString());
    result.put("cpu", processor());
    result.put("cpus", Runtime.getRuntime().availableProcessors());
    result.put("isa", Maque.info().isa());
    result.put("java", System.getProperty("java.version"));
    result.put("seed", seed);
    result.put("passed", reports.stream().allMatch(Report::flat));
    result.put("runs", reports.stream().map(Report::values).toList());
    return result;
  }

  static String processor() throws IOException {
    return Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
        .filter(line -> line.startsWith("model name"))
        .map(line -> line.substring(line.indexOf(':') + 2))
        .findFirst()
        .orElse("unknown");
  }
}
