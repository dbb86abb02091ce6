package maque.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import maque.cli.WordNetGlosses.Gloss;
import maque.runtime.AtomicFiles;
import maque.runtime.Json;

/**
 * The demo's corpus as files that every command reads: labelled ones as JSONL, the transfer set as
 * plain lines.
 */
record DemoData(Path folder) {
  Path train() {
    return folder.resolve("train.jsonl");
  }

  Path test() {
    return folder.resolve("test.jsonl");
  }

  /** Texts without labels. */
  Path unlabelled() {
    return folder.resolve("unlabelled.txt");
  }

  private Path labels() {
    return folder.resolve("labels.txt");
  }

  /** Writes the files; returns what they hold, in words. */
  String write(Path jar, WordNetGlosses.Sizes sizes, long seed) throws IOException {
    WordNetGlosses.Split split = WordNetGlosses.split(WordNetGlosses.read(jar), sizes, seed);
    Files.createDirectories(folder);
    write(labels(), WordNetGlosses.fields());
    write(train(), rows(split.train()));
    write(test(), rows(split.test()));
    write(unlabelled(), split.unlabelled().stream().map(Gloss::text).toList());
    return String.format(
        "%,d labelled glosses, %,d to test, %,d unlabelled; %d classes: %s",
        split.train().size(),
        split.test().size(),
        split.unlabelled().size(),
        WordNetGlosses.fields().size(),
        String.join(", ", WordNetGlosses.fields()));
  }

  private static List<String> rows(List<Gloss> glosses) {
    return glosses.stream()
        .map(
            gloss ->
                new TreeMap<String, Object>(Map.of("text", gloss.text(), "label", gloss.field())))
        .map(Json::line)
        .toList();
  }

  private static void write(Path file, List<String> lines) {
    String text = lines.stream().map(line -> line + "\n").collect(Collectors.joining());
    AtomicFiles.write(file, text.getBytes(StandardCharsets.UTF_8));
  }
}
