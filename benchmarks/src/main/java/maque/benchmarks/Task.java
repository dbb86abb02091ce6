package maque.benchmarks;

import java.util.List;

/**
 * A piece of work that several contenders do on the same weights and inputs.
 *
 * @param what for the table
 * @param texts texts (or vectors) in one piece
 * @param seconds how long one round measures
 */
record Task(
    String name, String what, int texts, int seconds, List<String> contenders, Opening opening) {
  /** Makes a contender's work. */
  interface Opening {
    Work open(String contender);
  }

  private static final List<String> INFERENCE = List.of("maque", Ort.NAME, Torch.NAME);
  private static final List<String> STUDENTS =
      List.of("maque", Ort.NAME, Torch.NAME, Torch.WITHOUT_ONEDNN);
  private static final List<String> TRAINING = List.of("maque", Torch.NAME, Torch.WITHOUT_ONEDNN);

  static final List<Task> ALL =
      List.of(
          new Task(
              "teacher-1",
              "teacher bge-small-zh, 1 text",
              1,
              6,
              INFERENCE,
              c -> TeacherWork.open(c, 1)),
          new Task(
              "teacher-64",
              "teacher bge-small-zh, 64 texts of similar length",
              64,
              12,
              INFERENCE,
              c -> TeacherWork.open(c, 64)),
          new Task(
              "teacher-step",
              "teacher of that geometry, training step 32x32, AdamW",
              32,
              12,
              TRAINING,
              c -> TrainingWork.teacher(c, 32, 32)),
          new Task(
              "document-1",
              "document student, 1 vector",
              1,
              4,
              STUDENTS,
              c -> StudentWork.document(c, 1)),
          new Task(
              "document-4001",
              "document student, 4,001 vectors",
              Material.DOCUMENTS,
              6,
              STUDENTS,
              c -> StudentWork.document(c, Material.DOCUMENTS)),
          new Task(
              "sequence-1x24",
              "sequence student, 1 text of 24",
              1,
              4,
              STUDENTS,
              c -> StudentWork.sequence(c, 1, 24)),
          new Task(
              "sequence-64x24",
              "sequence student, 64 texts of 24",
              64,
              6,
              STUDENTS,
              c -> StudentWork.sequence(c, 64, 24)),
          new Task(
              "sequence-step",
              "sequence student, training step 64x50, SGD",
              64,
              10,
              TRAINING,
              c -> TrainingWork.student(c, 64, 50)),
          new Task(
              "tokenizer",
              "tokenizer, 1 text",
              1,
              3,
              List.of("maque", TokenizerWork.HUGGING_FACE),
              TokenizerWork::open));

  static Task of(String name) {
    return ALL.stream()
        .filter(task -> task.name.equals(name))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("no task " + name));
  }

  Work open(String contender) {
    return opening.open(contender);
  }
}
