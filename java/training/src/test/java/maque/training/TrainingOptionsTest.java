package maque.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import maque.runtime.InvalidInputException;
import maque.runtime.ModelDirectory;
import maque.runtime.Student;
import maque.runtime.Tensor;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rates of groups of tensors, weights of classes. */
class TrainingOptionsTest {
  private static final DataSet TRAIN = TinyBert.data("train", 120, 1);
  private static final DataSet DEV = TinyBert.data("dev", 60, 2);

  @TempDir Path directory;
  private Path encoder;

  @BeforeEach
  void encoder() {
    encoder = TinyBert.write(directory.resolve("encoder"), false);
  }

  private ModelDirectory teacher(String name, TeacherOptions options) {
    TeacherTraining.Inputs in =
        new TeacherTraining.Inputs(encoder, TRAIN, DEV, directory.resolve(name));
    return ModelDirectory.read(TeacherTraining.run(in, options, RunControl.quiet()).model());
  }

  private ModelDirectory student(String name, StudentOptions options) {
    StudentTraining.Inputs in =
        StudentTraining.Inputs.labelled(TRAIN, DEV, directory.resolve(name)).withTeacher(encoder);
    return ModelDirectory.read(StudentTraining.run(in, options, RunControl.quiet()).model());
  }

  private static Object option(ModelDirectory model, String name) {
    return ((Map<?, ?>) model.training().get("options")).get(name);
  }

  @Test
  void aRateOfZeroKeepsAPart() {
    TeacherOptions options =
        TinyBert.teacher()
            .weightDecay(0.1)
            .lrScale("encoder.layer.0.", 0)
            .lrScale("encoder.layer.0.output.", 1)
            .maxSteps(3);
    ModelDirectory model = teacher("scaled", options);
    Map<String, Tensor> before = ModelIo.encoderTensors(ModelDirectory.read(encoder));
    Map<String, Tensor> after = model.nativeTensors();
    for (String name : List.of("attention.output.dense", "intermediate.dense", "output.dense")) {
      for (int layer = 0; layer < 2; layer++) {
        String weight = "encoder.layer." + layer + "." + name + ".weight";
        boolean same = after.get(weight).data().equals(before.get(weight).data());
        assertEquals(layer == 0 && !name.equals("output.dense"), same, weight);
      }
    }
    assertEquals(
        Map.of("encoder.layer.0.", 0.0, "encoder.layer.0.output.", 1.0), option(model, "lr_scale"));
    assertEquals(List.of(), option(model, "class_weights"));
  }

  @Test
  void aFactorIsAFactor() {
    StudentOptions plain =
        StudentTrainingTest.sequence()
            .optimizer(TrainingOptions.Optimizer.SGD)
            .dropout(0, 0, 0)
            .clipNorm(0)
            .lr(0.25)
            .warmup(0)
            .decay(Schedule.Decay.CONSTANT)
            .maxSteps(1);
    Map<String, Tensor> one = student("one", plain).nativeTensors();
    Map<String, Tensor> four = student("four", plain.lrScale("head.2.", 4)).nativeTensors();
    Map<String, Tensor> none = student("none", plain.lrScale("head.2.", 0)).nativeTensors();
    String name = "head.2.bias";
    float[] first = none.get(name).floats();
    for (int i = 0; i < first.length; i++) {
      float step = one.get(name).floats()[i] - first[i];
      assertTrue(step != 0);
      assertEquals(4 * step, four.get(name).floats()[i] - first[i], 1e-6);
    }
    for (String other : List.of("head.0.weight", "lstm.bias_ih_l0", "embedding.weight")) {
      assertEquals(one.get(other).data(), four.get(other).data(), other);
      assertEquals(one.get(other).data(), none.get(other).data(), other);
    }
  }

  /** All the weight on one class: that one is all that a student says. */
  @Test
  void classWeightsWeigh() {
    StudentOptions options =
        StudentTrainingTest.sequence().maxSteps(40).evaluateEvery(40).classWeights(0, 1.5f, 0);
    ModelDirectory model = student("green", options);
    assertEquals(List.of(0.0, 1.5, 0.0), option(model, "class_weights"));
    double sum = 0;
    int n = 0;
    try (Student student = Student.load(model.path())) {
      for (Example example : DEV.examples()) {
        float[] logits = student.logits(example.text());
        assertEquals(1, Objective.argmax(logits, 0, 3));
        if (example.label() == 1) {
          double z = 0;
          for (float logit : logits) {
            z += Math.exp((double) logit - logits[1]);
          }
          sum += Math.log(z);
          n++;
        }
      }
    }
    Map<?, ?> point = (Map<?, ?>) ((List<?>) model.training().get("history")).get(0);
    assertEquals(sum / n, (Double) point.get("dev_loss"), 1e-6);
  }

  @Test
  void balancedWeightsAreTakenAndRecorded() {
    float[] weights = TRAIN.balancedWeights();
    double sum = 0;
    for (int c = 0; c < 3; c++) {
      sum += weights[c] * TRAIN.counts()[c];
    }
    assertEquals(TRAIN.size(), sum, 1e-4);
    ModelDirectory model = teacher("fair", TinyBert.teacher().classWeights(weights).maxSteps(1));
    List<?> recorded = (List<?>) option(model, "class_weights");
    for (int c = 0; c < 3; c++) {
      assertEquals(weights[c], ((Double) recorded.get(c)).floatValue());
    }
  }

  @Test
  void wrongValues() {
    StudentOptions options = StudentTrainingTest.sequence();
    assertThrows(InvalidInputException.class, () -> options.classWeights(1, -1));
    assertThrows(InvalidInputException.class, () -> options.classWeights(1, Float.NaN));
    assertThrows(InvalidInputException.class, () -> options.classWeights(0, 0));
    assertThrows(InvalidInputException.class, () -> options.lrScale("", 1));
    assertThrows(InvalidInputException.class, () -> options.lrScale("lstm.", -1));
    assertThrows(InvalidInputException.class, () -> options.lrScale("lstm.", Double.NaN));
    assertThrows(InvalidInputException.class, () -> TinyBert.teacher().lrScale("head", 2));
    assertThrows(InvalidInputException.class, () -> options.seed(Long.MAX_VALUE));
    assertEquals(Map.of(), options.lrScales());
    String weights =
        assertThrows(
                InvalidInputException.class,
                () -> student("never", StudentTrainingTest.sequence().classWeights(1, 1)))
            .getMessage();
    assertEquals("class_weights: 2 for the 3 classes [red, green, blue]", weights);
    String prefix =
        assertThrows(
                InvalidInputException.class,
                () -> student("never", StudentTrainingTest.sequence().lrScale("encoder.", 2)))
            .getMessage();
    assertTrue(prefix.contains("no trained tensor has a name that begins with 'encoder.'"), prefix);
  }
}
