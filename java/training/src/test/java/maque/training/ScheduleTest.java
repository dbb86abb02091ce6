package maque.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import maque.runtime.InvalidInputException;
import org.junit.jupiter.api.Test;

class ScheduleTest {
  @Test
  void linear() {
    Schedule schedule = new Schedule(Schedule.Decay.LINEAR, 2, 4, 12);
    double[] expected = {0.5, 1, 1.5, 2, 2, 1.75, 1.5, 1.25, 1, 0.75, 0.5, 0.25, 0, 0};
    for (int t = 0; t < expected.length; t++) {
      assertEquals(expected[t], schedule.at(t), 1e-15, "step " + t);
    }
  }

  @Test
  void cosine() {
    Schedule schedule = new Schedule(Schedule.Decay.COSINE, 2, 0, 6);
    // 1 + cos(pi t / 6)
    double[] expected = {2, 1 + Math.sqrt(3) / 2, 1.5, 1, 0.5, 1 - Math.sqrt(3) / 2, 0};
    for (int t = 0; t < expected.length; t++) {
      assertEquals(expected[t], schedule.at(t), 1e-15, "step " + t);
    }
  }

  @Test
  void constant() {
    Schedule schedule = new Schedule(Schedule.Decay.CONSTANT, 0.05, 2, 3);
    assertEquals(0.025, schedule.at(0));
    assertEquals(0.05, schedule.at(1));
    assertEquals(0.05, schedule.at(1_000_000));
  }

  @Test
  void warmUpMayBeAll() {
    Schedule schedule = new Schedule(Schedule.Decay.LINEAR, 1, 4, 4);
    assertEquals(1, schedule.at(3));
    assertEquals(0, schedule.at(4));
  }

  @Test
  void nonsenseIsRefused() {
    assertThrows(InvalidInputException.class, () -> new Schedule(Schedule.Decay.LINEAR, 0, 0, 1));
    assertThrows(
        InvalidInputException.class, () -> new Schedule(Schedule.Decay.LINEAR, Double.NaN, 0, 1));
    assertThrows(InvalidInputException.class, () -> new Schedule(Schedule.Decay.LINEAR, 1, 2, 1));
    assertThrows(InvalidInputException.class, () -> Schedule.Decay.parse("step"));
    assertEquals(Schedule.Decay.COSINE, Schedule.Decay.parse("cosine"));
  }
}
