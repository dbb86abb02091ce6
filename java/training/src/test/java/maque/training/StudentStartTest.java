package maque.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import maque.runtime.InvalidInputException;
import maque.runtime.MaqueException;
import maque.runtime.ModelDirectory;
import maque.runtime.Ngrams;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Students that go on from another's weights. */
class StudentStartTest {
  private static final DataSet FIRST = TinyBert.data("first", 100, 3);
  private static final DataSet TRAIN = TinyBert.data("train", 100, 1);
  private static final DataSet DEV = TinyBert.data("dev", 60, 2);

  @TempDir Path directory;
  private Path encoder;

  @BeforeEach
  void encoder() {
    encoder = TinyBert.write(directory.resolve("encoder"), false);
  }

  private StudentTraining.Inputs inputs(DataSet train, String out) {
    return StudentTraining.Inputs.labelled(train, DEV, directory.resolve(out)).withTeacher(encoder);
  }

  private static Path run(StudentTraining.Inputs inputs, StudentOptions options) {
    return StudentTraining.run(inputs, options, RunControl.quiet()).model();
  }

  private static StudentOptions sequence() {
    return StudentTrainingTest.sequence()
        .ngrams(new Ngrams(Ngrams.Unit.TOKENS, 1, 2, 1 << 8, 6))
        .maxSteps(12);
  }

  /** A step at a rate of next to nothing leaves the first weights: those of the start. */
  @Test
  void everyTensorIsTheStartsAtFirst() {
    for (StudentOptions options : List.of(sequence(), StudentTrainingTest.bag().maxSteps(12))) {
      Path start = run(inputs(FIRST, "start-" + options.kind()), options);
      StudentOptions still = options.lr(1e-12).weightDecay(0).maxSteps(1);
      Path same = run(inputs(TRAIN, "same-" + options.kind()).withStart(start), still);
      ModelDirectory before = ModelDirectory.read(start);
      ModelDirectory after = ModelDirectory.read(same);
      assertEquals(before.nativeTensors().keySet(), after.nativeTensors().keySet());
      before
          .nativeTensors()
          .forEach(
              (name, tensor) ->
                  assertArrayEquals(
                      tensor.floats(), after.nativeTensors().get(name).floats(), 1e-6f, name));
      Map<?, ?> recorded = (Map<?, ?>) after.training().get("inputs");
      assertEquals(before.fingerprint(), recorded.get("start"));
    }
  }

  @Test
  void theSameBitsAgainAndAfterAStop() throws IOException {
    Path start = run(inputs(FIRST, "start"), sequence());
    StudentTraining.Inputs in = inputs(TRAIN, "whole").withStart(start);
    Path whole = run(in, sequence());
    TeacherTrainingTest.assertSameFiles(
        whole, run(in.withOut(directory.resolve("again")), sequence()));
    StudentTraining.Inputs parts = in.withOut(directory.resolve("parts"));
    StopAt stop = new StopAt(5, 1);
    assertThrows(
        CancelledException.class, () -> StudentTraining.run(parts, sequence(), stop.control()));
    TeacherTrainingTest.assertSameFiles(whole, run(parts, sequence()));
    Path fresh = run(inputs(TRAIN, "fresh"), sequence());
    assertFalse(Arrays.equals(weights(whole), weights(fresh)));
    assertFalse(
        ((Map<?, ?>) ModelDirectory.read(fresh).training().get("inputs")).containsKey("start"));
  }

  private static float[] weights(Path model) {
    return ModelDirectory.read(model).nativeTensors().get("head.0.weight").floats();
  }

  @Test
  void aStartOfAnotherShapeIsRefusedByWhatDiffers() {
    Path start = run(inputs(FIRST, "start"), sequence());
    StudentTraining.Inputs in = inputs(TRAIN, "never").withStart(start);
    assertMessage("hidden_size 10, this student 12", in, sequence().hiddenSize(12));
    assertMessage("head [6], this student [7]", in, sequence().head(List.of(7)));
    assertMessage("max_tokens 16, this student 15", in, sequence().maxTokens(15));
    assertMessage(
        "model_type maque-sequence, this student maque-bag", in, StudentTrainingTest.bag());
    assertMessage("ngrams {", in, sequence().ngrams(new Ngrams(Ngrams.Unit.TOKENS, 1, 3, 256, 6)));
    DataSet other = DataSet.of("o", TRAIN.examples(), List.of("x", "y", "z"));
    StudentTraining.Inputs classes =
        StudentTraining.Inputs.labelled(other, null, directory.resolve("never"));
    assertMessage("id2label {", classes.withTeacher(encoder).withStart(start), sequence());
    assertFalse(directory.resolve("never").toFile().exists());
  }

  /** Texts that lack some of its words do not take them away. */
  @Test
  void aStartsWordsAreKept() {
    List<StudentOptions> both =
        List.of(
            StudentTrainingTest.document().trainVectors(true).maxSteps(12),
            sequence().tokens(StudentOptions.Tokens.WORDS).segmenter("spaces"));
    for (StudentOptions options : both) {
      String kind = options.kind().toString();
      options.embeddings(StudentOptions.Embeddings.RANDOM);
      StudentTraining.Inputs before = inputs(FIRST, "words-" + kind);
      Path start = run(withText(before, "unheard of"), options);
      List<String> words = ModelDirectory.read(start).vocab();
      assertTrue(words.contains("unheard"), words.toString());
      Path after = run(inputs(TRAIN, "went-on-" + kind).withStart(start), options);
      assertEquals(words, ModelDirectory.read(after).vocab());
    }
  }

  private static StudentTraining.Inputs withText(StudentTraining.Inputs inputs, String text) {
    List<Example> examples = new ArrayList<>(inputs.train().examples());
    examples.add(new Example(text, 0));
    DataSet more = DataSet.of("more", examples, inputs.train().labels());
    return StudentTraining.Inputs.labelled(more, inputs.dev(), inputs.out())
        .withTeacher(inputs.teacher());
  }

  @Test
  void whatIsNoTrainedStudentIsRefused() {
    Path nothing = directory.resolve("nothing");
    StudentTraining.Inputs in = inputs(TRAIN, "never");
    MaqueException missing =
        assertThrows(MaqueException.class, () -> run(in.withStart(nothing), sequence()));
    assertTrue(missing.getMessage().contains("nothing"), missing.getMessage());
    assertThrows(MaqueException.class, () -> run(in.withStart(encoder), sequence()));
    ModelDirectory whole = ModelDirectory.read(run(inputs(FIRST, "start"), sequence()));
    Path packed = directory.resolve("start.maque");
    StudentPacking.pack(whole, StudentPacking.Options.of(Precision.INT8), 1, packed).commitFile();
    assertMessage("is packed", in.withStart(packed), sequence());
    assertFalse(directory.resolve("never").toFile().exists());
  }

  private static void assertMessage(
      String part, StudentTraining.Inputs in, StudentOptions options) {
    String message = assertThrows(InvalidInputException.class, () -> run(in, options)).getMessage();
    assertTrue(message.contains(part), message);
  }
}
