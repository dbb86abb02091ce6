package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class CleaningTest {
  @Test
  void theSeedsRuleForEveryCodePoint() {
    StringBuilder all = new StringBuilder();
    for (int c = 0; c <= Character.MAX_CODE_POINT; c++) {
      all.appendCodePoint(c);
    }
    String expected = Pattern.compile("[^A-Za-z0-9\u4E00-\u9FA5]").matcher(all).replaceAll("");
    assertEquals(expected, Cleaning.SEED.apply(all).toString());
    assertEquals("Hello世界2024", Cleaning.of("seed").apply("Hello, 世界！2024 😀").toString());
  }

  @Test
  void noneLeavesTheTextAlone() {
    String text = " a，b ";
    assertSame(text, Cleaning.of("none").apply(text));
    assertThrows(InvalidInputException.class, () -> Cleaning.of("other"));
  }
}
