package maque.training;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
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
   * article: 1,142,784 + 65,664 + 645 are.
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
    expected.put("parameters", Integer.toString(10 * 300 + 1_209_093));
    assertEquals(expected, shapes(options, weights));
  }

  /** A layer's tensors and their shapes, in the model's order. */
  private static Map<String, String> layer(int number, int hidden, int intermediate) {
    Map<String, String> shapes = new LinkedHashMap<>();
    String prefix = "encoder.layer." + number + ".";
    for (String part : List.of("self.query", "self.key", "self.value", "output.dense")) {
      linear(shapes, prefix + "attention." + part, hidden, hidden);
    }
    norm(shapes, prefix + "attention.output.LayerNorm", hidden);
    linear(shapes, prefix + "intermediate.dense", hidden, intermediate);
    linear(shapes, prefix + "output.dense", intermediate, hidden);
    norm(shapes, prefix + "output.LayerNorm", hidden);
    return shapes;
  }

  private static void linear(Map<String, String> shapes, String name, int in, int out) {
    shapes.put(name + ".weight", "[" + out + ", " + in + "]");
    shapes.put(name + ".bias", "[" + out + "]");
  }

  private static void norm(Map<String, String> shapes, String name, int size) {
    shapes.put(name + ".weight", "[" + size + "]");
    shapes.put(name + ".bias", "[" + size + "]");
  }

  /** All tensors of BertModel, in Hugging Face's order, and of the article's head. */
  private static Map<String, String> bert(int layers, int vocabulary, int hidden) {
    Map<String, String> shapes = new LinkedHashMap<>();
    shapes.put("embeddings.word_embeddings.weight", "[" + vocabulary + ", " + hidden + "]");
    shapes.put("embeddings.position_embeddings.weight", "[512, " + hidden + "]");
    shapes.put("embeddings.token_type_embeddings.weight", "[2, " + hidden + "]");
    norm(shapes, "embeddings.LayerNorm", hidden);
    for (int i = 0; i < layers; i++) {
      shapes.putAll(layer(i, hidden, 4 * hidden));
    }
    linear(shapes, "pooler.dense", hidden, hidden);
    linear(shapes, "head.0", hidden, 192);
    linear(shapes, "head.2", 192, 5);
    return shapes;
  }

  private static long size(String shape) {
    return Arrays.stream(dims(shape)).reduce(1, (a, b) -> a * b);
  }

  /** Builds a teacher of that geometry; fails where a tensor is missing, or of another shape. */
  private static Trainer teacher(int layers, int vocabulary, int hidden) {
    try (Trainer.Builder builder = Trainer.builder()) {
      builder
          .option("kind", "bert")
          .option("num_labels", 5)
          .option("head", "192")
          .option("vocab_size", vocabulary)
          .option("hidden_size", hidden)
          .option("num_hidden_layers", layers)
          .option("num_attention_heads", 12)
          .option("intermediate_size", 4 * hidden)
          .option("max_position_embeddings", 512)
          .option("type_vocab_size", 2)
          .option("layer_norm_eps", 1e-12)
          .option("hidden_act", "gelu")
          .option("pooling", "pooler")
          .option("train", "last-tensors:4");
      bert(layers, vocabulary, hidden)
          .forEach(
              (name, shape) ->
                  builder.tensor(name, dims(shape), new float[Math.toIntExact(size(shape))]));
      return builder.build();
    }
  }

  private static long[] dims(String shape) {
    return Arrays.stream(shape.substring(1, shape.length() - 1).split(", "))
        .mapToLong(Long::parseLong)
        .toArray();
  }

  /** bert-base's twelve layers, at a 32nd of its width: all names, in order, and their number. */
  @Test
  void teacherOfTwelveLayers() {
    Map<String, String> expected = bert(12, 100, 24);
    assertEquals(199 + 4, expected.size(), "5 embeddings, 12 * 16 in layers, 2 in the pooler");
    Map<String, String> found = new LinkedHashMap<>();
    List<String> trained = new ArrayList<>();
    try (Trainer trainer = teacher(12, 100, 24)) {
      for (TensorInfo tensor : trainer.tensors()) {
        found.put(tensor.name(), Arrays.toString(tensor.shape()));
        if (tensor.trained()) {
          trained.add(tensor.name());
        }
      }
    }
    assertEquals(List.copyOf(expected.keySet()), List.copyOf(found.keySet()));
    assertEquals(expected, found);
    List<String> last = List.copyOf(expected.keySet()).subList(195, 203);
    assertEquals("encoder.layer.11.output.LayerNorm.weight", last.get(0));
    assertEquals(last, trained, "the encoder's last four tensors and the head's four");
  }

  /**
   * bert-base-chinese at full width: one of its layers, of 7,087,872 parameters, is really built,
   * with every name and shape; vocabulary and depth only multiply.
   */
  @Test
  void teacherAtFullWidth() {
    Map<String, String> expected = bert(1, 100, 768);
    try (Trainer trainer = teacher(1, 100, 768)) {
      Map<String, String> found = new LinkedHashMap<>();
      long trained = 0;
      for (TensorInfo tensor : trainer.tensors()) {
        found.put(tensor.name(), Arrays.toString(tensor.shape()));
        trained += tensor.trained() ? tensor.size() : 0;
      }
      assertEquals(expected, found);
      // LayerNorm 2 * 768, pooler 768 * 768 + 768, head 768 * 192 + 192 + 192 * 5 + 5.
      assertEquals(1_536 + 590_592 + 147_648 + 965, trained);
    }
    assertEquals(7_087_872, total(layer(0, 768, 3072)));
    Map<String, String> whole = bert(12, 21_128, 768);
    assertEquals(102_416_261, total(whole));
    whole.keySet().removeIf(name -> name.startsWith("head."));
    assertEquals(102_267_648, total(whole), "BertModel of bert-base-chinese");
  }

  private static long total(Map<String, String> shapes) {
    return shapes.values().stream().mapToLong(ArticleShapesTest::size).sum();
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
