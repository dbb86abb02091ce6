package maque.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every contender of the cheaper tasks opens, agrees with Maque in fp32, and runs. Those that need
 * a processor with bf16 are left to the suite, which says what it could not measure.
 */
class TaskTest {
  @TempDir static Path directory;

  @BeforeAll
  static void prepare() {
    System.setProperty(Material.DIRECTORY, directory.toString());
    Path root = Path.of(System.getProperty("maque.root"));
    System.setProperty(
        Material.TEXTS, root.resolve("java/training/src/test/resources/zh-texts.json").toString());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "teacher-1",
        "document-1",
        "sequence128-1x24",
        "sequence128-label",
        "sequence-step",
        "tokenizer"
      })
  void contendersAgreeAndRun(String name) {
    Task task = Task.of(name);
    float[] expected;
    try (Work reference = task.open(Contender.MAQUE)) {
      expected = reference.result();
    }
    List<String> needBf16 =
        task.rows().stream()
            .filter(row -> row.peak() == Limits.Peak.BF16)
            .map(Row::contender)
            .toList();
    for (String contender : task.contenders()) {
      if (needBf16.contains(contender)) {
        continue;
      }
      try (Work work = task.open(contender)) {
        work.begin();
        double bound = Contender.agreement(contender, task.agreement());
        Work.requireAgreement(contender, expected, work.result(), bound);
        assertNotNull(work.run(), contender);
      }
    }
  }

  @Test
  void disagreementIsRefused() {
    float[] ours = {1, 2};
    assertThrows(
        IllegalStateException.class,
        () -> Work.requireAgreement("x", ours, new float[] {1, 2.1f}, 1e-3));
    assertThrows(
        IllegalStateException.class,
        () -> Work.requireAgreement("x", ours, new float[] {1, Float.NaN}, 1e-3));
    assertThrows(
        IllegalStateException.class, () -> Work.requireAgreement("x", ours, new float[] {1}, 1e-3));
    Work.requireAgreement("x", ours, new float[] {1, 2.0001f}, 1e-3);
  }

  @Test
  void batchesAreWholeAndSorted() {
    int[][][] batches = Texts.batches(new int[][] {{1, 2, 3}, {4}, {5, 6}, {7, 8}, {9}}, 2);
    assertEquals(2, batches.length);
    assertEquals(1, batches[0][0].length);
    assertEquals(1, batches[0][1].length);
    assertEquals(2, batches[1][1].length);
  }

  @Test
  void namesAreUniqueAndEveryRowHasPeers() {
    List<String> names = Arguments.names();
    assertEquals(names.size(), new HashSet<>(names).size());
    for (Task task : Tasks.ALL) {
      assertTrue(task.rows().stream().noneMatch(row -> row.peers().isEmpty()), task.name());
      assertTrue(Task.unitSeconds(task.unit()) > 0);
      assertEquals(Contender.MAQUE, task.contenders().get(0), "the reference takes part");
    }
  }
}
