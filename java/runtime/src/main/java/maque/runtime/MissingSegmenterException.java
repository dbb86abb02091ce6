package maque.runtime;

/** A model needs a segmenter, or a version of one, that is not on the class path. */
public final class MissingSegmenterException extends MaqueException {
  private static final long serialVersionUID = 1L;

  public MissingSegmenterException(String message) {
    super(message);
  }
}
