package maque.runtime;

import java.util.List;
import java.util.concurrent.atomic.AtomicReference;

/**
 * A student that can be replaced while threads ask it. Each answer is wholly one model's, and none
 * fails because of a swap: a call that meets the old student after its close asks the new one.
 * Lock-free. Owns its student: the old one is closed by the swap, and its memory is freed when the
 * last call that was inside it has ended.
 */
public final class SwappableStudent implements Predictor {
  /** Null once closed. */
  private final AtomicReference<Student> current;

  private final List<String> labels;

  /** Takes ownership of the first student. */
  public SwappableStudent(Student first) {
    current = new AtomicReference<>(first);
    labels = first.labels();
  }

  /**
   * Puts a student in the place of the present one, which is closed, and owns it from then on.
   * Where this throws, nothing has changed, and the student is still the caller's.
   *
   * @throws InvalidInputException where its labels are not those of the present one in the same
   *     order, which callers count on, or it is the present one
   * @throws IllegalStateException where it, or this, is closed
   */
  public void swap(Student next) {
    if (!next.labels().equals(labels)) {
      throw new InvalidInputException(
          "a swap keeps the labels: expected " + labels + ", found " + next.labels());
    }
    next.requireOpen();
    Student old;
    do {
      old = open();
      if (old == next) {
        throw new InvalidInputException("this student is in place already");
      }
    } while (!current.compareAndSet(old, next));
    old.close();
  }

  /**
   * The present student, for its figures. It may be swapped out, and closed, at any moment.
   *
   * @throws IllegalStateException after {@link #close()}
   */
  public Student current() {
    return open();
  }

  private Student open() {
    Student open = current.get();
    if (open == null) {
      throw new IllegalStateException("this student is closed");
    }
    return open;
  }

  /** Whether a call on that student failed for the reason that it has been swapped out. */
  private boolean swappedOut(Student asked) {
    return current.get() != asked;
  }

  @Override
  public List<String> labels() {
    return labels;
  }

  @Override
  public Prediction predict(CharSequence text) {
    while (true) {
      Student student = open();
      try {
        return student.predict(text);
      } catch (IllegalStateException e) {
        if (!swappedOut(student)) {
          throw e;
        }
      }
    }
  }

  @Override
  public List<Prediction> predictAll(List<? extends CharSequence> texts) {
    while (true) {
      Student student = open();
      try {
        return student.predictAll(texts);
      } catch (IllegalStateException e) {
        if (!swappedOut(student)) {
          throw e;
        }
      }
    }
  }

  /** A session that follows the swaps: after each, its next call makes new scratch memory. */
  public Session session() {
    return new Following();
  }

  private final class Following implements Session {
    private Student student;
    private Session session;

    @Override
    public int predict(CharSequence text, float[] probabilities) {
      while (true) {
        Student now = open();
        if (now != student) {
          session = now.session();
          student = now;
        }
        try {
          return session.predict(text, probabilities);
        } catch (IllegalStateException e) {
          if (!swappedOut(now)) {
            throw e;
          }
        }
      }
    }

    @Override
    public boolean truncated() {
      return session != null && session.truncated();
    }
  }

  @Override
  public void close() {
    Student last = current.getAndSet(null);
    if (last != null) {
      last.close();
    }
  }
}
