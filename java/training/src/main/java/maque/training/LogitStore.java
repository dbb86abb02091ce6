package maque.training;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import maque.runtime.AtomicFiles;
import maque.runtime.InvalidInputException;
import maque.runtime.MaqueException;
import maque.runtime.StorageException;

/**
 * A teacher's logits, written once and read by every student run. A record is found by a hash of
 * the text and of everything else that its logits depend on ({@link TeacherKey}), so that it is
 * never stale: another teacher, tokenizer or cut finds nothing. One directory may hold several
 * teachers.
 *
 * <p>Files are only ever appended to, with a checksum for each record: a record that a killed
 * process left half written is dropped when the store is opened next, a damaged one is passed over,
 * and both are said in the log and by {@link #dropped}. One writer at a time (a lock file), any
 * number of readers, which see what was there when they opened. Methods are synchronised.
 */
public final class LogitStore implements LogitSource, AutoCloseable {
  private static final Logger LOG = System.getLogger(LogitStore.class.getName());
  private static final String SUFFIX = ".logits";
  private static final int RECORD_BITS = 40;
  private static final int BUFFERED = 256;

  private final Path directory;
  private final TeacherKey key;
  private final boolean writable;
  private final FileChannel lockChannel;
  private final List<LogitSegment> segments = new ArrayList<>();
  private final KeyIndex index = new KeyIndex();
  private final Map<String, float[]> pending = new LinkedHashMap<>();
  private LogitSegment tail;
  private long dropped;
  private boolean open = true;

  private LogitStore(Path directory, TeacherKey key, boolean writable, FileChannel lock) {
    this.directory = directory;
    this.key = key;
    this.writable = writable;
    lockChannel = lock;
  }

  /**
   * Opens a store to read one teacher's logits.
   *
   * @throws InvalidInputException where there is no such directory, or the teacher's records have
   *     other classes
   */
  public static LogitStore open(Path directory, TeacherKey key) {
    if (!Files.isDirectory(directory)) {
      throw new InvalidInputException(directory + " is not a directory of soft targets");
    }
    return load(new LogitStore(directory, key, false, null));
  }

  /**
   * Opens a store to read and append, making it where it does not exist.
   *
   * @throws MaqueException where another process writes to it
   */
  public static LogitStore openForWriting(Path directory, TeacherKey key) {
    try {
      Files.createDirectories(directory);
      FileChannel lock =
          FileChannel.open(
              directory.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      lock(directory, lock);
      return load(new LogitStore(directory, key, true, lock));
    } catch (IOException e) {
      throw failure(directory, e);
    }
  }

  /**
   * The key of the one teacher in a store whose hash begins so.
   *
   * @throws InvalidInputException where there is no such directory, or not just one such teacher:
   *     the message lists those that there are
   */
  public static TeacherKey find(Path directory, String prefix) {
    Set<TeacherKey> keys = new LinkedHashSet<>();
    try {
      for (Path file : files(directory)) {
        try (LogitSegment segment = LogitSegment.open(file, false)) {
          if (segment != null) {
            keys.add(segment.key());
          }
        }
      }
    } catch (NoSuchFileException | NotDirectoryException e) {
      throw new InvalidInputException(directory + " is not a directory of soft targets", e);
    } catch (IOException e) {
      throw failure(directory, e);
    }
    List<TeacherKey> found = keys.stream().filter(key -> key.teacher().startsWith(prefix)).toList();
    if (found.size() != 1) {
      throw new InvalidInputException(
          directory
              + ": "
              + found.size()
              + " teachers have a hash that begins with '"
              + prefix
              + "'; those here are "
              + keys.stream().map(key -> key.teacher() + " " + key.labels()).toList());
    }
    return found.get(0);
  }

  private static List<Path> files(Path directory) throws IOException {
    List<Path> files = new ArrayList<>();
    try (DirectoryStream<Path> stream = Files.newDirectoryStream(directory, "*" + SUFFIX)) {
      stream.forEach(files::add);
    }
    Collections.sort(files);
    return files;
  }

  private static void lock(Path directory, FileChannel channel) throws IOException {
    FileLock lock = null;
    try {
      lock = channel.tryLock();
    } catch (OverlappingFileLockException e) {
      LOG.log(Level.DEBUG, "locked by this process: {0}", directory);
    }
    if (lock == null) {
      channel.close();
      throw new MaqueException(directory + ": another run is writing to this store");
    }
  }

  private static LogitStore load(LogitStore store) {
    try {
      store.readSegments();
      return store;
    } catch (IOException e) {
      store.release();
      throw failure(store.directory, e);
    } catch (MaqueException e) {
      store.release();
      throw e;
    }
  }

  private static StorageException failure(Path path, IOException e) {
    return new StorageException(path + ": " + e.getMessage(), e);
  }

  private void readSegments() throws IOException {
    for (Path file : files(directory)) {
      LogitSegment segment = LogitSegment.open(file, writable);
      if (segment == null) {
        LOG.log(Level.WARNING, "{0}: damaged header, the file is passed over", file);
        dropped++;
      } else if (matches(segment)) {
        readSegment(segment);
      } else {
        segment.close();
      }
    }
  }

  private boolean matches(LogitSegment segment) throws IOException {
    TeacherKey other = segment.key();
    if (!other.teacher().equals(key.teacher())
        || !other.tokenizer().equals(key.tokenizer())
        || other.maxTokens() != key.maxTokens()) {
      return false;
    }
    if (!other.labels().equals(key.labels())) {
      segment.close();
      throw new InvalidInputException(
          segment.file() + ": classes " + other.labels() + ", expected " + key.labels());
    }
    return true;
  }

  private void readSegment(LogitSegment segment) throws IOException {
    long number = segments.size();
    segments.add(segment);
    LogitSegment.Scan scan =
        segment.scan((high, low, record) -> index.put(high, low, number << RECORD_BITS | record));
    if (scan.tornBytes() > 0) {
      dropped++;
      LOG.log(
          Level.WARNING,
          "{0}: dropped the last {1} bytes, a record that was not fully written",
          segment.file(),
          scan.tornBytes());
    }
    if (scan.damaged() > 0) {
      dropped += scan.damaged();
      LOG.log(
          Level.WARNING,
          "{0}: passed over {1} damaged records of {2}",
          segment.file(),
          scan.damaged(),
          scan.records());
    }
    if (writable) {
      segment.dropTornTail();
      tail = segment;
    }
  }

  /** What the logits depend on. */
  @Override
  public TeacherKey key() {
    return key;
  }

  /** Number of texts whose logits are here. */
  public synchronized int size() {
    return index.size() + pending.size();
  }

  /** Records (and whole files) that were found damaged when the store was opened. */
  public long dropped() {
    return dropped;
  }

  public synchronized boolean contains(String text) {
    checkOpen();
    long[] hash = key.of(text);
    return index.get(hash[0], hash[1]) >= 0 || pending.containsKey(text);
  }

  /**
   * Reads a text's logits.
   *
   * @param out receives one float a class, from {@code offset}
   * @return false where they are not here; {@code out} is as it was then
   */
  @Override
  public synchronized boolean read(String text, float[] out, int offset) {
    checkOpen();
    float[] waiting = pending.get(text);
    if (waiting != null) {
      System.arraycopy(waiting, 0, out, offset, waiting.length);
      return true;
    }
    long[] hash = key.of(text);
    long found = index.get(hash[0], hash[1]);
    if (found < 0) {
      return false;
    }
    LogitSegment segment = segments.get((int) (found >>> RECORD_BITS));
    try {
      segment.read(found & ((1L << RECORD_BITS) - 1), out, offset);
    } catch (IOException e) {
      throw failure(segment.file(), e);
    }
    return true;
  }

  /**
   * Adds a text's logits; one that is here already keeps what it has.
   *
   * @param logits one finite float a class
   * @throws MaqueException where they cannot be written (a full disk); what was flushed before
   *     stays
   */
  public synchronized void append(String text, float[] logits) {
    checkOpen();
    if (!writable) {
      throw new IllegalStateException("this store was opened to be read");
    }
    if (logits.length != key.labels().size()) {
      throw new InvalidInputException(
          logits.length + " logits for " + key.labels().size() + " classes");
    }
    for (float logit : logits) {
      if (!Float.isFinite(logit)) {
        throw new InvalidInputException("a logit is not finite: " + logit);
      }
    }
    if (contains(text)) {
      return;
    }
    pending.put(text, logits.clone());
    if (pending.size() >= BUFFERED) {
      flush();
    }
  }

  /** Hands what was appended to the operating system: it survives the process from here on. */
  public synchronized void flush() {
    checkOpen();
    if (pending.isEmpty()) {
      return;
    }
    try {
      if (tail == null) {
        newSegment();
      }
      writePending();
    } catch (IOException e) {
      throw failure(directory, e);
    }
  }

  private void writePending() throws IOException {
    List<String> texts = new ArrayList<>(pending.keySet());
    ByteBuffer records = tail.recordBuffer(texts.size());
    for (String text : texts) {
      long[] hash = key.of(text);
      tail.encode(records, hash[0], hash[1], pending.get(text), 0);
    }
    long record = tail.records();
    tail.append(records.flip());
    long segment = segments.indexOf(tail);
    for (String text : texts) {
      long[] hash = key.of(text);
      index.put(hash[0], hash[1], segment << RECORD_BITS | record++);
    }
    pending.clear();
  }

  private void newSegment() throws IOException {
    int number = 0;
    Path file;
    do {
      file = directory.resolve(String.format("%06d%s", number++, SUFFIX));
    } while (Files.exists(file));
    AtomicFiles.write(file, LogitSegment.header(key));
    tail = LogitSegment.open(file, true);
    if (tail == null) {
      throw new IOException("a new file cannot be read back: " + file);
    }
    segments.add(tail);
  }

  private void checkOpen() {
    if (!open) {
      throw new IllegalStateException("this store is closed");
    }
  }

  /** Flushes, syncs and closes. A second close does nothing. */
  @Override
  public synchronized void close() {
    if (!open) {
      return;
    }
    try {
      flush();
      if (tail != null) {
        tail.force();
      }
    } catch (IOException e) {
      throw failure(directory, e);
    } finally {
      release();
    }
  }

  private void release() {
    open = false;
    for (LogitSegment segment : segments) {
      closeQuietly(segment);
    }
    if (lockChannel != null) {
      closeQuietly(lockChannel);
    }
  }

  private static void closeQuietly(AutoCloseable resource) {
    try {
      resource.close();
    } catch (Exception e) {
      LOG.log(Level.DEBUG, "close", e);
    }
  }
}
