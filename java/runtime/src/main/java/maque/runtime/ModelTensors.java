package maque.runtime;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Which tensors a configuration has, of what shape, and what files call them. */
final class ModelTensors {
  private static final Pattern HEAD_BIAS = Pattern.compile("head\\.([0-9]{1,4})\\.bias");

  private ModelTensors() {}

  /**
   * The native name of a tensor in a file: Hugging Face's prefix, classifier and TensorFlow's
   * LayerNorm are translated.
   */
  static String nativeName(String fileName, boolean bert) {
    if (!bert) {
      return fileName;
    }
    String name = fileName.startsWith("bert.") ? fileName.substring(5) : fileName;
    if (name.equals("classifier.weight") || name.equals("classifier.bias")) {
      return "head.0." + name.substring("classifier.".length());
    }
    if (name.startsWith("classifier.")) {
      return "head." + name.substring("classifier.".length());
    }
    return name.replace("LayerNorm.gamma", "LayerNorm.weight")
        .replace("LayerNorm.beta", "LayerNorm.bias");
  }

  /**
   * The name that a file gives a native tensor: {@code BertForSequenceClassification}'s where the
   * head is one layer.
   */
  static String fileName(String nativeName, boolean bert, boolean oneLayerHead) {
    if (!bert) {
      return nativeName;
    }
    if (!nativeName.startsWith("head.")) {
      return "bert." + nativeName;
    }
    String rest = nativeName.substring("head.".length());
    return "classifier." + (oneLayerHead ? rest.substring("0.".length()) : rest);
  }

  /** All tensors of the configuration by native name, in the model's order. */
  static Map<String, long[]> shapes(ModelConfig config, boolean hasPooler) {
    Map<String, long[]> shapes = new LinkedHashMap<>();
    long hidden = config.isBag() ? 0 : config.size("hidden_size");
    if (config.isBert()) {
      bert(shapes, config, hidden);
      if (config.labels() > 0 && config.pooling(hasPooler).equals("pooler")) {
        linear(shapes, "pooler.dense", hidden, hidden);
      }
    } else if (!config.isBag()) {
      String first = config.modelType().equals(ModelConfig.DOCUMENT) ? "vectors" : "embedding";
      long embedding = config.size("embedding_size");
      shapes.put(first + ".weight", new long[] {config.size("vocab_size"), embedding});
      for (String direction : List.of("", "_reverse")) {
        lstm(shapes, direction, embedding, hidden);
      }
    }
    Ngrams ngrams = config.ngrams();
    if (config.labels() > 0) {
      long beside = ngrams == null ? 0 : ngrams.width();
      head(shapes, config, config.isBert() ? hidden : 2 * hidden + beside);
    }
    if (ngrams != null) {
      shapes.put("ngrams.weight", new long[] {ngrams.buckets(), ngrams.width()});
    }
    return shapes;
  }

  private static void bert(Map<String, long[]> shapes, ModelConfig config, long hidden) {
    String embeddings = "embeddings.";
    shapes.put(
        embeddings + "word_embeddings.weight", new long[] {config.size("vocab_size"), hidden});
    shapes.put(
        embeddings + "position_embeddings.weight",
        new long[] {config.size("max_position_embeddings"), hidden});
    shapes.put(
        embeddings + "token_type_embeddings.weight",
        new long[] {config.size("type_vocab_size"), hidden});
    norm(shapes, embeddings + "LayerNorm", hidden);
    long intermediate = config.size("intermediate_size");
    for (int i = 0; i < config.size("num_hidden_layers"); i++) {
      String layer = "encoder.layer." + i + ".";
      for (String part : List.of("query", "key", "value")) {
        linear(shapes, layer + "attention.self." + part, hidden, hidden);
      }
      linear(shapes, layer + "attention.output.dense", hidden, hidden);
      norm(shapes, layer + "attention.output.LayerNorm", hidden);
      linear(shapes, layer + "intermediate.dense", intermediate, hidden);
      linear(shapes, layer + "output.dense", hidden, intermediate);
      norm(shapes, layer + "output.LayerNorm", hidden);
    }
  }

  private static void lstm(Map<String, long[]> shapes, String direction, long input, long hidden) {
    shapes.put("lstm.weight_ih_l0" + direction, new long[] {4 * hidden, input});
    shapes.put("lstm.weight_hh_l0" + direction, new long[] {4 * hidden, hidden});
    shapes.put("lstm.bias_ih_l0" + direction, new long[] {4 * hidden});
    shapes.put("lstm.bias_hh_l0" + direction, new long[] {4 * hidden});
  }

  private static void head(Map<String, long[]> shapes, ModelConfig config, long features) {
    long in = features;
    int place = 0;
    for (int out : config.head()) {
      linear(shapes, "head." + place, out, in);
      in = out;
      place += 2;
    }
    linear(shapes, "head." + place, config.labels(), in);
  }

  private static void linear(Map<String, long[]> shapes, String name, long out, long in) {
    shapes.put(name + ".weight", new long[] {out, in});
    shapes.put(name + ".bias", new long[] {out});
  }

  private static void norm(Map<String, long[]> shapes, String name, long size) {
    shapes.put(name + ".weight", new long[] {size});
    shapes.put(name + ".bias", new long[] {size});
  }

  /**
   * Picks the configuration's tensors out of a file's, under native names and in the model's order:
   * as float32, or, of a serving form, as they are.
   *
   * @param strict whether a tensor that the configuration does not have is an error
   * @throws ModelFormatException naming the tensor, what config.json needs and what there is
   */
  static Map<String, Tensor> select(
      ModelConfig config, Map<String, Tensor> inFile, String source, boolean strict) {
    Map<String, Tensor> found = new LinkedHashMap<>();
    for (Tensor tensor : inFile.values()) {
      String name = nativeName(tensor.name(), config.isBert());
      if (found.put(name, tensor) != null) {
        throw new ModelFormatException(source + ": tensor " + name + " under two names");
      }
    }
    Map<String, Tensor> selected =
        config.isServing()
            ? ServingTensors.take(config, found, source)
            : take(config, found, hasPooler(inFile), source);
    found.keySet().removeIf(name -> name.startsWith("pooler.") || name.endsWith("position_ids"));
    if (strict && !found.isEmpty()) {
      throw new ModelFormatException(
          source
              + ": tensor "
              + found.keySet().iterator().next()
              + " has no place in the model that config.json describes");
    }
    return selected;
  }

  private static Map<String, Tensor> take(
      ModelConfig config, Map<String, Tensor> found, boolean hasPooler, String source) {
    Map<String, Tensor> selected = new LinkedHashMap<>();
    for (Map.Entry<String, long[]> shape : shapes(config, hasPooler).entrySet()) {
      Tensor tensor = found.remove(shape.getKey());
      check(shape.getKey(), shape.getValue(), tensor, source);
      if (config.isInt8Bert() && isInt8Weight(shape.getKey())) {
        ServingTensors.checkType(tensor, "I8", source);
        selected.put(shape.getKey(), tensor.named(shape.getKey()));
        String name = shape.getKey() + ".scale";
        selected.put(name, scale(name, new long[] {shape.getValue()[0]}, found, source));
        continue;
      }
      if (!List.of("F32", "F16", "BF16", "F64").contains(tensor.dtype())) {
        throw new ModelFormatException(
            source
                + ": tensor "
                + tensor.name()
                + ": expected floating point, found "
                + tensor.dtype());
      }
      selected.put(shape.getKey(), tensor.toF32().named(shape.getKey()));
    }
    if (config.isInt8Bert()) {
      inputScales(config)
          .forEach((name, shape) -> selected.put(name, scale(name, shape, found, source)));
    }
    return selected;
  }

  private static Tensor scale(String name, long[] shape, Map<String, Tensor> found, String source) {
    Tensor scale = found.remove(name);
    check(name, shape, scale, source);
    ServingTensors.checkType(scale, "F32", source);
    ServingTensors.checkScales(scale, source);
    return scale.named(name);
  }

  /** What an int8 BERT's layers multiply the columns of two products' inputs by. */
  private static Map<String, long[]> inputScales(ModelConfig config) {
    Map<String, long[]> shapes = new LinkedHashMap<>();
    for (int i = 0; i < config.size("num_hidden_layers"); i++) {
      for (String product : List.of("attention.self", "intermediate.dense")) {
        String name = "encoder.layer." + i + "." + product + ".input.scale";
        shapes.put(name, new long[] {config.size("hidden_size")});
      }
    }
    return shapes;
  }

  /**
   * Whether a BERT in int8 has this tensor as I8, with a scale for each row in {@code NAME.scale}:
   * the weights of the encoder's layers and of the pooler.
   *
   * @param name the native one
   */
  static boolean isInt8Weight(String name) {
    boolean product = name.startsWith("encoder.layer.") || name.startsWith("pooler.");
    return product && name.endsWith(".weight") && !name.contains("LayerNorm");
  }

  /** Outputs of the head's last layer among a file's tensors; 0 where there is no head. */
  static int headOutputs(Map<String, Tensor> inFile, boolean bert) {
    int last = -1;
    int outputs = 0;
    for (Tensor tensor : inFile.values()) {
      Matcher name = HEAD_BIAS.matcher(nativeName(tensor.name(), bert));
      if (name.matches() && Integer.parseInt(name.group(1)) > last && tensor.shape().length == 1) {
        last = Integer.parseInt(name.group(1));
        outputs = (int) tensor.shape()[0];
      }
    }
    return outputs;
  }

  static boolean hasPooler(Map<String, Tensor> inFile) {
    return inFile.keySet().stream().anyMatch(name -> name.endsWith("pooler.dense.weight"));
  }

  /** Whether the tensor is there, and of that shape. */
  static void check(String name, long[] expected, Tensor tensor, String source) {
    if (tensor == null) {
      throw new ModelFormatException(
          source + ": tensor " + name + ": expected " + Arrays.toString(expected) + ", found none");
    }
    if (!Arrays.equals(tensor.shape(), expected)) {
      throw new ModelFormatException(
          source
              + ": tensor "
              + name
              + ": config.json needs "
              + Arrays.toString(expected)
              + ", the file has "
              + Arrays.toString(tensor.shape()));
    }
  }
}
