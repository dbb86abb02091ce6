package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;

class SegmentersTest {
  @Test
  void spacesCutAtAnyWhiteSpace() {
    Segmenter spaces = Segmenters.find("spaces");
    assertEquals(List.of("a", "b,", "中文"), spaces.segment("  a\tb,\u3000\u00A0中文\n"));
    assertEquals(List.of(), spaces.segment(" "));
    assertEquals("spaces", spaces.name());
  }

  @Test
  void charactersAreCodePointsWithoutWhiteSpace() {
    Segmenter characters = Segmenters.find("characters");
    assertEquals(List.of("a", "中", "😀", "!"), characters.segment("a 中\n😀!"));
    assertEquals("characters", characters.name());
  }

  @Test
  void anUnknownNameListsWhatIsThere() {
    MissingSegmenterException missing =
        assertThrows(MissingSegmenterException.class, () -> Segmenters.find("jieba"));
    assertEquals(
        "no segmenter jieba: add the artifact that provides it to the class path"
            + " (there: [characters, spaces])",
        missing.getMessage());
  }
}
