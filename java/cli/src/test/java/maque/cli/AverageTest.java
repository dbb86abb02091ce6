package maque.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Students that go on from another, and their mean, made again from their records. */
class AverageTest {
  @TempDir private static Path folder;

  private static Path train;
  private static Path dev;
  private static Path start;

  @BeforeAll
  static void students() throws IOException {
    train = Tiny.data(folder.resolve("train.jsonl"), 80, 1);
    dev = Tiny.data(folder.resolve("dev.jsonl"), 40, 2);
    start = student("start", "--epochs", 1, "--max-tokens", 20);
    student("first", "--start", start, "--seed", 2, "--max-tokens", 20);
    student("second", "--start", start, "--seed", 3, "--max-tokens", 20);
  }

  private static Path student(String out, Object... more) {
    List<Object> args =
        new ArrayList<>(List.of("train-student", "--train", train, "--dev", dev, "--lr", "3e-3"));
    String shape = "--tokens words --segmenter spaces --embedding-size 8 --hidden-size 4 --head 4";
    args.addAll(List.of(shape.split(" ")));
    args.addAll(List.of("--out", folder.resolve(out)));
    args.addAll(List.of(more));
    Tiny.Outcome made = Tiny.maque(args.toArray());
    assertEquals(0, made.code(), made.err());
    return folder.resolve(out);
  }

  private static Tiny.Outcome succeeds(Object... args) {
    Tiny.Outcome outcome = Tiny.maque(args);
    assertEquals(0, outcome.code(), outcome.err() + outcome.out());
    return outcome;
  }

  @Test
  void aStudentThatWentOnIsMadeAgain() {
    Path again = folder.resolve("first-again");
    Path first = folder.resolve("first");
    Tiny.Outcome made =
        succeeds(
            "rebuild", first, "--train", train, "--dev", dev, "--start", start, "--out", again);
    assertTrue(made.out().contains("byte for byte"), made.out());
    Object[] common = {"rebuild", first, "--train", train, "--dev", dev, "--out", "never"};
    Tiny.fails(1, "was made with start of SHA-256", common);
    List<Object> other = new ArrayList<>(List.of(common));
    other.addAll(List.of("--start", folder.resolve("second")));
    Tiny.fails(1, "was made with start of SHA-256", other.toArray());
  }

  @Test
  void theMeanIsMeasuredVerifiedAndMadeAgain() {
    Path first = folder.resolve("first");
    Path second = folder.resolve("second");
    Path mean = folder.resolve("mean");
    Tiny.Outcome made = succeeds("average", first, second, "--dev", dev, "--out", mean);
    assertTrue(made.out().matches("(?s).*: dev accuracy 0\\.\\d{4}, its parents' 0.*"), made.out());
    succeeds("verify", mean, "--data", dev);
    succeeds("predict", "--student", mean, "old horse");
    Path again = folder.resolve("mean-again");
    Object[] rebuild = {"rebuild", mean, "--dev", dev, "--out", again, "--parent", second};
    Tiny.fails(1, "was also made of the students of fingerprint [", rebuild);
    List<Object> whole = new ArrayList<>(List.of(rebuild));
    whole.addAll(List.of("--parent", first));
    Tiny.Outcome same = succeeds(whole.toArray());
    assertTrue(same.out().contains("byte for byte"), same.out());
    Tiny.fails(
        1, "was not made of", "rebuild", mean, "--parent", start, "--dev", dev, "--out", "n");
    Tiny.fails(1, "dev of SHA-256", "rebuild", mean, "--parent", first, "--out", "never");
    Tiny.fails(2, "which --parent names", "rebuild", mean, "--out", "never");
    Object[] trained = {"rebuild", mean, "--parent", first, "--train", train, "--out", "never"};
    Tiny.fails(2, "nothing is trained", trained);
    Tiny.fails(2, "needs --train", "rebuild", first, "--out", "never");
  }

  @Test
  void wrongStudentsAreToldInALine() throws IOException {
    Path first = folder.resolve("first");
    Tiny.fails(2, "", "average", first, "--out", folder.resolve("never"));
    Tiny.fails(1, "the same model", "average", first, first, "--out", folder.resolve("never"));
    Tiny.fails(1, "none", "average", first, folder.resolve("none"), "--out", "never");
    Tiny.fails(1, "exists already", "average", first, start, "--out", first);
    Path apart = student("apart", "--seed", 9, "--max-tokens", 20, "--epochs", 1);
    Tiny.fails(1, "did not go on from", "average", first, apart, "--out", "never");
    Path shorter = student("short", "--max-tokens", 19, "--epochs", 1);
    Tiny.fails(1, "max_tokens", "average", first, shorter, "--out", "never");
  }
}
