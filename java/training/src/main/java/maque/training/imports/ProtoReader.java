package maque.training.imports;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import maque.runtime.ModelFormatException;

/**
 * A cursor over the fields of one protobuf message inside a mapped file. Nothing is copied, every
 * length is checked against the message that contains it, and every complaint names the file and
 * the byte where it arose.
 *
 * <p>Wire format: https://protobuf.dev/programming-guides/encoding/
 */
final class ProtoReader {
  static final int VARINT = 0;
  static final int FIXED64 = 1;
  static final int BYTES = 2;
  static final int FIXED32 = 5;

  private static final int MAX_STRING = 4096;

  private final ByteBuffer file;
  private final String fileName;
  private final int end;
  private int position;
  private int field;
  private int wireType;

  /** A reader of the whole file. */
  ProtoReader(ByteBuffer file, String fileName) {
    this(file.duplicate().order(ByteOrder.LITTLE_ENDIAN), fileName, 0, file.limit());
  }

  private ProtoReader(ByteBuffer file, String fileName, int start, int end) {
    this.file = file;
    this.fileName = fileName;
    this.position = start;
    this.end = end;
  }

  /**
   * Moves to the next field; false at the end of the message. The field's value must then be read
   * or skipped.
   */
  boolean next() {
    if (position == end) {
      return false;
    }
    int at = position;
    long tag = varint();
    wireType = (int) (tag & 7);
    long number = tag >>> 3;
    if (number < 1 || number >= 1 << 29) {
      throw error(at, "a protobuf field number", "the tag " + Long.toUnsignedString(tag));
    }
    field = (int) number;
    return true;
  }

  int field() {
    return field;
  }

  int wireType() {
    return wireType;
  }

  int position() {
    return position;
  }

  boolean atEnd() {
    return position == end;
  }

  /** The next varint; also the elements of a packed field, by a reader over its bytes. */
  long varint() {
    int at = position;
    long value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (position == end) {
        throw error(at, "a varint", "the end of its message");
      }
      byte b = file.get(position++);
      value |= (long) (b & 0x7f) << shift;
      if (b >= 0) {
        return value;
      }
    }
    throw error(at, "a varint of at most 10 bytes", "a longer one");
  }

  /** The value of a varint field. */
  long integer() {
    expect(VARINT);
    return varint();
  }

  /** The value of a float field. */
  float float32() {
    expect(FIXED32);
    if (end - position < 4) {
      throw error(position, "4 bytes", (end - position) + " to the end of the message");
    }
    float value = file.getFloat(position);
    position += 4;
    return value;
  }

  /** The bytes of a length-delimited field, as a read-only little-endian view of the file. */
  ByteBuffer bytes() {
    int length = length();
    ByteBuffer view =
        file.slice(position, length).asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
    position += length;
    return view;
  }

  /** A reader of the message (or packed field) in a length-delimited field. */
  ProtoReader message() {
    int length = length();
    ProtoReader inner = new ProtoReader(file, fileName, position, position + length);
    position += length;
    return inner;
  }

  /** A string field: strict UTF-8 of at most 4,096 bytes. */
  String string() {
    int at = position;
    ByteBuffer raw = bytes();
    if (raw.remaining() > MAX_STRING) {
      throw error(at, "a string of at most " + MAX_STRING + " bytes", raw.remaining() + " bytes");
    }
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(raw).toString();
    } catch (CharacterCodingException e) {
      throw error(at, "UTF-8", "other bytes");
    }
  }

  /** Passes over the field's value. */
  void skip() {
    switch (wireType) {
      case VARINT -> varint();
      case FIXED64 -> advance(8);
      case BYTES -> advance(length());
      case FIXED32 -> advance(4);
      default -> throw error(position, "wire type 0, 1, 2 or 5", "wire type " + wireType);
    }
  }

  ModelFormatException error(int at, String expected, String found) {
    return new ModelFormatException(
        fileName + ": at byte " + at + ": expected " + expected + ", found " + found);
  }

  private int length() {
    expect(BYTES);
    int at = position;
    long length = varint();
    if (length < 0 || length > end - position) {
      throw error(
          at,
          "a length of at most " + (end - position) + " bytes (the rest of the message)",
          Long.toUnsignedString(length));
    }
    return (int) length;
  }

  private void advance(int bytes) {
    if (end - position < bytes) {
      throw error(position, bytes + " bytes", (end - position) + " to the end of the message");
    }
    position += bytes;
  }

  private void expect(int type) {
    if (wireType != type) {
      throw error(position, "wire type " + type + " in field " + field, "wire type " + wireType);
    }
  }
}
