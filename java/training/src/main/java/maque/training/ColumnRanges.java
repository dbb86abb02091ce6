package maque.training;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import maque.runtime.ModelDirectory;
import maque.runtime.TextEncoder;
import maque.runtime.TextEncoders;

/**
 * How large the columns grow that a teacher's products with weights read. They are measured on
 * texts of words drawn at random from its vocabulary: the columns that stand out in a BERT do so
 * whatever it reads, so that no data are needed.
 */
final class ColumnRanges {
  private static final long SEED = 1;
  private static final int TEXTS = 40;
  private static final int[] LENGTHS = {8, 16, 24, 32, 40};

  private final int hidden;
  private final int intermediate;
  private final float[] all;

  private ColumnRanges(int hidden, int intermediate, float[] all) {
    this.hidden = hidden;
    this.intermediate = intermediate;
    this.all = all;
  }

  /** The input of a layer's queries, keys and values [hidden]. */
  float[] attention(int layer) {
    return part(layer, 0);
  }

  /** The input of a layer's attention output [hidden]. */
  float[] attentionOutput(int layer) {
    return part(layer, 1);
  }

  /** The input of a layer's feed-forward part [hidden]. */
  float[] feedForward(int layer) {
    return part(layer, 2);
  }

  private float[] part(int layer, int which) {
    int begin = layer * (3 * hidden + intermediate) + which * hidden;
    return Arrays.copyOfRange(all, begin, begin + hidden);
  }

  /** Measures a teacher, or an encoder without a head, in float32. */
  static ColumnRanges of(ModelDirectory teacher) {
    int hidden = ModelIo.integer(teacher.config(), "hidden_size");
    int intermediate = ModelIo.integer(teacher.config(), "intermediate_size");
    int layers = ModelIo.integer(teacher.config(), "num_hidden_layers");
    try (Trainer trainer = trainer(teacher, hidden)) {
      Batch texts = Batch.of(texts(teacher));
      return new ColumnRanges(
          hidden, intermediate, trainer.ranges(texts, layers * (3 * hidden + intermediate)));
    }
  }

  /** All but the head is frozen: no memory for gradients. */
  private static Trainer trainer(ModelDirectory teacher, int hidden) {
    Map<String, String> options = new LinkedHashMap<>(teacher.nativeOptions());
    options.put("precision", Precision.FP32.id());
    options.put("train", "head");
    boolean headed = !teacher.labels().isEmpty();
    if (!headed) {
      options.putAll(Map.of("num_labels", "2", "head", "", "pooling", "cls"));
    }
    try (Trainer.Builder builder = Trainer.builder()) {
      options.forEach(builder::option);
      teacher
          .nativeTensors()
          .forEach(
              (name, tensor) ->
                  builder.tensor(name, tensor.shape(), ModelIo.finite(teacher, tensor)));
      if (!headed) {
        InitialWeights head = new InitialWeights(SEED);
        head.head(hidden, List.of(), 2);
        head.apply(builder);
      }
      return builder.build();
    }
  }

  private static int[][] texts(ModelDirectory teacher) {
    TextEncoder encoder = TextEncoders.of(teacher.config(), teacher.vocab());
    int[] around = encoder.encode("").ids();
    int longest = encoder.maxTokens() - around.length;
    int[] words = words(teacher.vocab());
    SeededRandom random = new SeededRandom(SEED, "texts");
    int[][] texts = new int[TEXTS][];
    for (int i = 0; i < TEXTS; i++) {
      int length = Math.min(longest, LENGTHS[i % LENGTHS.length]);
      int[] ids = new int[length + around.length];
      for (int t = 0; t < ids.length; t++) {
        ids[t] = words[random.nextInt(words.length)];
      }
      if (around.length == 2) {
        ids[0] = around[0];
        ids[ids.length - 1] = around[1];
      }
      texts[i] = ids;
    }
    return texts;
  }

  /** Ids of all tokens but special and unused ones; of all where there are no others. */
  private static int[] words(List<String> vocab) {
    int[] words =
        IntStream.range(0, vocab.size()).filter(id -> !vocab.get(id).matches("\\[.+]")).toArray();
    return words.length > 0 ? words : IntStream.range(0, vocab.size()).toArray();
  }
}
