package maque.training.onnx;

import java.nio.file.Path;
import maque.runtime.InvalidInputException;
import maque.runtime.Json;
import maque.runtime.ModelDirectory;

/**
 * Writes teachers and students as ONNX files (opset 17, operators of ONNX alone) for programs that
 * are not this one.
 *
 * <p>Inputs are int64, of shape [texts, time], padded to the longest text: {@code input_ids} and
 * {@code attention_mask} (1 for a token, 0 after a text's end), a teacher also {@code
 * token_type_ids}; where there are n-grams, {@code ngram_ids} and {@code ngram_mask} [texts,
 * ngrams], which a bag has alone. Time is at least 1: a student's empty text is one id with mask 0.
 * The output is {@code logits} [texts, classes], of an encoder without a head {@code
 * last_hidden_state} [texts, time, hidden]. {@link OnnxSample} writes texts with the inputs and
 * logits that a reader should get, to within 1e-5.
 *
 * <p>The file's properties hold the names of the classes, as JSON under {@code labels}, and {@code
 * model_type}, {@code max_tokens} and {@code fingerprint}.
 */
public final class OnnxExport {
  private OnnxExport() {}

  /**
   * Writes a model.
   *
   * @throws InvalidInputException where its weights are packed for serving or in int8, or the file
   *     would have 2 GiB or more
   * @throws maque.runtime.StorageException where the file cannot be written; what was there before
   *     still is
   */
  public static void write(ModelDirectory model, Path out) {
    if (model.isServingForm() || model.precision().equals("int8")) {
      throw new InvalidInputException(
          model.path()
              + ": is packed ("
              + model.precision()
              + "), which ONNX has no operators for: export the model that it was packed from");
    }
    OnnxFile file = new OnnxFile();
    ModelGraph graph = new ModelGraph(file, model.nativeTensors());
    if (model.modelType().equals("bert")) {
      BertGraph.write(file, graph, model.nativeOptions());
    } else {
      StudentGraph.write(file, graph, model.nativeOptions());
    }
    file.property("model_type", model.modelType());
    file.property("labels", Json.line(model.labels()));
    file.property("max_tokens", Integer.toString(model.maxTokens()));
    file.property("fingerprint", model.fingerprint());
    file.save(out);
  }
}
