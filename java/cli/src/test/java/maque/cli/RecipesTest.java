package maque.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import maque.runtime.ModelDirectory;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Synthetic texts, several teachers and other systems' logits, by their commands. */
class RecipesTest {
  @TempDir private static Path folder;

  private static Path train;
  private static Path synthetic;
  private static final List<Path> TEACHERS = new ArrayList<>();

  @BeforeAll
  static void teachersAndTexts() throws IOException {
    train = Tiny.data(folder.resolve("train.jsonl"), 60, 1);
    Path encoder = folder.resolve("encoder");
    run("import", Tiny.huggingFace(folder.resolve("hf")), "--out", encoder);
    for (String seed : List.of("1", "2")) {
      Path teacher = folder.resolve("teacher" + seed);
      run(
          "train-teacher",
          "--encoder",
          encoder,
          "--train",
          train,
          "--out",
          teacher,
          "--epochs",
          2,
          "--seed",
          seed);
      TEACHERS.add(teacher);
    }
    synthetic = folder.resolve("synthetic.jsonl");
    Tiny.Outcome outcome =
        run("augment", "--texts", train, "--out", synthetic, "--rounds", 4, "--threads", 2);
    assertTrue(outcome.err().contains("words and parts of speech by opennlp"), outcome.err());
    assertTrue(outcome.out().contains("synthetic texts of 60 texts"), outcome.out());
    assertTrue(Files.readAllLines(synthetic).get(0).contains("\"parent\":"));
  }

  private static Tiny.Outcome run(Object... args) {
    Tiny.Outcome outcome = Tiny.maque(args);
    assertEquals(0, outcome.code(), outcome.err());
    return outcome;
  }

  private static Tiny.Outcome student(String name, Object... more) {
    List<Object> args =
        new ArrayList<>(List.of("train-student", "--train", train, "--out", folder.resolve(name)));
    args.addAll(List.of("--embedding-size", 6, "--hidden-size", 4, "--head", 4, "--epochs", 2));
    args.addAll(List.of(more));
    return Tiny.maque(args.toArray());
  }

  private static Map<?, ?> inputs(String name) {
    return (Map<?, ?>) ModelDirectory.read(folder.resolve(name)).training().get("inputs");
  }

  @Test
  void aStudentOfTwoTeachersOnSyntheticTexts() {
    Path logits = folder.resolve("logits");
    Path a = TEACHERS.get(0);
    Path b = TEACHERS.get(1);
    run("soft-targets", "--teacher", a, "--teacher", b, "--out", logits, train, synthetic);
    Object[] rest = {
      "--soft-targets", logits, "--unlabelled", synthetic, "--soft-loss", "kl", "--alpha", "0.5:0"
    };
    Tiny.Outcome both = student("both", with(rest, "--teacher", a, "--teacher", b));
    assertEquals(0, both.code(), both.err());
    assertTrue(
        both.out().matches("(?s).*\\d+ % of the gradient from soft targets\\s*"), both.out());
    assertEquals(0, student("swapped", with(rest, "--teacher", b, "--teacher", a)).code());
    assertEquals(0, student("one", with(rest, "--teacher", a)).code());
    assertEquals(inputs("both").get("soft_targets"), inputs("swapped").get("soft_targets"));
    assertEquals(inputs("both").get("teacher"), inputs("swapped").get("teacher"));
    assertTrue(!inputs("both").get("soft_targets").equals(inputs("one").get("soft_targets")));
    assertTrue(((Long) ((Map<?, ?>) inputs("both").get("transfer")).get("texts")) > 60);
  }

  private static Object[] with(Object[] first, Object... second) {
    List<Object> all = new ArrayList<>(List.of(first));
    all.addAll(List.of(second));
    return all.toArray();
  }

  @Test
  void syntheticTextsAreNoLabelledOnes() {
    Tiny.Outcome outcome =
        Tiny.maque(
            "train-student",
            "--train",
            synthetic,
            "--teacher",
            TEACHERS.get(0),
            "--out",
            folder.resolve("no"));
    assertEquals(1, outcome.code());
    assertTrue(outcome.errorLine().contains("field 'label' is missing"), outcome.err());
    Tiny.Outcome again = Tiny.maque("augment", "--texts", train, "--out", synthetic);
    assertTrue(again.errorLine().contains("exists already"), again.err());
  }

  @Test
  void anotherSystemsLogitsDirectlyAndThroughAStore() throws IOException {
    Path csv = logits("logits.csv", "plant,text,animal");
    Object[] words = {"--tokens", "words", "--soft-loss", "kl"};
    Tiny.Outcome direct = student("direct", with(words, "--logits", csv));
    assertEquals(0, direct.code(), direct.err());

    Path store = folder.resolve("others");
    String said = run("soft-targets", "--logits", csv, "--out", store).err();
    String key = said.replaceAll("(?s).*--soft-key ([0-9a-f]+).*", "$1");
    Tiny.Outcome stored =
        student("stored", with(words, "--soft-targets", store, "--soft-key", key));
    assertEquals(0, stored.code(), stored.err());
    for (String file : List.of("model.safetensors", "training.json")) {
      assertEquals(
          -1,
          Files.mismatch(
              folder.resolve("direct").resolve(file), folder.resolve("stored").resolve(file)));
    }
    Path wrong = logits("wrong.csv", "plant,text,stone");
    Tiny.Outcome refused = student("refused", with(words, "--logits", wrong));
    assertEquals(1, refused.code());
    String line = refused.errorLine();
    assertTrue(line.contains("[plant, stone]") && line.contains("[animal, plant]"), line);
  }

  /** A table of every training text; the columns' names as given. */
  private static Path logits(String name, String header) throws IOException {
    List<String> lines = new ArrayList<>(List.of(header));
    for (String row : Files.readAllLines(train)) {
      String text = row.replaceAll(".*\"text\": \"([^\"]*)\".*", "$1");
      String values = row.contains("plant\"") ? "3,%s,-1" : "-1,%s,3";
      lines.add(String.format(values, text));
    }
    return Files.write(folder.resolve(name), lines);
  }
}
