package maque.training;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/**
 * Outputs of the frozen lower part, kept for each text: in memory up to a bound, then in a file up
 * to a bound, then computed again each time. Only rows that the trained part reads are kept (a row
 * for each text where one is enough). A text's output does not depend on its batch, so all three
 * give the same bits. One thread.
 */
final class TrunkCache implements AutoCloseable {
  private static final Logger LOG = System.getLogger(TrunkCache.class.getName());

  private final Trainer trainer;
  private final float[][] memory;
  private final long[] places;
  private final Path file;
  private long memoryLeft;
  private long fileLeft;
  private long fileEnd;
  private FileChannel channel;

  /**
   * @param texts number of texts that may be asked for
   * @param file where the file goes if it is needed; deleted at the end
   */
  TrunkCache(Trainer trainer, int texts, long memoryBytes, long fileBytes, Path file) {
    this.trainer = trainer;
    this.file = file;
    boolean used = trainer.trunkShape().kind() != Trainer.TrunkShape.Kind.NONE;
    memory = new float[used ? texts : 0][];
    places = new long[used ? texts : 0];
    Arrays.fill(places, -1);
    memoryLeft = memoryBytes;
    fileLeft = fileBytes;
  }

  /** Adds the trunk to a batch; texts[i] numbers the batch's text i in [0, texts). */
  Batch with(Batch batch, int[] texts) {
    if (trainer.trunkShape().kind() == Trainer.TrunkShape.Kind.NONE) {
      return batch;
    }
    float[][] parts = new float[batch.n()][];
    int[] missing = new int[batch.n()];
    int count = 0;
    for (int i = 0; i < batch.n(); i++) {
      parts[i] = kept(texts[i], size(batch, i));
      if (parts[i] == null) {
        missing[count++] = i;
      }
    }
    if (count > 0) {
      compute(batch, texts, Arrays.copyOf(missing, count), parts);
    }
    return batch.withTrunk(join(parts));
  }

  private int size(Batch batch, int i) {
    int width = trainer.trunkShape().width();
    return trainer.trunkShape().kind() == Trainer.TrunkShape.Kind.TEXTS
        ? width
        : (batch.offsets()[i + 1] - batch.offsets()[i]) * width;
  }

  private static float[] join(float[][] parts) {
    int total = 0;
    for (float[] part : parts) {
      total = Math.addExact(total, part.length);
    }
    float[] out = new float[total];
    int at = 0;
    for (float[] part : parts) {
      System.arraycopy(part, 0, out, at, part.length);
      at += part.length;
    }
    return out;
  }

  private float[] kept(int text, int size) {
    if (memory[text] != null) {
      return memory[text];
    }
    return places[text] < 0 ? null : readFile(places[text], size);
  }

  private void compute(Batch batch, int[] texts, int[] missing, float[][] parts) {
    int[][] ids = new int[missing.length][];
    for (int m = 0; m < missing.length; m++) {
      int i = missing[m];
      ids[m] = Arrays.copyOfRange(batch.ids(), batch.offsets()[i], batch.offsets()[i + 1]);
    }
    float[] all = trainer.trunk(Batch.of(ids));
    int at = 0;
    for (int i : missing) {
      int size = size(batch, i);
      parts[i] = Arrays.copyOfRange(all, at, at + size);
      at += size;
      keep(texts[i], parts[i]);
    }
  }

  private void keep(int text, float[] part) {
    long bytes = 4L * part.length;
    if (bytes <= memoryLeft) {
      memoryLeft -= bytes;
      memory[text] = part;
    } else if (bytes <= fileLeft) {
      writeFile(text, part);
    }
  }

  private void writeFile(int text, float[] part) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * part.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(part);
    try {
      if (channel == null) {
        Files.createDirectories(file.toAbsolutePath().getParent());
        channel =
            FileChannel.open(
                file,
                StandardOpenOption.CREATE,
                StandardOpenOption.TRUNCATE_EXISTING,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE,
                StandardOpenOption.DELETE_ON_CLOSE);
      }
      long at = fileEnd;
      while (bytes.hasRemaining()) {
        at += channel.write(bytes, at);
      }
      places[text] = fileEnd;
      fileEnd = at;
      fileLeft -= 4L * part.length;
    } catch (IOException e) {
      fileLeft = 0;
      LOG.log(Level.WARNING, "the trunk cache stops at {0} bytes: {1}", fileEnd, e.getMessage());
    }
  }

  private float[] readFile(long place, int size) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * size).order(ByteOrder.LITTLE_ENDIAN);
    try {
      while (bytes.hasRemaining()) {
        if (channel.read(bytes, place + bytes.position()) < 0) {
          throw new IOException("it became shorter");
        }
      }
    } catch (IOException e) {
      throw new TrainingException(file + ": trunk cache cannot be read: " + e.getMessage(), e);
    }
    float[] out = new float[size];
    bytes.flip().asFloatBuffer().get(out);
    return out;
  }

  /** Bytes kept in the file so far. */
  long fileBytes() {
    return fileEnd;
  }

  @Override
  public void close() {
    if (channel != null) {
      try {
        channel.close();
      } catch (IOException e) {
        LOG.log(Level.DEBUG, "close", e);
      }
    }
  }
}
