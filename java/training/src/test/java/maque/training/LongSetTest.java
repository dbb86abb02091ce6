package maque.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class LongSetTest {
  @Test
  void isASet() {
    LongSet set = new LongSet();
    Set<Long> expected = new HashSet<>();
    SeededRandom random = new SeededRandom(1, 1);
    for (int i = 0; i < 20_000; i++) {
      long number = random.nextInt(15_000) * 0x100000001L;
      assertEquals(expected.add(number), set.add(number));
    }
    assertFalse(set.add(0), "drawn above");
    assertTrue(set.add(-1));
    assertTrue(new LongSet().add(0));
  }
}
