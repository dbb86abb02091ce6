package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TeacherTest {
  @TempDir Path directory;

  private static List<String> texts(int n) {
    Random random = new Random(3);
    List<String> texts = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      StringBuilder text = new StringBuilder();
      for (int words = random.nextInt(12); words > 0; words--) {
        text.append(List.of("a ", "bc ", "麻", "雀", "zz ").get(random.nextInt(5)));
      }
      texts.add(text.toString());
    }
    return texts;
  }

  @Test
  void anyNumberOfThreadsGivesTheSameBits() {
    try (Teacher teacher = Teacher.load(TinyModels.teacher(directory.resolve("t")))) {
      List<String> texts = texts(2_000);
      float[][] one = teacher.logits(texts);
      for (int threads : new int[] {2, 3, 100}) {
        float[][] many = teacher.logits(texts, threads);
        for (int i = 0; i < one.length; i++) {
          assertArrayEquals(one[i], many[i]);
        }
      }
      for (int i = 0; i < 200; i++) {
        assertArrayEquals(teacher.logits(texts.get(i)), one[i]);
      }
      assertThrows(InvalidInputException.class, () -> teacher.logits(texts, 0));
    }
  }

  @Test
  void everyTextHasAnAnswer() {
    try (Teacher teacher = Teacher.load(TinyModels.teacher(directory.resolve("t")))) {
      assertEquals(3, teacher.predict("").probabilities().length);
      assertEquals(3, teacher.predict("??? \ud800").probabilities().length);
      Prediction cut = teacher.predict("a".repeat(100_000) + " a".repeat(20));
      assertTrue(cut.truncated());
      assertEquals(3, cut.probabilities().length);
      assertThrows(
          InvalidInputException.class,
          () -> teacher.logitsOfIds(new int[21], new int[] {0, 21}, 1));
      assertThrows(
          InvalidInputException.class, () -> teacher.logitsOfIds(new int[0], new int[] {0, 0}, 1));
    }
  }

  /**
   * The same weights under Hugging Face's names, under its encoder's bare names, and with its
   * LayerNorm of old.
   */
  @Test
  void readsHuggingFaceNames() {
    Map<String, Object> config = TinyModels.teacherConfig("pooler", List.of());
    Path ours = TinyModels.writer(directory.resolve("ours"), config, 5).commit();
    ModelDirectory files = ModelDirectory.read(ours);
    assertTrue(files.tensors().containsKey("bert.encoder.layer.1.attention.self.query.weight"));
    assertTrue(files.tensors().containsKey("classifier.weight"));
    Map<String, Tensor> renamed = new LinkedHashMap<>();
    files
        .tensors()
        .forEach(
            (name, tensor) -> {
              String other =
                  name.replace("bert.", "")
                      .replace("LayerNorm.weight", "LayerNorm.gamma")
                      .replace("LayerNorm.bias", "LayerNorm.beta");
              renamed.put(other, tensor.named(other));
            });
    Path theirs =
        ModelDirectory.write(directory.resolve("theirs"))
            .config(config)
            .tensors(renamed)
            .vocab(files.vocab())
            .labels(files.labels())
            .commit();
    try (Teacher one = Teacher.load(ours);
        Teacher other = Teacher.load(theirs)) {
      assertArrayEquals(one.logits("a bc 麻雀"), other.logits("a bc 麻雀"));
    }
  }

  @Test
  void anEncoderHasHiddenStatesAndNoLabels() {
    Map<String, Object> config = TinyModels.teacherConfig("cls", List.of());
    Path headed = TinyModels.writer(directory.resolve("headed"), config, 7).commit();
    config.put("num_labels", 0);
    Map<String, Tensor> tensors = new LinkedHashMap<>(ModelDirectory.read(headed).tensors());
    tensors.keySet().removeIf(name -> name.startsWith("classifier."));
    Path bare =
        ModelDirectory.write(directory.resolve("bare"))
            .config(config)
            .tensors(tensors)
            .vocab(TinyModels.PIECES)
            .commit();
    try (Teacher teacher = Teacher.load(headed);
        Teacher encoder = Teacher.load(bare)) {
      assertEquals(List.of(), encoder.labels());
      assertThrows(InvalidInputException.class, () -> encoder.predict("a"));
      int[] ids = encoder.encoder().encode("a bc").ids();
      float[][] states = encoder.hiddenStates(ids);
      assertEquals(ids.length, states.length);
      for (int i = 0; i < ids.length; i++) {
        assertEquals(8, states[i].length);
        assertArrayEquals(teacher.hiddenStates(ids)[i], states[i]);
      }
      float[] head = teacher.logits("a bc");
      float[] weight = ModelDirectory.read(headed).nativeTensors().get("head.0.weight").floats();
      float[] bias = ModelDirectory.read(headed).nativeTensors().get("head.0.bias").floats();
      for (int label = 0; label < 3; label++) {
        double expected = bias[label];
        for (int j = 0; j < 8; j++) {
          expected += (double) weight[label * 8 + j] * states[0][j];
        }
        assertEquals(expected, head[label], 1e-5);
      }
    }
  }

  @Test
  void useAfterCloseIsAnError() {
    Teacher teacher = Teacher.load(TinyModels.teacher(directory.resolve("t")));
    teacher.close();
    teacher.close();
    assertThrows(IllegalStateException.class, () -> teacher.predict("a"));
    assertThrows(IllegalStateException.class, () -> teacher.hiddenStates(new int[] {2, 3}));
    assertThrows(IllegalStateException.class, () -> teacher.logits(texts(5_000), 3));
  }

  @Test
  void closingWhileOthersPredictIsSafe() throws Exception {
    Path path = TinyModels.teacher(directory.resolve("t"));
    ClosingRace.run(30, () -> Teacher.load(path), "a bc", "this teacher is closed");
  }

  @Test
  void aStudentsDirectoryIsNoTeacher() {
    Path path = TinyModels.student(directory.resolve("student"), "document", null);
    String message =
        assertThrows(ModelFormatException.class, () -> Teacher.load(path)).getMessage();
    assertTrue(message.contains(path.toString()) && message.contains("Student.load"), message);
  }
}
