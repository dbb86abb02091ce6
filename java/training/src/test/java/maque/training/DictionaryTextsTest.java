package maque.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import maque.runtime.InvalidInputException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DictionaryTextsTest {
  private static final List<String> WORDS =
      IntStream.range(0, 9000).mapToObj(i -> "字" + i + (i % 7 == 0 ? "\"\n" : "")).toList();

  @TempDir private Path folder;

  private Path write(String name, List<String> words, int count, long seed) {
    Path out = folder.resolve(name);
    DictionaryTexts.write(words, count, seed, out, RunControl.quiet());
    return out;
  }

  @Test
  void drawsDifferentWordsThatNoLabelComesWith() throws IOException {
    Path out = write("words.jsonl", WORDS, 5000, 1);
    DataSet read = DataSet.read(out, DataOptions.defaults().unlabelled());
    assertEquals(5000, read.size());
    HashSet<String> seen = new HashSet<>();
    for (Example example : read.examples()) {
      assertTrue(seen.add(example.text()) && WORDS.contains(example.text()), example.text());
      assertEquals(Example.NO_LABEL, example.label());
    }
    String line = Files.readAllLines(out).get(0);
    assertTrue(line.endsWith("\"operations\":[\"dictionary\"]}"), line);
  }

  @Test
  void theSeedDecidesAndTheOrderOfTheDictionaryDoesNot() throws IOException {
    String drawn = Files.readString(write("one", WORDS, 100, 1));
    List<String> other = new ArrayList<>(WORDS);
    other.addAll(WORDS.subList(0, 50));
    Collections.shuffle(other, new Random(3));
    assertEquals(drawn, Files.readString(write("two", other, 100, 1)));
    assertNotEquals(drawn, Files.readString(write("three", WORDS, 100, 2)));
    assertEquals(9000, Files.readAllLines(write("all", WORDS, 9000, 1)).size());
  }

  @Test
  void wrongNumbersAndPlacesAreRefused() throws IOException {
    for (int count : new int[] {0, -1, 9001}) {
      String message =
          assertThrows(InvalidInputException.class, () -> write("never", WORDS, count, 1))
              .getMessage();
      assertTrue(message.contains("has 1 to 9000"), message);
    }
    Path there = Files.writeString(folder.resolve("there"), "kept");
    assertThrows(InvalidInputException.class, () -> write("there", WORDS, 10, 1));
    assertEquals("kept", Files.readString(there));
    CancellationToken token = new CancellationToken();
    token.cancel();
    RunControl stopped = new RunControl(ProgressListener.NONE, token, 1);
    assertThrows(
        CancelledException.class,
        () -> DictionaryTexts.write(WORDS, 9000, 1, folder.resolve("never"), stopped));
    assertFalse(Files.exists(folder.resolve("never")));
  }
}
