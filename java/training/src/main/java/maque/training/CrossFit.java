package maque.training;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import maque.runtime.InvalidInputException;
import maque.runtime.Json;

/**
 * Soft targets from teachers that did not see a text's label: of each text the mean of the logits
 * of those members whose training had it not. A teacher is surer of the texts that it was trained
 * on than of others, and what it says of them is half the label again; Dao et al. (arXiv
 * 2104.09732, section 4) show what that costs a student and mend it so. For a text that no member
 * was trained on, it is the mean of all. The order in which members are given changes no bit.
 */
public final class CrossFit implements LogitSource {
  private final List<Member> members;
  private final TeacherKey key;

  /**
   * A teacher's logits and what it was trained on.
   *
   * @param folds of its training texts
   * @param held the part that it was not trained on; {@link #NONE} where it saw all
   */
  public record Member(LogitSource logits, Folds folds, int held) {
    public Member {
      if (held < NONE || held >= folds.count()) {
        throw new InvalidInputException("fold " + held + " of " + folds.count());
      }
    }

    /** Whether a text's label was part of its training. */
    public boolean saw(String text) {
      int fold = folds.of(text);
      return fold >= 0 && fold != held;
    }

    private String name() {
      TeacherKey key = logits.key();
      return Json.line(
          List.of(
              key.teacher(),
              key.tokenizer(),
              key.maxTokens(),
              key.labels().toString(),
              folds.hash(),
              held));
    }
  }

  /** In place of a part: the teacher was trained on all of them. */
  public static final int NONE = -1;

  private CrossFit(List<Member> members, TeacherKey key) {
    this.members = members;
    this.key = key;
  }

  /**
   * Teachers with the same classes in the same order.
   *
   * @throws InvalidInputException where there are none, or one has other classes
   */
  public static CrossFit of(List<Member> members) {
    if (members.isEmpty()) {
      throw new InvalidInputException("cross-fitting needs teachers");
    }
    List<String> labels = members.get(0).logits().key().labels();
    for (Member member : members) {
      if (!member.logits().key().labels().equals(labels)) {
        throw new InvalidInputException(
            "a teacher has classes " + member.logits().key().labels() + ", expected " + labels);
      }
    }
    List<Member> sorted = new ArrayList<>(members);
    sorted.sort(Comparator.comparing(Member::name));
    Sha256 sha = new Sha256().add("cross-fit");
    sorted.forEach(member -> sha.add(member.name()));
    return new CrossFit(List.copyOf(sorted), new TeacherKey(sha.hex(), "", 0, labels));
  }

  @Override
  public TeacherKey key() {
    return key;
  }

  /**
   * Reads the mean of the members that did not see the text's label.
   *
   * @return false where all saw it, or one that did not has no logits
   */
  @Override
  public boolean read(String text, float[] out, int offset) {
    LogitMean mean = new LogitMean(key.labels().size());
    for (Member member : members) {
      if (!member.saw(text) && !mean.add(member.logits(), text)) {
        return false;
      }
    }
    return mean.write(out, offset);
  }
}
