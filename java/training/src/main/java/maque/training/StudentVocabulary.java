package maque.training;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import maque.runtime.Cleaning;
import maque.runtime.InvalidInputException;
import maque.runtime.ModelDirectory;
import maque.runtime.Segmenter;
import maque.runtime.Segmenters;
import maque.runtime.Tokenizer;

/**
 * A student's tokens and how texts are cut into them.
 *
 * @param tokens by id
 * @param tokenizer the {@code tokenizer} part of config.json
 */
record StudentVocabulary(List<String> tokens, Map<String, Object> tokenizer) {
  static final String UNKNOWN = "[UNK]";

  /** The teacher's word pieces; a document student reads no special tokens. */
  static StudentVocabulary wordPiece(ModelDirectory teacher, boolean specialTokens) {
    if (!(teacher.config().get("tokenizer") instanceof Map<?, ?> given)) {
      throw new InvalidInputException(teacher.path() + " has no tokenizer");
    }
    Map<String, Object> tokenizer = new LinkedHashMap<>();
    given.forEach((key, value) -> tokenizer.put((String) key, value));
    tokenizer.put("special_tokens", specialTokens);
    return new StudentVocabulary(teacher.vocab(), tokenizer);
  }

  /**
   * What a segmenter finds in texts, most frequent first; equal counts in the order of the text.
   */
  static List<String> count(Segmenter segmenter, Cleaning clean, Texts texts, int minCount) {
    Map<String, int[]> counts = new HashMap<>();
    for (int i = 0; i < texts.size(); i++) {
      for (String word : segmenter.segment(clean.apply(texts.get(i)))) {
        counts.computeIfAbsent(word, unused -> new int[1])[0]++;
      }
    }
    Comparator<Map.Entry<String, int[]>> byCount =
        Comparator.comparingInt(entry -> -entry.getValue()[0]);
    return counts.entrySet().stream()
        .filter(entry -> entry.getValue()[0] >= minCount && usable(entry.getKey()))
        .sorted(byCount.thenComparing(Map.Entry.comparingByKey()))
        .map(Map.Entry::getKey)
        .toList();
  }

  /** A vocabulary file has a token a line. */
  private static boolean usable(String word) {
    return !word.isBlank()
        && word.indexOf('\n') < 0
        && word.indexOf('\r') < 0
        && !word.equals(UNKNOWN)
        && word.codePoints().noneMatch(c -> c >= 0xD800 && c <= 0xDFFF);
  }

  /** Words that another student has. */
  static StudentVocabulary of(Segmenter segmenter, List<String> tokens) {
    return new StudentVocabulary(tokens, tokenizer(segmenter));
  }

  /** A sequence student's: {@code [UNK]}, then the most frequent words. */
  static StudentVocabulary ofWords(Segmenter segmenter, List<String> counted, int most) {
    List<String> tokens = new ArrayList<>();
    tokens.add(UNKNOWN);
    tokens.addAll(counted.subList(0, Math.min(counted.size(), most)));
    return new StudentVocabulary(tokens, tokenizer(segmenter));
  }

  /** A document student's: the words that have a vector. */
  static StudentVocabulary ofVectors(
      Segmenter segmenter, List<String> counted, List<String> first, Predicate<String> hasVector) {
    LinkedHashMap<String, Boolean> tokens = new LinkedHashMap<>();
    for (List<String> source : List.of(counted, first)) {
      for (String word : source) {
        if (usable(word) && hasVector.test(word)) {
          tokens.put(word, true);
        }
      }
    }
    if (tokens.isEmpty()) {
      throw new InvalidInputException("no word of the texts has a vector in the file");
    }
    return new StudentVocabulary(List.copyOf(tokens.keySet()), tokenizer(segmenter));
  }

  /** Without {@code [UNK]}: a document student passes over what it does not know. */
  StudentVocabulary withoutUnknown() {
    return new StudentVocabulary(tokens.subList(1, tokens.size()), tokenizer);
  }

  /** A bag's of characters: none, and texts in lower case. */
  static StudentVocabulary characters() {
    Map<String, Object> tokenizer = tokenizer(Segmenters.find("characters"));
    tokenizer.put("lowercase", true);
    return new StudentVocabulary(List.of(), tokenizer);
  }

  /** The teacher's tokenizer. */
  static Tokenizer tokenizer(ModelDirectory teacher) {
    Map<?, ?> options = teacher.config().get("tokenizer") instanceof Map<?, ?> map ? map : Map.of();
    return Tokenizer.of(
        teacher.vocab(),
        !Boolean.FALSE.equals(options.get("lowercase")),
        (Boolean) options.get("strip_accents"),
        !Boolean.FALSE.equals(options.get("tokenize_chinese_chars")));
  }

  static Segmenter segmenter(StudentOptions options) {
    return Segmenters.find(
        options.tokens() == StudentOptions.Tokens.CHARACTERS ? "characters" : options.segmenter());
  }

  private static Map<String, Object> tokenizer(Segmenter segmenter) {
    Map<String, Object> map = new LinkedHashMap<>();
    boolean characters = segmenter.name().equals("characters");
    map.put("type", characters ? "characters" : "words");
    map.put("lowercase", false);
    map.put("special_tokens", false);
    map.put("segmenter", segmenter.name());
    map.put("segmenter_version", segmenter.version());
    map.put("segmenter_hash", segmenter.hash());
    return map;
  }
}
