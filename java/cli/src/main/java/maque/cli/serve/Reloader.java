package maque.cli.serve;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import maque.runtime.InvalidInputException;
import maque.runtime.MaqueException;
import maque.runtime.Student;
import maque.runtime.SwappableStudent;

/**
 * Looks every second whether a student's file, or what its directory's last file says of the
 * others, has changed, and puts the new student in the old one's place. One that cannot be loaded,
 * or has other labels, is told and left.
 */
public final class Reloader implements AutoCloseable {
  private static final String WRITTEN_LAST = "maque.json";

  private final Path path;
  private final SwappableStudent student;
  private final Consumer<String> listener;
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(task -> new Thread(task, "maque-reload"));

  private Stamp seen;

  /** By what a change is seen. */
  private record Stamp(FileTime modified, long size, Object key) {
    /** Null where there is nothing at the moment. */
    static Stamp of(Path model) {
      Path file = Files.isDirectory(model) ? model.resolve(WRITTEN_LAST) : model;
      try {
        BasicFileAttributes now = Files.readAttributes(file, BasicFileAttributes.class);
        return new Stamp(now.lastModifiedTime(), now.size(), now.fileKey());
      } catch (IOException e) {
        return null;
      }
    }
  }

  /**
   * Loads the student and begins to look.
   *
   * @param path a student's file, or its directory with a {@code maque.json}
   * @param listener hears of every change, on the reloader's thread
   */
  public Reloader(Path path, Consumer<String> listener) {
    this.path = path;
    this.listener = listener;
    seen = Stamp.of(path);
    if (seen == null && Files.isDirectory(path)) {
      throw new InvalidInputException(path + ": expected a " + WRITTEN_LAST + " to look at");
    }
    student = new SwappableStudent(Student.load(path));
    timer.scheduleWithFixedDelay(this::look, 1, 1, TimeUnit.SECONDS);
  }

  /** Always answers; closed by {@link #close}. */
  public SwappableStudent student() {
    return student;
  }

  private void look() {
    Stamp now = Stamp.of(path);
    if (now == null || now.equals(seen)) {
      return;
    }
    seen = now;
    try {
      Student next = Student.load(path);
      try {
        student.swap(next);
      } catch (RuntimeException e) {
        next.close();
        throw e;
      }
      listener.accept("reloaded " + path);
    } catch (MaqueException | IllegalStateException e) {
      listener.accept("not reloaded, the old one goes on: " + e.getMessage());
    }
  }

  @Override
  public void close() {
    timer.shutdownNow();
    student.close();
  }
}
