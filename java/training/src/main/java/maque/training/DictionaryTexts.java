package maque.training;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import maque.runtime.AtomicFiles;
import maque.runtime.InvalidInputException;
import maque.runtime.Json;

/**
 * Words of a dictionary as texts for a teacher to label: what a word alone says of a class, also
 * words that no labelled text has. They go to a file of JSON lines that names what each is:
 *
 * <pre>{"text": "...", "operations": ["dictionary"]}</pre>
 *
 * A row has no label; only a teacher's answer to it may be learnt. The file is there whole or not
 * at all.
 */
public final class DictionaryTexts {
  /** The name of this stage in progress reports, and of what was done to make a row. */
  public static final String STAGE = "dictionary";

  private static final int REPORT = 1 << 12;

  private DictionaryTexts() {}

  /**
   * Writes words drawn without repeats. The same set of words and seed give the same bytes, in
   * whatever order the words come.
   *
   * @param words the dictionary; what it holds twice is one word
   * @param count how many are drawn
   * @throws CancelledException where the token was set; nothing is written then
   * @throws InvalidInputException where something is in the output's place, or the dictionary has
   *     fewer words
   */
  public static void write(
      Iterable<String> words, int count, long seed, Path out, RunControl control) {
    if (Files.exists(out)) {
      throw new InvalidInputException(out + " exists already");
    }
    TreeSet<String> different = new TreeSet<>();
    words.forEach(different::add);
    if (count < 1 || count > different.size()) {
      throw new InvalidInputException(
          String.format(
              "%d words are to be drawn; the dictionary has 1 to %d", count, different.size()));
    }
    List<String> sorted = List.copyOf(different);
    AtomicFiles.deleteLeftovers(out);
    AtomicFiles.write(out, channel -> write(sorted, count, seed, channel, control));
  }

  private static void write(
      List<String> words, int count, long seed, FileChannel channel, RunControl control)
      throws IOException {
    Texts drawn = Texts.draw(Texts.of(words), count, seed);
    OutputStream out = new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16);
    for (int i = 0; i < count; i++) {
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("text", drawn.get(i));
      row.put("operations", List.of(STAGE));
      out.write((Json.line(row) + "\n").getBytes(StandardCharsets.UTF_8));
      if ((i + 1) % REPORT == 0) {
        control.progress(STAGE, i + 1L, count, "");
        if (control.token().isCancelled()) {
          throw new CancelledException("stopped; nothing was written");
        }
      }
    }
    out.flush();
  }
}
