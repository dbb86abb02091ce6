package maque.training.imports;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import maque.runtime.ModelFormatException;
import maque.runtime.Safetensors;
import maque.runtime.Tensor;

/**
 * Imports a BERT encoder from a directory in Hugging Face's form: config.json, model.safetensors
 * (F32, F16 or BF16; names with or without the prefix {@code bert.}), and vocab.txt with an
 * optional tokenizer_config.json, or tokenizer.json. Half precision becomes float32, exactly. Heads
 * of other tasks ({@code cls.*}, {@code classifier.*}) are left out and listed in the report.
 * Thread-safe.
 */
public final class HuggingFaceBert {
  private HuggingFaceBert() {}

  /**
   * @param source the directory to read
   * @param directory where the model directory shall be; a model that is there is replaced
   * @throws ModelFormatException where a file is missing, or its contents do not fit the
   *     configuration
   * @throws IOException where files cannot be read, or the directory not be written
   */
  public static ImportReport importDirectory(Path source, Path directory) throws IOException {
    Path configFile = source.resolve("config.json");
    Path weights = source.resolve("model.safetensors");
    JsonNode config = TokenizerSettings.json(configFile);
    Map<String, Object> geometry = geometry(configFile, config);
    TokenizerSettings tokenizer = tokenizer(source);
    Map<String, Tensor> given = Safetensors.read(weights).tensors();
    List<String> ignored = new ArrayList<>(given.keySet());
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    shapes(geometry)
        .forEach(
            (name, shape) -> {
              String key = given.containsKey("bert." + name) ? "bert." + name : name;
              Tensor tensor = given.get(key);
              if (tensor == null && name.startsWith("pooler.")) {
                return;
              }
              tensors.put(name, checked(weights, name, tensor, shape));
              ignored.remove(key);
            });
    if (tensors.containsKey("pooler.dense.weight") != tensors.containsKey("pooler.dense.bias")) {
      throw new ModelFormatException(
          weights + ": expected both tensors of the pooler or none, found one");
    }
    Map<String, Object> origin = new LinkedHashMap<>();
    origin.put("format", "huggingface");
    origin.put("model", source.toAbsolutePath().normalize().getFileName().toString());
    origin.put("model_sha256", Hashes.sha256(weights));
    return EncoderDirectory.write(directory, geometry, tensors, tokenizer, origin, ignored);
  }

  private static TokenizerSettings tokenizer(Path source) throws IOException {
    Path vocab = source.resolve("vocab.txt");
    Path json = source.resolve("tokenizer.json");
    if (!Files.exists(vocab) && Files.exists(json)) {
      return TokenizerSettings.ofTokenizerJson(json);
    }
    return TokenizerSettings.ofVocabulary(vocab, source.resolve("tokenizer_config.json"));
  }

  private static Map<String, Object> geometry(Path file, JsonNode config) {
    String type = config.path("model_type").asText("bert");
    if (!type.equals("bert")) {
      throw new ModelFormatException(file + ": expected model_type bert, found " + type);
    }
    String positions = config.path("position_embedding_type").asText("absolute");
    if (!positions.equals("absolute")) {
      throw new ModelFormatException(
          file + ": expected position_embedding_type absolute, found " + positions);
    }
    Map<String, Object> geometry =
        EncoderDirectory.geometry(
            size(file, config, "vocab_size"),
            size(file, config, "hidden_size"),
            size(file, config, "num_hidden_layers"),
            size(file, config, "num_attention_heads"),
            size(file, config, "intermediate_size"),
            size(file, config, "max_position_embeddings"),
            size(file, config, "type_vocab_size"));
    geometry.put("layer_norm_eps", config.path("layer_norm_eps").asDouble(1e-12));
    geometry.put("hidden_act", activation(file, config.path("hidden_act").asText("gelu")));
    geometry.put("hidden_dropout_prob", config.path("hidden_dropout_prob").asDouble(0.1));
    geometry.put(
        "attention_probs_dropout_prob", config.path("attention_probs_dropout_prob").asDouble(0.1));
    return geometry;
  }

  private static long size(Path file, JsonNode config, String key) {
    JsonNode value = config.path(key);
    if (!value.isIntegralNumber() || value.asLong() < 1 || value.asLong() > 1 << 24) {
      throw new ModelFormatException(
          file + ": expected " + key + " between 1 and 2^24, found " + value);
    }
    return value.asLong();
  }

  private static String activation(Path file, String name) {
    if (!List.of("gelu", "gelu_new", "gelu_pytorch_tanh", "relu").contains(name)) {
      throw new ModelFormatException(
          file + ": expected hidden_act gelu, gelu_new, gelu_pytorch_tanh or relu, found " + name);
    }
    return name;
  }

  /** Names (BertModel's, in its order) and shapes of an encoder of this geometry, with a pooler. */
  static Map<String, long[]> shapes(Map<String, Object> geometry) {
    long h = (Long) geometry.get("hidden_size");
    long f = (Long) geometry.get("intermediate_size");
    Map<String, long[]> shapes = new LinkedHashMap<>();
    shapes.put(
        "embeddings.word_embeddings.weight", new long[] {(Long) geometry.get("vocab_size"), h});
    shapes.put(
        "embeddings.position_embeddings.weight",
        new long[] {(Long) geometry.get("max_position_embeddings"), h});
    shapes.put(
        "embeddings.token_type_embeddings.weight",
        new long[] {(Long) geometry.get("type_vocab_size"), h});
    putBoth(shapes, "embeddings.LayerNorm", h);
    for (int i = 0; i < (Long) geometry.get("num_hidden_layers"); i++) {
      String layer = "encoder.layer." + i + ".";
      putBoth(shapes, layer + "attention.self.query", h, h);
      putBoth(shapes, layer + "attention.self.key", h, h);
      putBoth(shapes, layer + "attention.self.value", h, h);
      putBoth(shapes, layer + "attention.output.dense", h, h);
      putBoth(shapes, layer + "attention.output.LayerNorm", h);
      putBoth(shapes, layer + "intermediate.dense", f, h);
      putBoth(shapes, layer + "output.dense", h, f);
      putBoth(shapes, layer + "output.LayerNorm", h);
    }
    putBoth(shapes, "pooler.dense", h, h);
    return shapes;
  }

  private static void putBoth(Map<String, long[]> shapes, String name, long... weight) {
    shapes.put(name + ".weight", weight);
    shapes.put(name + ".bias", new long[] {weight[0]});
  }

  private static Tensor checked(Path file, String name, Tensor tensor, long[] shape) {
    if (tensor == null) {
      throw new ModelFormatException(
          file + ": expected tensor " + name + " (or bert." + name + "), found none");
    }
    if (!Arrays.equals(tensor.shape(), shape)) {
      throw new ModelFormatException(
          file
              + ": expected shape "
              + Arrays.toString(shape)
              + " for "
              + name
              + ", found "
              + Arrays.toString(tensor.shape()));
    }
    if (!List.of("F32", "F16", "BF16").contains(tensor.dtype())) {
      throw new ModelFormatException(
          file + ": expected F32, F16 or BF16 for " + name + ", found " + tensor.dtype());
    }
    return tensor.toF32().named(name);
  }
}
