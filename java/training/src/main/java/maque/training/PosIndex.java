package maque.training;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import maque.runtime.PosTagger;

/**
 * How often each word occurs with each part of speech: what replacements are drawn from. Memory
 * grows with the number of distinct words, not with that of texts. Immutable.
 */
final class PosIndex {
  /** One part of speech: its words in order, and how often they and all before them occur. */
  private record Words(String[] words, long[] ends) {
    long before(int i) {
      return i == 0 ? 0 : ends[i - 1];
    }

    long total() {
      return before(words.length);
    }
  }

  private final Map<String, Words> tags = new HashMap<>();

  /** Counts of words by tag; parts of texts are counted apart and added. */
  static final class Counts {
    private final Map<String, Map<String, Long>> tags = new HashMap<>();

    void add(String text, List<PosTagger.Word> words) {
      for (PosTagger.Word word : words) {
        add(word.tag(), text.substring(word.begin(), word.end()), 1);
      }
    }

    void add(Counts other) {
      other.tags.forEach((tag, words) -> words.forEach((word, n) -> add(tag, word, n)));
    }

    private void add(String tag, String word, long n) {
      tags.computeIfAbsent(tag, unused -> new HashMap<>()).merge(word, n, Long::sum);
    }
  }

  PosIndex(Counts counts) {
    counts.tags.forEach((tag, words) -> tags.put(tag, words(new TreeMap<>(words))));
  }

  private static Words words(TreeMap<String, Long> counts) {
    String[] words = counts.keySet().toArray(String[]::new);
    long[] ends = new long[words.length];
    long sum = 0;
    for (int i = 0; i < words.length; i++) {
      sum += counts.get(words[i]);
      ends[i] = sum;
    }
    return new Words(words, ends);
  }

  /**
   * Another word of the same part of speech, each as likely as it is frequent; the word itself
   * where there is no other.
   */
  String replacement(String word, String tag, SeededRandom random) {
    Words same = tags.get(tag);
    int own = Arrays.binarySearch(same.words(), word);
    long count = same.ends()[own] - same.before(own);
    long others = same.total() - count;
    if (others == 0) {
      return word;
    }
    long drawn = (long) (random.nextDouble() * others);
    drawn += drawn >= same.before(own) ? count : 0;
    int found = Arrays.binarySearch(same.ends(), drawn + 1);
    return same.words()[found < 0 ? -found - 1 : found];
  }
}
