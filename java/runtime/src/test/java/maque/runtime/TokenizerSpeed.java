package maque.runtime;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToIntFunction;

/**
 * How long a text takes, against {@link HuggingFaceTokenizer}: a main class, by hand timing. Its
 * argument is a file of texts, one on a line.
 */
final class TokenizerSpeed {
  private static final int ROUNDS = 7;
  private static final long ROUND_NANOS = 300_000_000L;

  private TokenizerSpeed() {}

  public static void main(String[] args) throws IOException {
    List<String> texts = Files.readAllLines(Path.of(args[0]));
    compare("bge-small-zh-v1.5", TestVocabularies.chinese(), false, texts);
    compare("all-minilm-l6-v2", TestVocabularies.english(), true, texts);
  }

  private static void compare(
      String model, List<String> vocab, boolean lowercase, List<String> texts) throws IOException {
    Tokenizer ours = Tokenizer.of(vocab, lowercase, null, true);
    int[] out = new int[512];
    double mine = nanos(texts, text -> ours.encode(text, out, true));
    Map<String, String> options = Map.of("truncation", "false", "padding", "false");
    try (HuggingFaceTokenizer theirs =
        HuggingFaceTokenizer.newInstance(
            TokenizerSpeed.class.getResourceAsStream("/" + model + "-tokenizer.json"), options)) {
      double other = nanos(texts, text -> theirs.encode(text).getIds().length);
      System.out.printf(
          Locale.ROOT,
          "%s: %.0f ns a text, Hugging Face %.0f ns: %.1f times%n",
          model,
          mine,
          other,
          other / mine);
    }
  }

  /** The median of some rounds in time of this thread's CPU, after one to warm up. */
  private static double nanos(List<String> texts, ToIntFunction<String> encode) {
    double[] rounds = new double[ROUNDS];
    long tokens = 0;
    for (int round = -1; round < ROUNDS; round++) {
      long start = cpuNanos();
      long count = 0;
      while (cpuNanos() - start < ROUND_NANOS) {
        for (String text : texts) {
          tokens += encode.applyAsInt(text);
        }
        count += texts.size();
      }
      if (round >= 0) {
        rounds[round] = (double) (cpuNanos() - start) / count;
      }
    }
    if (tokens == 0) {
      throw new IllegalStateException("texts without tokens");
    }
    Arrays.sort(rounds);
    return rounds[ROUNDS / 2];
  }

  private static long cpuNanos() {
    return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
  }
}
