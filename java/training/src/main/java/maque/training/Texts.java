package maque.training;

import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

/** Any number of texts in a fixed order. Implementations may be read by several threads. */
public interface Texts {
  int size();

  /** The text at a position of [0, size). */
  String get(int index);

  /** A length that texts can be sorted by: characters or bytes. */
  default int length(int index) {
    return get(index).length();
  }

  /** SHA-256 over the texts, in hexadecimal; a data set's has its labels in it. */
  default String hash() {
    return hashOf(this);
  }

  /** SHA-256 over the texts alone, wherever they come from. */
  static String hashOf(Texts texts) {
    Sha256 sha = new Sha256();
    for (int i = 0; i < texts.size(); i++) {
      sha.add(texts.get(i));
    }
    return sha.hex();
  }

  /** Texts in memory. */
  static Texts of(List<String> texts) {
    List<String> copy = List.copyOf(texts);
    return new Texts() {
      @Override
      public int size() {
        return copy.size();
      }

      @Override
      public String get(int index) {
        return copy.get(index);
      }
    };
  }

  /** Lines of a UTF-8 file, blank ones skipped: 12 bytes of memory a line, whatever its length. */
  static LineIndex lines(Path file) {
    return LineIndex.of(file);
  }

  /** Some of these texts, drawn by a seed; all where there are no more. */
  static Texts draw(Texts all, int n, long seed) {
    int size = Math.min(n, all.size());
    KeyedPermutation order = new KeyedPermutation(all.size(), seed, all.size());
    return new Texts() {
      @Override
      public int size() {
        return size;
      }

      @Override
      public String get(int index) {
        return all.get((int) order.at(Objects.checkIndex(index, size)));
      }

      @Override
      public int length(int index) {
        return all.length((int) order.at(Objects.checkIndex(index, size)));
      }
    };
  }

  /** The first of these texts; all where there are no more. */
  static Texts first(Texts all, int n) {
    int size = Math.min(n, all.size());
    return new Texts() {
      @Override
      public int size() {
        return size;
      }

      @Override
      public String get(int index) {
        return all.get(Objects.checkIndex(index, size));
      }

      @Override
      public int length(int index) {
        return all.length(Objects.checkIndex(index, size));
      }
    };
  }

  /** Several one after the other. */
  static Texts concat(Texts first, Texts second) {
    return new Texts() {
      @Override
      public int size() {
        return Math.addExact(first.size(), second.size());
      }

      @Override
      public String get(int index) {
        return index < first.size() ? first.get(index) : second.get(index - first.size());
      }

      @Override
      public int length(int index) {
        return index < first.size() ? first.length(index) : second.length(index - first.size());
      }
    };
  }
}
