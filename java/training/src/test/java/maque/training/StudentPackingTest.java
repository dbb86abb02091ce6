package maque.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import maque.runtime.InvalidInputException;
import maque.runtime.Maque;
import maque.runtime.ModelDirectory;
import maque.runtime.ModelFormatException;
import maque.runtime.Student;
import maque.runtime.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class StudentPackingTest {
  @TempDir Path directory;

  private ModelDirectory student(String kind) {
    return ModelDirectory.read(TinyStudent.write(directory.resolve("student"), kind, 1));
  }

  private ModelDirectory pack(ModelDirectory student, StudentPacking.Options options) {
    Path out = directory.resolve("packed.maque");
    StudentPacking.pack(student, options, 2, out).commitFile();
    return ModelDirectory.read(out);
  }

  private static float[] values(ModelDirectory model, String name) {
    return model.nativeTensors().get(name).floats();
  }

  @Test
  void aSequencesTableHoldsPreActivations() {
    ModelDirectory student = student("max-logits");
    StudentPacking.Options options =
        StudentPacking.Options.of(Precision.FP32).withFold(StudentPacking.Fold.YES);
    ModelDirectory packed = pack(student, options);
    float[] table = values(packed, "gates.weight");
    float[] embedding = values(student, "embedding.weight");
    for (int d = 0; d < 2; d++) {
      String direction = d == 0 ? "_l0" : "_l0_reverse";
      float[] weights = values(student, "lstm.weight_ih" + direction);
      float[] input = values(student, "lstm.bias_ih" + direction);
      float[] recurrent = values(student, "lstm.bias_hh" + direction);
      for (int id = 0; id < 8; id++) {
        for (int j = 0; j < 20; j++) {
          double sum = input[j] + recurrent[j];
          for (int p = 0; p < 7; p++) {
            sum += (double) embedding[id * 7 + p] * weights[j * 7 + p];
          }
          assertEquals((float) sum, table[id * 40 + d * 20 + j]);
        }
      }
    }
    assertEquals(true, packed.config().get("folded"));
    assertEquals(student.labels(), packed.labels());
    assertEquals(student.vocab(), packed.vocab());
    Map<?, ?> from = (Map<?, ?>) packed.training().get("packed");
    assertEquals(student.fingerprint(), from.get("source"));
    assertEquals(1L, packed.training().get("seed"));
  }

  /** A document reads no forget gate, and adds its biases to the mean. */
  @Test
  void aDocumentsTableHasThreeGatesWithoutBias() {
    ModelDirectory student = student("document");
    ModelDirectory packed = pack(student, StudentPacking.Options.of(Precision.FP32));
    float[] table = values(packed, "gates.weight");
    float[] vectors = values(student, "vectors.weight");
    float[] weights = values(student, "lstm.weight_ih_l0_reverse");
    float[] input = values(student, "lstm.bias_ih_l0_reverse");
    float[] recurrent = values(student, "lstm.bias_hh_l0_reverse");
    for (int j = 0; j < 15; j++) {
      int row = j < 5 ? j : j + 5;
      assertEquals(input[row] + recurrent[row], values(packed, "gates.bias")[15 + j]);
      double sum = 0;
      for (int p = 0; p < 7; p++) {
        sum += (double) vectors[3 * 7 + p] * weights[row * 7 + p];
      }
      assertEquals((float) sum, table[3 * 30 + 15 + j]);
    }
    assertFalse(packed.nativeTensors().containsKey("lstm.weight_hh_l0"));
  }

  @Test
  void foldsWhatFitsTheBudget() {
    ModelDirectory student = student("mean");
    StudentPacking.Options options = StudentPacking.Options.of(Precision.INT8);
    long bytes = 8 * 40 + 8 * 8;
    ModelDirectory fits = pack(student, options.withMaxTableBytes(bytes));
    assertTrue(fits.nativeTensors().containsKey("gates.weight"));
    ModelDirectory larger = pack(student, options.withMaxTableBytes(bytes - 1));
    assertEquals(false, larger.config().get("folded"));
    assertEquals("I8", larger.nativeTensors().get("embedding.weight").dtype());
    assertArrayEquals(new long[] {20, 7}, larger.nativeTensors().get("lstm.weight_ih_l0").shape());
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void unusedIdsShareTheMeanOfTheirRows(boolean folded) {
    ModelDirectory student = student("last");
    StudentPacking.Options options =
        StudentPacking.Options.of(Precision.FP32)
            .withFold(folded ? StudentPacking.Fold.YES : StudentPacking.Fold.NO)
            .withUsed(Texts.of(List.of("red sparrow", "sparrow 麻雀")));
    ModelDirectory packed = pack(student, options);
    int[] map = new int[8];
    packed.nativeTensors().get("ids.map").data().asIntBuffer().get(map);
    assertArrayEquals(new int[] {3, 0, 3, 3, 1, 2, 3, 3}, map);
    String table = folded ? "gates.weight" : "embedding.weight";
    assertEquals(4, packed.nativeTensors().get(table).shape()[0]);
    if (!folded) {
      float[] all = values(student, table);
      float[] kept = values(packed, table);
      for (int i = 0; i < 7; i++) {
        assertEquals(all[4 * 7 + i], kept[7 + i]);
        double sum = 0;
        for (int id : new int[] {0, 2, 3, 6, 7}) {
          sum += all[id * 7 + i];
        }
        assertEquals((float) (sum / 5), kept[3 * 7 + i]);
      }
    }
    Map<?, ?> from = (Map<?, ?>) packed.training().get("packed");
    assertEquals(3L, from.get("ids_kept"));
  }

  @ParameterizedTest
  @CsvSource({"max,INT8", "document,BF16", "mean,FP32"})
  void theNumberOfThreadsDoesNotShow(String kind, Precision precision) throws IOException {
    ModelDirectory student = student(kind);
    byte[] expected = null;
    for (int threads : new int[] {1, 3}) {
      Path out = directory.resolve("packed-" + threads + ".maque");
      StudentPacking.pack(student, StudentPacking.Options.of(precision), threads, out).commitFile();
      byte[] found = Files.readAllBytes(out);
      expected = expected == null ? found : expected;
      assertArrayEquals(expected, found);
    }
  }

  @Test
  void aDirectoryAndAFileHoldTheSame() {
    ModelDirectory student = student("max");
    StudentPacking.Options options = StudentPacking.Options.of(Precision.INT8);
    ModelDirectory file = pack(student, options);
    Path path = StudentPacking.pack(student, options, 1, directory.resolve("directory")).commit();
    ModelDirectory read = ModelDirectory.read(path);
    assertEquals(file.fingerprint(), read.fingerprint());
    assertEquals(file.tensors().keySet(), read.tensors().keySet());
    assertEquals(file.training(), read.training());
  }

  /** Largest difference of logits between a student and its packed form, in plain Java. */
  private double difference(ModelDirectory student, StudentPacking.Options options) {
    System.setProperty(Maque.NATIVE_PROPERTY, "off");
    try (Student trained = Student.of(student);
        Student packed = Student.of(pack(student, options))) {
      double largest = 0;
      for (String text : List.of("", "red", "green 麻雀 stone x", "blue ".repeat(40))) {
        float[] expected = trained.logits(text);
        float[] found = packed.logits(text);
        for (int i = 0; i < expected.length; i++) {
          largest = Math.max(largest, Math.abs(expected[i] - found[i]));
        }
      }
      return largest;
    } finally {
      System.clearProperty(Maque.NATIVE_PROPERTY);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "document",
        "max-logits",
        "max",
        "mean",
        "last",
        "document ngrams",
        "max-logits ngrams",
        "mean ngrams",
        "bag"
      })
  void answersAsTheTrainingFormDoes(String kind) {
    ModelDirectory student = student(kind);
    boolean bag = kind.equals("bag");
    for (StudentPacking.Fold fold : StudentPacking.Fold.values()) {
      boolean folded = fold != StudentPacking.Fold.NO && !bag;
      if (fold == StudentPacking.Fold.YES && bag) {
        continue;
      }
      double fp32 = difference(student, StudentPacking.Options.of(Precision.FP32).withFold(fold));
      assertTrue(folded ? fp32 < 1e-5 : fp32 == 0, kind + " fp32 " + fp32);
      double bf16 = difference(student, StudentPacking.Options.of(Precision.BF16).withFold(fold));
      assertTrue(bf16 < 0.02, kind + " bf16 " + bf16);
      double int8 = difference(student, StudentPacking.Options.of(Precision.INT8).withFold(fold));
      assertTrue(int8 > 0 && int8 < 0.05, kind + " int8 " + int8);
    }
  }

  /** Their table in int8 has a scale for each bucket. */
  @ParameterizedTest
  @ValueSource(strings = {"bag", "max ngrams"})
  void nGramsKeepTheirTable(String kind) {
    ModelDirectory student = student(kind);
    ModelDirectory packed = pack(student, StudentPacking.Options.of(Precision.INT8));
    float[] all = values(student, "ngrams.weight");
    float[] scales = values(packed, "ngrams.weight.scale");
    Tensor table = packed.nativeTensors().get("ngrams.weight");
    assertArrayEquals(new long[] {64, 6}, table.shape());
    for (int i = 0; i < all.length; i++) {
      assertEquals(all[i], table.data().get(i) * scales[i / 6], scales[i / 6] * 0.501f);
    }
    assertEquals(student.config().get("ngrams"), packed.config().get("ngrams"));
    assertEquals(!kind.equals("bag"), packed.config().get("folded"));
  }

  @Test
  void aBagHasNothingToFoldOrCut() {
    ModelDirectory bag = student("bag");
    StudentPacking.Options options = StudentPacking.Options.of(Precision.INT8);
    for (StudentPacking.Options wrong :
        List.of(
            options.withFold(StudentPacking.Fold.YES),
            options.withUsed(Texts.of(List.of("red"))))) {
      String message =
          assertThrows(InvalidInputException.class, () -> pack(bag, wrong)).getMessage();
      assertTrue(message.contains("no table of tokens"), message);
    }
  }

  @Test
  void refusesWhatIsNoTrainingForm() {
    ModelDirectory packed = pack(student("max"), StudentPacking.Options.of(Precision.BF16));
    String message =
        assertThrows(
                InvalidInputException.class,
                () -> pack(packed, StudentPacking.Options.of(Precision.INT8)))
            .getMessage();
    assertTrue(message.contains("is packed already (bf16)"), message);
    assertThrows(
        ModelFormatException.class, () -> ModelDirectory.read(directory.resolve("nothing")));
    assertThrows(
        InvalidInputException.class,
        () ->
            pack(
                student("max"),
                StudentPacking.Options.of(Precision.INT8).withUsed(Texts.of(List.of(" ")))));
  }
}
