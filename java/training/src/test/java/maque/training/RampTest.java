package maque.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import maque.runtime.InvalidInputException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RampTest {
  private static void assertValues(Ramp ramp, double... expected) {
    for (int t = 0; t < expected.length; t++) {
      assertEquals(expected[t], ramp.at(t, expected.length), 1e-15, "step " + t);
    }
  }

  @Test
  void shapes() {
    assertValues(Ramp.parse("x", "0.3"), 0.3, 0.3, 0.3);
    assertValues(Ramp.parse("x", "4:1"), 4, 3.25, 2.5, 1.75, 1);
    assertValues(Ramp.parse("x", "0:1:linear"), 0, 0.5, 1);
    double half = Math.sqrt(0.5);
    assertValues(Ramp.parse("x", "2:0:cosine"), 2, 1 + half, 1, 1 - half, 0); // 1 + cos(pi t / 4)
    assertValues(Ramp.parse("x", "2:0").complement(), -1, 0, 1);
  }

  @Test
  void theLastStepHasTheEndExactly() {
    Ramp ramp = new Ramp(Ramp.Shape.COSINE, 0.1, 0.7);
    assertEquals(0.7, ramp.at(99, 100));
    assertEquals(0.7, ramp.at(0, 1));
    assertEquals(0.1, ramp.at(0, 2));
  }

  @Test
  void isReadAsItIsWritten() {
    for (String text : new String[] {"0.5", "0.5:0.0:linear", "4.0:1.0:cosine"}) {
      assertEquals(text, Ramp.parse("x", text).toString());
      assertEquals(text, String.valueOf(Ramp.parse("x", text).record()));
    }
    assertTrue(Ramp.parse("x", "3:3:cosine").isConstant());
    assertEquals(3.0, Ramp.parse("x", "3:3").record());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        ":",
        "1:",
        ":1",
        "1:2:",
        "1:2:step",
        "1:2:linear:3",
        "a",
        "1:b",
        "NaN",
        "1:Infinity"
      })
  void nonsenseIsRefused(String text) {
    assertThrows(InvalidInputException.class, () -> Ramp.parse("x", text));
  }
}
