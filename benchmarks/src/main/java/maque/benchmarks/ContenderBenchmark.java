package maque.benchmarks;

import java.util.concurrent.TimeUnit;
import maque.runtime.EmptyCall;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * How long does one contender take for one piece of a task's work? {@link Compare} runs it once for
 * each task and contender, in turn, each time in a JVM of its own, and puts the results side by
 * side.
 */
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@State(Scope.Benchmark)
public class ContenderBenchmark {
  @Param("teacher-1")
  public String task;

  @Param("maque")
  public String contender;

  private Work work;

  /** Opens the contender; it and Maque must agree on the results. */
  @Setup
  public void open() {
    work = Task.of(task).open(contender);
  }

  @TearDown
  public void close() {
    work.close();
  }

  @Benchmark
  public Object run() {
    return work.run();
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
