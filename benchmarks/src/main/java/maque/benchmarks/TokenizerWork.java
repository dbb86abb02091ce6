package maque.benchmarks;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import maque.runtime.ModelDirectory;
import maque.runtime.TextEncoder;
import maque.runtime.TextEncoders;

/** Ids of one real text after another, with [CLS] and [SEP], in the Chinese vocabulary. */
final class TokenizerWork {
  private TokenizerWork() {}

  static Work open(String contender) {
    ModelDirectory model = ModelDirectory.read(Material.teacher());
    List<String> texts = Material.texts();
    return Contender.isMaque(contender)
        ? new Maque(TextEncoders.of(model), texts)
        : new HuggingFace(huggingFace(model.maxTokens()), texts);
  }

  /** Hugging Face's tokenizer for bge-small-zh. */
  static HuggingFaceTokenizer huggingFace(int maxTokens) {
    Map<String, String> options =
        Map.of("truncation", "true", "maxLength", "" + maxTokens, "modelMaxLength", "" + maxTokens);
    try (InputStream json =
        TokenizerWork.class.getResourceAsStream("/bge-small-zh-v1.5-tokenizer.json")) {
      return HuggingFaceTokenizer.newInstance(json, options);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static float[] floats(IntStream ids) {
    int[] array = ids.toArray();
    float[] out = new float[array.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = array[i];
    }
    return out;
  }

  private static final class Maque implements Work {
    private final TextEncoder.Session session;
    private final int[] ids;
    private final List<String> texts;
    private int next;

    Maque(TextEncoder encoder, List<String> texts) {
      session = encoder.session();
      ids = new int[encoder.maxTokens()];
      this.texts = texts;
    }

    @Override
    public Object run() {
      session.encode(texts.get(next++ % texts.size()), ids);
      return ids;
    }

    @Override
    public float[] result() {
      return floats(
          texts.stream()
              .flatMapToInt(
                  text -> {
                    int n = session.encode(text, ids);
                    return Arrays.stream(Arrays.copyOf(ids, n));
                  }));
    }
  }

  private static final class HuggingFace implements Work {
    private final HuggingFaceTokenizer tokenizer;
    private final List<String> texts;
    private int next;

    HuggingFace(HuggingFaceTokenizer tokenizer, List<String> texts) {
      this.tokenizer = tokenizer;
      this.texts = texts;
    }

    private Encoding encode(String text) {
      return tokenizer.encode(text);
    }

    @Override
    public Object run() {
      return encode(texts.get(next++ % texts.size())).getIds();
    }

    @Override
    public float[] result() {
      return floats(
          texts.stream()
              .flatMapToInt(text -> Arrays.stream(encode(text).getIds()).mapToInt(id -> (int) id)));
    }

    @Override
    public void close() {
      tokenizer.close();
    }
  }
}
