package maque.cli.serve;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * The body of a {@code POST /v1/predict}.
 *
 * @param texts at least one
 * @param batch whether they came as {@code texts}
 * @param model the name of the model that is asked
 * @param top how many classes the answer shows; 0 for all
 * @param threshold answers that are less probable are deferred; NaN where none is asked for
 */
record PredictRequest(List<String> texts, boolean batch, String model, int top, float threshold) {
  private static final String FIELDS = "text or texts, model, top, threshold";

  /** Levels that are read of a body; beyond its object and its list nothing is expected. */
  private static final int LEVELS = 3;

  private static final int LONGEST_NAME = 64;

  /** What Jackson says of where a thing began that did not end. */
  private static final String SOURCE = " \\(start marker at \\[[^\\]]*\\]\\)";

  /** Of a number's digits. */
  private static final int LONGEST_NUMBER = 32;

  /** Reads bodies within limits. Thread-safe. */
  static final class Reader {
    private final Limits limits;
    private final String defaultModel;
    private final JsonFactory json;

    Reader(Limits limits, String defaultModel) {
      this.limits = limits;
      this.defaultModel = defaultModel;
      json =
          JsonFactory.builder()
              .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
              .streamReadConstraints(
                  StreamReadConstraints.builder()
                      .maxNestingDepth(LEVELS)
                      .maxNameLength(LONGEST_NAME)
                      .maxNumberLength(LONGEST_NUMBER)
                      .maxStringLength(limits.bodyBytes())
                      .build())
              .build();
    }

    /**
     * Reads one body. A lone surrogate's escape is a character like any other here; the tokenizer
     * reads it as U+FFFD.
     */
    PredictRequest read(byte[] body) throws HttpError {
      String document = decoded(body);
      try (JsonParser parser = json.createParser(document)) {
        Fields fields = new Fields(limits);
        expect(parser, parser.nextToken(), JsonToken.START_OBJECT, "the body: expected an object");
        while (parser.nextToken() != JsonToken.END_OBJECT) {
          String name = parser.currentName();
          parser.nextToken();
          fields.read(name, parser);
        }
        if (parser.nextToken() != null) {
          throw HttpError.badRequest("the body: expected one JSON object, found more after it");
        }
        return fields.request(defaultModel);
      } catch (JsonProcessingException e) {
        throw HttpError.badRequest("the body: not valid JSON: " + where(e));
      } catch (IOException e) {
        throw new AssertionError("reading from memory failed", e);
      }
    }

    private static String decoded(byte[] body) throws HttpError {
      try {
        return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(body)).toString();
      } catch (CharacterCodingException e) {
        throw HttpError.badRequest("the body: expected UTF-8, found other bytes");
      }
    }

    private static String where(JsonProcessingException e) {
      String place =
          e.getLocation() == null
              ? ""
              : " (line "
                  + e.getLocation().getLineNr()
                  + ", column "
                  + e.getLocation().getColumnNr()
                  + ")";
      return e.getOriginalMessage().replaceAll(SOURCE, "") + place;
    }
  }

  /** What has been read of a body. */
  private static final class Fields {
    private final Limits limits;
    private String text;
    private List<String> texts;
    private String model;
    private int top;
    private float threshold = Float.NaN;

    Fields(Limits limits) {
      this.limits = limits;
    }

    void read(String name, JsonParser value) throws IOException, HttpError {
      switch (name) {
        case "text" -> text = text(value, name);
        case "texts" -> texts = texts(value);
        case "model" -> model = string(value, name);
        case "top" -> top = top(value);
        case "threshold" -> threshold = threshold(value);
        default -> throw HttpError.badRequest("unknown field \"" + name + "\": expected " + FIELDS);
      }
    }

    private List<String> texts(JsonParser value) throws IOException, HttpError {
      expect(
          value, value.currentToken(), JsonToken.START_ARRAY, "texts: expected a list of strings");
      List<String> list = new ArrayList<>();
      while (value.nextToken() != JsonToken.END_ARRAY) {
        if (list.size() == limits.texts()) {
          throw new HttpError(
              HttpError.TOO_LARGE, "texts: expected at most " + limits.texts() + ", found more");
        }
        list.add(text(value, "texts[" + list.size() + "]"));
      }
      return list;
    }

    private String text(JsonParser value, String name) throws IOException, HttpError {
      String string = string(value, name);
      if (string.length() > limits.chars()) {
        throw new HttpError(
            HttpError.TOO_LARGE,
            name
                + ": expected at most "
                + limits.chars()
                + " characters, found "
                + string.length());
      }
      return string;
    }

    private static String string(JsonParser value, String name) throws IOException, HttpError {
      expect(value, value.currentToken(), JsonToken.VALUE_STRING, name + ": expected a string");
      return value.getText();
    }

    private static int top(JsonParser value) throws IOException, HttpError {
      String expected = "top: expected a whole number of 1 or more";
      if (!value.currentToken().isNumeric()) {
        throw HttpError.badRequest(expected + ", found " + kind(value.currentToken()));
      }
      String digits = value.getText();
      if (!digits.matches("[1-9][0-9]*")) {
        throw HttpError.badRequest(expected + ", found " + digits);
      }
      // As many as anyone has: all.
      return digits.length() > 9 ? 0 : Integer.parseInt(digits);
    }

    private static float threshold(JsonParser value) throws IOException, HttpError {
      String expected = "threshold: expected a number from 0 to 1";
      if (!value.currentToken().isNumeric()) {
        throw HttpError.badRequest(expected + ", found " + kind(value.currentToken()));
      }
      float number = Float.parseFloat(value.getText());
      if (!(number >= 0 && number <= 1)) {
        throw HttpError.badRequest(expected + ", found " + value.getText());
      }
      return number;
    }

    PredictRequest request(String defaultModel) throws HttpError {
      if (text != null && texts != null) {
        throw HttpError.badRequest("expected either text or texts, found both");
      }
      if (text == null && (texts == null || texts.isEmpty())) {
        throw HttpError.badRequest(
            "expected \"text\" with a string or \"texts\" with at least one, found "
                + (texts == null ? "neither" : "an empty list"));
      }
      return new PredictRequest(
          text == null ? List.copyOf(texts) : List.of(text),
          text == null,
          model == null ? defaultModel : model,
          top,
          threshold);
    }
  }

  private static void expect(JsonParser parser, JsonToken found, JsonToken expected, String message)
      throws HttpError {
    if (found != expected) {
      throw HttpError.badRequest(message + ", found " + kind(found));
    }
  }

  private static String kind(JsonToken token) {
    if (token == null) {
      return "nothing";
    }
    return switch (token) {
      case START_OBJECT -> "an object";
      case START_ARRAY -> "a list";
      case VALUE_STRING -> "a string";
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> "a number";
      case VALUE_TRUE, VALUE_FALSE -> "a boolean";
      case VALUE_NULL -> "null";
      default -> "something else";
    };
  }
}
