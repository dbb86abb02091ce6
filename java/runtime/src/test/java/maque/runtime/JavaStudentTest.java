package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The plain Java path against the native one, bit for bit; sequences with bf16 weights, whose
 * states some processors round, within a bound.
 */
class JavaStudentTest {
  private static final int IDS = 40;
  private static final List<String> PRECISIONS = List.of("int8", "fp32", "bf16");

  @TempDir Path directory;

  /** A random student's options and tensors. kind: document, or a sequence's pooling. */
  private static Map<String, Object> config(String kind, Random random) {
    boolean document = kind.equals("document");
    Map<String, Object> config =
        TinyModels.studentConfig(document ? "document" : "sequence", document ? null : kind);
    config.put("vocab_size", IDS);
    config.put("embedding_size", 1 + random.nextInt(40));
    config.put("hidden_size", 1 + random.nextInt(40));
    config.put("head", random.nextBoolean() ? List.of() : List.of(9L, 5L));
    return config;
  }

  private static void assertSameBits(
      Map<String, String> options, Map<String, Tensor> tensors, Random random) {
    try (NativeModel expected = NativeModel.build("student", options, tensors, "test");
        JavaStudent found = JavaStudent.build(options, tensors, "test")) {
      for (int round = 0; round < 4; round++) {
        int texts = 1 + random.nextInt(5);
        int[] offsets = new int[texts + 1];
        for (int i = 0; i < texts; i++) {
          int length = random.nextInt(4) == 0 ? 0 : random.nextInt(round == 3 ? 300 : 20);
          offsets[i + 1] = offsets[i] + length;
        }
        int[] ids = random.ints(offsets[texts], 0, IDS).toArray();
        float[] nativeLogits = new float[texts * TinyModels.LABELS.size()];
        float[] javaLogits = new float[nativeLogits.length];
        Bags bags = bags(options, texts, random);
        boolean reads = !options.get("kind").equals("bag");
        for (ClassifierModel model : List.of(expected, found)) {
          model.predict(
              reads ? ids : null,
              reads ? ids.length : 0,
              reads ? offsets : null,
              bags,
              texts,
              model == found ? javaLogits : nativeLogits,
              false);
        }
        String what = options + " texts " + texts;
        if (roundsStates(options)) {
          assertArrayEquals(nativeLogits, javaLogits, 0.05f, what);
        } else {
          assertArrayEquals(nativeLogits, javaLogits, what);
        }
        assertTrue(found.bytes() > 0);
      }
    }
  }

  private static boolean roundsStates(Map<String, String> options) {
    return "bf16".equals(options.get("precision")) && options.get("kind").equals("sequence");
  }

  /** Random n-grams, some texts without any; null where the model reads none. */
  private static Bags bags(Map<String, String> options, int texts, Random random) {
    if (!options.containsKey("ngram_buckets")) {
      return null;
    }
    int[] offsets = new int[texts + 1];
    for (int i = 0; i < texts; i++) {
      offsets[i + 1] = offsets[i] + Math.max(0, random.nextInt(30) - 5);
    }
    int buckets = Integer.parseInt(options.get("ngram_buckets"));
    return new Bags(random.ints(offsets[texts], 0, buckets).toArray(), offsets[texts], offsets);
  }

  @ParameterizedTest
  @ValueSource(strings = {"bag", "document", "max-logits", "max", "mean", "last"})
  void nGramsHaveTheNativeBits(String kind) {
    Random random = new Random(17);
    for (int i = 0; i < 4; i++) {
      Map<String, Object> config = ngramConfig(kind, 1 + i * 5, random);
      assertSameBits(
          ServingModels.parsed(config).options(false), TinyModels.weights(config, i), random);
    }
  }

  private static Map<String, Object> ngramConfig(String kind, int width, Random random) {
    boolean bag = kind.equals("bag");
    Map<String, Object> config = config(bag ? "document" : kind, random);
    if (bag) {
      config.put("model_type", "maque-bag");
      config.keySet().removeAll(List.of("hidden_size", "embedding_size"));
    }
    config.put("ngrams", new Ngrams(Ngrams.Unit.TOKENS, 1, 2, 32, width).toMap());
    return config;
  }

  @ParameterizedTest
  @ValueSource(strings = {"bag", "document", "max-logits", "max", "mean", "last"})
  void servedNGramsHaveTheNativeBits(String kind) {
    Random random = new Random(19);
    for (int i = 0; i < 12; i++) {
      Map<String, Object> config = ngramConfig(kind, 1 + random.nextInt(40), random);
      config.put("precision", PRECISIONS.get(i % PRECISIONS.size()));
      config.put("folded", !kind.equals("bag") && random.nextBoolean());
      ModelConfig parsed = ServingModels.parsed(config);
      boolean mapped = !kind.equals("bag") && random.nextBoolean();
      assertSameBits(parsed.options(false), ServingModels.weights(parsed, mapped, random), random);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"document", "max-logits", "max", "mean", "last"})
  void theTrainingFormHasTheNativeBits(String kind) {
    Random random = new Random(7);
    for (int i = 0; i < 5; i++) {
      Map<String, Object> config = config(kind, random);
      ModelConfig parsed = new ModelConfig(Json.parseObject(Json.write(config), "test"), "test", 0);
      assertSameBits(parsed.options(false), TinyModels.weights(config, i), random);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"document", "max-logits", "max", "mean", "last"})
  void theServingFormHasTheNativeBits(String kind) {
    Random random = new Random(11);
    for (int i = 0; i < 12; i++) {
      Map<String, Object> config = config(kind, random);
      config.put("precision", PRECISIONS.get(i % PRECISIONS.size()));
      config.put("folded", random.nextBoolean());
      ModelConfig parsed = ServingModels.parsed(config);
      Map<String, Tensor> tensors = ServingModels.weights(parsed, random.nextBoolean(), random);
      assertSameBits(parsed.options(false), tensors, random);
    }
  }

  /** In processes of their own, since the instruction set is chosen once. */
  @Test
  void everyInstructionSetHasTheBitsOfJava() throws Exception {
    Random random = new Random(13);
    List<String> models = new ArrayList<>(List.of("bits"));
    for (String kind : List.of("document", "max-logits", "max", "mean", "last", "bag")) {
      for (boolean first : new boolean[] {true, false}) {
        boolean bag = kind.equals("bag");
        boolean folded = first && !bag;
        Map<String, Object> config =
            folded ? config(kind, random) : ngramConfig(kind, first ? 7 : 33, random);
        config.put("vocab_size", TinyModels.WORDS.size());
        config.put("precision", PRECISIONS.get(models.size() % PRECISIONS.size()));
        config.put("folded", folded);
        Map<String, Tensor> tensors =
            ServingModels.weights(ServingModels.parsed(config), folded, random);
        Path file = directory.resolve(kind + first + ".maque");
        ModelDirectory.write(file)
            .config(config)
            .tensors(tensors)
            .vocab(TinyModels.WORDS)
            .labels(TinyModels.LABELS)
            .commitFile();
        models.add(file.toString());
      }
    }
    String[] arguments = models.toArray(new String[0]);
    Probe.Result plain = new Probe("", List.of("-Dmaque.native=off"), arguments).run();
    assertEquals(0, plain.status(), plain.output());
    assertEquals(12, plain.output().lines().count(), plain.output());
    for (String isa : List.of("ref", "avx2", "avx512")) {
      Probe probe = new Probe("", List.of("-Dmaque.native=required"), arguments);
      Probe.Result result = probe.environment(Map.of("MAQUE_MAX_ISA", isa)).run();
      assertEquals(0, result.status(), result.output());
      assertEquals(plain.output(), result.output(), isa);
    }
  }

  @Test
  void emulatedFusedStepsAreWithinOneUnit() {
    Random random = new Random(5);
    int different = 0;
    for (int i = 0; i < 300_000; i++) {
      float a = any(random);
      float b = any(random);
      float c = any(random);
      float expected = Math.fma(a, b, c);
      float found = JavaMath.emulated(a, b, c);
      different += Float.compare(expected, found) == 0 ? 0 : 1;
      if (Float.isFinite(expected)) {
        assertEquals(expected, found, Math.ulp(expected), a + " * " + b + " + " + c);
      }
    }
    assertTrue(different < 10, different + " of 300,000 differ");
  }

  /** Of exponents that meet, or of any bits. */
  private static float any(Random random) {
    if (random.nextBoolean()) {
      return (float) random.nextGaussian();
    }
    return Float.intBitsToFloat(random.nextInt());
  }

  @Test
  void refusesWhatTheNativePathRefuses() {
    Map<String, Object> config = config("mean", new Random(1));
    ModelConfig parsed = new ModelConfig(Json.parseObject(Json.write(config), "test"), "test", 0);
    Map<String, Tensor> tensors = new LinkedHashMap<>(TinyModels.weights(config, 1));
    JavaStudent student = JavaStudent.build(parsed.options(false), tensors, "file");
    float[] out = new float[3];
    for (int[] ids : new int[][] {{IDS}, {-1}, {Integer.MIN_VALUE}}) {
      assertThrows(
          InvalidInputException.class,
          () -> student.predict(ids, 1, new int[] {0, 1}, 1, out, true));
    }
    int[] one = {1};
    for (int[] offsets : new int[][] {{0, 2}, {1, 1}, {0}, {0, -1}}) {
      assertThrows(
          InvalidInputException.class, () -> student.predict(one, 1, offsets, 1, out, true));
    }
    assertThrows(
        InvalidInputException.class,
        () -> student.predict(one, 1, new int[] {0, 1}, 1, new float[2], true));
    student.close();
    student.close();
    assertThrows(
        IllegalStateException.class, () -> student.predict(one, 1, new int[] {0, 1}, 1, out, true));
    assertThrows(IllegalStateException.class, student::bytes);
    Tensor bad = tensors.get("head.0.weight");
    bad.data().putFloat(4, Float.NaN);
    String message =
        assertThrows(
                ModelFormatException.class,
                () -> JavaStudent.build(parsed.options(false), tensors, "file"))
            .getMessage();
    assertEquals("file: tensor head.0.weight holds NaN or infinity", message);
  }
}
