package maque.training.imports;

import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import maque.runtime.ModelFormatException;

/**
 * A WordPiece vocabulary and the settings of BERT's normaliser, from Hugging Face's tokenizer.json,
 * or from vocab.txt and tokenizer_config.json.
 *
 * @param vocabulary token of each id, without repeats
 * @param stripAccents null: as {@code lowercase} says
 * @param maxTokens where the file cuts texts, or 0
 */
record TokenizerSettings(
    List<String> vocabulary,
    boolean lowercase,
    Boolean stripAccents,
    boolean chineseCharacters,
    int maxTokens) {
  private static final long MAX_FILE = 64 << 20;
  private static final int MAX_VOCABULARY = 4_000_000;
  private static final ObjectMapper JSON =
      JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  /** Reads tokenizer.json; anything but BERT's WordPiece pipeline is refused. */
  static TokenizerSettings ofTokenizerJson(Path file) throws IOException {
    JsonNode root = json(file);
    JsonNode model = root.path("model");
    require(file, "model.type", "WordPiece", model.path("type").asText("WordPiece"));
    require(file, "model.unk_token", "[UNK]", model.path("unk_token").asText());
    require(
        file,
        "model.continuing_subword_prefix",
        "##",
        model.path("continuing_subword_prefix").asText("##"));
    require(
        file,
        "model.max_input_chars_per_word",
        "100",
        model.path("max_input_chars_per_word").asText("100"));
    JsonNode normalizer = root.path("normalizer");
    require(file, "normalizer.type", "BertNormalizer", normalizer.path("type").asText());
    require(file, "normalizer.clean_text", "true", normalizer.path("clean_text").asText("true"));
    require(
        file,
        "pre_tokenizer.type",
        "BertPreTokenizer",
        root.path("pre_tokenizer").path("type").asText());
    JsonNode accents = normalizer.path("strip_accents");
    return new TokenizerSettings(
        vocabulary(file, model.path("vocab")),
        normalizer.path("lowercase").asBoolean(true),
        accents.isBoolean() ? accents.asBoolean() : null,
        normalizer.path("handle_chinese_chars").asBoolean(true),
        root.path("truncation").path("max_length").asInt(0));
  }

  /**
   * Reads vocab.txt (a token a line, id = line number from 0) and, where it exists,
   * tokenizer_config.json.
   */
  static TokenizerSettings ofVocabulary(Path vocab, Path tokenizerConfig) throws IOException {
    List<String> tokens = lines(vocab);
    requireDistinct(vocab, tokens);
    JsonNode config =
        Files.exists(tokenizerConfig) ? json(tokenizerConfig) : JSON.createObjectNode();
    JsonNode accents = config.path("strip_accents");
    long length = config.path("model_max_length").asLong(0); // 1e30 stands for "none"
    return new TokenizerSettings(
        tokens,
        config.path("do_lower_case").asBoolean(true),
        accents.isBoolean() ? accents.asBoolean() : null,
        config.path("tokenize_chinese_chars").asBoolean(true),
        length > 0 && length <= 1 << 20 ? (int) length : 0);
  }

  /** The {@code tokenizer} object of config.json. */
  Map<String, Object> toConfig() {
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("type", "wordpiece");
    config.put("lowercase", lowercase);
    config.put("strip_accents", stripAccents);
    config.put("tokenize_chinese_chars", chineseCharacters);
    config.put("special_tokens", true);
    config.put("segmenter", null);
    return config;
  }

  /** A bounded, strict reading of a JSON file. */
  static JsonNode json(Path file) throws IOException {
    requireSize(file);
    try {
      JsonNode root = JSON.readTree(Files.readAllBytes(file));
      if (!root.isObject()) {
        throw new ModelFormatException(
            file + ": expected a JSON object, found " + root.getNodeType());
      }
      return root;
    } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
      String where = e.getLocation() == null ? "" : " at line " + e.getLocation().getLineNr();
      throw new ModelFormatException(
          file + ": expected JSON, found" + where + ": " + e.getOriginalMessage(), e);
    }
  }

  private static List<String> lines(Path file) throws IOException {
    requireSize(file);
    String text;
    try {
      text =
          StandardCharsets.UTF_8
              .newDecoder()
              .decode(ByteBuffer.wrap(Files.readAllBytes(file)))
              .toString();
    } catch (CharacterCodingException e) {
      throw new ModelFormatException(file + ": expected UTF-8, found other bytes", e);
    }
    String[] tokens = text.split("\r?\n", -1);
    int count =
        tokens.length > 0 && tokens[tokens.length - 1].isEmpty()
            ? tokens.length - 1
            : tokens.length;
    return List.of(Arrays.copyOf(tokens, count));
  }

  private static void requireSize(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new ModelFormatException(file + ": expected a file, found none");
    }
    if (Files.size(file) > MAX_FILE) {
      throw new ModelFormatException(
          file + ": expected at most " + MAX_FILE + " bytes, found " + Files.size(file));
    }
  }

  private static List<String> vocabulary(Path file, JsonNode ids) {
    int n = ids.size();
    if (!ids.isObject() || n == 0 || n > MAX_VOCABULARY) {
      throw new ModelFormatException(
          file + ": expected a vocabulary, found " + ids.getNodeType() + " of " + n);
    }
    String[] tokens = new String[n];
    ids.properties()
        .forEach(
            entry -> {
              JsonNode id = entry.getValue();
              if (!id.canConvertToInt()
                  || id.asInt() < 0
                  || id.asInt() >= n
                  || tokens[id.asInt()] != null) {
                throw new ModelFormatException(
                    file
                        + ": expected ids 0 to "
                        + (n - 1)
                        + ", each once, found "
                        + id
                        + " for "
                        + entry.getKey());
              }
              tokens[id.asInt()] = entry.getKey();
            });
    return List.of(tokens);
  }

  private static void requireDistinct(Path file, List<String> tokens) {
    Set<String> seen = new HashSet<>();
    for (int i = 0; i < tokens.size(); i++) {
      if (!seen.add(tokens.get(i))) {
        throw new ModelFormatException(
            file
                + ": line "
                + (i + 1)
                + ": expected each token once, found "
                + tokens.get(i)
                + " again");
      }
    }
    if (!seen.contains("[UNK]")) {
      throw new ModelFormatException(
          file + ": expected a WordPiece vocabulary with [UNK], found none");
    }
  }

  private static void require(Path file, String key, String expected, String found) {
    if (!expected.equals(found)) {
      throw new ModelFormatException(
          file + ": expected " + key + " = " + expected + ", found " + found);
    }
  }
}
