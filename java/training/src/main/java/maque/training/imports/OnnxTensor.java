package maque.training.imports;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import maque.runtime.ModelFormatException;

/**
 * A tensor of an ONNX file (TensorProto). Floats are a view of the file, little-endian: both {@code
 * raw_data} and a packed {@code float_data} hold them so. Small integer tensors (shapes, indices)
 * are decoded.
 *
 * @param name "" for the value of a Constant node
 * @param dims every size at least 0, their product below 2^31
 * @param dataType ONNX's number: 1 float, 7 int64, ...
 * @param data bytes of a float tensor; empty for other kinds
 * @param integers elements of an int64 tensor of at most 4,096 elements; else null
 * @param offset where the tensor's message ends in the file, for error messages
 */
record OnnxTensor(
    String name, long[] dims, int dataType, ByteBuffer data, long[] integers, int offset) {
  static final int FLOAT = 1;
  private static final int INT64 = 7;
  private static final int MAX_INTEGERS = 4096;
  private static final int MAX_RANK = 8;

  static OnnxTensor scalar(float value) {
    ByteBuffer data = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putFloat(0, value);
    return new OnnxTensor("", new long[0], FLOAT, data, null, 0);
  }

  static OnnxTensor integers(long... values) {
    ByteBuffer none = ByteBuffer.allocate(0);
    return new OnnxTensor("", new long[] {values.length}, INT64, none, values, 0);
  }

  /** Reads a TensorProto and checks its contents against its dimensions. */
  static OnnxTensor read(ProtoReader proto) {
    List<Long> dims = new ArrayList<>();
    List<Long> integers = new ArrayList<>();
    List<ByteBuffer> floats = new ArrayList<>();
    String name = "";
    int type = 0;
    ByteBuffer raw = null;
    while (proto.next()) {
      switch (proto.field()) {
        case 1 -> OnnxGraph.readIntegers(proto, dims);
        case 2 -> type = (int) proto.integer();
        case 4 -> addFloats(proto, floats);
        case 7 -> OnnxGraph.readIntegers(proto, integers);
        case 8 -> name = proto.string();
        case 9 -> raw = proto.bytes();
        case 13 -> throw proto.error(proto.position(), "weights inside the file", "external data");
        case 14 -> requireInside(proto);
        default -> proto.skip();
      }
    }
    int offset = proto.position();
    long count = count(proto, dims);
    long[] shape = dims.stream().mapToLong(Long::longValue).toArray();
    if (type == FLOAT) {
      ByteBuffer data = raw != null ? raw : join(floats);
      if (data.remaining() != 4 * count) {
        throw proto.error(
            offset,
            4 * count + " bytes for the shape " + dims + " of " + name,
            data.remaining() + "");
      }
      return new OnnxTensor(name, shape, type, data, null, offset);
    }
    long[] decoded =
        type == INT64 && count <= MAX_INTEGERS ? decode(proto, raw, integers, count) : null;
    return new OnnxTensor(name, shape, type, ByteBuffer.allocate(0), decoded, offset);
  }

  boolean isFloat() {
    return dataType == FLOAT;
  }

  int rank() {
    return dims.length;
  }

  /** True for a float tensor of these sizes. */
  boolean hasShape(long... sizes) {
    return isFloat() && Arrays.equals(dims, sizes);
  }

  /** The one element of a float tensor, or null where it has another number of elements. */
  Float single() {
    return isFloat() && data.remaining() == 4 ? data.getFloat(data.position()) : null;
  }

  private static void requireInside(ProtoReader proto) {
    int at = proto.position();
    if (proto.integer() != 0) {
      throw proto.error(at, "weights inside the file", "external data");
    }
  }

  private static void addFloats(ProtoReader proto, List<ByteBuffer> floats) {
    if (proto.wireType() == ProtoReader.BYTES) {
      floats.add(proto.bytes());
      return;
    }
    ByteBuffer last = floats.isEmpty() ? null : floats.get(floats.size() - 1);
    if (last == null || last.isReadOnly() || last.limit() == last.capacity()) {
      // Unpacked floats: collect them in blocks of growing size.
      int capacity =
          last == null || last.isReadOnly() ? 256 : Math.min(last.capacity() * 2, 1 << 20);
      last = ByteBuffer.allocateDirect(capacity).order(ByteOrder.LITTLE_ENDIAN).limit(0);
      floats.add(last);
    }
    int at = last.limit();
    last.limit(at + 4).putFloat(at, proto.float32());
  }

  private static ByteBuffer join(List<ByteBuffer> parts) {
    if (parts.size() == 1) {
      return parts.get(0);
    }
    long bytes = parts.stream().mapToLong(ByteBuffer::remaining).sum();
    ByteBuffer all = ByteBuffer.allocateDirect((int) bytes).order(ByteOrder.LITTLE_ENDIAN);
    parts.forEach(part -> all.put(part.duplicate()));
    return all.flip();
  }

  private static long count(ProtoReader proto, List<Long> dims) {
    if (dims.size() > MAX_RANK) {
      throw proto.error(proto.position(), "at most " + MAX_RANK + " dimensions", dims.size() + "");
    }
    long count = 1;
    for (long size : dims) {
      if (size < 0 || size > Integer.MAX_VALUE || (count *= size) > Integer.MAX_VALUE) {
        throw proto.error(
            proto.position(), "dimensions whose product is below 2^31", dims.toString());
      }
    }
    return count;
  }

  private static long[] decode(ProtoReader proto, ByteBuffer raw, List<Long> integers, long count) {
    long[] values = new long[(int) count];
    if (raw != null && raw.remaining() == 8 * count) {
      raw.asLongBuffer().get(values);
    } else if (raw == null && integers.size() == count) {
      for (int i = 0; i < count; i++) {
        values[i] = integers.get(i);
      }
    } else {
      throw proto.error(
          proto.position(),
          count + " int64 elements",
          raw != null ? raw.remaining() + " bytes" : integers.size() + "");
    }
    return values;
  }

  /** A complaint about this tensor. */
  ModelFormatException error(String file, String expected) {
    return new ModelFormatException(
        file
            + ": at byte "
            + offset
            + ": expected "
            + expected
            + ", found "
            + name
            + " of type "
            + dataType
            + " and shape "
            + Arrays.toString(dims));
  }
}
