package maque.training.imports;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Small shapes of graph that exporters write for one layer of a network: linear maps, layer
 * normalisations, and ways between them.
 */
final class OnnxPatterns {
  private static final int MAX_VISITED = 10_000;

  /** Operations that only reshape, scale, mask or pass on their first input. */
  private static final Set<String> FIRST_INPUT =
      Set.of(
          "Reshape", "Transpose", "Cast", "Unsqueeze", "Squeeze", "Dropout", "Expand", "Flatten");

  private static final Set<String> BOTH_INPUTS = Set.of("Mul", "Div", "Add");

  private final OnnxGraph graph;

  OnnxPatterns(OnnxGraph graph) {
    this.graph = graph;
  }

  /**
   * y = x W + b. The weight lies as [in, out] when {@code transposed} (a folded transposition of
   * PyTorch's), else as [out, in].
   */
  record Linear(String input, OnnxTensor weight, boolean transposed, OnnxTensor bias) {
    long in() {
      return weight.dims()[transposed ? 0 : 1];
    }

    long out() {
      return weight.dims()[transposed ? 1 : 0];
    }
  }

  /** y = (x - mean) / sqrt(variance + eps) * gamma + beta. */
  record Norm(String input, OnnxTensor gamma, OnnxTensor beta, float eps, String output) {}

  /** The linear map that makes this value, or null. */
  Linear linear(String value) {
    OnnxGraph.Node node = graph.producer(value);
    if (node == null) {
      return null;
    }
    if (node.op().equals("Gemm")) {
      return gemm(node);
    }
    if (!node.op().equals("Add")) {
      return null;
    }
    for (int i = 0; i < 2; i++) {
      OnnxTensor bias = graph.tensor(node.input(i));
      OnnxGraph.Node product = graph.producer(node.input(1 - i));
      if (bias != null
          && bias.isFloat()
          && bias.rank() == 1
          && product != null
          && product.op().equals("MatMul")) {
        return matmul(product, bias);
      }
    }
    return null;
  }

  private Linear gemm(OnnxGraph.Node node) {
    OnnxTensor weight = matrix(node.input(1));
    OnnxTensor bias = graph.tensor(node.input(2));
    boolean plain =
        node.real("alpha", 1) == 1 && node.real("beta", 1) == 1 && node.integer("transA", 0) == 0;
    if (weight == null || bias == null || !plain) {
      return null;
    }
    return checked(
        new Linear(graph.resolve(node.input(0)), weight, node.integer("transB", 0) == 0, bias));
  }

  private Linear matmul(OnnxGraph.Node node, OnnxTensor bias) {
    String input = graph.resolve(node.input(0));
    OnnxTensor weight = matrix(node.input(1));
    if (weight != null) {
      return checked(new Linear(input, weight, true, bias));
    }
    OnnxGraph.Node turned = graph.producer(node.input(1));
    if (turned == null || !turned.op().equals("Transpose")) {
      return null;
    }
    weight = matrix(turned.input(0));
    return weight == null ? null : checked(new Linear(input, weight, false, bias));
  }

  private Linear checked(Linear linear) {
    if (!linear.bias.hasShape(linear.out())) {
      throw linear.bias.error(
          graph.fileName, "a bias of " + linear.out() + " floats beside " + linear.weight.name());
    }
    return linear;
  }

  /** A two-dimensional float initialiser, or null. */
  OnnxTensor matrix(String value) {
    OnnxTensor tensor = graph.tensor(value);
    return tensor != null && tensor.isFloat() && tensor.rank() == 2 ? tensor : null;
  }

  /**
   * The layer normalisation whose result is this node's, in one operation or spelt out; or null.
   */
  Norm norm(OnnxGraph.Node node) {
    if (node.outputs().isEmpty()) {
      return null;
    }
    if (node.op().equals("LayerNormalization")) {
      OnnxTensor gamma = graph.tensor(node.input(1));
      OnnxTensor beta = graph.tensor(node.input(2));
      return norm(node.input(0), gamma, beta, node.real("epsilon", 1e-5f), node);
    }
    return node.op().equals("Add") ? speltNorm(node) : null;
  }

  private Norm norm(
      String input, OnnxTensor gamma, OnnxTensor beta, float eps, OnnxGraph.Node node) {
    boolean vectors =
        gamma != null && beta != null && gamma.rank() == 1 && beta.hasShape(gamma.dims());
    return vectors ? new Norm(graph.resolve(input), gamma, beta, eps, node.outputs().get(0)) : null;
  }

  /**
   * Add(Mul(Div(Sub(x, mean), Sqrt(Add(variance, eps))), gamma), beta), the operands of Add and Mul
   * in either order.
   */
  private Norm speltNorm(OnnxGraph.Node add) {
    int b = graph.tensor(add.input(0)) != null ? 0 : 1;
    OnnxGraph.Node scaled = producer(add.input(1 - b), "Mul");
    if (scaled == null) {
      return null;
    }
    int g = graph.tensor(scaled.input(0)) != null ? 0 : 1;
    OnnxGraph.Node quotient = producer(scaled.input(1 - g), "Div");
    OnnxGraph.Node centred = quotient == null ? null : producer(quotient.input(0), "Sub");
    OnnxGraph.Node root = quotient == null ? null : producer(quotient.input(1), "Sqrt");
    OnnxGraph.Node mean = centred == null ? null : producer(centred.input(1), "ReduceMean");
    OnnxGraph.Node variance = root == null ? null : producer(root.input(0), "Add");
    if (mean == null || variance == null) {
      return null;
    }
    String input = graph.resolve(centred.input(0));
    Float eps =
        single(variance.input(0)) != null ? single(variance.input(0)) : single(variance.input(1));
    if (eps == null || !graph.resolve(mean.input(0)).equals(input)) {
      return null;
    }
    return norm(input, graph.tensor(scaled.input(g)), graph.tensor(add.input(b)), eps, add);
  }

  private OnnxGraph.Node producer(String value, String op) {
    OnnxGraph.Node node = graph.producer(value);
    return node != null && node.op().equals(op) ? node : null;
  }

  /** The value of a float constant of one element, or null. */
  Float single(String value) {
    OnnxTensor tensor = graph.tensor(value);
    return tensor == null ? null : tensor.single();
  }

  /** A way back through the graph: the nodes from the start to the value that was looked for. */
  record Way(String found, List<OnnxGraph.Node> nodes) {}

  /**
   * Walks from a value against the arrows, through the operations above and those of {@code also},
   * to the values that satisfy {@code stop}. Null unless exactly one is reached.
   */
  Way back(String start, Predicate<String> stop, Set<String> also) {
    Map<String, String> towardsStart = new HashMap<>();
    ArrayDeque<String> queue = new ArrayDeque<>();
    String found = null;
    String first = graph.resolve(start);
    towardsStart.put(first, first);
    queue.add(first);
    while (!queue.isEmpty() && towardsStart.size() < MAX_VISITED) {
      String value = queue.remove();
      if (stop.test(value)) {
        if (found != null) {
          return null;
        }
        found = value;
        continue;
      }
      OnnxGraph.Node node = graph.producer(value);
      for (String input : node == null ? List.<String>of() : follow(node, also)) {
        String next = graph.resolve(input);
        if (!next.isEmpty()
            && graph.tensor(next) == null
            && towardsStart.putIfAbsent(next, value) == null) {
          queue.add(next);
        }
      }
    }
    return found == null ? null : new Way(found, path(found, first, towardsStart));
  }

  private static List<String> follow(OnnxGraph.Node node, Set<String> also) {
    if (BOTH_INPUTS.contains(node.op())) {
      return node.inputs();
    }
    if (node.op().equals("Where")) {
      return node.inputs().subList(Math.min(1, node.inputs().size()), node.inputs().size());
    }
    if (FIRST_INPUT.contains(node.op()) || also.contains(node.op())) {
      return List.of(node.input(0));
    }
    return List.of();
  }

  private List<OnnxGraph.Node> path(String found, String first, Map<String, String> towardsStart) {
    List<OnnxGraph.Node> nodes = new ArrayList<>();
    for (String value = found; !value.equals(first); ) {
      value = towardsStart.get(value);
      nodes.add(graph.producer(value));
    }
    Collections.reverse(nodes);
    return nodes;
  }

  /** The product of the constant factors on a way, or NaN where a factor is not constant. */
  double scale(Way way) {
    double scale = 1;
    for (OnnxGraph.Node node : way.nodes()) {
      if (node.op().equals("Div")) {
        Float divisor = single(node.input(1));
        scale /= divisor == null ? Double.NaN : divisor;
      } else if (node.op().equals("Mul")) {
        Float left = single(node.input(0));
        Float factor = left != null ? left : single(node.input(1));
        scale *= factor == null ? Double.NaN : factor;
      }
    }
    return scale;
  }

  /**
   * The last two sizes that a Reshape to four dimensions asks for, -1 where they are not constant;
   * or null.
   */
  long[] lastTwoOf4(OnnxGraph.Node reshape) {
    OnnxTensor shape = graph.tensor(reshape.input(1));
    if (shape != null) {
      return shape.integers() != null && shape.integers().length == 4
          ? Arrays.copyOfRange(shape.integers(), 2, 4)
          : null;
    }
    OnnxGraph.Node concat = producer(reshape.input(1), "Concat");
    if (concat == null || concat.inputs().size() != 4) {
      return null;
    }
    return new long[] {size(concat.input(2)), size(concat.input(3))};
  }

  private long size(String value) {
    OnnxTensor tensor = graph.tensor(value);
    return tensor != null && tensor.integers() != null && tensor.integers().length == 1
        ? tensor.integers()[0]
        : -1;
  }
}
