package maque.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import maque.runtime.InvalidInputException;
import maque.runtime.ModelDirectory;
import maque.runtime.Ngrams;
import maque.runtime.Student;
import maque.runtime.Tensor;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StudentTrainingTest {
  private static final DataSet TRAIN = TinyBert.data("train", 200, 1);
  private static final DataSet DEV = TinyBert.data("dev", 100, 2);
  private static final DataSet TRANSFER = TinyBert.data("transfer", 150, 3);
  private static final TeacherKey KEY = new TeacherKey("t", "v", 16, TinyBert.CLASSES);

  @TempDir Path directory;
  private Path encoder;

  @BeforeEach
  void encoder() {
    encoder = TinyBert.write(directory.resolve("encoder"), false);
  }

  static StudentOptions sequence() {
    return StudentOptions.sequence()
        .embeddingSize(8)
        .hiddenSize(10)
        .head(List.of(6))
        .maxTokens(16)
        .batchSize(16)
        .epochs(8)
        .lr(1e-2)
        .seed(4);
  }

  static StudentOptions document() {
    return StudentOptions.document()
        .tokens(StudentOptions.Tokens.WORDS)
        .embeddingSize(8)
        .hiddenSize(10)
        .head(List.of(6))
        .maxTokens(16)
        .batchSize(16)
        .epochs(8)
        .lr(1e-2)
        .seed(4);
  }

  static StudentOptions bag() {
    return StudentOptions.bag()
        .ngrams(new Ngrams(Ngrams.Unit.CHARACTERS, 1, 3, 1 << 10, 8))
        .batchSize(16)
        .epochs(8)
        .lr(1e-2)
        .seed(4);
  }

  private StudentTraining.Inputs inputs(String out) {
    return StudentTraining.Inputs.labelled(TRAIN, DEV, directory.resolve(out)).withTeacher(encoder);
  }

  private TrainingResult run(StudentTraining.Inputs inputs, StudentOptions options) {
    return StudentTraining.run(inputs, options, RunControl.quiet());
  }

  /** Logits that say the class plainly, for all three sets. */
  private LogitStore store(DataSet... sets) {
    try (LogitStore store = LogitStore.openForWriting(directory.resolve("logits"), KEY)) {
      for (DataSet set : sets) {
        for (Example example : set.examples()) {
          float[] logits = {-1, -1, -1};
          logits[example.label()] = 2;
          store.append(example.text(), logits);
        }
      }
    }
    return LogitStore.open(directory.resolve("logits"), KEY);
  }

  private Path vectors() {
    List<String> words = TinyBert.vocabulary().subList(5, 30);
    float[] matrix = new SeededRandom(8, "vectors").normal(words.size() * 8, 2);
    Path file = directory.resolve("vectors.txt");
    WordVectors.of(words, matrix, 8).writeText(file);
    return file;
  }

  @Test
  void sequenceStudentsLearnWithEveryPoolingAndKindOfToken() {
    for (String pooling : List.of("max-logits", "max", "mean", "last")) {
      for (StudentOptions.Tokens tokens : StudentOptions.Tokens.values()) {
        StudentOptions options = sequence().pooling(pooling).tokens(tokens);
        TrainingResult result = run(inputs("s-" + pooling + "-" + tokens), options);
        double least = tokens == StudentOptions.Tokens.CHARACTERS ? 0.4 : 0.6;
        assertTrue(
            result.devAccuracy() > least, pooling + " " + tokens + " " + result.devAccuracy());
        try (Student student = Student.load(result.model())) {
          assertEquals(TinyBert.CLASSES, student.labels());
          assertEquals(result.parameters(), student.parameters());
          assertEquals(3, student.logits("w1 w2").length);
          assertEquals(3, student.logits("").length);
        }
      }
    }
  }

  /** A bag needs nothing of a teacher. */
  @Test
  void bagsOfCharactersAndOfTokens() {
    TrainingResult result = run(inputs("bag").withTeacher(null), bag());
    assertTrue(result.devAccuracy() > 0.6, "dev accuracy " + result.devAccuracy());
    ModelDirectory model = ModelDirectory.read(result.model());
    assertEquals("maque-bag", model.modelType());
    assertEquals(List.of(), model.vocab());
    assertEquals(Map.of("ngrams.", 3.0), result.options().get("lr_scale"));
    checkServed(result);
    StudentOptions tokens =
        bag()
            .tokens(StudentOptions.Tokens.WORDPIECE)
            .ngrams(new Ngrams(Ngrams.Unit.TOKENS, 1, 2, 1 << 10, 8))
            .lrScale("ngrams.weight", 2);
    result = run(inputs("bag-of-tokens"), tokens);
    assertTrue(result.devAccuracy() > 0.6, "dev accuracy " + result.devAccuracy());
    assertEquals(Map.of("ngrams.weight", 2.0), result.options().get("lr_scale"));
    checkServed(result);
  }

  @Test
  void ngramsBesideTheOtherStudents() {
    Ngrams ngrams = new Ngrams(Ngrams.Unit.CHARACTERS, 1, 2, 1 << 10, 8);
    for (String pooling : List.of("max-logits", "max")) {
      checkServed(run(inputs("n-" + pooling), sequence().pooling(pooling).ngrams(ngrams)));
    }
    StudentTraining.Inputs in = inputs("n-document").withVectors(vectors());
    checkServed(run(in, document().ngrams(ngrams)));
  }

  /** One text, many texts and a session give the same; what is counted is right. */
  private static void checkServed(TrainingResult result) {
    List<String> texts = DEV.examples().subList(0, 20).stream().map(Example::text).toList();
    try (Student student = Student.load(result.model())) {
      assertEquals(result.parameters(), student.parameters());
      assertTrue(student.nativeBytes() >= 4 * student.parameters() / 2);
      float[][] all = student.logits(texts);
      float[] probabilities = new float[TinyBert.CLASSES.size()];
      for (int i = 0; i < texts.size(); i++) {
        assertArrayEquals(all[i], student.logits(texts.get(i)), texts.get(i));
        student.session().predict(texts.get(i), probabilities);
        assertArrayEquals(student.predict(texts.get(i)).probabilities(), probabilities);
      }
      assertEquals(3, student.logits("").length);
    }
  }

  /** The temperature is of the weights that are kept, and the serving form has it too. */
  @Test
  void probabilitiesAreCalibratedOnDev() {
    TrainingResult result = run(inputs("calibrated"), sequence().maxSteps(40).evaluateEvery(5));
    ModelDirectory model = ModelDirectory.read(result.model());
    try (Student student = Student.of(model)) {
      float[][] logits = student.logits(DEV.examples().stream().map(Example::text).toList());
      double fitted = Calibration.fit(logits, DEV.labelIndexes());
      assertEquals(fitted, student.temperature(), 5e-5);
      assertEquals(student.temperature(), model.config().get("calibration_temperature"));
      Map<?, ?> record = (Map<?, ?>) model.training().get("calibration");
      Calibration without = Calibration.of(logits, DEV.labelIndexes(), 1);
      assertEquals(without.error(), (double) record.get("error_without"), 1e-9);
      assertTrue((double) record.get("log_loss") <= (double) record.get("log_loss_without"));
    }
    Path packed = directory.resolve("calibrated.maque");
    StudentPacking.pack(model, StudentPacking.Options.of(Precision.INT8), 1, packed).commitFile();
    assertEquals(model.temperature(), ModelDirectory.read(packed).temperature());

    StudentTraining.Inputs alone =
        StudentTraining.Inputs.labelled(TRAIN, null, directory.resolve("alone"));
    TrainingResult uncalibrated =
        run(alone.withTeacher(encoder), sequence().devFraction(0).maxSteps(5));
    assertFalse(
        ModelDirectory.read(uncalibrated.model()).config().containsKey("calibration_temperature"));
  }

  @Test
  void theServedStudentGivesTheTrainersBits() {
    TrainingResult result = run(inputs("served"), sequence().maxSteps(20));
    Map<String, Tensor> tensors = ModelDirectory.read(result.model()).nativeTensors();
    try (Student student = Student.load(result.model());
        Trainer.Builder builder = Trainer.builder()) {
      ModelDirectory.read(result.model()).nativeOptions().forEach(builder::option);
      tensors.forEach((name, tensor) -> builder.tensor(name, tensor.shape(), tensor.floats()));
      try (Trainer trainer = builder.build()) {
        for (Example example : DEV.examples().subList(0, 20)) {
          int[] ids = student.encoder().encode(example.text()).ids();
          assertArrayEquals(
              trainer.forwardFlat(Batch.of(ids)), student.logits(example.text()), example.text());
        }
      }
    }
  }

  @Test
  void documentStudentsReadVectors() {
    TrainingResult result = run(inputs("document").withVectors(vectors()), document());
    assertTrue(result.devAccuracy() > 0.6, "dev accuracy " + result.devAccuracy());
    ModelDirectory model = ModelDirectory.read(result.model());
    assertEquals(25, model.vocab().size(), "words without a vector are not in the vocabulary");
    Tensor table = model.tensors().get("vectors.weight");
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < 25; i++) {
      double x = table.floats()[8 * i + 3];
      sum += x;
      squares += x * x;
    }
    assertEquals(0, sum, 1e-4);
    assertEquals(25, squares, 1e-3);
    assertEquals(result.parameters() - 25 * 8, result.trainedParameters());
  }

  @Test
  void vectorsAreFrozenUnlessAskedFor() {
    StudentOptions raw = document().standardizeVectors(false).maxSteps(10);
    Path file = vectors();
    WordVectors given = WordVectors.read(file);
    ModelDirectory frozen =
        ModelDirectory.read(run(inputs("frozen").withVectors(file), raw).model());
    ModelDirectory moved =
        ModelDirectory.read(run(inputs("moved").withVectors(file), raw.trainVectors(true)).model());
    int at = frozen.vocab().indexOf("w7");
    float[] original = given.vector(given.indexOf("w7"));
    float[] kept = frozen.tensors().get("vectors.weight").floats();
    float[] trained = moved.tensors().get("vectors.weight").floats();
    int different = 0;
    for (int c = 0; c < 8; c++) {
      assertEquals(original[c], kept[8 * at + c]);
      different += trained[8 * at + c] != original[c] ? 1 : 0;
    }
    assertTrue(different > 0);
  }

  @Test
  void embeddingsComeFromTheTeacher() {
    for (StudentOptions.Tokens tokens :
        List.of(StudentOptions.Tokens.WORDPIECE, StudentOptions.Tokens.WORDS)) {
      StudentOptions options =
          sequence().tokens(tokens).embeddings(StudentOptions.Embeddings.TEACHER).maxSteps(5);
      TrainingResult result = run(inputs("teacher-" + tokens), options);
      float[] table =
          ModelDirectory.read(result.model()).tensors().get("embedding.weight").floats();
      double squares = 0;
      for (float x : table) {
        squares += (double) x * x;
      }
      // Five small steps move no weight by more than .05.
      assertEquals(0.1, Math.sqrt(squares / table.length), 0.05);
    }
  }

  @Test
  void distillationReadsUnlabelledTexts() {
    try (LogitStore store = store(TRAIN, DEV, TRANSFER)) {
      DataSet few = TRAIN.sample(30, 1);
      StudentTraining.Inputs in =
          new StudentTraining.Inputs(
              few, DEV, null, null, encoder, null, null, directory.resolve("a"));
      double alone = run(in, sequence().alone()).devAccuracy();
      TrainingResult distilled =
          run(
              in.withSoft(store)
                  .withTransfer(Texts.of(texts(TRANSFER)))
                  .withOut(directory.resolve("d")),
              sequence().distilledKl(0, 2));
      assertTrue(distilled.devAccuracy() > alone, distilled.devAccuracy() + " against " + alone);
      Map<?, ?> in2 = (Map<?, ?>) ModelDirectory.read(distilled.model()).training().get("inputs");
      assertEquals("t", in2.get("teacher"));
      assertEquals(150L, ((Map<?, ?>) in2.get("transfer")).get("texts"));
    }
  }

  private static List<String> texts(DataSet data) {
    List<String> texts = new ArrayList<>();
    data.examples().forEach(example -> texts.add(example.text()));
    return texts;
  }

  @Test
  void everyTrainingTextNeedsASoftTarget() {
    try (LogitStore store = store(TRAIN, DEV)) {
      StudentTraining.Inputs in =
          inputs("never").withSoft(store).withTransfer(Texts.of(List.of("w1 w2 w3 w1 w2 w3 w1")));
      String message =
          assertThrows(InvalidInputException.class, () -> run(in, sequence().distilledMse(0.5)))
              .getMessage();
      assertTrue(message.startsWith("1 of 201 training texts have no soft targets"), message);
    }
  }

  @Test
  void withoutSoftTargetsOfDevItsLossIsThatOfTheLabels() {
    try (LogitStore store = store(TRAIN)) {
      TrainingResult result =
          run(inputs("no-dev-soft").withSoft(store), sequence().distilledMse(0.5).maxSteps(5));
      assertTrue(result.notes().toString().contains("dev has no soft targets"));
    }
  }

  @Test
  void schedulesMoveTheObjective() {
    try (LogitStore store = store(TRAIN)) {
      StudentTraining.Inputs in = inputs("moving").withSoft(store);
      StudentOptions moving =
          sequence()
              .softLoss("kl")
              .alpha(Ramp.parse("a", "1:0"))
              .temperature(Ramp.parse("t", "4:1"));
      TrainingResult result = run(in, moving.maxSteps(20).evaluateEvery(5));
      Map<?, ?> record = ModelDirectory.read(result.model()).training();
      assertEquals("1.0:0.0:linear", ((Map<?, ?>) record.get("options")).get("ce_weight"));
      List<Double> shares = new ArrayList<>();
      for (Object point : (List<?>) record.get("history")) {
        double ce = ((Number) ((Map<?, ?>) point).get("ce_gradient")).doubleValue();
        double soft = ((Number) ((Map<?, ?>) point).get("soft_gradient")).doubleValue();
        shares.add(soft / (ce + soft));
      }
      assertEquals(4, shares.size());
      for (int i = 1; i < 4; i++) {
        assertTrue(shares.get(i) > shares.get(i - 1), shares.toString());
      }
      assertTrue(shares.get(0) < 0.5 && shares.get(3) > 0.5, shares.toString());
      assertEquals(
          shares.stream().mapToDouble(Double::doubleValue).sum() / 4, result.softShare(), 1e-12);
      TrainingResult still =
          run(in.withOut(directory.resolve("still")), sequence().distilledKl(0, 1).maxSteps(3));
      assertEquals(1, still.softShare());
    }
  }

  @Test
  void theAveragedWeightsAreTheOnesThatAreScoredAndSaved() {
    StudentOptions options = sequence().maxSteps(12).evaluateEvery(12).weightDecay(0);
    float[] plain = head(run(inputs("plain"), options));
    TrainingResult averaged =
        run(inputs("averaged"), options.averaging(Averaging.parse("tail:0.5", 1)));
    assertFalse(Arrays.equals(plain, head(averaged)));
    TrainingResult one = run(inputs("one"), options.averaging(Averaging.parse("tail:0.01", 1)));
    assertArrayEquals(plain, head(one), "the mean of the last weights alone");
    try (Student student = Student.load(averaged.model())) {
      long right =
          DEV.examples().stream()
              .filter(example -> student.predict(example.text()).index() == example.label())
              .count();
      assertEquals((double) right / DEV.size(), averaged.devAccuracy());
    }
  }

  private static float[] head(TrainingResult result) {
    return ModelDirectory.read(result.model()).nativeTensors().get("head.0.weight").floats();
  }

  @Test
  void labelsAloneHaveNoSoftShare() {
    assertTrue(Double.isNaN(run(inputs("labels"), sequence().maxSteps(3)).softShare()));
  }

  @Test
  void aTransferTextsLabelIsNotLookedAt() throws IOException {
    try (LogitStore store = store(TRAIN, DEV, TRANSFER)) {
      StudentOptions options = sequence().distilledKl(0.5, 2).maxSteps(15);
      StudentTraining.Inputs in = inputs("with-labels").withSoft(store).withTransfer(TRANSFER);
      Path labelled = run(in, options).model();
      Path bare =
          run(
                  in.withTransfer(Texts.of(texts(TRANSFER))).withOut(directory.resolve("bare")),
                  options)
              .model();
      assertArrayEquals(
          Files.readAllBytes(labelled.resolve("model.safetensors")),
          Files.readAllBytes(bare.resolve("model.safetensors")));
    }
  }

  @Test
  void threadsAndInterruptionsDoNotChangeABit() throws IOException {
    try (LogitStore store = store(TRAIN, DEV, TRANSFER)) {
      List<StudentOptions> all =
          List.of(
              sequence()
                  .softLoss("kl")
                  .alpha(Ramp.parse("a", "0.6:0.1:cosine"))
                  .temperature(Ramp.parse("t", "4:1"))
                  .averaging(Averaging.parse("ema:0.8", 3))
                  .tokenDropout(0.2)
                  .maxSteps(25)
                  .evaluateEvery(6),
              sequence()
                  .weights(1, 2)
                  .optimizer(TrainingOptions.Optimizer.SGD)
                  .momentum(0.9)
                  .lr(0.05)
                  .maxSteps(25),
              document()
                  .trainVectors(true)
                  .distilledMse(0.2)
                  .averaging(Averaging.parse("tail:0.7", 2))
                  .tokenDropout(0.3)
                  .maxSteps(25),
              bag().ngramDropout(0.2).wholeNgramDropout(0.3).distilledKl(0.2, 2).maxSteps(25),
              sequence()
                  .pooling("max-logits")
                  .ngrams(new Ngrams(Ngrams.Unit.TOKENS, 1, 2, 1 << 8, 6))
                  .ngramDropout(0.2)
                  .distilledMse(0.2)
                  .maxSteps(25));
      Path vectors = vectors();
      for (int i = 0; i < all.size(); i++) {
        StudentTraining.Inputs in =
            inputs("whole" + i).withSoft(store).withTransfer(TRANSFER).withVectors(vectors);
        Path whole = run(in, all.get(i)).model();
        Path threads =
            StudentTraining.run(
                    in.withOut(directory.resolve("threads" + i)),
                    all.get(i),
                    RunControl.quiet().withThreads(2))
                .model();
        TeacherTrainingTest.assertSameFiles(whole, threads);
        TeacherTrainingTest.assertSameFiles(whole, interrupted(in, all.get(i), "parts" + i));
      }
    }
  }

  private Path interrupted(StudentTraining.Inputs in, StudentOptions options, String name) {
    StudentTraining.Inputs out = in.withOut(directory.resolve(name));
    long before = 0;
    for (int stop : new int[] {1, 9, 10, 24}) {
      StopAt control = new StopAt(stop, 1);
      assertThrows(
          CancelledException.class, () -> StudentTraining.run(out, options, control.control()));
      assertEquals(before + 1, control.first(), "it goes on where it stopped");
      before = stop;
    }
    return run(out, options).model();
  }

  @Test
  void wrongInputs() {
    StudentTraining.Inputs in = inputs("never");
    assertMessage("no soft targets are given", in, sequence().distilledMse(0.5));
    assertMessage("teach nothing without soft targets", in.withTransfer(TRANSFER), sequence());
    assertMessage("need the teacher's directory", in.withTeacher(null), sequence());
    assertMessage("need a word2vec file", in, document());
    assertMessage(
        "has vectors of 8 dimensions, embedding_size is 9",
        in.withVectors(vectors()),
        document().embeddingSize(9));
    assertMessage(
        "embedding_size 17 is above the teacher's 16",
        in,
        sequence().embeddings(StudentOptions.Embeddings.TEACHER).embeddingSize(17));
    DataSet other = DataSet.of("o", TRAIN.examples(), List.of("x", "y", "z"));
    try (LogitStore store = store(TRAIN)) {
      StudentTraining.Inputs wrong =
          new StudentTraining.Inputs(
              other, null, null, store, encoder, null, null, directory.resolve("never"));
      assertMessage("the soft targets are for classes", wrong, sequence().distilledMse(0));
    }
    assertThrows(InvalidInputException.class, () -> sequence().weights(0, 0));
    assertThrows(InvalidInputException.class, () -> document().pooling("max"));
    assertFalse(directory.resolve("never").toFile().exists());
  }

  private void assertMessage(String part, StudentTraining.Inputs in, StudentOptions options) {
    String message = assertThrows(InvalidInputException.class, () -> run(in, options)).getMessage();
    assertTrue(message.contains(part), message);
  }
}
