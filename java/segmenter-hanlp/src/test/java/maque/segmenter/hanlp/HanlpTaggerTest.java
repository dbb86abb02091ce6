package maque.segmenter.hanlp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.ServiceLoader;
import java.util.stream.Collectors;
import maque.runtime.PosTagger;
import org.junit.jupiter.api.Test;

class HanlpTaggerTest {
  private final PosTagger tagger = new HanlpTagger();

  private String said(String text) {
    return tagger.tag(text).stream()
        .map(word -> text.substring(word.begin(), word.end()) + "/" + word.tag())
        .collect(Collectors.joining(" "));
  }

  @Test
  void isFoundAndSaysWhatItIs() {
    assertTrue(
        ServiceLoader.load(PosTagger.class).stream()
            .anyMatch(provider -> provider.type() == HanlpTagger.class));
    assertEquals("hanlp", tagger.name());
    assertEquals("zh", tagger.language());
    assertTrue(tagger.version().matches("\\S+ [0-9a-f]{32}"), tagger.version());
  }

  @Test
  void wordsAndTags() {
    assertEquals("小鸟/n 在/p 树上/s 唱歌/v 。/w", said("小鸟  在树上 唱歌。"));
  }

  @Test
  void anyTextHasWordsInItsOrder() {
    assertEquals(List.of(), tagger.tag(""));
    assertEquals(List.of(), tagger.tag(" \n"));
    for (String odd : List.of("\uD800鸟\u0000", "a\uD83D\uDE00b 12.5%", "ＡＢＣ　繁體中文")) {
      int end = 0;
      for (PosTagger.Word word : tagger.tag(odd)) {
        assertTrue(word.begin() >= end && word.end() > word.begin(), odd);
        end = word.end();
      }
      assertTrue(end > 0 && end <= odd.length(), odd);
    }
  }
}
