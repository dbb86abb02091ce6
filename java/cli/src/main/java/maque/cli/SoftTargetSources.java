package maque.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import maque.runtime.ModelDirectory;
import maque.training.DataOptions;
import maque.training.LogitEnsemble;
import maque.training.LogitFile;
import maque.training.LogitSource;
import maque.training.LogitStore;
import maque.training.TeacherKey;
import picocli.CommandLine.Option;

/** Where a student's soft targets come from. With several teachers they are the mean of all. */
final class SoftTargetSources {
  @Option(
      names = "--soft-targets",
      paramLabel = "DIR",
      description =
          "The store of the teachers' logits; may be given several times: a text is looked for in"
              + " each.")
  private List<Path> stores = List.of();

  @Option(
      names = "--soft-key",
      paramLabel = "HASH",
      description =
          "A teacher in the stores by the first digits of its hash, as soft-targets shows it,"
              + " instead of --teacher; may be given several times.")
  private List<String> keys = List.of();

  @Option(
      names = "--logits",
      paramLabel = "FILE",
      description =
          "Logits of another system for all texts: jsonl {\"text\": ..., \"logits\": {CLASS: X,"
              + " ...}}, or csv or tsv with a column for each class; may be given several times.")
  private List<Path> files = List.of();

  /** Whether there are soft targets. */
  boolean isGiven() {
    return !stores.isEmpty() || !files.isEmpty();
  }

  void check(List<Path> teachers) {
    Usage.require(
        stores.isEmpty() || !teachers.isEmpty() || !keys.isEmpty(),
        "--soft-targets needs --teacher, whose they are, or --soft-key");
    Usage.require(keys.isEmpty() || !stores.isEmpty(), "--soft-key needs --soft-targets");
  }

  /** The open stores and files of a run; closing closes the stores. */
  record Opened(LogitSource source, List<LogitStore> stores) implements AutoCloseable {
    @Override
    public void close() {
      stores.forEach(LogitStore::close);
    }
  }

  /** Opens what was given; {@code teachers} are model directories. */
  Opened open(List<Path> teachers, DataOptions options) {
    List<LogitStore> opened = new ArrayList<>();
    try {
      List<LogitSource> members = new ArrayList<>();
      for (TeacherKey key : memberKeys(teachers)) {
        List<LogitStore> same = new ArrayList<>();
        for (Path store : stores) {
          same.add(LogitStore.open(store, key));
          opened.add(same.get(same.size() - 1));
        }
        members.add(LogitEnsemble.union(same));
      }
      for (Path file : files) {
        members.add(LogitFile.read(file, options));
      }
      return new Opened(LogitEnsemble.of(members), opened);
    } catch (RuntimeException e) {
      opened.forEach(LogitStore::close);
      throw e;
    }
  }

  private List<TeacherKey> memberKeys(List<Path> teachers) {
    List<TeacherKey> found = new ArrayList<>();
    if (stores.isEmpty()) {
      return found;
    }
    for (String key : keys) {
      found.add(LogitStore.find(stores.get(0), key));
    }
    if (keys.isEmpty()) {
      teachers.forEach(teacher -> found.add(TeacherKey.of(ModelDirectory.read(teacher))));
    }
    return found;
  }
}
