package maque.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import maque.runtime.InvalidInputException;
import org.junit.jupiter.api.Test;

class WeightAverageTest {
  private static final String NAME = "head.2.weight";

  /** Trains for some steps; the state's average after each, null before the first sample. */
  private static List<float[]> averages(Averaging averaging, int steps, List<float[]> values) {
    List<float[]> averages = new ArrayList<>();
    try (Trainer trainer = TrainerTest.trainer(Map.of())) {
      WeightAverage average = new WeightAverage(trainer, averaging, steps);
      TrainingState state = new TrainingState();
      for (int i = 0; i < steps; i++) {
        trainer.step(TrainerTest.BATCH, 0.1);
        state.step++;
        average.updated(state);
        values.add(trainer.read(NAME, "value"));
        averages.add(state.average == null ? null : state.average.get(NAME).clone());
      }
    }
    return averages;
  }

  @Test
  void aTailIsThePlainMeanOfItsSteps() {
    List<float[]> values = new ArrayList<>();
    List<float[]> averages = averages(new Averaging(Averaging.Kind.TAIL, 0.4, 1), 10, values);
    for (int step = 0; step < 6; step++) {
      assertNull(averages.get(step));
    }
    for (int c = 0; c < values.get(0).length; c++) {
      double sum = 0;
      for (int step = 6; step < 10; step++) {
        sum += values.get(step)[c];
      }
      assertEquals(sum / 4, averages.get(9)[c], 1e-6);
    }
  }

  @Test
  void theLastStepIsAlwaysSampled() {
    List<float[]> values = new ArrayList<>();
    List<float[]> averages = averages(new Averaging(Averaging.Kind.TAIL, 1, 4), 10, values);
    for (int c = 0; c < values.get(0).length; c++) {
      double mean = (values.get(3)[c] + values.get(7)[c] + values.get(9)[c]) / 3.0;
      assertEquals(mean, averages.get(9)[c], 1e-6);
    }
  }

  @Test
  void aMovingAverageFades() {
    List<float[]> values = new ArrayList<>();
    List<float[]> averages = averages(new Averaging(Averaging.Kind.EMA, 0.9, 2), 60, values);
    double faded = 0.9 * 0.9;
    for (int c = 0; c < values.get(0).length; c++) {
      double mean = values.get(1)[c];
      for (int n = 1; n < 30; n++) {
        double keep = Math.min(faded, (1.0 + n) / (10.0 + n));
        mean = keep * mean + (1 - keep) * values.get(2 * n + 1)[c];
      }
      assertEquals(mean, averages.get(59)[c], 1e-5);
    }
  }

  @Test
  void isReadAsItIsWritten() {
    for (String text : List.of("none", "ema:0.99", "tail:0.25")) {
      assertEquals(text, Averaging.parse(text, 7).toString());
    }
    assertEquals(7, Averaging.parse("ema:0.99", 7).every());
    for (String text :
        List.of("", "ema", "ema:", "ema:0", "ema:1", "tail:1.5", "tail:NaN", "x:1")) {
      assertThrows(InvalidInputException.class, () -> Averaging.parse(text, 1), text);
    }
    assertThrows(InvalidInputException.class, () -> Averaging.parse("ema:0.5", 0));
  }
}
