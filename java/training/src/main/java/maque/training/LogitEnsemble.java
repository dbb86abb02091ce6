package maque.training;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.TreeSet;
import maque.runtime.InvalidInputException;
import maque.runtime.Json;

/**
 * Several teachers as one: the mean of their logits (Hinton et al., arXiv 1503.02531, section 2,
 * and Tang et al., arXiv 1903.12136). A text has logits where all members have some. Classes are
 * matched by name. The key is a hash of all members' keys: with another member, or one that has
 * changed, it is another teacher. The order in which members are given changes no bit.
 */
public final class LogitEnsemble implements LogitSource {
  private final List<LogitSource> members;
  private final TeacherKey key;

  private LogitEnsemble(List<LogitSource> members, TeacherKey key) {
    this.members = members;
    this.key = key;
  }

  /**
   * The mean of sources with the classes of the first; one source is itself.
   *
   * @throws InvalidInputException where there is none, one comes twice, or one has other classes:
   *     the message has both lists
   */
  public static LogitSource of(List<? extends LogitSource> sources) {
    if (sources.isEmpty()) {
      throw new InvalidInputException("an ensemble needs a teacher");
    }
    if (sources.size() == 1) {
      return sources.get(0);
    }
    List<String> labels = sources.get(0).key().labels();
    List<LogitSource> members = new ArrayList<>();
    TreeSet<String> names = new TreeSet<>();
    for (LogitSource source : sources) {
      if (!names.add(name(source))) {
        throw new InvalidInputException(
            "the same teacher comes twice in an ensemble: " + source.key().teacher());
      }
      members.add(withLabels(source, labels));
    }
    members.sort(Comparator.comparing(LogitEnsemble::name));
    Sha256 sha = new Sha256().add("ensemble");
    labels.forEach(sha::add);
    names.forEach(sha::add);
    return new LogitEnsemble(members, new TeacherKey(sha.hex(), "", 0, labels));
  }

  /** Everything but the order of the classes, which the names decide. */
  private static String name(LogitSource source) {
    TeacherKey key = source.key();
    return Json.line(
        List.of(
            key.teacher(),
            key.tokenizer(),
            key.maxTokens(),
            new TreeSet<>(key.labels()).toString()));
  }

  @Override
  public TeacherKey key() {
    return key;
  }

  @Override
  public boolean read(String text, float[] out, int offset) {
    LogitMean mean = new LogitMean(key.labels().size());
    for (LogitSource member : members) {
      if (!mean.add(member, text)) {
        return false;
      }
    }
    return mean.write(out, offset);
  }

  /**
   * A source with its classes in the order of {@code labels}, matched by name.
   *
   * @throws InvalidInputException with both lists, where they do not name the same classes
   */
  public static LogitSource withLabels(LogitSource source, List<String> labels) {
    List<String> own = source.key().labels();
    if (own.equals(labels)) {
      return source;
    }
    if (own.size() != labels.size() || !new TreeSet<>(own).equals(new TreeSet<>(labels))) {
      throw new InvalidInputException(
          "the soft targets are for classes " + own + ", expected are " + labels);
    }
    return new Renumbered(source, labels);
  }

  private static final class Renumbered implements LogitSource {
    private final LogitSource source;
    private final TeacherKey key;
    private final int[] from;

    Renumbered(LogitSource source, List<String> labels) {
      this.source = source;
      TeacherKey own = source.key();
      key = new TeacherKey(own.teacher(), own.tokenizer(), own.maxTokens(), labels);
      from = labels.stream().mapToInt(own.labels()::indexOf).toArray();
    }

    @Override
    public TeacherKey key() {
      return key;
    }

    @Override
    public boolean read(String text, float[] out, int offset) {
      float[] own = new float[from.length];
      if (!source.read(text, own, 0)) {
        return false;
      }
      for (int c = 0; c < from.length; c++) {
        out[offset + c] = own[from[c]];
      }
      return true;
    }
  }

  /**
   * Stores of one teacher as one: a text's logits are those of the first store that has some.
   *
   * @param stores at least one, all opened with the same key
   */
  public static LogitSource union(List<LogitStore> stores) {
    LogitStore first = stores.get(0);
    return stores.size() == 1 ? first : new Union(List.copyOf(stores));
  }

  private record Union(List<LogitStore> stores) implements LogitSource {
    @Override
    public TeacherKey key() {
      return stores.get(0).key();
    }

    @Override
    public boolean read(String text, float[] out, int offset) {
      return stores.stream().anyMatch(store -> store.read(text, out, offset));
    }
  }
}
