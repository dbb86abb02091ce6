package maque.runtime;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;

/**
 * Rows of a student's table, read where the file's bytes lie: float32, bfloat16, or int8 with
 * scales. Immutable and thread-safe.
 */
final class JavaTable {
  private final ByteBuffer data;
  private final FloatBuffer floats;
  private final FloatBuffer scales;
  private final IntBuffer map;
  private final int rows;
  private final int columns;
  private final int groups;
  private final long bytes;

  /**
   * @param scales of an int8 table [rows] or [rows, groups]; null for others
   * @param map each id's row; null where it is the id
   */
  JavaTable(Tensor table, Tensor scales, Tensor map) {
    data = table.data();
    floats = table.dtype().equals("F32") ? data.asFloatBuffer() : null;
    this.scales = scales == null ? null : scales.data().asFloatBuffer();
    this.map = map == null ? null : map.data().asIntBuffer();
    rows = (int) table.shape()[0];
    columns = (int) table.shape()[1];
    groups = scales == null ? 1 : this.scales.limit() / Math.max(1, rows);
    bytes =
        data.limit()
            + (scales == null ? 0 : scales.data().limit())
            + (map == null ? 0 : map.data().limit());
  }

  int ids() {
    return map == null ? rows : map.limit();
  }

  int columns() {
    return columns;
  }

  long bytes() {
    return bytes;
  }

  /** Elements begin to begin + n of an id's row, which lie in one group of scales. */
  void read(int id, int begin, int n, float[] out, int at) {
    int row = map == null ? id : map.get(id);
    int from = row * columns + begin;
    if (floats != null) {
      floats.get(from, out, at, n);
    } else if (scales == null) {
      for (int i = 0; i < n; i++) {
        out[at + i] = Float.intBitsToFloat(data.getShort(2 * (from + i)) << 16);
      }
    } else {
      float scale = scales.get(row * groups + begin * groups / columns);
      for (int i = 0; i < n; i++) {
        out[at + i] = data.get(from + i) * scale;
      }
    }
  }
}
