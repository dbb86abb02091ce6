package maque.cli;

import maque.training.StudentOptions;

/**
 * A student of the demo.
 *
 * @param name its folder under the demo's
 * @param title what the tables call it
 * @param options how it is trained
 * @param distilled whether it learns the teacher's answers, on the transfer set too
 * @param takesVectors whether its embeddings begin as the teacher's
 */
record DemoModel(
    String name, String title, StudentOptions options, boolean distilled, boolean takesVectors) {
  /** Whether it takes nothing from the teacher: what distillation must beat. */
  boolean isBaseline() {
    return !distilled && !takesVectors;
  }
}
