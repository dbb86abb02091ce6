package maque.training;

import maque.runtime.InvalidInputException;

/** What weights are stored or multiplied in; {@code precision} in config.json and training.json. */
public enum Precision {
  /** 32-bit floats: the training form's values. */
  FP32("fp32", 4),

  /** The upper half of a 32-bit float, rounded to nearest, ties to even. */
  BF16("bf16", 2),

  /** Whole numbers of -127 to 127 with a scale for each row. */
  INT8("int8", 1);

  private final String id;
  private final int bytes;

  Precision(String id, int bytes) {
    this.id = id;
    this.bytes = bytes;
  }

  /** The name in config.json and on the command line. */
  public String id() {
    return id;
  }

  /** Bytes of a weight. */
  int bytes() {
    return bytes;
  }

  /**
   * The precision of a name.
   *
   * @throws InvalidInputException if there is none
   */
  public static Precision of(String id) {
    for (Precision precision : values()) {
      if (precision.id.equals(id)) {
        return precision;
      }
    }
    throw new InvalidInputException("precision is fp32, bf16 or int8, not " + id);
  }
}
