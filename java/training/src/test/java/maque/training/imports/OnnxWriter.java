package maque.training.imports;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Writes small ONNX files for tests: as much of the format as the importer reads, in each of its
 * spellings.
 */
final class OnnxWriter {
  /** A protobuf message under construction. */
  static final class Message {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    Message varint(long value) {
      long rest = value;
      while ((rest & ~0x7fL) != 0) {
        out.write((int) (rest & 0x7f | 0x80));
        rest >>>= 7;
      }
      out.write((int) rest);
      return this;
    }

    Message integer(int field, long value) {
      return varint((long) field << 3).varint(value);
    }

    Message bytes(int field, byte[] value) {
      varint((long) field << 3 | 2).varint(value.length);
      out.writeBytes(value);
      return this;
    }

    Message text(int field, String value) {
      return bytes(field, value.getBytes(StandardCharsets.UTF_8));
    }

    Message message(int field, Message value) {
      return bytes(field, value.toBytes());
    }

    Message real(int field, float value) {
      varint((long) field << 3 | 5);
      out.writeBytes(little(value));
      return this;
    }

    byte[] toBytes() {
      return out.toByteArray();
    }
  }

  /** How a float tensor's contents are written. */
  enum Form {
    RAW,
    PACKED,
    UNPACKED
  }

  private final Message graph = new Message();
  Form form = Form.RAW;

  static byte[] little(float... values) {
    ByteBuffer buffer = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    buffer.asFloatBuffer().put(values);
    return buffer.array();
  }

  Message tensor(String name, float[] values, long... dims) {
    Message tensor = new Message();
    for (long dim : dims) {
      tensor.integer(1, dim);
    }
    tensor.integer(2, 1).text(8, name);
    switch (form) {
      case RAW -> tensor.bytes(9, little(values));
      case PACKED -> tensor.bytes(4, little(values));
      default -> {
        for (float value : values) {
          tensor.real(4, value);
        }
      }
    }
    return tensor;
  }

  static Message integers(String name, long... values) {
    Message packed = new Message();
    for (long value : values) {
      packed.varint(value);
    }
    return new Message()
        .integer(1, values.length)
        .integer(2, 7)
        .bytes(7, packed.toBytes())
        .text(8, name);
  }

  OnnxWriter initializer(Message tensor) {
    graph.message(5, tensor);
    return this;
  }

  /** attributes: pairs of a name and a Message (tensor), Long, Float, String or long[]. */
  OnnxWriter node(String op, String outputs, String inputs, Object... attributes) {
    Message node = new Message();
    for (String input : inputs.isEmpty() ? new String[0] : inputs.split(" ")) {
      node.text(1, input);
    }
    for (String output : outputs.split(" ")) {
      node.text(2, output);
    }
    node.text(4, op);
    for (int i = 0; i < attributes.length; i += 2) {
      node.message(5, attribute((String) attributes[i], attributes[i + 1]));
    }
    graph.message(1, node);
    return this;
  }

  private static Message attribute(String name, Object value) {
    Message attribute = new Message().text(1, name);
    if (value instanceof Message tensor) {
      attribute.message(5, tensor);
    } else if (value instanceof Long integer) {
      attribute.integer(3, integer);
    } else if (value instanceof Float real) {
      attribute.real(2, real);
    } else if (value instanceof String text) {
      attribute.text(4, text);
    } else {
      for (long integer : (long[]) value) {
        attribute.integer(8, integer);
      }
    }
    return attribute;
  }

  OnnxWriter input(String name) {
    graph.message(11, new Message().text(1, name));
    return this;
  }

  OnnxWriter output(String name) {
    graph.message(12, new Message().text(1, name));
    return this;
  }

  byte[] toBytes() {
    return new Message().integer(1, 8).text(2, "test").message(7, graph).toBytes();
  }
}
