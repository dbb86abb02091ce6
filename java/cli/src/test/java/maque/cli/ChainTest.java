package maque.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import maque.runtime.ModelDirectory;
import maque.runtime.Tensor;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The whole chain by its commands: import, train-teacher, soft-targets, train-student, evaluate,
 * predict.
 */
class ChainTest {
  private static final String TEXT = "the small old horse";

  @TempDir private static Path folder;

  private static Path teacher;
  private static Path student;
  private static Path test;

  @BeforeAll
  static void chain() throws IOException {
    Path train = Tiny.data(folder.resolve("train.jsonl"), 200, 1);
    test = Tiny.data(folder.resolve("test.jsonl"), 60, 2);
    Path unlabelled = Tiny.lines(folder.resolve("more.txt"), 200, 3);
    Path encoder = folder.resolve("encoder");
    teacher = folder.resolve("teacher");
    student = folder.resolve("student");
    Path logits = folder.resolve("logits");
    run("import", Tiny.huggingFace(folder.resolve("hf")), "--out", encoder);
    run(
        "train-teacher",
        "--encoder",
        encoder,
        "--train",
        train,
        "--out",
        teacher,
        "--epochs",
        12,
        "--lr",
        "3e-3",
        "--threads",
        2);
    run("soft-targets", "--teacher", teacher, "--out", logits, train, unlabelled);
    run(
        "train-student",
        "--teacher",
        teacher,
        "--train",
        train,
        "--unlabelled",
        unlabelled,
        "--soft-targets",
        logits,
        "--out",
        student,
        "--embedding-size",
        12,
        "--hidden-size",
        8,
        "--head",
        8,
        "--epochs",
        15,
        "--lr",
        "1e-2");
  }

  private static Tiny.Outcome run(Object... args) {
    Tiny.Outcome outcome = Tiny.maque(args);
    assertEquals(0, outcome.code(), outcome.err());
    return outcome;
  }

  @Test
  void teacherAndStudentHaveLearnt() {
    for (Path model : List.of(teacher, student)) {
      Tiny.Outcome outcome = run("evaluate", "--model", model, test);
      assertTrue(outcome.out().contains("weighted avg"), outcome.out());
      double accuracy =
          outcome
              .out()
              .lines()
              .filter(line -> line.strip().startsWith("accuracy"))
              .mapToDouble(line -> Double.parseDouble(line.strip().split("\\s+")[1]))
              .findFirst()
              .orElseThrow();
      assertTrue(accuracy > 0.9, outcome.out());
    }
  }

  @Test
  void predictAnswersArgumentsInText() {
    Tiny.Outcome outcome = run("predict", "--teacher", teacher, "--student", student, TEXT);
    String[] lines = outcome.out().split("\\R");
    assertEquals(3, lines.length, outcome.out());
    assertEquals(TEXT, lines[0]);
    assertTrue(lines[1].matches("  teacher animal 0\\.\\d+  plant 0\\.\\d+  in .*"), lines[1]);
    assertTrue(lines[2].matches("  student animal 0\\.\\d+  plant 0\\.\\d+  in .*"), lines[2]);
  }

  @Test
  void predictAnswersLinesOfAFileInJson() throws IOException {
    Path file = folder.resolve("two.txt");
    Files.write(file, List.of(TEXT, ""));
    Tiny.Outcome outcome = run("predict", "--student", student, "--json", "--file", file);
    List<String> lines = outcome.out().lines().toList();
    assertEquals(2, lines.size());
    JsonNode first = new ObjectMapper().readTree(lines.get(0));
    assertEquals(TEXT, first.path("text").asText());
    assertEquals("animal", first.path("student").path("label").asText());
    JsonNode probabilities = first.path("student").path("probabilities");
    assertEquals(
        1, probabilities.path("animal").asDouble() + probabilities.path("plant").asDouble(), 1e-6);
    assertTrue(first.path("student").path("micros").asDouble() > 0);
    assertFalse(first.has("teacher"));
  }

  @Test
  void predictReadsStandardInput() {
    InputStream before = System.in;
    System.setIn(new ByteArrayInputStream("moss\n".getBytes(StandardCharsets.UTF_8)));
    try {
      Tiny.Outcome outcome = run("predict", "--student", student);
      assertTrue(outcome.out().startsWith("moss"), outcome.out());
    } finally {
      System.setIn(before);
    }
  }

  @Test
  void theSameSeedGivesTheSameFilesForAnyNumberOfThreads() throws IOException {
    Path train = folder.resolve("train.jsonl");
    for (int threads : new int[] {1, 2}) {
      run(
          "train-student",
          "--teacher",
          teacher,
          "--train",
          train,
          "--out",
          folder.resolve("alone" + threads),
          "--embedding-size",
          12,
          "--hidden-size",
          8,
          "--head",
          8,
          "--epochs",
          2,
          "--threads",
          threads);
    }
    for (String name : List.of("model.safetensors", "training.json", "maque.json")) {
      assertEquals(
          -1,
          Files.mismatch(
              folder.resolve("alone1").resolve(name), folder.resolve("alone2").resolve(name)),
          name);
    }
  }

  @Test
  void evaluateScoresOnItsThreads() throws IOException {
    for (int threads : new int[] {1, 2}) {
      Tiny.Outcome outcome = run("evaluate", "--model", student, test, "--threads", threads);
      String expected = threads == 1 ? "60 texts on one thread" : "60 texts on 2 threads";
      assertTrue(outcome.out().contains(expected), outcome.out());
    }
    Tiny.Outcome json = run("evaluate", "--model", teacher, test, "--threads", 2, "--json");
    JsonNode result = new ObjectMapper().readTree(json.out());
    assertEquals(2, result.path("threads").asInt());
    assertEquals(60, result.path("texts").asInt());
  }

  /** How sure the models are, and what deferring to the first one is worth. */
  @Test
  void evaluateShowsCalibrationAndDeferral() throws IOException {
    Tiny.Outcome one = run("evaluate", "--model", student, test);
    assertTrue(one.out().contains("calibration error "), one.out());
    assertTrue(one.out().contains("deferred  threshold  accuracy of the rest\n"), one.out());
    Tiny.Outcome two = run("evaluate", "--model", teacher, "--model", student, test);
    assertTrue(
        two.out().contains("cascade: what is deferred is answered by " + teacher), two.out());
    Tiny.Outcome json = run("evaluate", "--model", teacher, "--model", student, test, "--json");
    String[] lines = json.out().split("\\R");
    JsonNode taught = new ObjectMapper().readTree(lines[0]);
    JsonNode result = new ObjectMapper().readTree(lines[1]);
    assertTrue(result.at("/calibration/temperature").asDouble() > 0);
    assertTrue(result.at("/calibration/error_without").asDouble() >= 0);
    JsonNode nothing = result.at("/deferral/0");
    assertEquals(0, nothing.path("threshold").asDouble());
    assertEquals(result.path("accuracy"), nothing.path("accuracy_of_rest"));
    assertEquals(result.path("accuracy"), nothing.path("accuracy_of_cascade"));
    assertTrue(taught.at("/deferral/0/accuracy_of_cascade").isMissingNode());
  }

  @Test
  void aWeightThatIsNotGivenKeepsThePresets() throws IOException {
    Path out = folder.resolve("weighted");
    run(
        "train-student",
        "--preset",
        "seed",
        "--ce-weight",
        "1.5",
        "--max-steps",
        2,
        "--teacher",
        teacher,
        "--train",
        folder.resolve("train.jsonl"),
        "--unlabelled",
        folder.resolve("more.txt"),
        "--soft-targets",
        folder.resolve("logits"),
        "--embedding-size",
        4,
        "--hidden-size",
        4,
        "--lr-scale",
        "lstm.=0.5",
        "--class-weights",
        "balanced",
        "--out",
        out);
    JsonNode options =
        new ObjectMapper().readTree(out.resolve("training.json").toFile()).path("options");
    assertEquals(1.5, options.path("ce_weight").asDouble());
    assertEquals(2, options.path("soft_weight").asDouble());
    assertEquals(0.5, options.path("lr_scale").path("lstm.").asDouble(), options.toString());
    assertEquals(2, options.path("class_weights").size(), options.toString());
  }

  @Test
  void infoDescribesAModelInOneFile() {
    Path file = folder.resolve("student.maque");
    ModelDirectory model = ModelDirectory.read(student);
    ModelDirectory.pack(model, file);
    Tiny.Outcome outcome = run("info", file);
    long parameters = model.nativeTensors().values().stream().mapToLong(Tensor::elements).sum();
    assertTrue(outcome.out().matches("(?s).*checksums +right\\R.*"), outcome.out());
    assertTrue(
        outcome.out().matches("(?s).*parameters +" + String.format("%,d", parameters) + "\\R.*"),
        outcome.out());
  }

  @Test
  void infoDescribesAModel() {
    Tiny.Outcome outcome = run("info", student);
    assertTrue(outcome.out().contains("maque-sequence"), outcome.out());
    assertTrue(outcome.out().contains("[animal, plant]"), outcome.out());
  }

  @Test
  void anExistingOutputIsNotOverwritten() {
    Tiny.Outcome outcome =
        Tiny.maque(
            "train-student",
            "--teacher",
            teacher,
            "--train",
            folder.resolve("train.jsonl"),
            "--out",
            student);
    assertEquals(1, outcome.code());
    assertEquals("maque train-student: " + student + " exists already", outcome.errorLine());
  }
}
