package maque.training;

/**
 * One text and its class.
 *
 * @param label index of the class, or {@link #NO_LABEL}
 */
public record Example(String text, int label) {
  public static final int NO_LABEL = -1;
}
