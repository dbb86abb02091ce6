package maque.segmenter.hanlp;

import com.hankcs.hanlp.collection.trie.DoubleArrayTrie;
import com.hankcs.hanlp.dictionary.CoreDictionary;
import com.hankcs.hanlp.dictionary.CustomDictionary;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.regex.Pattern;

/**
 * The words of HanLP's dictionaries, the core one and the custom one, as texts: 2 to 8 Han
 * characters each. Left out are foreign names in Chinese sounds (tags {@code nrf}, {@code nrj}),
 * numbers ({@code m}), measures ({@code q}) and symbols ({@code w}, {@code x}), and what a
 * dictionary has for its own use. Nothing is read before the first call. Thread-safe.
 */
public final class HanlpDictionary {
  private static final Pattern WORD = Pattern.compile("\\p{IsHan}{2,8}");
  private static final List<String> UNWANTED = List.of("nrf", "nrj", "m", "q", "w", "x");

  private HanlpDictionary() {}

  /**
   * The words, each once, by their UTF-16 units; about 139,000 with the dictionaries of the jar.
   */
  public static List<String> words() {
    TreeMap<String, Boolean> words = new TreeMap<>();
    BiConsumer<String, CoreDictionary.Attribute> add =
        (word, entry) -> {
          if (WORD.matcher(word).matches()) {
            words.merge(word, isWanted(entry), Boolean::logicalAnd);
          }
        };
    forEach(CoreDictionary.trie, add);
    forEach(CustomDictionary.DEFAULT.dat, add);
    return words.entrySet().stream().filter(e -> e.getValue()).map(e -> e.getKey()).toList();
  }

  /** By the tag that comes first, the most frequent one. */
  private static boolean isWanted(CoreDictionary.Attribute entry) {
    String tag = String.valueOf(entry.nature[0]);
    return UNWANTED.stream().noneMatch(tag::startsWith);
  }

  /**
   * Visits a trie's entries. A state with base b has the child for character c at b + c + 1, where
   * {@code check} holds b; a word ends where {@code check} is b at b itself (Aoe, 1989). States are
   * told apart by their base, so that a word is read from its end.
   */
  static <V> void forEach(DoubleArrayTrie<V> trie, BiConsumer<String, V> visitor) {
    int[] base = trie.getBase();
    int[] check = trie.getCheck();
    int states = Math.min(base.length, check.length);
    int[] stateOf = new int[states]; // by base; 0 is the root
    Arrays.fill(stateOf, -1);
    for (int state = 0; state < states; state++) {
      boolean used = state == 0 || check[state] != 0;
      if (used && base[state] > 0 && base[state] < states) {
        stateOf[base[state]] = state;
      }
    }
    for (int end = 1; end < states; end++) {
      if (check[end] == end && base[end] < 0) {
        String word = upTo(stateOf[end], check, stateOf);
        visitor.accept(word, trie.get(word));
      }
    }
  }

  private static String upTo(int last, int[] check, int[] stateOf) {
    StringBuilder word = new StringBuilder();
    for (int state = last; state > 0; state = stateOf[check[state]]) {
      word.append((char) (state - check[state] - 1));
    }
    return word.reverse().toString();
  }
}
