package maque.runtime;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A damaged model is an error that names its file, or the same model; where no checksum tells,
 * whatever is read is at least safe to load and to ask.
 */
@Timeout(120)
class EveryBitTest {
  /** Heap that reading one of these models may take, whatever its damage claims. */
  private static final long MOST_BYTES = 4 << 20;

  private static final List<String> TEXTS = List.of("", "red green", "sparrow 麻雀 x");

  @TempDir Path directory;
  private Path model;

  @BeforeEach
  void choose() {
    model = directory.resolve("model");
  }

  /** As small as can be, since each of its bits is tried. */
  private static Map<String, Object> smallest(String kind) {
    Map<String, Object> config =
        TinyModels.studentConfig(
            kind.equals("sequence") ? "sequence" : "document",
            kind.equals("sequence") ? "mean" : null);
    config.put("embedding_size", 1);
    config.put("hidden_size", 1);
    config.put("head", List.of());
    if (kind.equals("bag")) {
      config.put("model_type", "maque-bag");
      config.keySet().removeAll(List.of("hidden_size", "embedding_size"));
      config.put("ngrams", new Ngrams(Ngrams.Unit.TOKENS, 1, 2, 4, 1).toMap());
    }
    return config;
  }

  /** A trained document student, an int8 sequence student with a map of its ids, a bf16 bag. */
  private void write(String kind, boolean oneFile) {
    Map<String, Object> config = smallest(kind);
    if (kind.equals("document")) {
      ModelDirectory.Writer writer = TinyModels.writer(model, config, 1);
      assertNotNull(oneFile ? writer.commitFile() : writer.commit());
      return;
    }
    boolean sequence = kind.equals("sequence");
    config.put("precision", sequence ? "int8" : "bf16");
    config.put("folded", sequence);
    ModelDirectory.Writer writer =
        ModelDirectory.write(model)
            .config(config)
            .tensors(ServingModels.weights(ServingModels.parsed(config), sequence, new Random(1)))
            .vocab(TinyModels.WORDS)
            .labels(TinyModels.LABELS);
    assertNotNull(oneFile ? writer.commitFile() : writer.commit());
  }

  /** Every file of the model by its path. */
  private Map<Path, byte[]> contents() throws IOException {
    Map<Path, byte[]> contents = new TreeMap<>();
    if (Files.isRegularFile(model)) {
      contents.put(model, Files.readAllBytes(model));
      return contents;
    }
    try (Stream<Path> files = Files.list(model)) {
      for (Path file : files.toList()) {
        contents.put(file, Files.readAllBytes(file));
      }
    }
    return contents;
  }

  private static boolean same(ModelDirectory expected, ModelDirectory found) {
    return expected.config().equals(found.config())
        && expected.vocab().equals(found.vocab())
        && expected.labels().equals(found.labels())
        && expected.fingerprint().equals(found.fingerprint())
        && expected.nativeTensors().keySet().equals(found.nativeTensors().keySet())
        && expected.nativeTensors().values().stream()
            .allMatch(t -> t.data().equals(found.nativeTensors().get(t.name()).data()));
  }

  /** A directory's files in memory, since they are read so often. */
  private record InMemory(Path path, Map<Path, byte[]> files) implements ModelSource {
    @Override
    public String form() {
      return "directory";
    }

    @Override
    public Path file(String name) {
      return path.resolve(name);
    }

    @Override
    public boolean has(String name) {
      return files.containsKey(file(name));
    }

    @Override
    public byte[] bytes(String name, int limit) {
      return files.get(file(name));
    }

    @Override
    public Weights weights() {
      byte[] bytes = files.get(file(ModelDirectory.WEIGHTS));
      InputStream in = new ByteArrayInputStream(bytes);
      String name = file(ModelDirectory.WEIGHTS).toString();
      return new Weights(Safetensors.read(in, name).tensors(), ModelManifest.Stamp.of(bytes));
    }
  }

  private ModelDirectory read(Map<Path, byte[]> files) {
    return files.size() == 1
        ? ModelDirectory.read(new ByteArrayInputStream(files.get(model)), model.toString())
        : new ModelDirectory(new ModelReader(new InMemory(model, files)), 0);
  }

  /** An error that names a file of it, or the same model. */
  private void check(ModelDirectory expected, Map<Path, byte[]> files, String damage, Object of) {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = threads.getCurrentThreadAllocatedBytes();
    try {
      assertTrue(same(expected, read(files)), () -> damage + " of " + of + ": another model");
    } catch (ModelFormatException e) {
      assertTrue(e.getMessage().startsWith(model.toString()), e.getMessage());
    }
    long bytes = threads.getCurrentThreadAllocatedBytes() - before;
    assertTrue(bytes < MOST_BYTES, () -> damage + " of " + of + ": " + bytes + " bytes to read it");
  }

  private void everyBitAndLength(String kind, boolean oneFile) throws IOException {
    write(kind, oneFile);
    ModelDirectory expected = ModelDirectory.read(model);
    Map<Path, byte[]> files = contents();
    check(expected, files, "nothing", model);
    for (Path file : List.copyOf(files.keySet())) {
      byte[] whole = files.get(file);
      for (int bit = 0; bit < 8 * whole.length; bit++) {
        whole[bit / 8] ^= (byte) (1 << bit % 8);
        check(expected, files, "bit " + bit, file);
        whole[bit / 8] ^= (byte) (1 << bit % 8);
      }
      for (int length = 0; length <= whole.length + 1; length++) {
        files.put(file, Arrays.copyOf(whole, length));
        check(expected, files, length + " bytes", file);
      }
      files.put(file, whole);
    }
  }

  /** The same lengths of real files, for what reads those. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void everyLengthOfAFile(boolean oneFile) throws IOException {
    write("sequence", oneFile);
    ModelDirectory expected = ModelDirectory.read(model);
    for (Map.Entry<Path, byte[]> file : contents().entrySet()) {
      byte[] whole = file.getValue();
      for (int length = 0; length < whole.length; length += whole.length < 50 ? 1 : 7) {
        Files.write(file.getKey(), Arrays.copyOf(whole, length));
        String message =
            assertThrows(ModelFormatException.class, () -> ModelDirectory.read(model)).getMessage();
        assertTrue(message.startsWith(model.toString()), message);
      }
      Files.write(file.getKey(), whole);
    }
    assertTrue(same(expected, ModelDirectory.read(model)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"document", "bag"})
  void ofADirectory(String kind) throws IOException {
    everyBitAndLength(kind, false);
  }

  @Test
  void ofASingleFile() throws IOException {
    everyBitAndLength("sequence", true);
  }

  /** Without maque.json there is no checksum: random damage then reaches every check there is. */
  @ParameterizedTest
  @ValueSource(strings = {"document", "sequence", "bag"})
  void randomDamageWithoutChecksums(String kind) throws IOException {
    write(kind, false);
    Files.delete(model.resolve(ModelManifest.NAME));
    Random random = new Random(11);
    List<Map.Entry<Path, byte[]>> files = List.copyOf(contents().entrySet());
    int answered = 0;
    for (int round = 0; round < 300; round++) {
      Map.Entry<Path, byte[]> file = files.get(random.nextInt(files.size()));
      byte[] damaged = file.getValue();
      for (int i = 1 + random.nextInt(3); i > 0; i--) {
        damaged = damage(damaged, random);
      }
      Files.write(file.getKey(), damaged);
      answered += answers("round " + round) ? 1 : 0;
      Files.write(file.getKey(), file.getValue());
    }
    assertTrue(answered > 15 && answered < 300, answered + " of 300 answered");
  }

  /** A part lost, put in, twice there, or replaced by what a parser may take for its own. */
  private static byte[] damage(byte[] whole, Random random) {
    int at = random.nextInt(whole.length + 1);
    int end = Math.min(whole.length, at + random.nextInt(6));
    byte[] part =
        switch (random.nextInt(5)) {
          case 0 -> new byte[0];
          case 1 -> Arrays.copyOfRange(whole, at, end);
          case 2 -> "99999999999999999999".substring(random.nextInt(20)).getBytes(UTF_8);
          case 3 -> new byte[] {(byte) "\"{}[],:-.eE0\n\0\\u".charAt(random.nextInt(16))};
          default -> randomBytes(random);
        };
    int rest = random.nextBoolean() ? at : end;
    ByteBuffer damaged = ByteBuffer.allocate(at + part.length + whole.length - rest);
    damaged.put(whole, 0, at).put(part).put(whole, rest, whole.length - rest);
    return damaged.array();
  }

  private static byte[] randomBytes(Random random) {
    byte[] bytes = new byte[1 + random.nextInt(8)];
    random.nextBytes(bytes);
    return bytes;
  }

  /** Whether it can be loaded and asked; where not, by an exception of ours. */
  private boolean answers(String damage) {
    try (Student student = Student.load(model)) {
      for (String text : TEXTS) {
        assertEquals(student.labels().size(), student.logits(text).length);
        student.predict(text);
      }
      return true;
    } catch (MaqueException e) {
      assertTrue(e.getMessage() != null && !e.getMessage().isBlank(), damage);
      return false;
    } catch (RuntimeException e) {
      throw new AssertionError(damage + ": " + e, e);
    }
  }

  @Test
  void everyBitOfTheLibrary() throws IOException {
    byte[] library = NativeLibraryTest.library();
    Path file = directory.resolve("libjnimaque.so");
    Files.write(file, library);
    assertEquals("", ElfFile.problem(file, true));
    Random random = new Random(3);
    int seal = library.length - 77;
    for (int i = 0; i < 400; i++) {
      int bit = i < 128 ? 8 * seal + 8 * (i % 77) + i % 8 : random.nextInt(8 * library.length);
      bit = i >= 128 && i < 228 ? random.nextInt(8 * 64) : bit;
      library[bit / 8] ^= (byte) (1 << bit % 8);
      Files.write(file, library);
      assertTrue(!ElfFile.problem(file, true).isEmpty(), "bit " + bit);
      library[bit / 8] ^= (byte) (1 << bit % 8);
    }
    for (int length : new int[] {0, 63, 64, seal / 2, seal - 1, seal + 1, library.length - 1}) {
      Files.write(file, Arrays.copyOf(library, length));
      assertTrue(!ElfFile.problem(file, true).isEmpty(), length + " bytes");
    }
    Files.write(file, Arrays.copyOf(library, seal));
    assertEquals("", ElfFile.problem(file, true), "without its seal it is whole");
  }
}
