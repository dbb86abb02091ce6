package maque.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import maque.runtime.Cascade;
import maque.runtime.ModelDirectory;
import maque.runtime.Ngrams;
import maque.runtime.Prediction;
import maque.runtime.Student;
import maque.runtime.Teacher;
import maque.training.DataSet;
import maque.training.Evaluation;
import maque.training.Example;
import maque.training.LogitStore;
import maque.training.Precision;
import maque.training.RunControl;
import maque.training.SoftTargets;
import maque.training.StudentOptions;
import maque.training.StudentPacking;
import maque.training.StudentTraining;
import maque.training.TeacherKey;
import maque.training.TeacherOptions;
import maque.training.TeacherTraining;
import maque.training.Texts;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Reads as a tutorial, from top to bottom: a teacher is fine-tuned on few labelled texts, it
 * answers many unlabelled ones, a student learns these answers, is packed, and serves.
 */
class TutorialTest {
  private static final List<String> LABELS = List.of("animal", "plant");
  private static final List<String> ANIMALS = List.of("cat", "dog", "horse", "mouse", "bird");
  private static final List<String> PLANTS = List.of("tree", "flower", "grass", "moss", "fern");
  private static final List<String> OTHERS = List.of("a", "the", "small", "large", "old", "of");
  private static final int MAX_TOKENS = 16;

  @TempDir private Path folder;

  @Test
  @Timeout(value = 4, unit = TimeUnit.MINUTES)
  void fromTextsToAStudentThatAnswers() throws IOException {
    // 1. Few texts with labels, and many without. Of files: DataSet.read and DataSet.readLabels.
    DataSet labelled = DataSet.of("labelled", examples(80, 1), LABELS);
    DataSet test = DataSet.of("test", examples(100, 2), LABELS);
    List<String> unlabelled = examples(400, 3).stream().map(Example::text).toList();

    // 2. The teacher: a BERT, fine-tuned on the labels. RunControl says who hears of the progress,
    // what may stop the run, and how many threads it has.
    Path encoder = RandomBert.write(folder.resolve("encoder"), words());
    Path teacherDirectory = folder.resolve("teacher");
    TeacherTraining.run(
        new TeacherTraining.Inputs(encoder, labelled, null, teacherDirectory),
        TeacherOptions.defaults()
            .train("all")
            .pooling("mean")
            .maxTokens(MAX_TOKENS)
            .epochs(30)
            .lr(5e-3)
            .batchSize(16)
            .seed(1),
        RunControl.quiet());

    // 3. Its answers to all texts, written once. A store is keyed by teacher and text: a second run
    // finds what is there, and another teacher never gets these.
    Path logits = folder.resolve("logits");
    TeacherKey key = TeacherKey.of(ModelDirectory.read(teacherDirectory));
    try (Teacher teacher = Teacher.load(teacherDirectory);
        LogitStore store = LogitStore.openForWriting(logits, key)) {
      SoftTargets.write(store, teacher, labelled, RunControl.quiet());
      SoftTargets.write(store, teacher, Texts.of(unlabelled), RunControl.quiet());
    }

    // 4. The student: a biLSTM of the teacher's word pieces, that learns the teacher's answers and
    // no label at all.
    Path studentDirectory = folder.resolve("student");
    try (LogitStore store = LogitStore.open(logits, key)) {
      StudentTraining.run(
          StudentTraining.Inputs.labelled(labelled, null, studentDirectory)
              .withTransfer(Texts.of(unlabelled))
              .withTeacher(teacherDirectory)
              .withSoft(store),
          StudentOptions.sequence()
              .embeddingSize(8)
              .hiddenSize(12)
              .head(List.of(8))
              .maxTokens(MAX_TOKENS)
              .distilledKl(0, 2)
              .epochs(10)
              .lr(1e-2)
              .batchSize(16)
              .seed(1),
          RunControl.quiet());
    }

    // 5. What a service loads: int8, in one file.
    Path file = folder.resolve("student.maque");
    StudentPacking.pack(
            ModelDirectory.read(studentDirectory),
            StudentPacking.Options.of(Precision.INT8),
            1,
            file)
        .commitFile();

    try (Student student = Student.load(file);
        Teacher teacher = Teacher.load(teacherDirectory)) {
      // 6. How good is it?
      Evaluation.Result result = Evaluation.run("student", student, test, RunControl.quiet());
      assertTrue(result.report().accuracy() > 0.9, result.report().text());

      // 7. An answer.
      Prediction answer = student.predict("the small old cat");
      assertEquals("animal", answer.label());
      assertEquals(2, answer.probabilities().length);
      assertFalse(answer.truncated());

      // 8. Where it must be fast: a session of one thread, which makes no garbage.
      Student.Session session = student.session();
      float[] probabilities = new float[student.labels().size()];
      int best = session.predict("a fern of the large tree", probabilities);
      assertEquals("plant", student.labels().get(best));

      // 9. What the student is not sure of, the teacher answers; here it never is sure enough.
      try (Cascade cascade = Cascade.sharing(student, teacher, 1)) {
        assertTrue(cascade.answer("the moss").deferred());
      }
    }
  }

  /** The script of the guide, run as a reader runs it. */
  @Test
  @Timeout(value = 4, unit = TimeUnit.MINUTES)
  void theShellsLinesRun() throws Exception {
    Path student = folder.resolve("bag");
    StudentTraining.run(
        StudentTraining.Inputs.labelled(
            DataSet.of("train", examples(400, 1), LABELS), null, student),
        StudentOptions.bag()
            .ngrams(new Ngrams(Ngrams.Unit.CHARACTERS, 1, 3, 1 << 10, 8))
            .batchSize(16)
            .epochs(8)
            .lr(1e-2)
            .seed(1),
        RunControl.quiet());
    Path script = Path.of(System.getProperty("maque.root"), "java/examples/tutorial/predict.jsh");
    Process shell =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "jshell").toString(),
                "--class-path",
                runtime(),
                "-R-Dmodel=" + student,
                script.toString())
            .redirectErrorStream(true)
            .start();
    shell.getOutputStream().close();
    String said = new String(shell.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, shell.waitFor(), said);
    assertTrue(said.matches("(?s)plant 0\\.\\d+\\R"), said);
  }

  /** The class path of who only asks: the runtime and JavaCPP. */
  private static String runtime() {
    return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
        .filter(entry -> entry.matches(".*(java/runtime/target|maque-runtime|javacpp).*"))
        .collect(Collectors.joining(File.pathSeparator));
  }

  private static List<String> words() {
    return Stream.of(OTHERS, ANIMALS, PLANTS).flatMap(List::stream).toList();
  }

  private static List<Example> examples(int n, long seed) {
    Random random = new Random(seed);
    List<Example> examples = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      int label = i % LABELS.size();
      StringBuilder text = new StringBuilder();
      for (int word = 0; word < 3; word++) {
        text.append(OTHERS.get(random.nextInt(OTHERS.size()))).append(' ');
      }
      List<String> nouns = label == 0 ? ANIMALS : PLANTS;
      examples.add(
          new Example(text.append(nouns.get(random.nextInt(nouns.size()))).toString(), label));
    }
    return examples;
  }
}
