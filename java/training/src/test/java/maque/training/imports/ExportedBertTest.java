package maque.training.imports;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import maque.runtime.Encoded;
import maque.runtime.Json;
import maque.runtime.ModelDirectory;
import maque.runtime.Teacher;
import maque.runtime.Tensor;
import maque.training.onnx.OnnxExport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real encoder under a head, exported: run by ONNX Runtime, and imported again. */
class ExportedBertTest {
  private static final double BOUND = 1e-5;
  private static final int TEXTS = 64;
  private static final int HIDDEN = 512;
  private static final List<String> LABELS = List.of("car", "culture", "edu", "game", "sports");
  private static final OrtEnvironment ENVIRONMENT = OrtEnvironment.getEnvironment();

  @TempDir Path scratch;

  @Test
  void runsAlikeAndImportsToTheSameWeights() throws IOException, OrtException {
    Path encoder =
        OnnxBert.importJar(Artifacts.jar(Artifacts.BGE), scratch.resolve("encoder")).directory();
    ModelDirectory model = ModelDirectory.read(withHead(ModelDirectory.read(encoder)));
    Path file = scratch.resolve("teacher.onnx");
    OnnxExport.write(model, file);
    importsAgain(file, model);
    List<String> texts = HiddenStatesTest.chineseTexts().subList(0, TEXTS);
    try (Teacher teacher = Teacher.of(model);
        OrtSession session = ENVIRONMENT.createSession(file.toString())) {
      float[][] expected = teacher.logits(texts);
      float[][] found = run(session, texts.stream().map(teacher.encoder()::encode).toList());
      double worst = 0;
      for (int i = 0; i < TEXTS; i++) {
        for (int k = 0; k < LABELS.size(); k++) {
          worst = Math.max(worst, Math.abs(expected[i][k] - found[i][k]));
        }
      }
      assertTrue(worst <= BOUND, "logits differ by " + worst);
    }
  }

  private Path withHead(ModelDirectory encoder) {
    Map<String, Object> config = new LinkedHashMap<>(encoder.config());
    config.put("num_labels", LABELS.size());
    config.put("pooling", "cls");
    Map<String, Tensor> tensors = new LinkedHashMap<>(encoder.nativeTensors());
    Random random = new Random(3);
    float[] weight = new float[LABELS.size() * HIDDEN];
    for (int i = 0; i < weight.length; i++) {
      weight[i] = (float) random.nextGaussian() * 0.1f;
    }
    tensors.put(
        "head.0.weight", Tensor.of("head.0.weight", new long[] {LABELS.size(), HIDDEN}, weight));
    float[] bias = new float[LABELS.size()];
    tensors.put("head.0.bias", Tensor.of("head.0.bias", new long[] {bias.length}, bias));
    return ModelDirectory.write(scratch.resolve("teacher"))
        .config(Json.parseObject(Json.write(config), "test"))
        .nativeTensors(tensors)
        .vocab(encoder.vocab())
        .labels(LABELS)
        .commit();
  }

  private static void importsAgain(Path file, ModelDirectory model) throws IOException {
    OnnxBertGraph again = new OnnxBertGraph(OnnxGraph.read(file));
    again.weights.forEach(
        (name, weight) ->
            assertEquals(
                model.nativeTensors().get(name).data(),
                OnnxBert.tensor(name, weight).data(),
                name));
    assertEquals(
        model.nativeTensors().keySet().stream()
            .filter(name -> !name.startsWith("head."))
            .toList()
            .size(),
        again.weights.size());
  }

  /** All texts padded to the longest. */
  private static float[][] run(OrtSession session, List<Encoded> texts) throws OrtException {
    int longest = texts.stream().mapToInt(text -> text.ids().length).max().orElseThrow();
    long[][] ids = new long[texts.size()][longest];
    long[][] mask = new long[texts.size()][longest];
    for (int i = 0; i < ids.length; i++) {
      int[] own = texts.get(i).ids();
      for (int t = 0; t < own.length; t++) {
        ids[i][t] = own[t];
        mask[i][t] = 1;
      }
    }
    try (OnnxTensor input = OnnxTensor.createTensor(ENVIRONMENT, ids);
        OnnxTensor attention = OnnxTensor.createTensor(ENVIRONMENT, mask);
        OnnxTensor types = OnnxTensor.createTensor(ENVIRONMENT, new long[ids.length][longest]);
        OrtSession.Result result =
            session.run(
                Map.of("input_ids", input, "attention_mask", attention, "token_type_ids", types))) {
      return (float[][]) result.get(0).getValue();
    }
  }
}
