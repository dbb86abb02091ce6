package maque.runtime;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;

/**
 * A student that answers what it is sure of and leaves the rest to a teacher, in one process. Asks
 * the teacher for the texts whose label has, by the student, a probability below the threshold.
 * Lock-free, with no thread of its own.
 */
public final class Cascade implements Predictor {
  /**
   * The answer to one text.
   *
   * @param deferred whether it is the teacher's
   */
  public record Answer(Prediction prediction, boolean deferred) {}

  private final Predictor student;
  private final Predictor teacher;
  private final double threshold;
  private final boolean owns;
  private final LongAdder answered = new LongAdder();
  private final LongAdder deferred = new LongAdder();
  private volatile boolean closed;

  private Cascade(Predictor student, Predictor teacher, double threshold, boolean owns) {
    Decision.checkThreshold(threshold);
    if (!student.labels().equals(teacher.labels())) {
      throw new InvalidInputException(
          "student and teacher need the same labels in the same order: the student has "
              + student.labels()
              + ", the teacher "
              + teacher.labels());
    }
    this.student = student;
    this.teacher = teacher;
    this.threshold = threshold;
    this.owns = owns;
  }

  /**
   * A cascade that closes both models when it is closed. Where this throws, both are still the
   * caller's.
   *
   * @param threshold 0 (all answers are the student's) to 1
   * @throws InvalidInputException for another threshold, or where the labels differ
   */
  public static Cascade owning(Predictor student, Predictor teacher, double threshold) {
    return new Cascade(student, teacher, threshold, true);
  }

  /** As {@link #owning}, of models that others use too: closing the cascade closes neither. */
  public static Cascade sharing(Predictor student, Predictor teacher, double threshold) {
    return new Cascade(student, teacher, threshold, false);
  }

  /** Asks the student, and the teacher where it is not sure. */
  public Answer answer(CharSequence text) {
    requireOpen();
    Decision decision = student.predictOrDefer(text, threshold);
    Prediction prediction = decision.deferred() ? teacher.predict(text) : decision.prediction();
    answered.increment();
    if (decision.deferred()) {
      deferred.increment();
    }
    return new Answer(prediction, decision.deferred());
  }

  /** As {@link #answer}, of many texts, in their order: one batch each for student and teacher. */
  public List<Answer> answerAll(List<? extends CharSequence> texts) {
    requireOpen();
    List<Answer> answers = new ArrayList<>(texts.size());
    List<CharSequence> hard = new ArrayList<>();
    int at = 0;
    List<Prediction> easy = student.predictAll(texts);
    for (CharSequence text : texts) {
      Decision decision = Decision.of(easy.get(at++), threshold);
      answers.add(new Answer(decision.prediction(), decision.deferred()));
      if (decision.deferred()) {
        hard.add(text);
      }
    }
    List<Prediction> taught = hard.isEmpty() ? List.of() : teacher.predictAll(hard);
    int next = 0;
    for (int i = 0; i < answers.size(); i++) {
      if (answers.get(i).deferred()) {
        answers.set(i, new Answer(taught.get(next++), true));
      }
    }
    answered.add(answers.size());
    deferred.add(hard.size());
    return answers;
  }

  @Override
  public List<String> labels() {
    return student.labels();
  }

  @Override
  public Prediction predict(CharSequence text) {
    return answer(text).prediction();
  }

  @Override
  public List<Prediction> predictAll(List<? extends CharSequence> texts) {
    return answerAll(texts).stream().map(Answer::prediction).toList();
  }

  /** What the student must reach to be believed. */
  public double threshold() {
    return threshold;
  }

  /** Texts that have been answered, by either model. */
  public long answered() {
    return answered.sum();
  }

  /** Texts of these that the teacher answered. */
  public long deferred() {
    return deferred.sum();
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("this cascade is closed");
    }
  }

  /** Closes both models, or, where they are shared, neither. */
  @Override
  public void close() {
    closed = true;
    if (owns) {
      try {
        student.close();
      } finally {
        teacher.close();
      }
    }
  }
}
