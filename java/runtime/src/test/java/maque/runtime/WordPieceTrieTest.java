package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class WordPieceTrieTest {
  private final int[] pieces = new int[100];

  @Test
  void longestPiecesFromTheLeft() {
    WordPieceTrie trie = new WordPieceTrie(List.of("un", "##aff", "##able", "una", "##ff", "##"));
    assertArrayEquals(new int[] {3, 4, 2}, split(trie, "unaffable"));
    assertArrayEquals(new int[] {0}, split(trie, "un"));
  }

  @Test
  void aPartWithoutAPieceMakesTheWordUnknown() {
    WordPieceTrie trie = new WordPieceTrie(List.of("a", "##b"));
    assertEquals(-1, trie.split("abc".toCharArray(), 3, pieces));
    assertEquals(-1, trie.split("b".toCharArray(), 1, pieces));
  }

  @Test
  void aVocabularyWithoutContinuationsKnowsWholeWordsOnly() {
    WordPieceTrie trie = new WordPieceTrie(List.of("a", "ab"));
    assertArrayEquals(new int[] {1}, split(trie, "ab"));
    assertEquals(-1, trie.split("aba".toCharArray(), 3, pieces));
  }

  @Test
  void ofEqualTokensTheLastCounts() {
    WordPieceTrie trie = new WordPieceTrie(List.of("a", "b", "a"));
    assertArrayEquals(new int[] {2}, split(trie, "a"));
  }

  @Test
  void anEmptyVocabularyAndAnEmptyWord() {
    WordPieceTrie trie = new WordPieceTrie(List.of());
    assertEquals(-1, trie.split("a".toCharArray(), 1, pieces));
    assertEquals(0, trie.split(new char[0], 0, pieces));
  }

  @Test
  void randomVocabulariesAgreeWithSearchInAMap() {
    Random random = new Random(3);
    for (int round = 0; round < 200; round++) {
      int letters = 1 + random.nextInt(round % 2 == 0 ? 4 : 3000);
      List<String> vocab = new ArrayList<>();
      for (int i = random.nextInt(1000); i >= 0; i--) {
        vocab.add((random.nextBoolean() ? "##" : "") + word(random, letters, 4));
      }
      WordPieceTrie trie = new WordPieceTrie(vocab);
      Map<String, Integer> map = new HashMap<>();
      for (int id = 0; id < vocab.size(); id++) {
        map.put(vocab.get(id), id);
      }
      for (int i = 0; i < 500; i++) {
        String word = i < vocab.size() ? vocab.get(i) : word(random, letters, 12);
        assertArrayEquals(search(map, word), split(trie, word), word);
      }
    }
  }

  private static String word(Random random, int letters, int longest) {
    StringBuilder word = new StringBuilder();
    for (int i = random.nextInt(longest); i >= 0; i--) {
      int letter = random.nextInt(letters);
      word.appendCodePoint((letter % 5 == 0 ? 0x20000 : 'a') + letter);
    }
    return word.toString();
  }

  /** The rule itself: the longest prefix in the vocabulary, one code point less at a time. */
  private static int[] search(Map<String, Integer> map, String word) {
    List<Integer> found = new ArrayList<>();
    int start = 0;
    while (start < word.length()) {
      int end = word.length();
      String prefix = start == 0 ? "" : "##";
      while (end > start && !map.containsKey(prefix + word.substring(start, end))) {
        end = word.offsetByCodePoints(end, -1);
      }
      if (end == start) {
        return null;
      }
      found.add(map.get(prefix + word.substring(start, end)));
      start = end;
    }
    return found.stream().mapToInt(id -> id).toArray();
  }

  private int[] split(WordPieceTrie trie, String word) {
    int count = trie.split(word.toCharArray(), word.length(), pieces);
    return count < 0 ? null : Arrays.copyOf(pieces, count);
  }
}
