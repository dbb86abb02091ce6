package maque.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import maque.runtime.InvalidInputException;
import maque.runtime.ModelDirectory;
import maque.runtime.ModelFormatException;
import maque.runtime.Teacher;
import maque.runtime.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TeacherPackingTest {
  private static final String WEIGHT = "encoder.layer.1.output.dense.weight";
  private static final int[] IDS = {2, 7, 9, 20, 11, 3};

  @TempDir Path directory;

  private ModelDirectory encoder() {
    return ModelDirectory.read(TinyBert.write(directory.resolve("encoder"), false));
  }

  private ModelDirectory packed(ModelDirectory encoder) {
    TeacherPacking.pack(encoder, directory.resolve("packed")).commit();
    return ModelDirectory.read(directory.resolve("packed"));
  }

  @Test
  void weightsAreWithinHalfAStepAndNeighboursShareTheRange() {
    ModelDirectory encoder = encoder();
    ModelDirectory packed = packed(encoder);
    assertEquals("int8", packed.precision());
    float[] before = encoder.nativeTensors().get(WEIGHT).floats();
    ByteBuffer after = packed.nativeTensors().get(WEIGHT).data();
    float[] scales = packed.nativeTensors().get(WEIGHT + ".scale").floats();
    int columns = TinyBert.INTERMEDIATE;
    int largest = 0;
    for (int i = 0; i < before.length; i++) {
      float scale = scales[i / columns];
      assertEquals(before[i], scale * after.get(i), 0.5001 * scale);
      if (i % 2 == 0) {
        int both = Math.abs(after.get(i)) + Math.abs(after.get(i + 1));
        assertTrue(both <= 128);
        largest = Math.max(largest, both);
      }
    }
    assertTrue(largest >= 126);
    String bias = "encoder.layer.1.output.dense.bias";
    assertArrayEquals(
        encoder.nativeTensors().get(bias).floats(), packed.nativeTensors().get(bias).floats());
  }

  @Test
  void whatIsDividedOnOneSideIsMultipliedOnTheOther() {
    ModelDirectory encoder = encoder();
    ModelDirectory packed = packed(encoder);
    String layer = "encoder.layer.0.";
    for (String name : List.of("attention.self.key", "intermediate.dense")) {
      String input = name.startsWith("attention") ? "attention.self" : name;
      float[] factors = values(packed, layer + input + ".input.scale");
      assertProduct(encoder, packed, layer + name + ".weight", factors);
    }
    float[] before = values(encoder, layer + "attention.self.value.bias");
    float[] after = values(packed, layer + "attention.self.value.bias");
    float[] factors = new float[before.length];
    for (int p = 0; p < before.length; p++) {
      factors[p] = after[p] / before[p];
    }
    assertTrue(factors[0] != 1);
    assertProduct(encoder, packed, layer + "attention.output.dense.weight", factors);
  }

  /**
   * Whether int8 weights times factors of their columns are the floats before, within half a step.
   */
  private static void assertProduct(
      ModelDirectory before, ModelDirectory after, String name, float[] factors) {
    float[] floats = values(before, name);
    float[] scales = values(after, name + ".scale");
    ByteBuffer bytes = after.nativeTensors().get(name).data();
    int columns = factors.length;
    for (int i = 0; i < floats.length; i++) {
      float step = scales[i / columns] * factors[i % columns];
      assertEquals(floats[i], step * bytes.get(i), 0.501 * step);
    }
  }

  private static float[] values(ModelDirectory model, String name) {
    return model.nativeTensors().get(name).floats();
  }

  @Test
  void aLargeColumnCostsTheOthersLittle() {
    ModelDirectory encoder = encoder();
    Map<String, Tensor> tensors = new LinkedHashMap<>(encoder.nativeTensors());
    String norm = "encoder.layer.0.attention.output.LayerNorm.weight";
    float[] gamma = tensors.get(norm).floats().clone();
    gamma[3] *= 40;
    tensors.put(norm, Tensor.of(norm, new long[] {gamma.length}, gamma));
    ModelDirectory.write(directory.resolve("large"))
        .config(encoder.config())
        .nativeTensors(tensors)
        .vocab(encoder.vocab())
        .commit();
    ModelDirectory large = ModelDirectory.read(directory.resolve("large"));
    ModelDirectory packed = packed(large);
    float[] factors = values(packed, "encoder.layer.0.intermediate.dense.input.scale");
    for (int p = 0; p < factors.length; p++) {
      assertTrue(p == 3 || factors[p] > 2 * factors[3]);
    }
    TeacherPacking.pack(large, directory.resolve("twice")).commit();
    assertEquals(
        packed.fingerprint(), ModelDirectory.read(directory.resolve("twice")).fingerprint());
  }

  @Test
  void answersAreNearAndTheModelIsSmaller() {
    ModelDirectory encoder = encoder();
    try (Teacher floats = Teacher.of(encoder);
        Teacher bytes = Teacher.of(packed(encoder))) {
      float[][] expected = floats.hiddenStates(IDS);
      float[][] got = bytes.hiddenStates(IDS);
      for (int row = 0; row < IDS.length; row++) {
        assertArrayEquals(expected[row], got[row], 0.1f);
        assertNotEquals(expected[row][0], got[row][0]);
      }
      assertTrue(bytes.nativeBytes() < floats.nativeBytes());
      assertEquals(floats.parameters(), bytes.parameters());
    }
  }

  @Test
  void whatIsPackedOrNoTeacherIsRefused() {
    ModelDirectory packed = packed(encoder());
    Path again = directory.resolve("again");
    assertThrows(InvalidInputException.class, () -> TeacherPacking.pack(packed, again));
    ModelDirectory student =
        ModelDirectory.read(TinyStudent.write(directory.resolve("student"), "max", 1));
    assertThrows(InvalidInputException.class, () -> TeacherPacking.pack(student, again));
  }

  @Test
  void whatIsPackedDoesNotTrain() {
    ModelDirectory packed = packed(encoder());
    DataSet data = TinyBert.data("train", 20, 1);
    TeacherTraining.Inputs inputs =
        new TeacherTraining.Inputs(packed.path(), data, data, directory.resolve("trained"));
    InvalidInputException e =
        assertThrows(
            InvalidInputException.class,
            () -> TeacherTraining.run(inputs, TinyBert.teacher(), RunControl.quiet()));
    assertTrue(e.getMessage().contains("int8"), e.getMessage());
  }

  @Test
  void tensorsThatDoNotFitAreNamed() {
    ModelDirectory packed = packed(encoder());
    refused(packed, WEIGHT + ".scale", tensor -> null, "found none");
    refused(packed, "encoder.layer.1.attention.self.input.scale", tensor -> null, "found none");
    refused(
        packed,
        "encoder.layer.0.intermediate.dense.input.scale",
        tensor -> floats(tensor, -1),
        "at least 0");
    refused(packed, WEIGHT, tensor -> floats(tensor, 1), "config.json needs I8");
    refused(packed, WEIGHT + ".scale", tensor -> floats(tensor, -1), "at least 0");
    refused(packed, WEIGHT + ".scale", tensor -> floats(tensor, Float.NaN), "at least 0");
  }

  private void refused(
      ModelDirectory packed, String name, UnaryOperator<Tensor> change, String says) {
    Map<String, Tensor> tensors = new LinkedHashMap<>(packed.nativeTensors());
    Tensor changed = change.apply(tensors.remove(name));
    if (changed != null) {
      tensors.put(name, changed);
    }
    ModelDirectory.Writer writer =
        ModelDirectory.write(directory.resolve("damaged"))
            .config(packed.config())
            .nativeTensors(tensors)
            .vocab(packed.vocab());
    ModelFormatException e = assertThrows(ModelFormatException.class, writer::commit);
    assertTrue(e.getMessage().contains(says), e.getMessage());
    assertTrue(e.getMessage().contains(name), e.getMessage());
  }

  private static Tensor floats(Tensor tensor, float value) {
    float[] values = new float[(int) tensor.elements()];
    Arrays.fill(values, value);
    return Tensor.of(tensor.name(), tensor.shape(), values);
  }
}
