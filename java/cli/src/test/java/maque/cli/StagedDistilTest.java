package maque.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
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

/** An experiment whose distilled students learn other texts first. */
class StagedDistilTest {
  @TempDir private static Path folder;

  private static Path out;
  private static Tiny.Outcome outcome;

  @BeforeAll
  static void distil() throws IOException {
    Tiny.data(folder.resolve("train.jsonl"), 60, 1);
    Tiny.data(folder.resolve("dev.jsonl"), 40, 2);
    Tiny.data(folder.resolve("test.jsonl"), 40, 3);
    Tiny.lines(folder.resolve("more.txt"), 30, 4);
    Files.writeString(
        folder.resolve("words.jsonl"),
        List.of("cat", "dog", "moss", "fern", "old", "unheard").stream()
            .map(word -> "{\"text\":\"" + word + "\",\"operations\":[\"dictionary\"]}\n")
            .reduce("", String::concat));
    Path encoder = folder.resolve("encoder");
    Tiny.maque("import", Tiny.huggingFace(folder.resolve("hf")), "--out", encoder);
    Tiny.Outcome teacher =
        Tiny.maque(
            "train-teacher",
            "--encoder",
            encoder,
            "--train",
            folder.resolve("train.jsonl"),
            "--epochs",
            2,
            "--out",
            folder.resolve("teacher"));
    assertEquals(0, teacher.code(), teacher.err());
    out = folder.resolve("run");
    outcome = distil(out);
    assertEquals(0, outcome.code(), outcome.err());
  }

  private static Tiny.Outcome distil(Path out, Object... more) {
    List<Object> words = new ArrayList<>(List.of("distil", "--teacher", folder.resolve("teacher")));
    for (String file : List.of("train", "dev", "test")) {
      words.addAll(List.of("--" + file, folder.resolve(file + ".jsonl")));
    }
    words.addAll(List.of("--unlabelled", folder.resolve("more.txt")));
    words.addAll(List.of("--first-unlabelled", folder.resolve("words.jsonl")));
    words.addAll(List.of("--first", "--epochs 3 --lr 1e-2", "--seeds", 2));
    words.addAll(
        List.of(
            ("--tokens words --segmenter spaces --embedding-size 8 --hidden-size 4 --head 4"
                    + " --ngram-buckets 256 --ngram-width 4 --epochs 2 --lr 5e-3")
                .split(" ")));
    words.addAll(List.of("--distilled", "", "--distilled", "--lr 1e-3"));
    words.addAll(List.of("--alone", "--kind bag --ngram-buckets 64 --ngram-width 4 --epochs 1"));
    words.addAll(List.of("--out", out));
    words.addAll(List.of(more));
    return Tiny.maque(words.toArray());
  }

  private static JsonNode summary(Path run) throws IOException {
    return new ObjectMapper().readTree(run.resolve("summary.json").toFile());
  }

  private static Path served() throws IOException {
    return out.resolve("students").resolve(summary(out).path("served").asText());
  }

  /** Candidates that differ in the second stage share the first. */
  @Test
  void theFirstStageIsKeptAndTold() throws IOException {
    JsonNode first = summary(out).path("first");
    assertEquals(2, first.path("runs").size(), first.toString());
    assertEquals(
        "students/distilled-1-first-seed1", first.path("runs").path(0).path("model").asText());
    assertTrue(first.path("options").asText().endsWith("--epochs 3 --lr 1e-2"), first.toString());
    assertTrue(first.path("dev_accuracy").isNumber());
    assertFalse(Files.exists(out.resolve("students").resolve("distilled-2-first-seed1")));
    assertEquals(6, summary(out).path("data").path("first_unlabelled").path("texts").asInt());
    assertEquals(30, summary(out).path("data").path("unlabelled").path("texts").asInt());
    assertTrue(outcome.out().contains("two stages: after the first, with 6 more"), outcome.out());
    String html = Files.readString(out.resolve("report.html"));
    assertTrue(html.contains("Stages of the distilled student"), html);
    assertTrue(html.contains("unlabelled, first stage"), html);
    for (int seed = 1; seed <= 2; seed++) {
      ModelDirectory before =
          ModelDirectory.read(out.resolve("students/distilled-1-first-seed" + seed));
      assertTrue(before.vocab().contains("unheard"), before.vocab().toString());
      String name = served().getFileName().toString().replaceAll("\\d+$", "" + seed);
      JsonNode record =
          new ObjectMapper()
              .readTree(out.resolve("students").resolve(name).resolve("training.json").toFile());
      assertEquals(before.fingerprint(), record.path("inputs").path("start").asText());
      assertEquals(30, record.path("inputs").path("transfer").path("texts").asInt());
    }
  }

  @Test
  void bothStagesAreMadeAgainAndVerified() throws IOException {
    Path first = out.resolve("students/distilled-1-first-seed1");
    Tiny.Outcome before =
        rebuild(first, "first-again", "--unlabelled", folder.resolve("words.jsonl"));
    assertTrue(before.out().contains("byte for byte"), before.err() + before.out());
    String seed = served().getFileName().toString().replaceAll(".*seed", "");
    Path start = out.resolve("students/distilled-1-first-seed" + seed);
    Tiny.Outcome student = rebuild(out.resolve("student"), "again", "--start", start);
    assertTrue(student.out().contains("byte for byte"), student.err() + student.out());
    Tiny.Outcome without = rebuild(out.resolve("student"), "never");
    assertTrue(without.errorLine().contains("was made with start of SHA-256"), without.err());
    for (String file : List.of("dev.jsonl", "test.jsonl")) {
      Tiny.Outcome verified = Tiny.maque("verify", out, "--data", folder.resolve(file));
      assertEquals(0, verified.code(), verified.err() + verified.out());
      assertEquals(file.startsWith("dev"), verified.out().contains("first-seed2"), verified.out());
    }
  }

  /** A first stage's students have figures on dev alone, also where it is the same file as test. */
  @Test
  void aFirstStageIsVerifiedWhereTestIsDev() throws IOException {
    ObjectNode summary = new ObjectMapper().createObjectNode();
    summary.set("first", summary(out).path("first"));
    JsonNode dev = summary(out).path("data").path("dev");
    summary.putObject("data").setAll(Map.of("dev", dev, "test", dev));
    Path same = Files.createDirectory(folder.resolve("same"));
    Files.createSymbolicLink(same.resolve("students"), out.resolve("students"));
    Files.writeString(same.resolve("summary.json"), summary.toString());
    Tiny.Outcome verified = Tiny.maque("verify", same, "--data", folder.resolve("dev.jsonl"));
    assertEquals(0, verified.code(), verified.err() + verified.out());
    assertTrue(verified.out().contains("dev of " + same), verified.out());
  }

  private static Tiny.Outcome rebuild(Path model, String again, Object... more) {
    List<Object> words = new ArrayList<>(List.of("rebuild", model));
    words.addAll(List.of("--teacher", folder.resolve("teacher")));
    words.addAll(List.of("--soft-targets", out.resolve("soft-targets")));
    words.addAll(List.of("--train", folder.resolve("train.jsonl")));
    words.addAll(List.of("--dev", folder.resolve("dev.jsonl")));
    words.addAll(List.of("--unlabelled", folder.resolve("more.txt")));
    words.addAll(List.of("--out", folder.resolve(again)));
    words.addAll(List.of(more));
    return Tiny.maque(words.toArray());
  }

  @Test
  void theSameCommandDoesNothingTwice() throws IOException {
    String before = Files.readString(out.resolve("summary.json"));
    Tiny.Outcome again = distil(out);
    assertEquals(0, again.code(), again.err());
    assertFalse(again.err().contains("steps in"), again.err());
    assertEquals(before, Files.readString(out.resolve("summary.json")));
    Tiny.Outcome curves = distil(out, "--curves");
    assertEquals(0, curves.code(), curves.err());
    assertTrue(Files.exists(out.resolve("curves/unlabelled-15-first-seed1/maque.json")));
  }

  @Test
  void aFirstStageThatTheSecondCannotGoOnFromIsRefusedAtOnce() {
    for (String options : List.of("--hidden-size 6", "--kind sequence", "--ngrams 1-2")) {
      usageError("than its second stage has", "--first", options);
    }
    usageError("--vectors FILE go together", "--first", "--embeddings vectors");
    usageError("hidden_size 6, another than", "--first", "--hidden-size 6");
    usageError("are no options of train-student", "--first", "--nonsense 3");
    Path fresh = folder.resolve("fresh");
    Tiny.Outcome missing = distil(fresh, "--first-unlabelled", folder.resolve("none.txt"));
    assertEquals(1, missing.code());
    assertTrue(missing.err().contains("none.txt"), missing.err());
  }

  private static void usageError(String said, Object... more) {
    Path fresh = folder.resolve("wrong");
    Object[] words = {
      "distil", "--teacher", "t", "--train", "a", "--dev", "b", "--test", "c", "--out", fresh
    };
    List<Object> all = new ArrayList<>(List.of(words));
    all.addAll(List.of(more));
    Tiny.fails(2, said, all.toArray());
    assertFalse(Files.exists(fresh));
  }
}
