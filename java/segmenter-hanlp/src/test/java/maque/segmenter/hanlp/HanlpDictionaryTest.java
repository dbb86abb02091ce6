package maque.segmenter.hanlp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.hankcs.hanlp.collection.trie.DoubleArrayTrie;
import com.hankcs.hanlp.dictionary.CoreDictionary;
import com.hankcs.hanlp.dictionary.CustomDictionary;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class HanlpDictionaryTest {
  @Test
  void everyEntryOfATrieIsVisitedOnce() {
    TreeMap<String, Integer> entries =
        new TreeMap<>(Map.of("a", 1, "ab", 2, "abc", 3, "鸟", 4, "小鸟", 5, "小鸟儿", 6, "\uffff", 7));
    TreeMap<String, Integer> found = new TreeMap<>();
    HanlpDictionary.forEach(new DoubleArrayTrie<>(entries), found::put);
    assertEquals(entries, found);
    for (DoubleArrayTrie<?> trie : List.of(CoreDictionary.trie, CustomDictionary.DEFAULT.dat)) {
      Set<String> words = new HashSet<>();
      HanlpDictionary.forEach(
          trie,
          (word, entry) -> {
            assertTrue(entry != null && words.add(word), word);
          });
      assertEquals(trie.size(), words.size());
    }
  }

  @Test
  void wordsAreChineseAndWhatIsNoneIsLeftOut() {
    List<String> words = HanlpDictionary.words();
    assertEquals(words.stream().sorted().distinct().toList(), words);
    assertTrue(words.size() > 130_000 && words.size() < 145_000, "" + words.size());
    for (String word : words) {
      assertTrue(word.matches("\\p{IsHan}{2,8}"), word);
    }
    assertTrue(words.containsAll(List.of("皇冠", "江东", "厄尔尼诺现象", "一一列举", "小提琴家")));
    for (String other : List.of("林赛", "小野田宽郎", "好久", "盎司", "腰", "未##人", "米／秒")) {
      assertFalse(words.contains(other), other);
    }
  }
}
