package maque.training;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import maque.runtime.AtomicFiles;
import maque.runtime.InvalidInputException;
import maque.runtime.StorageException;

/**
 * Words and their vectors, as word2vec's text and binary files hold them (Mikolov et al., Efficient
 * Estimation of Word Representations in Vector Space, 2013). Immutable and thread-safe.
 *
 * <p>A text file has a word and its numbers on each line, with spaces between; the first line may
 * give the number of words and of dimensions (word2vec, fastText) or not (GloVe). A binary file has
 * that line always, then for each word its UTF-8 bytes, a space, and little-endian floats. Either
 * may be compressed by gzip. Which it is, is seen from the file.
 */
public final class WordVectors {
  private final List<String> words;
  private final List<float[]> vectors;
  private final Map<String, Integer> places = new HashMap<>();
  private final int dimensions;

  WordVectors(List<String> words, List<float[]> vectors, int dimensions) {
    this.words = List.copyOf(words);
    this.vectors = List.copyOf(vectors);
    this.dimensions = dimensions;
    for (int i = 0; i < words.size(); i++) {
      if (places.putIfAbsent(words.get(i), i) != null) {
        throw new InvalidInputException("two vectors for the word " + words.get(i));
      }
    }
  }

  /**
   * Words with the rows of a matrix.
   *
   * @param words no two equal
   * @param matrix [words, dimensions], copied
   * @throws InvalidInputException if sizes do not fit, a word is there twice or a value is not
   *     finite
   */
  public static WordVectors of(List<String> words, float[] matrix, int dimensions) {
    if (dimensions < 1 || matrix.length != (long) words.size() * dimensions) {
      throw new InvalidInputException(
          matrix.length + " values are not " + words.size() + " vectors of " + dimensions);
    }
    List<float[]> vectors = new ArrayList<>();
    for (int i = 0; i < words.size(); i++) {
      float[] vector = new float[dimensions];
      System.arraycopy(matrix, i * dimensions, vector, 0, dimensions);
      for (float value : vector) {
        if (!Float.isFinite(value)) {
          throw new InvalidInputException("the vector of " + words.get(i) + " is not finite");
        }
      }
      vectors.add(vector);
    }
    return new WordVectors(words, vectors, dimensions);
  }

  /** All vectors of a file; see {@link #read(Path, Set, int)}. */
  public static WordVectors read(Path file) {
    return read(file, Set.of(), Integer.MAX_VALUE);
  }

  /**
   * Some vectors of a file, in its order. The file is streamed, so that the heap holds what is kept
   * only; the numbers of other words are not looked at, and nothing is read after the last word
   * that can be kept. Of several vectors for one word the first counts.
   *
   * @param wanted words to keep wherever they stand
   * @param mostFrequent how many words to keep from the beginning, where the frequent ones stand
   * @throws InvalidInputException naming file and line, or byte offset, if the file is missing,
   *     damaged or cut off, or a number is not finite
   */
  public static WordVectors read(Path file, Set<String> wanted, int mostFrequent) {
    return WordVectorReader.read(file, wanted, mostFrequent);
  }

  /** The words, in the order of their vectors. */
  public List<String> words() {
    return words;
  }

  public int size() {
    return words.size();
  }

  public int dimensions() {
    return dimensions;
  }

  /** Where a word stands, or -1. */
  public int indexOf(String word) {
    return places.getOrDefault(word, -1);
  }

  /** A copy of one vector, {@link #dimensions()} long. */
  public float[] vector(int index) {
    return vectors.get(index).clone();
  }

  /**
   * All vectors as one matrix [size, dimensions].
   *
   * @throws InvalidInputException if it has more than 2^31 - 1 values
   */
  public float[] matrix() {
    if ((long) size() * dimensions > Integer.MAX_VALUE) {
      throw new InvalidInputException(
          size() + " vectors of " + dimensions + " do not fit into one array");
    }
    float[] matrix = new float[size() * dimensions];
    for (int i = 0; i < size(); i++) {
      System.arraycopy(vectors.get(i), 0, matrix, i * dimensions, dimensions);
    }
    return matrix;
  }

  /**
   * Writes word2vec's text form; reading it gives the same floats.
   *
   * @throws InvalidInputException if a word is empty or holds a space, tab or line break
   * @throws StorageException if the file cannot be written; what was there is kept
   */
  public void writeText(Path file) {
    write(
        file,
        (out, i) -> {
          StringBuilder line = new StringBuilder(words.get(i));
          for (float value : vectors.get(i)) {
            line.append(' ').append(value);
          }
          out.write(line.append('\n').toString().getBytes(StandardCharsets.UTF_8));
        });
  }

  /** Writes word2vec's binary form; throws as {@link #writeText(Path)}. */
  public void writeBinary(Path file) {
    ByteBuffer bytes = ByteBuffer.allocate(dimensions * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    write(
        file,
        (out, i) -> {
          out.write((words.get(i) + " ").getBytes(StandardCharsets.UTF_8));
          bytes.asFloatBuffer().put(vectors.get(i));
          out.write(bytes.array());
          out.write('\n');
        });
  }

  private interface Entry {
    void write(OutputStream out, int index) throws IOException;
  }

  private void write(Path file, Entry entry) {
    for (String word : words) {
      if (word.isEmpty()
          || word.chars().anyMatch(c -> c == ' ' || c == '\t' || c == '\n' || c == '\r')) {
        throw new InvalidInputException(
            file + ": the word \"" + word + "\" cannot be written: it is empty or holds a space");
      }
    }
    AtomicFiles.write(
        file,
        channel -> {
          OutputStream out = new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16);
          out.write((size() + " " + dimensions + "\n").getBytes(StandardCharsets.US_ASCII));
          for (int i = 0; i < size(); i++) {
            entry.write(out, i);
          }
          out.flush();
        });
  }
}
