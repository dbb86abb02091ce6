package maque.runtime;

import java.nio.IntBuffer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The tensors of a student's serving form, what {@code maque pack} writes and {@code abi/maque.h}
 * takes.
 *
 * <p>With h the hidden size of one direction, e the embedding's and G gates (sequence: 4, PyTorch's
 * i f g o; document: 3, i g o, since a zero state has nothing to forget):
 *
 * <ul>
 *   <li>folded: {@code gates.weight} [rows, 2 G h], each id's gate pre-activations, the forward
 *       direction's first; a sequence's hold the biases, a document's stand in {@code gates.bias}
 *       [2 G h];
 *   <li>not folded: {@code embedding.weight} (document: {@code vectors.weight}) [rows, e], and of
 *       each direction {@code lstm.weight_ih_l0} [G h, e] and {@code lstm.bias_l0} [G h];
 *   <li>{@code lstm.weight_hh_l0} [4 h, h] of each direction (sequence), {@code head.K.weight} and
 *       {@code head.K.bias};
 *   <li>{@code ngrams.weight} [buckets, width] where there are n-grams; a bag has these and the
 *       head alone;
 *   <li>{@code ids.map} I32 [vocabulary], each id's row; absent where every id has its own.
 * </ul>
 *
 * Weights have the type of {@code precision}, all else is F32. A weight in I8 has {@code
 * NAME.scale}, a number for each row; {@code gates.scale} has one for each row and direction.
 */
final class ServingTensors {
  static final String IDS = "ids.map";
  static final String GATES = "gates.weight";
  static final String NGRAMS = "ngrams.weight";

  /** What a tensor must be. */
  record Spec(String dtype, long[] shape) {}

  private final Map<String, Spec> specs = new LinkedHashMap<>();
  private final String weights;

  private ServingTensors(ModelConfig config, long rows, boolean mapped) {
    weights =
        switch (config.precision()) {
          case "bf16" -> "BF16";
          case "int8" -> "I8";
          default -> "F32";
        };
    long features = 0;
    if (!config.isBag()) {
      lstm(config, rows, mapped);
      features = 2L * config.size("hidden_size");
    }
    Ngrams ngrams = config.ngrams();
    if (ngrams != null) {
      weight(NGRAMS, ngrams.buckets(), ngrams.width());
      features += ngrams.width();
    }
    head(config, features);
  }

  private void lstm(ModelConfig config, long rows, boolean mapped) {
    boolean document = config.modelType().equals(ModelConfig.DOCUMENT);
    long hidden = config.size("hidden_size");
    long gates = (document ? 3 : 4) * hidden;
    if (mapped) {
      put(IDS, "I32", config.size("vocab_size"));
    }
    if (config.isFolded()) {
      put(GATES, weights, rows, 2 * gates);
      if (weights.equals("I8")) {
        put("gates.scale", "F32", rows, 2);
      }
      if (document) {
        put("gates.bias", "F32", 2 * gates);
      }
    } else {
      weight(table(config), rows, config.size("embedding_size"));
    }
    for (String direction : List.of("_l0", "_l0_reverse")) {
      if (!config.isFolded()) {
        weight("lstm.weight_ih" + direction, gates, config.size("embedding_size"));
        put("lstm.bias" + direction, "F32", gates);
      }
      if (!document) {
        weight("lstm.weight_hh" + direction, 4 * hidden, hidden);
      }
    }
  }

  private void head(ModelConfig config, long features) {
    long in = features;
    int place = 0;
    for (int out : config.head()) {
      layer(place, out, in);
      in = out;
      place += 2;
    }
    layer(place, config.labels(), in);
  }

  private void layer(int place, long out, long in) {
    weight("head." + place + ".weight", out, in);
    put("head." + place + ".bias", "F32", out);
  }

  private void weight(String name, long rows, long columns) {
    put(name, weights, rows, columns);
    if (weights.equals("I8")) {
      put(name + ".scale", "F32", rows);
    }
  }

  private void put(String name, String dtype, long... shape) {
    specs.put(name, new Spec(dtype, shape));
  }

  /**
   * All tensors of a configuration in the model's order.
   *
   * @param rows of the table
   * @param mapped whether ids have a map to rows
   */
  static Map<String, Spec> specs(ModelConfig config, long rows, boolean mapped) {
    return new ServingTensors(config, rows, mapped).specs;
  }

  /** The name of the tensor that ids choose rows of. */
  private static String table(ModelConfig config) {
    if (config.isFolded()) {
      return GATES;
    }
    return config.modelType().equals(ModelConfig.DOCUMENT) ? "vectors.weight" : "embedding.weight";
  }

  /**
   * Moves the configuration's tensors out of a file's.
   *
   * @throws ModelFormatException naming the tensor, what config.json needs and what there is
   */
  static Map<String, Tensor> take(ModelConfig config, Map<String, Tensor> inFile, String source) {
    boolean mapped = !config.isBag() && inFile.containsKey(IDS);
    long rows = config.isBag() ? 0 : config.size("vocab_size");
    if (mapped) {
      Tensor table = inFile.get(table(config));
      rows = table == null || table.shape().length == 0 ? rows : table.shape()[0];
    }
    Map<String, Tensor> taken = new LinkedHashMap<>();
    for (Map.Entry<String, Spec> item : specs(config, rows, mapped).entrySet()) {
      String name = item.getKey();
      Tensor tensor = inFile.remove(name);
      ModelTensors.check(name, item.getValue().shape, tensor, source);
      checkType(tensor, item.getValue().dtype, source);
      if (name.endsWith(".scale")) {
        checkScales(tensor, source);
      }
      taken.put(name, tensor);
    }
    if (mapped) {
      checkMap(taken.get(IDS), rows, source);
    }
    return taken;
  }

  /** Whether a tensor holds weights: not scales, nor rows' numbers. */
  static boolean isWeight(String name) {
    return !name.endsWith(".scale") && !name.equals(IDS);
  }

  static void checkType(Tensor tensor, String dtype, String source) {
    if (!tensor.dtype().equals(dtype)) {
      throw new ModelFormatException(
          source
              + ": tensor "
              + tensor.name()
              + ": config.json needs "
              + dtype
              + ", the file has "
              + tensor.dtype());
    }
  }

  static void checkScales(Tensor tensor, String source) {
    float[] scales = tensor.floats();
    for (int i = 0; i < scales.length; i++) {
      if (!(scales[i] >= 0 && scales[i] <= Float.MAX_VALUE)) {
        throw new ModelFormatException(
            source
                + ": tensor "
                + tensor.name()
                + ": scale "
                + i
                + ": expected a finite number of at least 0, found "
                + scales[i]);
      }
    }
  }

  private static void checkMap(Tensor map, long rows, String source) {
    IntBuffer ids = map.data().asIntBuffer();
    for (int id = 0; id < ids.limit(); id++) {
      int row = ids.get(id);
      if (row < 0 || row >= rows) {
        throw new ModelFormatException(
            source
                + ": tensor "
                + IDS
                + ": id "
                + id
                + ": expected a row of 0 to "
                + (rows - 1)
                + ", found "
                + row);
      }
    }
  }
}
