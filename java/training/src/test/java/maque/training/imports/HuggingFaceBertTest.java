package maque.training.imports;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import maque.runtime.ModelDirectory;
import maque.runtime.ModelFormatException;
import maque.runtime.Safetensors;
import maque.runtime.Tensor;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HuggingFaceBertTest {
  private static final String CONFIG =
      """
      {"architectures": ["BertForMaskedLM"], "model_type": "bert", "vocab_size": 7, "hidden_size": 6, "num_hidden_layers": 2,
       "num_attention_heads": 2, "intermediate_size": 10, "max_position_embeddings": 9, "type_vocab_size": 2,
       "layer_norm_eps": 1e-05, "hidden_act": "gelu", "hidden_dropout_prob": 0.2, "torch_dtype": "float16"}
      """;
  private static final List<String> VOCABULARY =
      List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "##b", "麻");

  @TempDir Path scratch;
  private Path source;
  private final Map<String, Tensor> tensors = new LinkedHashMap<>();

  @BeforeEach
  void prepare() throws IOException {
    source = Files.createDirectory(scratch.resolve("bert-tiny"));
    Files.writeString(source.resolve("config.json"), CONFIG);
    Files.write(source.resolve("vocab.txt"), VOCABULARY);
    fill("", "F32");
  }

  /** The whole encoder, its names behind a prefix. */
  private void fill(String prefix, String dtype) {
    tensors.clear();
    Random random = new Random(2);
    Map<String, Object> geometry = EncoderDirectory.geometry(7, 6, 2, 2, 10, 9, 2);
    HuggingFaceBert.shapes(geometry)
        .forEach(
            (name, shape) -> {
              long n = 1;
              for (long size : shape) {
                n *= size;
              }
              int bytes = dtype.equals("F32") ? 4 : 2;
              ByteBuffer data =
                  ByteBuffer.allocateDirect((int) n * bytes).order(ByteOrder.LITTLE_ENDIAN);
              for (int i = 0; i < n; i++) {
                put(data, dtype, random.nextInt(2000) - 1000);
              }
              tensors.put(prefix + name, new Tensor(prefix + name, dtype, shape, data.flip()));
            });
  }

  /** Quarters of whole numbers below 256 are exact in every format. */
  private static void put(ByteBuffer data, String dtype, int random) {
    float value = (random % 128) / 4f;
    switch (dtype) {
      case "F32" -> data.putFloat(value);
      case "BF16" -> data.putShort((short) (Float.floatToRawIntBits(value) >>> 16));
      default -> data.putShort(half(value));
    }
  }

  private static short half(float value) {
    if (value == 0) {
      return 0;
    }
    int bits = Float.floatToRawIntBits(value);
    return (short) (bits >>> 16 & 0x8000 | ((bits >>> 23 & 255) - 112) << 10 | bits >>> 13 & 1023);
  }

  private ImportReport run() throws IOException {
    Safetensors.write(source.resolve("model.safetensors"), tensors, Map.of("format", "pt"));
    return HuggingFaceBert.importDirectory(source, scratch.resolve("out"));
  }

  @ParameterizedTest
  @CsvSource({"'', F32", "bert., F32", "'', F16", "bert., BF16"})
  void importsEveryNameAndPrecision(String prefix, String dtype) throws IOException {
    fill("", "F32");
    Map<String, float[]> expected = new LinkedHashMap<>();
    tensors.forEach((name, tensor) -> expected.put(name, tensor.floats()));
    fill(prefix, dtype);
    ImportReport report = run();
    assertEquals(List.of(), report.ignored());
    ModelDirectory directory = ModelDirectory.read(report.directory());
    assertEquals(expected.size(), directory.tensors().size());
    expected.forEach(
        (name, values) -> {
          Tensor tensor = directory.tensors().get("bert." + name);
          assertEquals("F32", tensor.dtype());
          assertArrayEquals(values, tensor.floats(), name);
        });
    assertEquals(VOCABULARY, directory.vocab());
    assertEquals(0.2, directory.config().get("hidden_dropout_prob"));
    assertEquals(1e-5, directory.config().get("layer_norm_eps"));
    assertEquals(9L, directory.config().get("max_tokens"));
  }

  @Test
  void leavesOutHeadsOfOtherTasksAndSaysSo() throws IOException {
    fill("bert.", "F32");
    tensors.put(
        "cls.predictions.bias", Tensor.of("cls.predictions.bias", new long[] {7}, new float[7]));
    tensors.put(
        "bert.embeddings.position_ids",
        new Tensor("p", "I64", new long[] {1, 9}, ByteBuffer.allocateDirect(72)));
    assertEquals(
        List.of("cls.predictions.bias", "bert.embeddings.position_ids"),
        List.copyOf(new TreeSet<>(run().ignored()).descendingSet()));
  }

  @Test
  void worksWithoutAPooler() throws IOException {
    tensors.keySet().removeIf(name -> name.startsWith("pooler"));
    ModelDirectory directory = ModelDirectory.read(run().directory());
    assertEquals(tensors.size(), directory.tensors().size());
  }

  @Test
  void readsTokenizerSettings() throws IOException {
    Files.writeString(
        source.resolve("tokenizer_config.json"),
        "{\"do_lower_case\": false, \"strip_accents\": true, \"tokenize_chinese_chars\": false,"
            + " \"model_max_length\": 8}");
    Map<String, Object> config = run().config();
    Map<?, ?> tokenizer = (Map<?, ?>) config.get("tokenizer");
    assertEquals(false, tokenizer.get("lowercase"));
    assertEquals(true, tokenizer.get("strip_accents"));
    assertEquals(false, tokenizer.get("tokenize_chinese_chars"));
    assertEquals(8L, config.get("max_tokens"));
  }

  @Test
  void readsTokenizerJsonWhereThereIsNoVocabulary() throws IOException {
    Files.delete(source.resolve("vocab.txt"));
    StringBuilder vocab = new StringBuilder();
    for (int i = VOCABULARY.size() - 1; i >= 0; i--) {
      vocab
          .append('"')
          .append(VOCABULARY.get(i))
          .append("\": ")
          .append(i)
          .append(i > 0 ? ", " : "");
    }
    String json =
        "{\"normalizer\": {\"type\": \"BertNormalizer\", \"lowercase\": true}, \"pre_tokenizer\":"
            + " {\"type\": \"BertPreTokenizer\"}, \"model\": {\"type\": \"WordPiece\","
            + " \"unk_token\": \"[UNK]\", \"vocab\": {"
            + vocab
            + "}}}";
    Files.writeString(source.resolve("tokenizer.json"), json);
    assertEquals(VOCABULARY, ModelDirectory.read(run().directory()).vocab());
    Files.writeString(source.resolve("tokenizer.json"), json.replace("WordPiece", "BPE"));
    assertRefused("WordPiece", "BPE");
    Files.writeString(source.resolve("tokenizer.json"), json.replace("\"a\": 4", "\"a\": 5"));
    assertRefused("each once");
  }

  @Test
  void refusesWeightsThatDoNotFit() throws IOException {
    String name = "encoder.layer.1.output.dense.weight";
    Tensor whole = tensors.get(name);
    tensors.put(name, Tensor.of(name, new long[] {10, 6}, new float[60]));
    assertRefused("[6, 10]", name, "[10, 6]");
    tensors.remove(name);
    assertRefused(name, "found none");
    tensors.put(name, whole);
    tensors.remove("pooler.dense.bias");
    assertRefused("pooler");
    fill("", "F32");
    String bias = "embeddings.LayerNorm.bias";
    tensors.put(bias, new Tensor(bias, "I32", new long[] {6}, ByteBuffer.allocateDirect(24)));
    assertRefused(bias, "I32");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"model_type\": \"bert\" -> \"model_type\": \"roberta\"",
        "\"hidden_act\": \"gelu\" -> \"hidden_act\": \"swish\"",
        "\"vocab_size\": 7 -> \"vocab_size\": 8",
        "\"hidden_size\": 6 -> \"hidden_size\": -6",
        "\"hidden_size\": 6 -> \"hidden_size\": 1e9",
        "\"hidden_size\": 6, -> ",
        "\"num_hidden_layers\": 2 -> \"num_hidden_layers\": 3",
        "{ -> [",
        "\"model_type\": \"bert\" -> \"hidden_size\": 6"
      })
  void refusesConfigurationsThatDoNotFit(String change) throws IOException {
    String[] parts = change.split(" -> ", -1);
    Files.writeString(source.resolve("config.json"), CONFIG.replace(parts[0], parts[1]));
    assertRefused();
  }

  @Test
  void refusesMissingFilesAndVocabularies() throws IOException {
    Files.write(source.resolve("vocab.txt"), VOCABULARY.subList(0, 6));
    assertRefused("7", "6");
    Files.write(
        source.resolve("vocab.txt"), List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "a", "b"));
    assertRefused("line 6");
    Files.write(source.resolve("vocab.txt"), new byte[] {'a', (byte) 0xff});
    assertRefused("UTF-8");
    Files.delete(source.resolve("vocab.txt"));
    assertRefused("vocab.txt");
    Files.delete(source.resolve("config.json"));
    assertRefused("config.json");
  }

  private void assertRefused(String... parts) {
    ModelFormatException e = assertThrows(ModelFormatException.class, this::run);
    for (String part : parts) {
      assertTrue(e.getMessage().contains(part), e.getMessage());
    }
  }
}
