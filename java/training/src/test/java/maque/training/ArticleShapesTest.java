package maque.training;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The article's models have exactly its parameters: names, shapes, counts. */
class ArticleShapesTest {
  private static final Map<String, Object> SEQUENCE =
      Map.of(
          "kind", "sequence",
          "num_labels", 5,
          "head", "192",
          "vocab_size", 21_128,
          "embedding_size", 300,
          "hidden_size", 300,
          "pooling", "max-logits");

  private static Map<String, String> shapes(Map<String, ?> options, InitialWeights weights) {
    try (Trainer.Builder builder = Trainer.builder()) {
      options.forEach(builder::option);
      weights.apply(builder);
      try (Trainer trainer = builder.build()) {
        Map<String, String> shapes = new LinkedHashMap<>();
        long parameters = 0;
        for (TensorInfo tensor : trainer.tensors()) {
          shapes.put(tensor.name(), Arrays.toString(tensor.shape()));
          parameters += tensor.size();
        }
        shapes.put("parameters", Long.toString(parameters));
        return shapes;
      }
    }
  }

  private static Map<String, String> lstm(int input, int hidden) {
    Map<String, String> shapes = new LinkedHashMap<>();
    for (String direction : List.of("", "_reverse")) {
      shapes.put("lstm.weight_ih_l0" + direction, "[" + 4 * hidden + ", " + input + "]");
      shapes.put("lstm.weight_hh_l0" + direction, "[" + 4 * hidden + ", " + hidden + "]");
      shapes.put("lstm.bias_ih_l0" + direction, "[" + 4 * hidden + "]");
      shapes.put("lstm.bias_hh_l0" + direction, "[" + 4 * hidden + "]");
    }
    return shapes;
  }

  /**
   * nn.Embedding(21128, 300), nn.LSTM(300, 300, bidirectional), nn.Linear(600, 192), nn.Linear(192,
   * 5).
   */
  @Test
  void sequenceStudent() {
    InitialWeights weights = new InitialWeights(1);
    weights.embedding("embedding.weight", 21_128, 300, 1);
    weights.pytorchLstm(300, 300);
    weights.head(600, List.of(192), 5);
    Map<String, String> expected = new LinkedHashMap<>();
    expected.put("embedding.weight", "[21128, 300]");
    expected.putAll(lstm(300, 300));
    expected.put("head.0.weight", "[192, 600]");
    expected.put("head.0.bias", "[192]");
    expected.put("head.2.weight", "[5, 192]");
    expected.put("head.2.bias", "[5]");
    expected.put("parameters", "7899557");
    assertEquals(expected, shapes(SEQUENCE, weights));
  }

  /**
   * Vectors of 300, LSTM 300 to 2 x 256, 512 to 128 to 5; the vectors are not counted by the
   * article.
   */
  @Test
  void documentStudent() {
    InitialWeights weights = new InitialWeights(1);
    weights.embedding("vectors.weight", 10, 300, 1);
    weights.pytorchLstm(300, 256);
    weights.head(512, List.of(128), 5);
    Map<String, Object> options = new LinkedHashMap<>(SEQUENCE);
    options.put("kind", "document");
    options.put("head", "128");
    options.put("vocab_size", 10);
    options.put("hidden_size", 256);
    options.remove("pooling");
    Map<String, String> expected = new LinkedHashMap<>();
    expected.put("vectors.weight", "[10, 300]");
    expected.putAll(lstm(300, 256));
    expected.put("head.0.weight", "[128, 512]");
    expected.put("head.0.bias", "[128]");
    expected.put("head.2.weight", "[5, 128]");
    expected.put("head.2.bias", "[5]");
    expected.put("parameters", Integer.toString(10 * 300 + 1_142_784 + 65_664 + 645));
    assertEquals(expected, shapes(options, weights));
  }

  /**
   * bert-base-chinese has 102,267,648 parameters, of which each of its twelve layers has 7,087,872;
   * the head adds 768 to 192 to 5. One layer and a vocabulary of 100 stand for all.
   */
  @Test
  void teacher() {
    int hidden = 768;
    int intermediate = 3072;
    InitialWeights weights = new InitialWeights(1);
    weights.embedding("embeddings.word_embeddings.weight", 100, hidden, 0.02);
    weights.embedding("embeddings.position_embeddings.weight", 512, hidden, 0.02);
    weights.embedding("embeddings.token_type_embeddings.weight", 2, hidden, 0.02);
    norm(weights, "embeddings.LayerNorm", hidden);
    String layer = "encoder.layer.0.";
    for (String part : List.of("query", "key", "value")) {
      linear(weights, layer + "attention.self." + part, hidden, hidden);
    }
    linear(weights, layer + "attention.output.dense", hidden, hidden);
    norm(weights, layer + "attention.output.LayerNorm", hidden);
    linear(weights, layer + "intermediate.dense", hidden, intermediate);
    linear(weights, layer + "output.dense", intermediate, hidden);
    norm(weights, layer + "output.LayerNorm", hidden);
    weights.pooler(hidden);
    weights.head(hidden, List.of(192), 5);
    Map<String, Object> options = new LinkedHashMap<>();
    options.put("kind", "bert");
    options.put("num_labels", 5);
    options.put("head", "192");
    options.put("vocab_size", 100);
    options.put("hidden_size", hidden);
    options.put("num_hidden_layers", 1);
    options.put("num_attention_heads", 12);
    options.put("intermediate_size", intermediate);
    options.put("max_position_embeddings", 512);
    options.put("type_vocab_size", 2);
    options.put("layer_norm_eps", 1e-12);
    options.put("hidden_act", "gelu");
    options.put("pooling", "pooler");
    options.put("train", "last-tensors:4");
    Map<String, String> shapes = shapes(options, weights);
    assertEquals("[192, 768]", shapes.get("head.0.weight"));
    assertEquals("[5, 192]", shapes.get("head.2.weight"));
    assertEquals("[768, 768]", shapes.get("pooler.dense.weight"));
    long head = 768 * 192 + 192 + 192 * 5 + 5;
    long one = Long.parseLong(shapes.get("parameters")) - head;
    long whole = one + (21_128 - 100) * 768L + 11 * 7_087_872L;
    assertEquals(102_267_648L, whole);
  }

  private static void linear(InitialWeights weights, String name, int in, int out) {
    weights.embedding(name + ".weight", out, in, 0.02);
    weights.put(name + ".bias", new float[out], out);
  }

  private static void norm(InitialWeights weights, String name, int size) {
    float[] ones = new float[size];
    Arrays.fill(ones, 1);
    weights.put(name + ".weight", ones, size);
    weights.put(name + ".bias", new float[size], size);
  }

  @Test
  void seedPresets() {
    Map<String, Object> teacher = TeacherOptions.seedPreset().toMap();
    Map<String, Object> student = StudentOptions.seedPreset().toMap();
    assertEntries(
        teacher,
        "optimizer",
        "adamw",
        "weight_decay",
        0.0,
        "lr",
        5e-4,
        "decay",
        "constant",
        "warmup",
        0.0,
        "train",
        "last-tensors:4",
        "pooling",
        "pooler",
        "head",
        List.of(192L),
        "batch_size",
        64L,
        "max_tokens",
        50L,
        "clean",
        "seed",
        "epochs",
        3L,
        "evaluate_every",
        10L,
        "patience",
        1000L,
        "selection",
        "loss",
        "shuffle",
        false,
        "head_lr_factor",
        1.0,
        "clip_norm",
        0.0);
    assertEntries(
        student,
        "kind",
        "sequence",
        "tokens",
        "wordpiece",
        "optimizer",
        "sgd",
        "momentum",
        0.0,
        "lr",
        0.05,
        "decay",
        "constant",
        "weight_decay",
        0.0,
        "batch_size",
        64L,
        "max_tokens",
        50L,
        "clean",
        "seed",
        "epochs",
        3L,
        "evaluate_every",
        50L,
        "patience",
        1000L,
        "selection",
        "loss",
        "shuffle",
        false,
        "embedding_size",
        300L,
        "hidden_size",
        300L,
        "head",
        List.of(192L),
        "pooling",
        "max-logits",
        "embeddings",
        "random",
        "embedding_sd",
        1.0,
        "init",
        "pytorch",
        "ce_weight",
        1.0,
        "soft_weight",
        2.0,
        "soft_loss",
        "mse",
        "embedding_dropout",
        0.0,
        "output_dropout",
        0.0,
        "head_dropout",
        0.0);
  }

  private static void assertEntries(Map<String, Object> map, Object... entries) {
    for (int i = 0; i < entries.length; i += 2) {
      assertEquals(entries[i + 1], map.get((String) entries[i]), (String) entries[i]);
    }
  }
}
