package maque.benchmarks;

import java.util.List;
import java.util.concurrent.TimeUnit;
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
 * How long does a piece of work take that is spread over threads? Iterations belong to one thread
 * and to two in turn.
 */
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@State(Scope.Benchmark)
public class ThreadsBenchmark {
  /** Name of a {@link Threads.Spread}. */
  @Param("TEACHER_STEP")
  public String work;

  @Param("maque")
  public String contender;

  /** The CPUs that this process may use, as taskset reads them. */
  @Param("")
  public String cpus;

  private List<Work> works;
  private int iteration = -1; // the first one warms up

  /** Widens the process to its CPUs, then opens the work twice; threads made there inherit them. */
  @Setup
  public void open() {
    Limits.output(List.of("taskset", "-a", "-p", "-c", cpus, "" + ProcessHandle.current().pid()));
    Threads.Spread spread = Threads.Spread.valueOf(work);
    works = List.of(spread.open(contender, 1), spread.open(contender, 2));
    works.forEach(Work::run);
  }

  /** Gives the iteration to the other number of threads. */
  @Setup(Level.Iteration)
  public void next() {
    iteration++;
  }

  @TearDown
  public void close() {
    works.forEach(Work::close);
  }

  @Benchmark
  public Object run() {
    return works.get(Math.max(0, iteration - 1) % works.size()).run();
  }
}
