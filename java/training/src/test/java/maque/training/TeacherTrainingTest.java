package maque.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import maque.runtime.InvalidInputException;
import maque.runtime.MaqueException;
import maque.runtime.ModelDirectory;
import maque.runtime.ModelFormatException;
import maque.runtime.Tensor;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TeacherTrainingTest {
  private static final DataSet TRAIN = TinyBert.data("train", 200, 1);
  private static final DataSet DEV = TinyBert.data("dev", 100, 2);

  @TempDir Path directory;
  private Path encoder;

  @BeforeEach
  void encoder() {
    encoder = TinyBert.write(directory.resolve("encoder"), false);
  }

  private TrainingResult run(String name, TeacherOptions options, RunControl control) {
    return TeacherTraining.run(
        new TeacherTraining.Inputs(encoder, TRAIN, DEV, directory.resolve(name)), options, control);
  }

  /** Every file of a model but the one with times. */
  static Map<String, byte[]> files(Path model) throws IOException {
    Map<String, byte[]> files = new TreeMap<>();
    for (String name :
        List.of(
            "config.json",
            "model.safetensors",
            "vocab.txt",
            "labels.txt",
            "training.json",
            "maque.json")) {
      files.put(name, Files.readAllBytes(model.resolve(name)));
    }
    return files;
  }

  static void assertSameFiles(Path expected, Path found) throws IOException {
    Map<String, byte[]> a = files(expected);
    Map<String, byte[]> b = files(found);
    assertEquals(a.keySet(), b.keySet());
    for (String name : a.keySet()) {
      assertArrayEquals(a.get(name), b.get(name), name);
    }
  }

  @Test
  void aTeacherLearns() {
    TrainingResult result = run("teacher", TinyBert.teacher().epochs(10), RunControl.quiet());
    assertTrue(result.devAccuracy() > 0.7, "dev accuracy " + result.devAccuracy());
    assertEquals(130, result.steps());
    assertEquals(result.parameters(), result.trainedParameters());
    assertFalse(Files.exists(directory.resolve("teacher.checkpoint")));
    ModelDirectory model = ModelDirectory.read(result.model());
    assertEquals(TinyBert.CLASSES, model.labels());
    assertEquals("mean", model.config().get("pooling"));
    assertEquals(List.of(12L), model.config().get("head"));
    assertTrue(model.tensors().containsKey("bert.encoder.layer.1.output.dense.weight"));
    assertTrue(model.tensors().containsKey("classifier.2.bias"));
    assertEquals(result.bestStep(), model.training().get("best_step"));
    assertEquals(26, ((List<?>) model.training().get("history")).size());
  }

  @Test
  void aOneLayerHeadHasHuggingFacesName() {
    TrainingResult result =
        run("teacher", TinyBert.teacher().head(List.of()).maxSteps(2), RunControl.quiet());
    Map<String, Tensor> tensors = ModelDirectory.read(result.model()).tensors();
    assertArrayEquals(new long[] {3, TinyBert.HIDDEN}, tensors.get("classifier.weight").shape());
  }

  @Test
  void threadsDoNotChangeABit() throws IOException {
    for (String train : List.of("all", "last-layers:1", "head")) {
      TeacherOptions options = TinyBert.teacher().train(train).maxSteps(12);
      Path one = run("one-" + train.replace(':', '-'), options, RunControl.quiet()).model();
      Path two =
          run("two-" + train.replace(':', '-'), options, RunControl.quiet().withThreads(2)).model();
      assertSameFiles(one, two);
    }
  }

  @Test
  void theTrunkCacheDoesNotChangeABit() throws IOException {
    for (String pooling : List.of("mean", "cls", "pooler")) {
      for (String train : List.of("last-layers:1", "last-tensors:4", "head")) {
        encoder = TinyBert.write(directory.resolve("encoder"), pooling.equals("pooler"));
        TeacherOptions options = TinyBert.teacher().train(train).pooling(pooling).maxSteps(20);
        Path memory = run("memory", options.trunkCache(1L << 30, 0), RunControl.quiet()).model();
        Path file = run("file", options.trunkCache(0, 1L << 30), RunControl.quiet()).model();
        Path none = run("none", options.trunkCache(0, 0), RunControl.quiet()).model();
        Path mixed = run("mixed", options.trunkCache(3000, 5000), RunControl.quiet()).model();
        assertSameFiles(memory, file);
        assertSameFiles(memory, none);
        assertSameFiles(memory, mixed);
      }
    }
  }

  @Test
  void frozenTensorsKeepTheirBytes() {
    Map<String, Tensor> before = ModelIo.encoderTensors(ModelDirectory.read(encoder));
    Map<String, String> frozen =
        Map.of(
            "all", "",
            "last-layers:1", "embeddings.|encoder.layer.0.",
            "last-tensors:4", "embeddings.|encoder.layer.0.|encoder.layer.1.(?!output.LayerNorm)",
            "head", "embeddings.|encoder.|pooler.");
    frozen.forEach(
        (train, pattern) -> {
          TeacherOptions options =
              TinyBert.teacher().train(train).pooling("cls").weightDecay(0.1).maxSteps(13);
          Path out = run("frozen-" + train.replace(':', '-'), options, RunControl.quiet()).model();
          Map<String, Tensor> after = ModelDirectory.read(out).nativeTensors();
          TreeSet<String> same = new TreeSet<>();
          TreeSet<String> expected = new TreeSet<>();
          for (String name : before.keySet()) {
            if (after.get(name).data().equals(before.get(name).data())) {
              same.add(name);
            }
            if (!pattern.isEmpty() && name.matches("(" + pattern + ").*")) {
              expected.add(name);
            }
          }
          // What is trained may keep its bytes only where its gradient is 0.
          same.removeIf(name -> name.contains("token_type_embeddings"));
          expected.removeIf(name -> name.contains("token_type_embeddings"));
          assertEquals(expected, same, train);
        });
  }

  @Test
  void aFreshPoolerIsMadeAndSaid() {
    TrainingResult result =
        run("fresh", TinyBert.teacher().pooling("pooler").maxSteps(2), RunControl.quiet());
    assertTrue(result.notes().toString().contains("no pooler"), result.notes().toString());
    assertTrue(
        ModelDirectory.read(result.model()).tensors().containsKey("bert.pooler.dense.weight"));
    Path with = TinyBert.write(directory.resolve("with-pooler"), true);
    TrainingResult kept =
        TeacherTraining.run(
            new TeacherTraining.Inputs(with, TRAIN, DEV, directory.resolve("kept")),
            TinyBert.teacher().pooling("pooler").train("head").maxSteps(2),
            RunControl.quiet());
    assertEquals(List.of(), kept.notes());
    assertEquals(
        ModelDirectory.read(with).tensors().get("bert.pooler.dense.weight").data(),
        ModelDirectory.read(kept.model()).tensors().get("bert.pooler.dense.weight").data());
  }

  @Test
  void aFreshPoolerIsNotLeftFrozen() {
    TeacherOptions options = TinyBert.teacher().pooling("pooler").train("head");
    String message =
        assertThrows(InvalidInputException.class, () -> run("never", options, RunControl.quiet()))
            .getMessage();
    assertTrue(message.startsWith(encoder + ": the encoder has no pooler"), message);
    assertTrue(message.contains("pooling cls or mean, or train last-tensors:4 or all"), message);
    for (String train : List.of("last-tensors:4", "last-layers:1", "all")) {
      TeacherOptions trained = TinyBert.teacher().pooling("pooler").train(train).maxSteps(3);
      Path out = run("fresh-" + train.replace(':', '-'), trained, RunControl.quiet()).model();
      float[] pooler = ModelDirectory.read(out).nativeTensors().get("pooler.dense.bias").floats();
      assertNotEquals(0, pooler[0], train + ": it begins with a bias of 0");
    }
  }

  @Test
  void weightsThatAreNoNumbersAreNamed() {
    for (float wrong : new float[] {Float.NaN, Float.NEGATIVE_INFINITY}) {
      ModelDirectory whole = ModelDirectory.read(encoder);
      Map<String, Tensor> tensors = new LinkedHashMap<>(whole.tensors());
      String name = "bert.encoder.layer.1.intermediate.dense.weight";
      float[] values = tensors.get(name).floats();
      values[values.length - 1] = wrong;
      tensors.put(name, Tensor.of(name, tensors.get(name).shape(), values));
      Path broken = directory.resolve("broken");
      ModelDirectory.write(broken)
          .config(whole.config())
          .tensors(tensors)
          .vocab(whole.vocab())
          .commit();
      TeacherTraining.Inputs in =
          new TeacherTraining.Inputs(broken, TRAIN, DEV, directory.resolve("never"));
      String message =
          assertThrows(
                  ModelFormatException.class,
                  () -> TeacherTraining.run(in, TinyBert.teacher(), RunControl.quiet()))
              .getMessage();
      assertEquals(
          broken.resolve("model.safetensors") + ": tensor " + name + " holds NaN or infinity",
          message.replace("tensor encoder.", "tensor bert.encoder."));
    }
  }

  @Test
  void cancelledAndResumedIsTheSameAsNever() throws IOException {
    TeacherOptions options = TinyBert.teacher().maxSteps(30).evaluateEvery(7);
    Path whole = run("whole", options, RunControl.quiet()).model();
    int[] stopAt = {0};
    for (int round = 0; round < 3; round++) {
      long before = stopAt[0];
      stopAt[0] = 4 + 9 * round;
      StopAt control = new StopAt(stopAt[0], 1 + round);
      String message =
          assertThrows(CancelledException.class, () -> run("parts", options, control.control()))
              .getMessage();
      assertTrue(message.startsWith("stopped at step " + stopAt[0] + " of 30"), message);
      assertEquals(before + 1, control.first(), "it goes on where it stopped");
      assertFalse(Files.exists(directory.resolve("parts")));
    }
    Path parts = run("parts", options, RunControl.quiet()).model();
    assertSameFiles(whole, parts);
    assertFalse(Files.exists(directory.resolve("parts.checkpoint")));
  }

  @Test
  void anotherRunsCheckpointIsNotTakenUp() {
    CancellationToken token = new CancellationToken();
    RunControl control = new RunControl(progress -> token.cancel(), token, 1);
    assertThrows(CancelledException.class, () -> run("out", TinyBert.teacher(), control));
    String message =
        assertThrows(
                InvalidInputException.class,
                () -> run("out", TinyBert.teacher().lr(1e-3), RunControl.quiet()))
            .getMessage();
    assertTrue(message.contains("other options or data [lr]"), message);
  }

  @Test
  void theBestOnDevIsKept() {
    TeacherOptions options =
        TinyBert.teacher()
            .maxSteps(40)
            .evaluateEvery(4)
            .selection(TrainingOptions.Selection.LOSS)
            .lr(2e-2)
            .decay(Schedule.Decay.CONSTANT);
    TrainingResult result = run("best", options, RunControl.quiet());
    double best = Double.POSITIVE_INFINITY;
    long bestStep = 0;
    for (Object point : (List<?>) ModelDirectory.read(result.model()).training().get("history")) {
      Map<?, ?> map = (Map<?, ?>) point;
      double loss = (Double) map.get("dev_loss");
      if (loss < best) {
        best = loss;
        bestStep = (Long) map.get("step");
      }
    }
    assertEquals(best, result.devLoss());
    assertEquals(bestStep, result.bestStep());
  }

  @Test
  void withoutGainItStops() {
    TeacherOptions options =
        TinyBert.teacher()
            .maxSteps(1000)
            .evaluateEvery(5)
            .patience(20)
            .selection(TrainingOptions.Selection.LOSS)
            .lr(5e-2)
            .decay(Schedule.Decay.CONSTANT);
    TrainingResult result = run("early", options, RunControl.quiet());
    assertEquals(result.bestStep() + 21, result.steps());
    assertEquals(true, ModelDirectory.read(result.model()).training().get("stopped_early"));
  }

  @Test
  void wrongInput() {
    TeacherOptions options = TinyBert.teacher();
    DataSet one =
        DataSet.of("one", List.of(new Example("a", 0), new Example("b", 0)), TinyBert.CLASSES);
    Path out = directory.resolve("never");
    assertThrows(
        InvalidInputException.class,
        () ->
            TeacherTraining.run(
                new TeacherTraining.Inputs(encoder, one, DEV, out), options, RunControl.quiet()));
    assertThrows(
        InvalidInputException.class,
        () ->
            run("never", TinyBert.teacher().maxTokens(TinyBert.POSITIONS + 1), RunControl.quiet()));
    assertThrows(
        MaqueException.class,
        () -> run("never", TinyBert.teacher().train("last-layers:3"), RunControl.quiet()));
    assertThrows(InvalidInputException.class, () -> TinyBert.teacher().train("most"));
    assertFalse(Files.exists(out));
  }

  /** Known before the work is done, not after. */
  @Test
  void whatIsNoModelIsNotReplaced() throws IOException {
    Path letter = Files.createDirectories(directory.resolve("mine")).resolve("letter.txt");
    Files.writeString(letter, "dear");
    boolean[] began = {false};
    RunControl control = new RunControl(progress -> began[0] = true, new CancellationToken(), 1);
    assertThrows(InvalidInputException.class, () -> run("mine", TinyBert.teacher(), control));
    assertThrows(
        InvalidInputException.class, () -> run("mine/letter.txt", TinyBert.teacher(), control));
    assertFalse(began[0]);
    assertEquals("dear", Files.readString(letter));
  }
}
