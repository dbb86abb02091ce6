package maque.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The experiment from text files to verdict, on a task that a few epochs solve. */
class DistilTest {
  @TempDir private static Path folder;

  private static Path encoder;
  private static Path out;
  private static Tiny.Outcome outcome;

  @BeforeAll
  static void distil() throws IOException {
    Tiny.data(folder.resolve("train.jsonl"), 120, 1);
    Tiny.data(folder.resolve("dev.jsonl"), 40, 2);
    Tiny.data(folder.resolve("test.jsonl"), 60, 3);
    Tiny.lines(folder.resolve("more.txt"), 80, 4);
    encoder = folder.resolve("encoder");
    Tiny.maque("import", Tiny.huggingFace(folder.resolve("hf")), "--out", encoder);
    out = folder.resolve("run");
    outcome = Tiny.maque(command(out).toArray());
    assertEquals(0, outcome.code(), outcome.err());
  }

  private static List<Object> command(Path out, Object... more) {
    List<Object> words =
        new ArrayList<>(
            List.of(
                "distil",
                "--encoder",
                encoder,
                "--teacher-options",
                "--epochs 6 --lr 3e-3",
                "--train",
                folder.resolve("train.jsonl"),
                "--dev",
                folder.resolve("dev.jsonl"),
                "--test",
                folder.resolve("test.jsonl"),
                "--unlabelled",
                folder.resolve("more.txt"),
                "--label-limit",
                40,
                "--draw",
                "even",
                "--seeds",
                2,
                "--embedding-size",
                12,
                "--hidden-size",
                8,
                "--head",
                8,
                "--epochs",
                4,
                "--lr",
                "1e-2",
                "--alone",
                "--kind sequence --embedding-size 8 --hidden-size 4 --head 4 --epochs 2",
                "--alone",
                "--kind document --train-vectors --embedding-size 8 --hidden-size 4 --epochs 2",
                "--out",
                out));
    words.addAll(List.of(more));
    return words;
  }

  private static JsonNode summary(Path run) throws IOException {
    return new ObjectMapper().readTree(run.resolve("summary.json").toFile());
  }

  @Test
  void theSummaryHasTheThreeAndTheVerdict() throws IOException {
    JsonNode summary = summary(out);
    for (String way : List.of("teacher", "alone", "distilled", "embeddings")) {
      for (String figure : List.of("accuracy", "macro_f1", "seconds")) {
        assertTrue(summary.path(way).path(figure).isNumber(), way + " " + summary);
      }
    }
    String verdict = summary.path("verdict").asText();
    assertTrue(List.of("PAYS", "DOES NOT PAY", "NOT PROVEN").contains(verdict), verdict);
    assertTrue(outcome.out().startsWith(verdict + ": "), outcome.out());
    assertEquals(2, summary.path("distilled").path("accuracies").size());
    assertEquals(2, summary.path("alone").path("tried").size());
    assertEquals(40, summary.path("data").path("train").path("texts").asInt());
    assertEquals(80 + 80, summary.path("data").path("unlabelled").path("texts").asInt());
  }

  @Test
  void theServedStudentRecordsWhatTestSaysOfIt() throws IOException {
    JsonNode training =
        new ObjectMapper().readTree(out.resolve("student").resolve("training.json").toFile());
    JsonNode test = training.path("metrics").path("test");
    assertEquals(60, test.path("examples").asInt(), training.toString());
    String served = summary(out).path("served").asText();
    assertEquals(
        -1,
        Files.mismatch(
            out.resolve("student").resolve("model.safetensors"),
            out.resolve("students").resolve(served).resolve("model.safetensors")));
    Tiny.Outcome answer = Tiny.maque("predict", "--student", out.resolve("student"), "old horse");
    assertEquals(0, answer.code(), answer.err());
  }

  @Test
  void theDrawIsEven() throws IOException {
    List<String> lines = Files.readAllLines(out.resolve("data").resolve("train.jsonl"));
    assertEquals(40, lines.size());
    assertEquals(20, lines.stream().filter(line -> line.contains("plant")).count());
  }

  @Test
  void theSameCommandDoesNothingTwiceAndGivesTheSame() throws IOException {
    byte[] before = Files.readAllBytes(out.resolve("summary.json"));
    byte[] student = Files.readAllBytes(out.resolve("student").resolve("maque.json"));
    Tiny.Outcome again = Tiny.maque(command(out).toArray());
    assertEquals(0, again.code(), again.err());
    assertEquals(outcome.out(), again.out());
    assertFalse(again.err().contains("steps in"), again.err());
    assertEquals(new String(before), Files.readString(out.resolve("summary.json")));
    Path other = folder.resolve("again");
    assertEquals(0, Tiny.maque(command(other, "--threads", 2).toArray()).code());
    assertEquals(
        new String(student), Files.readString(other.resolve("student").resolve("maque.json")));
  }

  @Test
  void wrongOptionsAreUsageErrors() {
    Path fresh = folder.resolve("fresh");
    usageError(command(fresh, "--teacher", encoder), "either --teacher or --encoder");
    usageError(command(fresh, "--seeds", 0), "--seeds");
    usageError(command(fresh, "--alone", "--embeddings teacher"), "takes nothing");
    usageError(command(fresh, "--alone", "--nonsense 3"), "--nonsense");
    usageError(command(fresh, "--distilled", "--epochs x"), "--epochs");
    usageError(command(fresh, "--distilled", "--embeddings vectors"), "--vectors FILE");
    assertFalse(Files.exists(fresh));
  }

  private static void usageError(List<Object> words, String expected) {
    List<Object> kept = new ArrayList<>(words);
    if (kept.lastIndexOf("--seeds") != kept.indexOf("--seeds")) {
      int first = kept.indexOf("--seeds");
      kept.remove(first + 1);
      kept.remove(first);
    }
    Tiny.Outcome wrong = Tiny.maque(kept.toArray());
    assertEquals(2, wrong.code(), wrong.err());
    assertTrue(wrong.errorLine().contains(expected), wrong.err());
  }
}
