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
  static final String HUGGING_FACE = "huggingface-tokenizers";

  private TokenizerWork() {}

  static Work open(String contender) {
    ModelDirectory model = Material.teacher();
    List<String> texts = Material.texts();
    Work ours = new Maque(TextEncoders.of(model), texts);
    Work work = contender.equals("maque") ? ours : new HuggingFace(model.maxTokens(), texts);
    Work.requireAgreement(contender, ours.result(), work.result(), 0);
    return work;
  }

  private static float[] lengthsAndIds(IntStream ids) {
    int[] array = ids.toArray();
    float[] out = new float[array.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = array[i];
    }
    return out;
  }

  private static final class Maque implements Work {
    private final TextEncoder encoder;
    private final List<String> texts;
    private int next;

    Maque(TextEncoder encoder, List<String> texts) {
      this.encoder = encoder;
      this.texts = texts;
    }

    @Override
    public Object run() {
      return encoder.encode(texts.get(next++ % texts.size()));
    }

    @Override
    public float[] result() {
      return lengthsAndIds(
          texts.stream().flatMapToInt(text -> Arrays.stream(encoder.encode(text).ids())));
    }
  }

  private static final class HuggingFace implements Work {
    private final HuggingFaceTokenizer tokenizer;
    private final List<String> texts;
    private int next;

    HuggingFace(int maxTokens, List<String> texts) {
      this.texts = texts;
      Map<String, String> options =
          Map.of(
              "truncation", "true", "maxLength", "" + maxTokens, "modelMaxLength", "" + maxTokens);
      try (InputStream json =
          TokenizerWork.class.getResourceAsStream("/bge-small-zh-v1.5-tokenizer.json")) {
        tokenizer = HuggingFaceTokenizer.newInstance(json, options);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
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
      return lengthsAndIds(
          texts.stream()
              .flatMapToInt(text -> Arrays.stream(encode(text).getIds()).mapToInt(id -> (int) id)));
    }

    @Override
    public void close() {
      tokenizer.close();
    }
  }
}
