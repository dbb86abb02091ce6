package maque.training.imports;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import maque.runtime.ModelFormatException;

/**
 * The graph of an ONNX file: nodes, initialisers, names of inputs and outputs. Tensor contents stay
 * in the mapped file.
 *
 * <p>Field numbers: onnx.proto3 of https://github.com/onnx/onnx (ModelProto, GraphProto, NodeProto,
 * AttributeProto). Constant nodes become initialisers and Identity nodes are looked through, so
 * that a reader sees one form of both.
 */
final class OnnxGraph {
  private static final int MAX_NODES = 200_000;
  private static final int MAX_ITEMS = 4096;

  /**
   * One operation. Attributes hold Long, Float, String, long[] or OnnxTensor; other kinds are left
   * out.
   */
  record Node(
      String op,
      String domain,
      List<String> inputs,
      List<String> outputs,
      Map<String, Object> attributes) {
    /** The name of input i, or "" where it is absent. */
    String input(int i) {
      return i < inputs.size() ? inputs.get(i) : "";
    }

    long integer(String name, long otherwise) {
      return attributes.get(name) instanceof Long value ? value : otherwise;
    }

    float real(String name, float otherwise) {
      return attributes.get(name) instanceof Float value ? value : otherwise;
    }

    String text(String name, String otherwise) {
      return attributes.get(name) instanceof String value ? value : otherwise;
    }
  }

  final String fileName;
  final List<Node> nodes = new ArrayList<>();
  final Map<String, OnnxTensor> tensors = new LinkedHashMap<>();
  final List<String> inputs = new ArrayList<>();
  final List<String> outputs = new ArrayList<>();
  private final Map<String, Node> producers = new HashMap<>();
  private final Map<String, List<Node>> consumers = new HashMap<>();
  private final Map<String, String> identities = new HashMap<>();

  private OnnxGraph(String fileName) {
    this.fileName = fileName;
  }

  /** Maps and reads a file of at most 2 GiB. */
  static OnnxGraph read(Path path) throws IOException {
    if (!Files.isRegularFile(path)) {
      throw new ModelFormatException(path + ": expected an ONNX file, found none");
    }
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      long size = channel.size();
      if (size > Integer.MAX_VALUE) {
        throw new ModelFormatException(path + ": expected at most 2 GiB, found " + size + " bytes");
      }
      MappedByteBuffer map = channel.map(FileChannel.MapMode.READ_ONLY, 0, size);
      return parse(map, path.toString());
    }
  }

  static OnnxGraph parse(ByteBuffer bytes, String fileName) {
    OnnxGraph graph = new OnnxGraph(fileName);
    ProtoReader model = new ProtoReader(bytes, fileName);
    boolean found = false;
    while (model.next()) {
      if (model.field() == 7 && !found) {
        found = true;
        graph.readGraph(model.message());
      } else if (model.field() == 7) {
        throw model.error(model.position(), "one graph", "a second one");
      } else {
        model.skip();
      }
    }
    if (!found) {
      throw new ModelFormatException(fileName + ": expected an ONNX model, found no graph in it");
    }
    graph.link();
    return graph;
  }

  /** The node that makes a value, or null (an input, an initialiser, or nothing). */
  Node producer(String value) {
    return producers.get(resolve(value));
  }

  /** The nodes that read a value, in the order of the file. */
  List<Node> consumersOf(String value) {
    return consumers.getOrDefault(resolve(value), List.of());
  }

  /** The initialiser (or constant) of a name, or null. */
  OnnxTensor tensor(String value) {
    return tensors.get(resolve(value));
  }

  /** The name behind Identity nodes. */
  String resolve(String value) {
    String name = value;
    for (int hops = 0; identities.containsKey(name); hops++) {
      if (hops > MAX_ITEMS) {
        throw new ModelFormatException(
            fileName + ": expected a graph without cycles, found one at " + value);
      }
      name = identities.get(name);
    }
    return name;
  }

  private void readGraph(ProtoReader graph) {
    while (graph.next()) {
      switch (graph.field()) {
        case 1 -> addNode(readNode(graph.message()), graph);
        case 5 -> addTensor(OnnxTensor.read(graph.message()), graph);
        case 11 -> addName(inputs, graph);
        case 12 -> addName(outputs, graph);
        default -> graph.skip();
      }
    }
  }

  private void addNode(Node node, ProtoReader at) {
    if (nodes.size() == MAX_NODES) {
      throw at.error(at.position(), "at most " + MAX_NODES + " nodes", "more");
    }
    nodes.add(node);
  }

  private void addTensor(OnnxTensor tensor, ProtoReader at) {
    if (tensors.size() == MAX_NODES) {
      throw at.error(at.position(), "at most " + MAX_NODES + " initialisers", "more");
    }
    if (tensors.putIfAbsent(tensor.name(), tensor) != null) {
      throw at.error(
          at.position(), "initialisers of different names", "two of name " + tensor.name());
    }
  }

  /** Name of a ValueInfoProto. */
  private static void addName(List<String> names, ProtoReader graph) {
    if (names.size() == MAX_ITEMS) {
      throw graph.error(graph.position(), "at most " + MAX_ITEMS + " inputs or outputs", "more");
    }
    ProtoReader info = graph.message();
    while (info.next()) {
      if (info.field() == 1) {
        names.add(info.string());
      } else {
        info.skip();
      }
    }
  }

  private static Node readNode(ProtoReader node) {
    List<String> inputs = new ArrayList<>();
    List<String> outputs = new ArrayList<>();
    Map<String, Object> attributes = new HashMap<>();
    String op = "";
    String domain = "";
    while (node.next()) {
      switch (node.field()) {
        case 1 -> addBounded(inputs, node);
        case 2 -> addBounded(outputs, node);
        case 4 -> op = node.string();
        case 5 -> readAttribute(node.message(), attributes);
        case 7 -> domain = node.string();
        default -> node.skip();
      }
    }
    return new Node(op, domain, inputs, outputs, attributes);
  }

  private static void addBounded(List<String> names, ProtoReader node) {
    if (names.size() == MAX_ITEMS) {
      throw node.error(
          node.position(), "at most " + MAX_ITEMS + " inputs or outputs of a node", "more");
    }
    names.add(node.string());
  }

  private static void readAttribute(ProtoReader attribute, Map<String, Object> into) {
    String name = "";
    Object value = null;
    List<Long> integers = new ArrayList<>();
    while (attribute.next()) {
      switch (attribute.field()) {
        case 1 -> name = attribute.string();
        case 2 -> value = attribute.float32();
        case 3 -> value = attribute.integer();
        case 4 -> value = attribute.string();
        case 5 -> value = OnnxTensor.read(attribute.message());
        case 8 -> readIntegers(attribute, integers);
        default -> attribute.skip();
      }
    }
    if (!integers.isEmpty()) {
      value = integers.stream().mapToLong(Long::longValue).toArray();
    }
    if (value != null) {
      into.put(name, value);
    }
  }

  /** A repeated integer field, packed or not. */
  static void readIntegers(ProtoReader reader, List<Long> into) {
    if (reader.wireType() == ProtoReader.VARINT) {
      addInteger(reader, reader.integer(), into);
      return;
    }
    ProtoReader packed = reader.message();
    while (!packed.atEnd()) {
      addInteger(packed, packed.varint(), into);
    }
  }

  private static void addInteger(ProtoReader reader, long value, List<Long> into) {
    if (into.size() == MAX_ITEMS) {
      throw reader.error(reader.position(), "at most " + MAX_ITEMS + " integers", "more");
    }
    into.add(value);
  }

  private void link() {
    inputs.removeIf(tensors::containsKey); // old files list initialisers among the inputs
    for (Node node : nodes) {
      if (node.op.equals("Identity") && node.inputs.size() == 1 && node.outputs.size() == 1) {
        identities.put(node.outputs.get(0), node.inputs.get(0));
      } else if (node.op.equals("Constant") && node.outputs.size() == 1) {
        addConstant(node);
      }
    }
    for (Node node : nodes) {
      for (String output : node.outputs) {
        if (!output.isEmpty() && producers.put(output, node) != null) {
          throw new ModelFormatException(
              fileName + ": expected one node for each value, found two for " + output);
        }
      }
      for (String input : node.inputs) {
        if (!input.isEmpty()) {
          consumers.computeIfAbsent(resolve(input), k -> new ArrayList<>()).add(node);
        }
      }
    }
  }

  private void addConstant(Node node) {
    Object value = node.attributes.get("value");
    if (value instanceof OnnxTensor tensor) {
      tensors.putIfAbsent(node.outputs.get(0), tensor);
    } else if (node.attributes.get("value_float") instanceof Float real) {
      tensors.putIfAbsent(node.outputs.get(0), OnnxTensor.scalar(real));
    } else if (node.attributes.get("value_ints") instanceof long[] integers) {
      tensors.putIfAbsent(node.outputs.get(0), OnnxTensor.integers(integers));
    } else if (node.attributes.get("value_int") instanceof Long integer) {
      tensors.putIfAbsent(node.outputs.get(0), OnnxTensor.integers(integer));
    }
  }
}
