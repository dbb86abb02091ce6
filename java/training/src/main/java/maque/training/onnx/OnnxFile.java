package maque.training.onnx;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import maque.runtime.AtomicFiles;
import maque.runtime.InvalidInputException;

/**
 * A graph that is written as an ONNX file: IR version 8, operators of opset 17 and, under the
 * prefix {@link #OWN}, ONNX Runtime's own. Names and field numbers: onnx.proto3 of
 * https://github.com/onnx/onnx. For one thread.
 */
public final class OnnxFile {
  public static final int FLOAT = 1;
  public static final int INT8 = 3;
  public static final int INT32 = 6;
  public static final int INT64 = 7;
  public static final int BOOL = 9;

  /** The domain of ONNX Runtime's own operators, as a prefix of an operator's name. */
  public static final String OWN = "com.microsoft/";

  private static final int IR_VERSION = 8;
  private static final int OPSET = 17;
  private static final long MAX_BYTES = Integer.MAX_VALUE;

  /** A protobuf message. */
  private static final class Message {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    private Message varint(long value) {
      long rest = value;
      for (; (rest & ~0x7fL) != 0; rest >>>= 7) {
        out.write((int) (rest & 0x7f | 0x80));
      }
      out.write((int) rest);
      return this;
    }

    Message put(int field, long value) {
      return varint((long) field << 3).varint(value);
    }

    Message put(int field, float value) {
      varint((long) field << 3 | 5);
      int bits = Float.floatToIntBits(value);
      for (int shift = 0; shift < 32; shift += 8) {
        out.write(bits >>> shift);
      }
      return this;
    }

    private Message length(int field, long bytes) {
      return varint((long) field << 3 | 2).varint(bytes);
    }

    Message put(int field, byte[] value) {
      length(field, value.length);
      out.writeBytes(value);
      return this;
    }

    Message put(int field, String value) {
      return put(field, value.getBytes(StandardCharsets.UTF_8));
    }

    Message put(int field, Message value) {
      return put(field, value.out.toByteArray());
    }

    ByteBuffer buffer() {
      return ByteBuffer.wrap(out.toByteArray());
    }
  }

  /** The graph's bytes in order; weights stand between small messages and are not copied. */
  private final List<ByteBuffer> parts = new ArrayList<>();

  private Message graph = new Message();
  private final Message properties = new Message();
  private boolean own;

  /** A constant of floats; the array must not change before {@link #save}. */
  public void floats(String name, float[] values, long... dims) {
    ByteBuffer raw = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    raw.asFloatBuffer().put(values);
    tensor(name, FLOAT, raw, dims);
  }

  /** A constant of int64, of one dimension. */
  public void integers(String name, long... values) {
    ByteBuffer raw = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    raw.asLongBuffer().put(values);
    tensor(name, INT64, raw, values.length);
  }

  /**
   * A constant.
   *
   * @param type {@link #FLOAT} and so on
   * @param raw its elements, little-endian and row-major, which must not change before {@link
   *     #save}
   * @param dims sizes, outermost first; none for a scalar
   */
  public void tensor(String name, int type, ByteBuffer raw, long... dims) {
    Message tensor = new Message();
    for (long dim : dims) {
      tensor.put(1, dim);
    }
    tensor.put(2, type).put(8, name).length(9, raw.remaining());
    graph.length(5, (long) tensor.out.size() + raw.remaining());
    graph.out.writeBytes(tensor.out.toByteArray());
    parts.add(graph.buffer());
    parts.add(raw.duplicate());
    graph = new Message();
  }

  /**
   * An operation.
   *
   * @param op its name, with {@link #OWN} before it where it is no operator of ONNX
   * @param outputs names separated by blanks; - stands for one that is not wanted
   * @param inputs likewise; - for one that is left out
   * @param attributes pairs of a name and a Float, Long, String or long[]
   */
  public void node(String op, String outputs, String inputs, Object... attributes) {
    Message node = new Message();
    for (String input : inputs.split(" ")) {
      node.put(1, input.equals("-") ? "" : input);
    }
    for (String output : outputs.split(" ")) {
      node.put(2, output.equals("-") ? "" : output);
    }
    int domain = op.indexOf('/');
    node.put(4, op.substring(domain + 1));
    for (int i = 0; i < attributes.length; i += 2) {
      node.put(5, attribute((String) attributes[i], attributes[i + 1]));
    }
    if (domain > 0) {
      node.put(7, op.substring(0, domain));
      own = true;
    }
    graph.put(1, node);
  }

  private static Message attribute(String name, Object value) {
    Message attribute = new Message().put(1, name);
    if (value instanceof Float number) {
      return attribute.put(2, number).put(20, 1);
    }
    if (value instanceof Long integer) {
      return attribute.put(3, integer).put(20, 2);
    }
    if (value instanceof String text) {
      return attribute.put(4, text).put(20, 3);
    }
    for (long integer : (long[]) value) {
      attribute.put(8, integer);
    }
    return attribute.put(20, 7);
  }

  /** An input; dims are names of free sizes, or numbers. */
  public void input(String name, int type, String... dims) {
    graph.put(11, value(name, type, dims));
  }

  /** An output of floats. */
  public void output(String name, String... dims) {
    graph.put(12, value(name, FLOAT, dims));
  }

  private static Message value(String name, int type, String... dims) {
    Message shape = new Message();
    for (String dim : dims) {
      boolean fixed = Character.isDigit(dim.charAt(0));
      Message size = new Message();
      shape.put(1, fixed ? size.put(1, Long.parseLong(dim)) : size.put(2, dim));
    }
    Message tensor = new Message().put(1, type).put(2, shape);
    return new Message().put(1, name).put(2, new Message().put(1, tensor));
  }

  /** A key and a value that readers find beside the graph. */
  public void property(String key, String value) {
    properties.put(14, new Message().put(1, key).put(2, value));
  }

  /**
   * Writes the file; what was there before stays if that fails.
   *
   * @throws InvalidInputException where it would have 2 GiB or more, which no ONNX file can
   * @throws maque.runtime.StorageException naming the file and the cause
   */
  public void save(Path file) {
    graph.put(2, "maque");
    List<ByteBuffer> all = new ArrayList<>(parts);
    all.add(graph.buffer());
    long bytes = all.stream().mapToLong(ByteBuffer::remaining).sum();
    Message head = new Message().put(1, IR_VERSION).put(2, "maque").length(7, bytes);
    all.add(0, head.buffer());
    all.add(tail());
    long total = all.stream().mapToLong(ByteBuffer::remaining).sum();
    if (total > MAX_BYTES) {
      throw new InvalidInputException(
          file + ": an ONNX file has at most " + MAX_BYTES + " bytes, this would have " + total);
    }
    AtomicFiles.write(
        file,
        channel -> {
          for (ByteBuffer part : all) {
            ByteBuffer rest = part.duplicate();
            while (rest.hasRemaining()) {
              channel.write(rest);
            }
          }
        });
  }

  private ByteBuffer tail() {
    Message tail = new Message().put(8, new Message().put(1, "").put(2, OPSET));
    if (own) {
      tail.put(8, new Message().put(1, OWN.substring(0, OWN.length() - 1)).put(2, 1));
    }
    tail.out.writeBytes(properties.out.toByteArray());
    return tail.buffer();
  }
}
