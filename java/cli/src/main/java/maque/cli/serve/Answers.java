package maque.cli.serve;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Collection;
import java.util.List;
import maque.runtime.Prediction;

/** The JSON that goes out, in UTF-8. */
final class Answers {
  private static final JsonFactory JSON = new JsonFactory();

  private Answers() {}

  /** Writes one value. */
  @FunctionalInterface
  private interface Body {
    void write(JsonGenerator json) throws IOException;
  }

  private static byte[] document(Body body) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(512);
    try (JsonGenerator json = JSON.createGenerator(bytes)) {
      json.writeStartObject();
      body.write(json);
      json.writeEndObject();
    } catch (IOException e) {
      throw new AssertionError("writing to memory failed", e);
    }
    return bytes.toByteArray();
  }

  static byte[] error(int status, String message) {
    return document(
        json -> {
          json.writeNumberField("status", status);
          json.writeStringField("error", wellFormed(message));
        });
  }

  /** An error may quote what came, lone surrogates too, which UTF-8 does not have. */
  private static String wellFormed(String message) {
    return message
        .codePoints()
        .map(c -> c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE ? 0xFFFD : c)
        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
        .toString();
  }

  static byte[] health(Collection<Served> models, boolean draining) {
    return document(
        json -> {
          json.writeStringField("status", draining ? "draining" : "up");
          json.writeArrayFieldStart("models");
          for (Served model : models) {
            json.writeString(model.name());
          }
          json.writeEndArray();
        });
  }

  /** What is served, for the page: models, and examples to click. */
  static byte[] models(Collection<Served> models, Limits limits, List<String> examples) {
    return document(
        json -> {
          json.writeArrayFieldStart("models");
          for (Served model : models) {
            json.writeStartObject();
            json.writeStringField("name", model.name());
            json.writeStringField("source", model.source());
            json.writeNumberField("parameters", model.parameters());
            json.writeNumberField("native_bytes", model.nativeBytes());
            strings(json, "labels", model.labels());
            json.writeEndObject();
          }
          json.writeEndArray();
          json.writeNumberField("max_chars", limits.chars());
          json.writeNumberField("max_texts", limits.texts());
          strings(json, "examples", examples);
        });
  }

  private static void strings(JsonGenerator json, String name, List<String> values)
      throws IOException {
    json.writeArrayFieldStart(name);
    for (String value : values) {
      json.writeString(value);
    }
    json.writeEndArray();
  }

  /** The answer to a request with one text, or to one with a list of texts, in their order. */
  static byte[] predictions(
      Served model, PredictRequest request, List<Prediction> predictions, double micros) {
    return document(
        json -> {
          json.writeStringField("model", model.name());
          if (request.batch()) {
            json.writeArrayFieldStart("predictions");
            for (Prediction prediction : predictions) {
              json.writeStartObject();
              prediction(json, model, request, prediction);
              json.writeEndObject();
            }
            json.writeEndArray();
          } else {
            prediction(json, model, request, predictions.get(0));
          }
          json.writeNumberField("micros", tenths(micros));
        });
  }

  private static void prediction(
      JsonGenerator json, Served model, PredictRequest request, Prediction prediction)
      throws IOException {
    List<String> labels = model.labels();
    json.writeStringField("label", prediction.label());
    json.writeNumberField("probability", prediction.confidence());
    json.writeObjectFieldStart("probabilities");
    int shown = request.top() == 0 ? labels.size() : Math.min(request.top(), labels.size());
    for (int i : prediction.top(shown)) {
      json.writeNumberField(labels.get(i), prediction.probabilities()[i]);
    }
    json.writeEndObject();
    json.writeBooleanField("truncated", prediction.truncated());
    if (!Float.isNaN(request.threshold())) {
      json.writeBooleanField("deferred", isDeferred(request, prediction));
    }
  }

  /** Whether the answer is less probable than was asked for. */
  static boolean isDeferred(PredictRequest request, Prediction prediction) {
    return prediction.confidence() < request.threshold();
  }

  private static double tenths(double value) {
    return Math.round(value * 10) / 10.0;
  }
}
