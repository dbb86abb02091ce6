package maque.training;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntFunction;
import maque.runtime.AtomicFiles;
import maque.runtime.InvalidInputException;
import maque.runtime.Json;
import maque.runtime.MaqueException;
import maque.runtime.PosTagger;

/**
 * Synthetic texts for a teacher to label, as Tang et al. make them (arXiv 1903.12136, section 3.2).
 * They go to a file of JSON lines that names each one's parent and what was done to it:
 *
 * <pre>{"text": "...", "parent": 12, "round": 3, "operations": ["mask", "ngram"]}</pre>
 *
 * {@code parent} is the number of the text, from 0. A row has no label: what is left of a text need
 * not mean what the whole did, so that only a teacher's answer to the row itself may be learnt.
 * Texts that occurred before, real ones among them, are dropped.
 *
 * <p>Texts are read twice, in order: once to count words by part of speech, once to write. In
 * memory are those counts, a few texts for each thread, and 11 to 27 bytes for each text that was
 * written. The file is there whole or not at all, and its bytes do not depend on threads.
 */
public final class Augmentation {
  /** The name of this stage in progress reports. */
  public static final String STAGE = "augment";

  private static final int CHUNK = 64;

  private final Texts texts;
  private final PosTagger tagger;
  private final AugmentOptions options;
  private final RunControl control;
  private final LongSet seen = new LongSet();
  private long written;
  private long repeated;

  /**
   * What was made.
   *
   * @param texts read
   * @param written synthetic texts in the file
   * @param repeated synthetic texts dropped because they occurred before
   */
  public record Result(long texts, long written, long repeated) {}

  private Augmentation(Texts texts, PosTagger tagger, AugmentOptions options, RunControl control) {
    this.texts = texts;
    this.tagger = tagger;
    this.options = options;
    this.control = control;
  }

  /**
   * Writes the synthetic texts of some texts.
   *
   * @param tagger null where {@link AugmentOptions#needsTagger} says that none is needed
   * @throws CancelledException where the token was set; nothing is written then
   * @throws InvalidInputException where something is in the output's place, or nothing came out
   */
  public static Result write(
      Texts texts, PosTagger tagger, AugmentOptions options, Path out, RunControl control) {
    if (Files.exists(out)) {
      throw new InvalidInputException(out + " exists already");
    }
    if (options.needsTagger() && tagger == null) {
      throw new InvalidInputException("words and their replacement need a tagger");
    }
    AtomicFiles.deleteLeftovers(out);
    Augmentation run = new Augmentation(texts, tagger, options, control);
    AtomicFiles.write(out, run::write);
    return new Result(texts.size(), run.written, run.repeated);
  }

  private void write(FileChannel channel) throws IOException {
    ExecutorService pool = Executors.newFixedThreadPool(control.threads());
    try {
      Augmenter augmenter = new Augmenter(options, index(pool));
      OutputStream out = new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16);
      inOrder(
          pool,
          1,
          row -> augmenter.synthetic(texts.get(row), tag(row), row),
          (row, rows) -> {
            for (Augmenter.Synthetic synthetic : rows) {
              write(out, row, synthetic);
            }
          });
      out.flush();
    } finally {
      pool.shutdownNow();
    }
    if (written == 0) {
      throw new InvalidInputException("no synthetic text came out of " + texts.size() + " texts");
    }
  }

  private List<PosTagger.Word> tag(int row) {
    return options.needsTagger() ? tagger.tag(texts.get(row)) : List.of();
  }

  /** The first pass: counts, and the hashes of the texts themselves. */
  private PosIndex index(ExecutorService pool) throws IOException {
    PosIndex.Counts counts = new PosIndex.Counts();
    inOrder(
        pool,
        0,
        this::tag,
        (row, words) -> {
          counts.add(texts.get(row), words);
          seen.add(hash(texts.get(row)));
        });
    return new PosIndex(counts);
  }

  private void write(OutputStream out, int row, Augmenter.Synthetic synthetic) throws IOException {
    if (!seen.add(hash(synthetic.text()))) {
      repeated++;
      return;
    }
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("text", synthetic.text());
    line.put("parent", row);
    line.put("round", synthetic.round());
    line.put("operations", synthetic.operations());
    out.write((Json.line(line) + "\n").getBytes(StandardCharsets.UTF_8));
    written++;
  }

  /** Half of 128 bits would do: two of a billion different texts share one with odds of 1 in 40. */
  private static long hash(String text) {
    return ByteBuffer.wrap(new Sha256().add(text).bytes()).getLong();
  }

  /** Takes a row's result. */
  private interface RowConsumer<T> {
    void accept(int row, T result) throws IOException;
  }

  /** Computes something of each row in the pool and hands it over in the rows' order. */
  private <T> void inOrder(
      ExecutorService pool, int pass, IntFunction<T> work, RowConsumer<T> consumer)
      throws IOException {
    Queue<Future<List<T>>> running = new ArrayDeque<>();
    int submitted = 0;
    for (int row = 0; row < texts.size(); ) {
      while (submitted < texts.size() && running.size() < 2 * control.threads()) {
        int from = submitted;
        submitted = Math.min(texts.size(), from + CHUNK);
        int to = submitted;
        running.add(pool.submit(() -> chunk(from, to, work)));
      }
      for (T result : get(running.remove())) {
        consumer.accept(row++, result);
      }
      if (control.token().isCancelled()) {
        throw new CancelledException("stopped; nothing was written");
      }
      control.progress(STAGE, (long) pass * texts.size() + row, 2L * texts.size(), "");
    }
  }

  private static <T> List<T> chunk(int from, int to, IntFunction<T> work) {
    List<T> results = new ArrayList<>(to - from);
    for (int row = from; row < to; row++) {
      results.add(work.apply(row));
    }
    return results;
  }

  private static <T> T get(Future<T> future) {
    try {
      return future.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CancelledException("interrupted; nothing was written");
    } catch (ExecutionException e) {
      if (e.getCause() instanceof MaqueException cause) {
        throw cause;
      }
      throw new TrainingException("augmentation failed: " + e.getCause(), e.getCause());
    }
  }
}
