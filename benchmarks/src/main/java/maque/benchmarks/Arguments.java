package maque.benchmarks;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What the suite was asked for.
 *
 * @param list whether to name the tasks only
 * @param tasks names; empty for all of the run's
 * @param json where the figures go, or null
 * @param plots figures of an earlier run to draw, instead of measuring, or null
 * @param picture where the picture goes too, or null
 */
record Arguments(
    boolean quick, boolean list, List<String> tasks, Path json, Path plots, Path picture) {
  /**
   * @throws IllegalArgumentException naming what is wrong
   */
  static Arguments of(String... arguments) {
    boolean quick = false;
    boolean list = false;
    Path json = null;
    Path plots = null;
    Path picture = null;
    List<String> tasks = new ArrayList<>();
    for (int i = 0; i < arguments.length; i++) {
      switch (arguments[i]) {
        case "--quick" -> quick = true;
        case "--list" -> list = true;
        case "--json" -> json = path(arguments, ++i);
        case "--plots" -> plots = path(arguments, ++i);
        case "--picture" -> picture = path(arguments, ++i);
        default -> tasks.add(known(arguments[i]));
      }
    }
    return new Arguments(quick, list, tasks, json, plots, picture);
  }

  private static Path path(String[] arguments, int index) {
    if (index == arguments.length) {
      throw new IllegalArgumentException(arguments[index - 1] + " needs a file");
    }
    return Path.of(arguments[index]);
  }

  private static String known(String task) {
    if (!names().contains(task)) {
      throw new IllegalArgumentException("no task " + task + "; there are " + names());
    }
    return task;
  }

  /** All that can be asked for. */
  static List<String> names() {
    List<String> names = new ArrayList<>(Tasks.ALL.stream().map(Task::name).toList());
    names.addAll(List.of(Suite.PRODUCTS, Suite.CALLERS, Suite.THREADS, Suite.LOAD));
    return names;
  }

  boolean wants(String name) {
    return tasks.isEmpty() || tasks.contains(name);
  }

  /** A quick run leaves out the large ones, unless they are asked for by name. */
  boolean wants(Task task) {
    return tasks.contains(task.name()) || tasks.isEmpty() && (task.quick() || !quick);
  }
}
