package maque.benchmarks;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import maque.runtime.ModelDirectory;
import maque.runtime.Student;
import maque.runtime.Teacher;
import maque.runtime.TextClassifier;
import maque.training.Evaluation;
import maque.training.RunControl;
import org.openjdk.jmh.runner.RunnerException;

/**
 * Training steps and the scoring of many texts on two threads, each on a CPU of its own, against
 * one. The limit is what the two CPUs multiply together, by what one does.
 */
final class Threads {
  private static final int SCORED = 512;
  private static final double DROPOUT = 0.3;

  private Threads() {}

  /** Work that is spread over threads. */
  enum Spread {
    TEACHER_STEP("training step 32×32, bge-small", Contender.MAQUE, Contender.MAQUE_BF16) {
      @Override
      Work open(String contender, int threads) {
        return TrainingWork.step(contender, BertShape.SMALL, 32, 32, threads);
      }
    },
    STUDENT_STEP(
        "training step, sequence student 300/300, 64 titles",
        Contender.MAQUE,
        Contender.MAQUE_BF16) {
      @Override
      Work open(String contender, int threads) {
        return TrainingWork.student(contender, 64, DROPOUT, threads);
      }
    },
    TEACHER_SCORING(
        "scoring " + SCORED + " titles, teacher bge-small-zh",
        Contender.MAQUE,
        Contender.MAQUE_INT8) {
      @Override
      Work open(String contender, int threads) {
        ModelDirectory teacher =
            ModelDirectory.read(Material.teacherPath(contender, Material.teacher()));
        return new Scoring(Teacher.of(teacher), threads);
      }
    },
    STUDENT_SCORING(
        "scoring " + SCORED + " titles, sequence student 300/300",
        Contender.MAQUE,
        Contender.MAQUE_INT8) {
      @Override
      Work open(String contender, int threads) {
        ModelDirectory student =
            ModelDirectory.read(Material.form(contender, Material.sequence(Material.SEQUENCE)));
        return new Scoring(Student.of(student), threads);
      }
    };

    private final String shown;
    private final List<String> contenders;

    Spread(String shown, String... contenders) {
      this.shown = shown;
      this.contenders = List.of(contenders);
    }

    abstract Work open(String contender, int threads);
  }

  static List<Map<String, Object>> measure(Report report, boolean quick) throws IOException {
    Callers.Pair pair = Callers.Pair.here();
    List<Map<String, Object>> rows = new ArrayList<>();
    for (Spread spread : Spread.values()) {
      for (String contender : spread.contenders) {
        try {
          rows.add(measure(report, spread, contender, pair, quick));
        } catch (RunnerException | RuntimeException e) {
          System.out.println("  2 threads, " + spread.shown + ": " + e.getMessage());
        }
      }
    }
    return rows;
  }

  private static Map<String, Object> measure(
      Report report, Spread spread, String contender, Callers.Pair pair, boolean quick)
      throws RunnerException {
    double[] best = Measurement.threads(spread.name(), contender, pair.both(), quick ? 4 : 12);
    Map<String, Object> row =
        report.add(
            "2 threads, " + spread.shown,
            Contender.precision(contender),
            "ms",
            best[1] * 1e3,
            best[0] * 1e3,
            "1 thread",
            false);
    row.put("task", Suite.THREADS);
    row.put("limit", "two CPUs' multiply-adds");
    row.put("percent_of_limit", 100 * best[0] / best[1] / pair.scaling());
    row.put("cpus", pair.what());
    return row;
  }

  /** A model's logits of titles, as soft targets and evaluations get them. */
  private record Scoring(TextClassifier model, RunControl control, maque.training.Texts texts)
      implements Work {
    Scoring(TextClassifier model, int threads) {
      this(model, RunControl.quiet().withThreads(threads), titles());
    }

    private static maque.training.Texts titles() {
      List<String> own = Material.texts();
      List<String> titles = new ArrayList<>();
      for (int i = 0; i < SCORED; i++) {
        titles.add(own.get(i % own.size()));
      }
      return maque.training.Texts.of(titles);
    }

    @Override
    public Object run() {
      return Evaluation.logits(model, texts, control);
    }

    @Override
    public float[] result() {
      return Evaluation.logits(model, texts, control)[0];
    }

    @Override
    public void close() {
      model.close();
    }
  }
}
