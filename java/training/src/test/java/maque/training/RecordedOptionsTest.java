package maque.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import maque.runtime.InvalidInputException;
import maque.runtime.Json;
import maque.runtime.Ngrams;
import org.junit.jupiter.api.Test;

class RecordedOptionsTest {
  private static Map<String, Object> recorded(TrainingOptions<?> options) {
    return Json.parseObject(Json.write(options.toMap()), "test");
  }

  @Test
  void studentsComeBack() {
    List<StudentOptions> all =
        List.of(
            StudentOptions.sequence(),
            StudentOptions.document(),
            StudentOptions.seedPreset(),
            StudentOptions.bag(),
            StudentOptions.sequence()
                .ngrams(new Ngrams(Ngrams.Unit.TOKENS, 1, 2, 1 << 10, 8))
                .ngramDropout(0.25)
                .wholeNgramDropout(0.5),
            StudentOptions.document()
                .tokens(StudentOptions.Tokens.WORDS)
                .embeddings(StudentOptions.Embeddings.RANDOM)
                .trainVectors(true)
                .vocabulary(2, 500)
                .alpha(Ramp.parse("alpha", "0.5:0"))
                .temperature(Ramp.parse("temperature", "4:1:cosine"))
                .softLoss("kl")
                .tokenDropout(0.1)
                .averaging(Averaging.parse("ema:0.99", 5))
                .classWeights(0.5f, 1.5f)
                .lrScale("lstm.", 0.25)
                .lr(0.1 + 0.2)
                .seed(-12345678901L));
    for (StudentOptions options : all) {
      assertEquals(options.toMap(), RecordedOptions.student(recorded(options)).toMap());
    }
  }

  @Test
  void teachersComeBack() {
    for (TeacherOptions options :
        List.of(
            TeacherOptions.defaults()
                .train("last-layers:2")
                .precision(Precision.BF16)
                .dropout(0, 0.2, 0.3),
            TeacherOptions.seedPreset())) {
      assertEquals(options.toMap(), RecordedOptions.teacher(recorded(options)).toMap());
    }
  }

  /** What this version does not know would make another model. */
  @Test
  void whatIsUnknownMissingOrWrongIsRefused() {
    Map<String, Object> more = recorded(StudentOptions.sequence());
    more.put("colour", "blue");
    refused(more, "colour");
    Map<String, Object> fewer = recorded(StudentOptions.sequence());
    fewer.remove("lr");
    refused(fewer, "lr");
    Map<String, Object> wrong = recorded(StudentOptions.sequence());
    wrong.put("epochs", "many");
    refused(wrong, "epochs");
  }

  private static void refused(Map<String, Object> values, String name) {
    String message =
        assertThrows(InvalidInputException.class, () -> RecordedOptions.student(values))
            .getMessage();
    assertTrue(message.contains(name), message);
  }
}
