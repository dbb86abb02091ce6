package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Reading a student's serving form: what fits is taken as it is, what does not is named. */
class ServingFormTest {
  @TempDir Path directory;
  private Map<String, Object> config;
  private Map<String, Tensor> tensors;

  @BeforeEach
  void make() {
    make("sequence", "int8", true, true);
  }

  private void make(String kind, String precision, boolean folded, boolean mapped) {
    config = TinyModels.studentConfig(kind, kind.equals("document") ? null : "max");
    config.put("precision", precision);
    config.put("folded", folded);
    tensors = ServingModels.weights(ServingModels.parsed(config), mapped, new Random(1));
  }

  private ModelDirectory write() {
    Path path =
        ModelDirectory.write(directory.resolve("model.maque"))
            .config(config)
            .tensors(tensors)
            .vocab(TinyModels.WORDS)
            .labels(TinyModels.LABELS)
            .training(Map.of("packed", Map.of()))
            .commitFile();
    return ModelDirectory.read(path);
  }

  private void refused(String... said) {
    String message = assertThrows(ModelFormatException.class, this::write).getMessage();
    for (String part : said) {
      assertTrue(message.contains(part), message);
    }
  }

  private void change(String name, UnaryOperator<Tensor> change) {
    tensors = new LinkedHashMap<>(tensors);
    tensors.put(name, change.apply(tensors.get(name)));
  }

  @ParameterizedTest
  @CsvSource({
    "sequence,int8,true,true", "sequence,bf16,false,true", "sequence,fp32,true,false",
    "document,int8,false,false", "document,bf16,true,true", "document,int8,true,false"
  })
  void isReadAsItIsWritten(String kind, String precision, boolean folded, boolean mapped) {
    make(kind, precision, folded, mapped);
    ModelDirectory read = write();
    assertTrue(read.isServingForm());
    assertEquals(precision, read.precision());
    assertEquals(Boolean.toString(folded), read.nativeOptions().get("folded"));
    assertEquals(List.copyOf(tensors.keySet()), List.copyOf(read.nativeTensors().keySet()));
    tensors.forEach(
        (name, tensor) -> {
          assertEquals(tensor.dtype(), read.nativeTensors().get(name).dtype(), name);
          assertEquals(tensor.data(), read.nativeTensors().get(name).data(), name);
        });
  }

  @Test
  void aMissingTensorIsNamed() {
    for (String name : List.copyOf(tensors.keySet())) {
      if (!name.equals("ids.map")) {
        make();
        tensors.remove(name);
        refused("model.safetensors: tensor " + name, "found none");
      }
    }
  }

  @Test
  void aTensorTooManyIsNamed() {
    tensors.put("lstm.bias_l0", Tensor.of("lstm.bias_l0", new long[] {20}, new float[20]));
    refused("tensor lstm.bias_l0 has no place");
  }

  @Test
  void wrongTypesAreNamed() {
    change(
        "gates.weight", t -> Tensor.of("gates.weight", t.shape(), new float[(int) t.elements()]));
    refused("tensor gates.weight: config.json needs I8, the file has F32");
    make();
    config.put("precision", "bf16");
    refused("tensor gates.weight: config.json needs BF16, the file has I8");
  }

  @Test
  void wrongShapesAreNamed() {
    change("lstm.weight_hh_l0", t -> new Tensor(t.name(), "I8", new long[] {10, 10}, t.data()));
    refused("tensor lstm.weight_hh_l0: config.json needs [20, 5], the file has [10, 10]");
    make("sequence", "int8", true, false);
    change("gates.scale", t -> Tensor.of(t.name(), new long[] {5, 2}, new float[10]));
    refused("tensor gates.scale: config.json needs [6, 2], the file has [5, 2]");
  }

  @Test
  void scalesAreFiniteAndNotNegative() {
    for (float wrong : new float[] {Float.NaN, Float.POSITIVE_INFINITY, -1e-3f}) {
      make();
      tensors.get("head.0.weight.scale").data().putFloat(4, wrong);
      refused("tensor head.0.weight.scale: scale 1: expected a finite", "found " + wrong);
    }
  }

  @Test
  void idsHaveRows() {
    long rows = tensors.get("gates.weight").shape()[0];
    for (int wrong : new int[] {-1, (int) rows, Integer.MAX_VALUE}) {
      make();
      ByteBuffer map = tensors.get("ids.map").data();
      map.putInt(8, wrong);
      refused("ids.map: id 2: expected a row of 0 to " + (rows - 1) + ", found " + wrong);
    }
  }

  @Test
  void theConfigurationSaysBothOrNothing() {
    config.remove("folded");
    refused("config.json: folded: expected true or false, found nothing");
    config.put("folded", "yes");
    refused("folded: expected true or false, found yes");
    config.put("folded", true);
    config.put("precision", "int4");
    refused("precision: expected one of fp32, bf16, int8, found int4");
  }
}
