package maque.benchmarks;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import maque.runtime.ModelDirectory;
import maque.runtime.Student;
import maque.runtime.Teacher;
import maque.runtime.TextClassifier;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** How many single predictions do several callers of one model get a second? */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@State(Scope.Benchmark)
public class CallersBenchmark {
  /** A model's directory or file. */
  @Param("")
  public String model;

  /** The CPUs that this process may use, as taskset reads them. */
  @Param("")
  public String cpus;

  private TextClassifier classifier;
  private List<String> texts;

  /** Widens the process to its CPUs; threads made after this inherit them. */
  @Setup
  public void open() {
    Limits.output(List.of("taskset", "-a", "-p", "-c", cpus, "" + ProcessHandle.current().pid()));
    ModelDirectory directory = ModelDirectory.read(Path.of(model));
    classifier =
        directory.modelType().equals("bert") ? Teacher.of(directory) : Student.of(directory);
    texts = Material.texts();
  }

  @TearDown
  public void close() {
    classifier.close();
  }

  /** One caller. */
  @State(Scope.Thread)
  public static class Caller {
    private Student.Session session;
    private float[] probabilities;
    private int next;

    /** Begins at the first text. */
    @Setup
    public void open(CallersBenchmark benchmark) {
      session = benchmark.classifier instanceof Student student ? student.session() : null;
      probabilities = new float[benchmark.classifier.labels().size()];
    }
  }

  @Benchmark
  public Object run(Caller caller) {
    String text = texts.get(caller.next++ % texts.size());
    if (caller.session == null) {
      return classifier.logits(text);
    }
    caller.session.predict(text, caller.probabilities);
    return caller.probabilities;
  }
}
