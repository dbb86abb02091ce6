package maque.training;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import maque.runtime.InvalidInputException;

/** Names of classes and their indexes. */
final class Labels {
  private static final int MAX_CLASSES = 65_536;

  private final List<String> names;
  private final Map<String, Integer> index = new HashMap<>();

  Labels(List<String> names) {
    this.names = List.copyOf(names);
    for (int i = 0; i < names.size(); i++) {
      if (index.put(names.get(i), i) != null) {
        throw new InvalidInputException("class '" + names.get(i) + "' is listed twice");
      }
    }
  }

  List<String> names() {
    return names;
  }

  /** Index of a name or a number, or -1. A name wins over a number written as text. */
  int indexOf(Object label) {
    if (label instanceof String name) {
      Integer found = index.get(name);
      if (found != null) {
        return found;
      }
      long number = integer(name);
      return number >= 0 && number < names.size() ? (int) number : -1;
    }
    long number = (Long) label;
    return number >= 0 && number < names.size() ? (int) number : -1;
  }

  /** The list beside a data file, or null where there is none. */
  static List<String> beside(Path file) {
    for (String name : List.of("labels.txt", "classes.txt")) {
      Path list = file.toAbsolutePath().resolveSibling(name);
      if (Files.isRegularFile(list)) {
        return read(list);
      }
    }
    return null;
  }

  /** One name a line, without surrounding spaces; blank lines are skipped. */
  static List<String> read(Path list) {
    List<String> names = new ArrayList<>();
    DataReaders.lines(
        list,
        (line, number, offset) -> {
          if (!line.isBlank()) {
            names.add(line.strip());
          }
        });
    if (names.size() < 2) {
      throw new InvalidInputException(list + " names fewer than two classes");
    }
    return names;
  }

  /** Numbers 0..max where all labels are numbers, else the distinct names, sorted. */
  static Labels infer(Path file, List<DataReaders.Row> rows) {
    long max = -1;
    TreeSet<String> distinct = new TreeSet<>();
    boolean numeric = true;
    for (DataReaders.Row row : rows) {
      if (row.label() == null) {
        continue;
      }
      String name = String.valueOf(row.label());
      long number = integer(name);
      numeric &= number >= 0;
      max = Math.max(max, number);
      distinct.add(name);
    }
    if (!numeric) {
      return new Labels(List.copyOf(distinct));
    }
    if (max >= MAX_CLASSES) {
      throw new InvalidInputException(
          file + ": class number " + max + " is above " + (MAX_CLASSES - 1));
    }
    List<String> names = new ArrayList<>();
    for (int i = 0; i <= max; i++) {
      names.add(Integer.toString(i));
    }
    return new Labels(names);
  }

  private static long integer(String text) {
    if (text.isEmpty() || text.length() > 9) {
      return -1;
    }
    for (int i = 0; i < text.length(); i++) {
      if (text.charAt(i) < '0' || text.charAt(i) > '9') {
        return -1;
      }
    }
    return Long.parseLong(text);
  }
}
