package maque.runtime;

import java.util.List;
import java.util.Map;

/** Makes the encoder that a model's {@code config.json} describes. */
public final class TextEncoders {
  private static final String UNKNOWN = "[UNK]";

  /** BERT's own, uncased, for a configuration that says nothing about it. */
  private static final Map<String, Object> DEFAULT = Map.of("type", "wordpiece");

  private static final int DEFAULT_MAX_TOKENS = 128;

  private TextEncoders() {}

  /** The encoder of a model; see {@link #of(Map, List)}. */
  public static TextEncoder of(ModelDirectory model) {
    return of(model.config(), model.vocab());
  }

  /**
   * The encoder for a configuration and its vocabulary. Read are {@code max_tokens} (128 if it is
   * absent), {@code clean} and {@code tokenizer}:
   *
   * <ul>
   *   <li>{@code type}: {@code wordpiece}, {@code words} (of the {@code segmenter} named) or {@code
   *       characters};
   *   <li>{@code lowercase} (WordPiece: true, others: false), {@code strip_accents} (null:
   *       WordPiece as {@code lowercase}, others false), {@code tokenize_chinese_chars} (true) and
   *       {@code special_tokens} (true): the last two for WordPiece only;
   *   <li>{@code segmenter_version}, {@code segmenter_hash}: if there, those of the segmenter.
   * </ul>
   *
   * <p>With {@code ngrams} (see {@link Ngrams}) a text has their buckets too; a {@code maque-bag}
   * reads nothing else, and of characters it needs no vocabulary: its texts are cut after {@code
   * max_tokens} characters.
   *
   * <p>Words and characters that are not in the vocabulary are [UNK], its first entry, to a {@code
   * maque-sequence} model, and nothing to others.
   *
   * @throws ModelFormatException if the configuration or the vocabulary is not so
   * @throws MissingSegmenterException if the segmenter is not there, or another version of it is
   */
  public static TextEncoder of(Map<String, ?> config, List<String> vocab) {
    Ngrams ngrams = Ngrams.of(config, "config.json");
    boolean bag = ModelConfig.BAG.equals(config.get("model_type"));
    boolean characters = ngrams != null && ngrams.unit() == Ngrams.Unit.CHARACTERS;
    TextEncoder tokens = tokens(config, vocab, characters, bag && characters);
    return ngrams == null ? tokens : new NgramEncoder(tokens, ngrams, !bag);
  }

  /**
   * The encoder of tokens.
   *
   * @param shows whether its sessions show what the ids were made of
   * @param cutOnly whether that is all that is asked for: no ids
   */
  private static TextEncoder tokens(
      Map<String, ?> config, List<String> vocab, boolean shows, boolean cutOnly) {
    int maxTokens = maxTokens(config);
    Object described = config.get("tokenizer");
    if (described != null && !(described instanceof Map)) {
      throw wrong("tokenizer", "an object", described);
    }
    Map<?, ?> options = described == null ? DEFAULT : (Map<?, ?>) described;
    Cleaning cleaning = cleaning(config.get("clean"));
    Object type = options.get("type");
    if (cutOnly) {
      if (!"characters".equals(type)) {
        throw wrong("tokenizer.type", "characters, for a bag of their n-grams", type);
      }
      return new CharacterCutter(cleaning, normalizer(options), maxTokens);
    }
    if ("wordpiece".equals(type)) {
      return wordPiece(options, vocab, cleaning, maxTokens, shows);
    }
    if ("words".equals(type) || "characters".equals(type)) {
      Segmenter segmenter =
          "words".equals(type) ? segmenter(options) : checked(Segmenters.CHARACTERS, options);
      boolean sequence = "maque-sequence".equals(config.get("model_type"));
      return words(options, vocab, segmenter, cleaning, maxTokens, sequence);
    }
    throw wrong("tokenizer.type", "wordpiece, words or characters", type);
  }

  private static TextEncoder wordPiece(
      Map<?, ?> options, List<String> vocab, Cleaning cleaning, int maxTokens, boolean shows) {
    boolean specialTokens = flag(options, "special_tokens", true);
    require(vocab, UNKNOWN);
    if (specialTokens) {
      require(vocab, "[CLS]");
      require(vocab, "[SEP]");
      if (maxTokens < 2) {
        throw wrong("max_tokens", "2 or more, for [CLS] and [SEP]", maxTokens);
      }
    }
    Boolean strip =
        options.get("strip_accents") == null ? null : flag(options, "strip_accents", false);
    boolean lowercase = flag(options, "lowercase", true);
    Tokenizer tokenizer =
        Tokenizer.of(vocab, lowercase, strip, flag(options, "tokenize_chinese_chars", true));
    TextNormalizer shown =
        shows ? new TextNormalizer(lowercase, strip == null ? lowercase : strip) : null;
    return new WordPieceEncoder(tokenizer, cleaning, maxTokens, specialTokens, shown);
  }

  private static TextEncoder words(
      Map<?, ?> options,
      List<String> vocab,
      Segmenter segmenter,
      Cleaning cleaning,
      int maxTokens,
      boolean sequence) {
    if (flag(options, "special_tokens", false)) {
      throw wrong("tokenizer.special_tokens", "false, since they are WordPiece's", true);
    }
    if (sequence && (vocab.isEmpty() || !vocab.get(0).equals(UNKNOWN))) {
      throw new ModelFormatException(
          "vocab.txt: expected "
              + UNKNOWN
              + " as the first entry, found "
              + (vocab.isEmpty() ? "none" : vocab.get(0)));
    }
    int unknown = sequence ? 0 : WordEncoder.SKIP;
    return new WordEncoder(vocab, segmenter, cleaning, normalizer(options), maxTokens, unknown);
  }

  private static TextNormalizer normalizer(Map<?, ?> options) {
    return new TextNormalizer(
        flag(options, "lowercase", false), flag(options, "strip_accents", false));
  }

  private static Segmenter segmenter(Map<?, ?> options) {
    if (!(options.get("segmenter") instanceof String name)) {
      throw wrong("tokenizer.segmenter", "the name of a segmenter", options.get("segmenter"));
    }
    return checked(Segmenters.find(name), options);
  }

  /** The segmenter, if it is the one that the model was trained with. */
  private static Segmenter checked(Segmenter segmenter, Map<?, ?> options) {
    check(segmenter, "version", options.get("segmenter_version"), segmenter.version());
    check(segmenter, "dictionary hash", options.get("segmenter_hash"), segmenter.hash());
    return segmenter;
  }

  private static void check(Segmenter segmenter, String what, Object expected, String found) {
    if (expected != null && !expected.equals(found)) {
      throw new MissingSegmenterException(
          "the model was trained with segmenter "
              + segmenter.name()
              + " of "
              + what
              + " "
              + expected
              + "; on the class path is "
              + found);
    }
  }

  private static int maxTokens(Map<String, ?> config) {
    Object value = config.get("max_tokens");
    if (value == null) {
      Object positions = config.get("max_position_embeddings");
      return positions instanceof Number number
          ? Math.min(DEFAULT_MAX_TOKENS, number.intValue())
          : DEFAULT_MAX_TOKENS;
    }
    if (!(value instanceof Number number)
        || number.doubleValue() != number.intValue()
        || number.intValue() < 1) {
      throw wrong("max_tokens", "a whole number above 0", value);
    }
    return number.intValue();
  }

  private static Cleaning cleaning(Object value) {
    for (Cleaning cleaning : Cleaning.values()) {
      if (cleaning.id().equals(value)) {
        return cleaning;
      }
    }
    if (value == null) {
      return Cleaning.NONE;
    }
    throw wrong("clean", "none or seed", value);
  }

  private static boolean flag(Map<?, ?> options, String key, boolean otherwise) {
    Object value = options.get(key);
    if (value != null && !(value instanceof Boolean)) {
      throw wrong("tokenizer." + key, "true or false", value);
    }
    return value == null ? otherwise : (Boolean) value;
  }

  private static void require(List<String> vocab, String token) {
    if (!vocab.contains(token)) {
      throw new ModelFormatException("vocab.txt: expected " + token + ", found none");
    }
  }

  private static ModelFormatException wrong(String key, String expected, Object found) {
    String what = found == null ? "nothing" : found.toString();
    return new ModelFormatException(
        "config.json: " + key + ": expected " + expected + ", found " + what);
  }
}
