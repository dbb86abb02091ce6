package maque.training;

/**
 * Where a student run's soft targets come from: a {@link LogitStore}, a {@link LogitFile}, or
 * several of them ({@link LogitEnsemble}).
 */
public interface LogitSource {
  /** What the logits depend on besides the text, and the classes in their order. */
  TeacherKey key();

  /**
   * Reads a text's logits.
   *
   * @param out receives one float a class, from {@code offset}
   * @return false where they are not here; {@code out} is as it was then
   */
  boolean read(String text, float[] out, int offset);
}
