package maque.benchmarks;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import maque.runtime.AtomicFiles;
import maque.runtime.EmptyCall;
import maque.runtime.Json;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * How long does each contender take for one piece of a task's work? All are opened once in one JVM;
 * then iteration after iteration belongs to the next of them in turn, so that what disturbs the
 * machine disturbs all alike. {@link Measurement} knows whose an iteration was.
 */
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@State(Scope.Benchmark)
public class ContenderBenchmark {
  /** Property: the file that says who could not take part, and why. */
  static final String ABSENT = "maque.benchmarks.absent";

  @Param("tokenizer")
  public String task;

  /** Comma-separated, in their order. */
  @Param("maque")
  public String contenders;

  /** Milliseconds that a contender runs before its iteration is timed. */
  @Param("0")
  public int settle;

  private final List<Work> works = new ArrayList<>();
  private final Map<String, Object> absent = new LinkedHashMap<>();
  private Work current;
  private int iteration = -1; // the first one warms up

  /** Opens all; who does not agree with Maque, or fails, is left out. */
  @Setup
  public void open() {
    Task all = Task.of(task);
    float[] expected = null;
    if (!Double.isNaN(all.agreement())) {
      try (Work reference = all.open(Contender.MAQUE)) {
        expected = reference.result();
      }
    }
    for (String contender : contenders.split(",")) {
      works.add(open(all, contender, expected));
    }
    AtomicFiles.write(Path.of(System.getProperty(ABSENT)), Json.write(absent));
  }

  private Work open(Task all, String contender, float[] expected) {
    try {
      Work work = all.open(contender);
      work.begin();
      if (expected != null && !contender.equals(Contender.MAQUE)) {
        double bound = Contender.agreement(contender, all.agreement());
        Work.requireAgreement(contender, expected, work.result(), bound);
      }
      return work;
    } catch (RuntimeException | LinkageError e) {
      absent.put(contender, String.valueOf(e.getMessage()));
      return new Absent();
    }
  }

  /** Gives the iteration to the next contender. */
  @Setup(Level.Iteration)
  public void next() {
    current = works.get(Math.max(0, iteration++) % works.size());
    current.begin();
    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(settle);
    while (settle > 0 && System.nanoTime() < end) {
      current.run();
    }
  }

  @TearDown
  public void close() {
    works.forEach(Work::close);
  }

  @Benchmark
  public Object run() {
    return current.run();
  }

  /** Stands for a contender that could not be opened; its times are thrown away. */
  private static final class Absent implements Work {
    @Override
    public Object run() {
      try {
        Thread.sleep(1);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      return null;
    }

    @Override
    public float[] result() {
      throw new IllegalStateException("absent");
    }
  }

  /** What does a call into native code cost that does nothing? */
  @State(Scope.Benchmark)
  public static class Empty {
    private final EmptyCall call = new EmptyCall();

    @Benchmark
    @BenchmarkMode(Mode.AverageTime)
    @OutputTimeUnit(TimeUnit.NANOSECONDS)
    public int run() {
      return call.run();
    }
  }
}
