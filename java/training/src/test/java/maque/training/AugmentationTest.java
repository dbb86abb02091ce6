package maque.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import maque.runtime.InvalidInputException;
import maque.runtime.Json;
import maque.runtime.PosTagger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AugmentationTest {
  private static final AugmentOptions DEFAULTS = AugmentOptions.defaults();

  @TempDir Path directory;

  /** Words by spaces; the tag is the first letter. */
  private static final class Tagger implements PosTagger {
    @Override
    public String name() {
      return "letters";
    }

    @Override
    public String language() {
      return "en";
    }

    @Override
    public String version() {
      return "1";
    }

    @Override
    public List<Word> tag(String text) {
      List<Word> words = new ArrayList<>();
      int begin = 0;
      for (String word : text.split(" ", -1)) {
        if (!word.isEmpty()) {
          words.add(new Word(begin, begin + word.length(), word.substring(0, 1)));
        }
        begin += word.length() + 1;
      }
      return words;
    }
  }

  private static Texts texts(int n) {
    SeededRandom random = new SeededRandom(9, "texts");
    List<String> texts = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      StringBuilder text = new StringBuilder("n" + i);
      for (int w = 0; w < 10; w++) {
        text.append(w == 4 ? "  " : " ").append((char) ('a' + random.nextInt(3)));
        text.append(random.nextInt(4));
      }
      texts.add(text.toString());
    }
    return Texts.of(texts);
  }

  private static AugmentOptions only(double mask, double replace, double ngram) {
    return new AugmentOptions(AugmentOptions.Level.WORDS, 20, mask, replace, ngram, 5, "_", 1);
  }

  private List<Map<String, Object>> rows(Texts texts, AugmentOptions options) throws IOException {
    Path out = directory.resolve("rows.jsonl");
    Files.deleteIfExists(out);
    Augmentation.Result result =
        Augmentation.write(texts, new Tagger(), options, out, RunControl.quiet());
    List<Map<String, Object>> rows = new ArrayList<>();
    for (String line : Files.readAllLines(out)) {
      rows.add(Json.parseObject(line.getBytes(StandardCharsets.UTF_8), "row"));
    }
    assertEquals(result.written(), rows.size());
    assertEquals(result.texts(), texts.size());
    return rows;
  }

  private static String text(Map<String, Object> row) {
    return (String) row.get("text");
  }

  private static String parent(Texts texts, Map<String, Object> row) {
    return texts.get(((Number) row.get("parent")).intValue());
  }

  @Test
  void theDefaultsAreTheArticles() {
    assertEquals(20, DEFAULTS.rounds());
    assertEquals(0.1, DEFAULTS.mask());
    assertEquals(0.1, DEFAULTS.replace());
    assertEquals(0.25, DEFAULTS.ngram());
    assertEquals(5, DEFAULTS.longest());
    assertEquals(AugmentOptions.Level.WORDS, DEFAULTS.level());
  }

  @Test
  void maskingKeepsAllButSomeWords() throws IOException {
    Texts texts = texts(100);
    int masked = 0;
    int words = 0;
    for (Map<String, Object> row : rows(texts, only(0.1, 0, 0))) {
      assertEquals(List.of("mask"), row.get("operations"));
      assertFalse(row.containsKey("label"));
      String[] made = text(row).split(" ", -1);
      String[] own = parent(texts, row).split(" ", -1);
      assertEquals(own.length, made.length, "white space stays");
      for (int i = 0; i < own.length; i++) {
        masked += made[i].equals("_") ? 1 : 0;
        words += own[i].isEmpty() ? 0 : 1;
        assertTrue(made[i].equals("_") || made[i].equals(own[i]));
      }
    }
    // Rows without any mask are left out: .1 / (1 - .9^11).
    assertEquals(0.1 / (1 - Math.pow(0.9, 11)), (double) masked / words, 0.01);
  }

  @Test
  void aReplacementHasTheSamePartOfSpeechAndIsAsLikelyAsFrequent() throws IOException {
    Texts texts = Texts.of(List.of("a1 a2 a2 a2 a3 a3 b1 c1"));
    AugmentOptions options =
        new AugmentOptions(AugmentOptions.Level.WORDS, 10_000, 0, 0.2, 0, 5, "_", 1);
    Augmenter augmenter = new Augmenter(options, index(texts));
    Map<String, Integer> first = new TreeMap<>();
    for (Augmenter.Synthetic row :
        augmenter.synthetic(texts.get(0), new Tagger().tag(texts.get(0)), 0)) {
      String[] made = row.text().split(" ");
      assertEquals("b1", made[6], "there is no other");
      assertEquals('a', made[4].charAt(0));
      first.merge(made[0], 1, Integer::sum);
    }
    assertEquals(Set.of("a1", "a2", "a3"), first.keySet());
    // Of a1's replacements 3 of 5 are a2: .2 * 3/5 * 10,000.
    assertEquals(1200, first.get("a2"), 120);
    assertEquals(800, first.get("a3"), 100);
  }

  private static PosIndex index(Texts texts) {
    PosIndex.Counts counts = new PosIndex.Counts();
    for (int i = 0; i < texts.size(); i++) {
      counts.add(texts.get(i), new Tagger().tag(texts.get(i)));
    }
    return new PosIndex(counts);
  }

  @Test
  void anNgramIsAPartOfItsParent() throws IOException {
    Texts texts = texts(50);
    Set<Integer> lengths = new HashSet<>();
    for (Map<String, Object> row : rows(texts, only(0, 0, 1))) {
      assertEquals(List.of("ngram"), row.get("operations"));
      assertTrue(parent(texts, row).contains(text(row)));
      lengths.add(text(row).split(" +").length);
    }
    assertEquals(Set.of(1, 2, 3, 4, 5), lengths);
  }

  @Test
  void charactersAreMaskedEachForItself() throws IOException {
    Texts texts = Texts.of(List.of("小鸟 \uD83D\uDE00唱歌"));
    AugmentOptions options =
        new AugmentOptions(AugmentOptions.Level.CHARACTERS, 400, 0.5, 0, 0, 5, "_", 1);
    Path out = directory.resolve("characters.jsonl");
    Augmentation.write(texts, null, options, out, RunControl.quiet());
    List<String> lines = Files.readAllLines(out);
    assertEquals(31, lines.size(), "every choice of five characters but none");
    for (String line : lines) {
      String made = text(Json.parseObject(line.getBytes(StandardCharsets.UTF_8), "row"));
      assertEquals(6, made.codePointCount(0, made.length()));
      assertEquals(' ', made.charAt(2));
    }
    assertThrows(
        InvalidInputException.class,
        () ->
            Augmentation.write(
                texts, null, DEFAULTS, directory.resolve("none"), RunControl.quiet()));
  }

  @Test
  void noTextComesTwiceNorIsAParent() throws IOException {
    Texts texts = texts(60);
    Set<String> seen = new HashSet<>();
    for (int i = 0; i < texts.size(); i++) {
      seen.add(texts.get(i));
    }
    int operations = 0;
    for (Map<String, Object> row : rows(texts, DEFAULTS)) {
      assertTrue(seen.add(text(row)), text(row));
      operations |= 1 << ((List<?>) row.get("operations")).size();
    }
    assertEquals(0b1110, operations, "one, two and all three");
  }

  @Test
  void threadsDoNotChangeAByteAndSeedsDo() throws IOException {
    Texts texts = texts(500);
    byte[] one = bytes(texts, 1, 1);
    assertArrayEquals(one, bytes(texts, 1, 3));
    assertFalse(Arrays.equals(one, bytes(texts, 2, 1)));
  }

  @Test
  void moreRoundsKeepTheFirst() {
    Texts texts = texts(20);
    Tagger tagger = new Tagger();
    Augmenter many = new Augmenter(only(0.1, 0.1, 0.25), index(texts));
    Augmenter two =
        new Augmenter(
            new AugmentOptions(AugmentOptions.Level.WORDS, 2, 0.1, 0.1, 0.25, 5, "_", 1),
            index(texts));
    for (int row = 0; row < texts.size(); row++) {
      String text = texts.get(row);
      List<PosTagger.Word> words = tagger.tag(text);
      List<Augmenter.Synthetic> first = many.synthetic(text, words, row);
      first.removeIf(synthetic -> synthetic.round() >= 2);
      assertEquals(two.synthetic(text, words, row), first);
    }
  }

  private byte[] bytes(Texts texts, long seed, int threads) throws IOException {
    AugmentOptions options =
        new AugmentOptions(AugmentOptions.Level.WORDS, 5, 0.1, 0.1, 0.25, 5, "_", seed);
    Path out = directory.resolve(seed + "-" + threads);
    Augmentation.write(texts, new Tagger(), options, out, RunControl.quiet().withThreads(threads));
    return Files.readAllBytes(out);
  }

  @Test
  void aStoppedRunLeavesNothing() throws IOException {
    Path out = directory.resolve("stopped.jsonl");
    StopAt stop = new StopAt(1, 2);
    assertThrows(
        CancelledException.class,
        () -> Augmentation.write(texts(500), new Tagger(), DEFAULTS, out, stop.control()));
    try (var files = Files.list(directory)) {
      assertEquals(List.of(), files.toList());
    }
    Files.writeString(out, "mine");
    String message =
        assertThrows(
                InvalidInputException.class,
                () -> Augmentation.write(texts(5), new Tagger(), DEFAULTS, out, RunControl.quiet()))
            .getMessage();
    assertTrue(message.endsWith("exists already"), message);
    assertEquals("mine", Files.readString(out));
  }

  @Test
  void aTaggerIsFoundByTheTextsLetters() {
    assertEquals("hanlp", PosTaggers.forTexts(Texts.of(List.of("今天天气好 ok"))).name());
    assertEquals("hanlp", PosTaggers.find("hanlp").name());
    Texts greek = Texts.of(List.of("καλημέρα"));
    assertThrows(InvalidInputException.class, () -> PosTaggers.forTexts(greek));
    String message =
        assertThrows(InvalidInputException.class, () -> PosTaggers.find("opennlp")).getMessage();
    assertTrue(message.contains("maque:maque-tagger-opennlp"), message);
    assertNotEquals("", PosTaggers.find("hanlp").version());
  }
}
