package maque.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Words of a dictionary as a transfer set. */
class DictionaryTest {
  @TempDir private Path folder;

  @Test
  void chineseWordsTheSameForTheSameSeed() throws IOException {
    Path out = folder.resolve("words.jsonl");
    Object[] command = {"dictionary", "--language", "zh", "--words", 300, "--out"};
    Tiny.Outcome made = run(command, out);
    assertEquals(0, made.code(), made.err());
    assertTrue(
        made.out().matches("(?s).*words\\.jsonl: 300 of 1\\d\\d,\\d{3} words\\s*"), made.out());
    List<String> rows = Files.readAllLines(out);
    assertEquals(300, rows.stream().distinct().count());
    for (String row : rows) {
      assertTrue(
          row.matches("\\{\"text\":\"\\p{IsHan}{2,8}\",\"operations\":\\[\"dictionary\"]}"), row);
    }
    Path again = folder.resolve("again.jsonl");
    assertEquals(0, run(command, again).code());
    assertEquals(-1, Files.mismatch(out, again));
    Path other = folder.resolve("other.jsonl");
    assertEquals(0, run(command, other, "--seed", 2).code());
    assertTrue(Files.mismatch(out, other) >= 0);
    Tiny.Outcome twice = run(command, out);
    assertTrue(twice.code() == 1 && twice.errorLine().contains("exists already"), twice.err());
    Tiny.fails(
        1,
        "the dictionary has 1 to 1",
        "dictionary",
        "--language",
        "zh",
        "--words",
        999999,
        "--out",
        folder.resolve("never"));
  }

  private static Tiny.Outcome run(Object[] command, Object... more) {
    Object[] words = Arrays.copyOf(command, command.length + more.length);
    System.arraycopy(more, 0, words, command.length, more.length);
    return Tiny.maque(words);
  }

  @Test
  void wrongOptionsAreUsageErrors() {
    Path never = folder.resolve("never");
    Tiny.fails(2, "one of zh, en, not 'de'", "dictionary", "--language", "de", "--out", never);
    Tiny.fails(
        2, "--words must be 1", "dictionary", "--language", "zh", "--words", 0, "--out", never);
    Tiny.fails(2, "--language", "dictionary", "--out", never);
    assertTrue(Files.notExists(never));
  }

  @Test
  void englishWordsAreWordNetsLemmas() throws IOException {
    Path jar = folder.resolve("wn.jar");
    write(
        jar,
        "wn31/index.noun",
        """
          1 This software and database is licensed
        .22 n 1 2 @ ~ 1 0 04510146
        'hood n 1 2 @ ; 1 0 08659519
        a n 7 3 @ ~ #m 7 0 13659071
        abandoned_ship n 1 2 @ + 1 0 03099143
        cat n 8 5 @ ~ #m 8 1 02124272
        """);
    assertEquals(new TreeSet<>(List.of("abandoned ship", "cat")), WordNetLemmas.read(jar));
    Path empty = folder.resolve("empty.jar");
    write(empty, "wn31/data.noun", "00001740 03 n 01 entity 0 000 | that which exists\n");
    IOException none = assertThrows(IOException.class, () -> WordNetLemmas.read(empty));
    assertTrue(none.getMessage().contains("no index files"), none.getMessage());
  }

  private static void write(Path jar, String entry, String text) throws IOException {
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(jar))) {
      zip.putNextEntry(new ZipEntry(entry));
      zip.write(text.getBytes(StandardCharsets.UTF_8));
    }
  }
}
