package maque.runtime;

import ai.djl.huggingface.tokenizers.jni.LibUtils;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import java.util.List;

/**
 * The Hugging Face tokenizer behind {@code ai.djl.huggingface:tokenizers}, made from a {@code
 * tokenizer.json} that is written here; only ids and word numbers are read, so that millions of
 * characters take seconds. Lone surrogates are passed on as U+FFFD.
 */
final class HuggingFace implements AutoCloseable {
  private static final TokenizersLibrary LIBRARY = library();

  private final long handle;

  private HuggingFace(String json) {
    handle = LIBRARY.createTokenizerFromString(json);
  }

  private static TokenizersLibrary library() {
    // The native library is in the jar: nothing may be fetched.
    System.setProperty("ai.djl.offline", "true");
    LibUtils.checkStatus();
    return TokenizersLibrary.LIB;
  }

  /** What BERT's normalizer does, option by option. */
  record Normalizer(boolean clean, boolean ideographs, Boolean stripAccents, boolean lowercase) {
    String json() {
      return "{\"type\":\"BertNormalizer\",\"clean_text\":"
          + clean
          + ",\"handle_chinese_chars\":"
          + ideographs
          + ",\"strip_accents\":"
          + stripAccents
          + ",\"lowercase\":"
          + lowercase
          + "}";
    }
  }

  /** Ids and, for each id, the number of the word that it came from. */
  record Tokens(long[] ids, long[] words) {}

  /** BERT's normalizer, splitting at spaces and punctuation, and WordPiece over the vocabulary. */
  static HuggingFace wordPiece(List<String> vocab, Normalizer normalizer) {
    StringBuilder model =
        new StringBuilder(
            "{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\","
                + "\"max_input_chars_per_word\":100,\"vocab\":{");
    for (int id = 0; id < vocab.size(); id++) {
      model.append(id == 0 ? "" : ",");
      quote(model, vocab.get(id));
      model.append(':').append(id);
    }
    return new HuggingFace(document(normalizer, true, model.append("}}")));
  }

  /** A tokenizer that shows what normalizer and splitting do: the id of a character is itself. */
  static HuggingFace codePoints(Normalizer normalizer, boolean split) {
    StringBuilder model =
        new StringBuilder(
            "{\"type\":\"BPE\",\"dropout\":null,\"unk_token\":null,"
                + "\"continuing_subword_prefix\":null,\"end_of_word_suffix\":null,"
                + "\"fuse_unk\":false,\"byte_fallback\":false,\"merges\":[],\"vocab\":{");
    for (int codePoint = 0; codePoint <= Character.MAX_CODE_POINT; codePoint++) {
      if (isScalar(codePoint)) {
        model.append(codePoint == 0 ? "" : ",");
        quote(model, Character.toString(codePoint));
        model.append(':').append(codePoint);
      }
    }
    return new HuggingFace(document(normalizer, split, model.append("}}")));
  }

  /** A scalar value is a code point that is no surrogate. */
  static boolean isScalar(int codePoint) {
    return codePoint < Character.MIN_SURROGATE || codePoint > Character.MAX_SURROGATE;
  }

  private static String document(Normalizer normalizer, boolean split, StringBuilder model) {
    return "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[],"
        + "\"normalizer\":"
        + (normalizer == null ? "null" : normalizer.json())
        + ",\"pre_tokenizer\":"
        + (split ? "{\"type\":\"BertPreTokenizer\"}" : "null")
        + ",\"post_processor\":null,\"decoder\":null,\"model\":"
        + model
        + "}";
  }

  private static void quote(StringBuilder to, String text) {
    to.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c < 0x20 || c == '"' || c == '\\') {
        to.append(String.format("\\u%04x", (int) c));
      } else {
        to.append(c);
      }
    }
    to.append('"');
  }

  long[] ids(String text) {
    return tokens(text, false).ids();
  }

  Tokens tokens(String text) {
    return tokens(text, true);
  }

  private Tokens tokens(String text, boolean words) {
    long encoding = LIBRARY.encode(handle, withoutLoneSurrogates(text), false);
    try {
      return new Tokens(
          LIBRARY.getTokenIds(encoding), words ? LIBRARY.getWordIds(encoding) : new long[0]);
    } finally {
      LIBRARY.deleteEncoding(encoding);
    }
  }

  private static String withoutLoneSurrogates(String text) {
    int[] codePoints = text.codePoints().map(c -> isScalar(c) ? c : 0xFFFD).toArray();
    return new String(codePoints, 0, codePoints.length);
  }

  @Override
  public void close() {
    LIBRARY.deleteTokenizer(handle);
  }
}
