package maque.training.imports;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import maque.runtime.ModelFormatException;

/**
 * Finds a BERT encoder (Devlin et al., arXiv 1810.04805) in an ONNX graph by following the data:
 * the normalised sum of two or three embeddings, then layers of attention and feed-forward network,
 * each closed by the normalised sum with its input, and a pooler where there is one. Names in the
 * file are not relied on, but for the graph inputs that hold token ids and type ids.
 */
final class OnnxBertGraph {
  private static final int MAX_LAYERS = 1000;
  private static final Set<String> ACTIVATION_OPS =
      Set.of("Erf", "Tanh", "Gelu", "Relu", "Pow", "FastGelu", "Sigmoid");
  private static final Set<String> SELECTION_OPS = Set.of("Gather", "Slice", "GatherND");

  /** Where a parameter lies, and whether its two dimensions must be exchanged. */
  record Weight(OnnxTensor tensor, boolean transposed) {}

  private final OnnxGraph graph;
  private final OnnxPatterns patterns;
  private final Map<String, List<OnnxPatterns.Norm>> normsAfterSumWith = new HashMap<>();

  /** Parameters by Hugging Face's names (BertModel), in Hugging Face's order. */
  final Map<String, Weight> weights = new LinkedHashMap<>();

  long vocabulary;
  long positions;
  long types;
  long hidden;
  long intermediate;
  long heads;
  int layers;
  float eps;
  String activation;
  boolean pooler;

  OnnxBertGraph(OnnxGraph graph) {
    this.graph = graph;
    this.patterns = new OnnxPatterns(graph);
    List<OnnxPatterns.Norm> norms = indexNorms();
    String x = embeddings(norms);
    for (String next = layer(x); next != null; next = layer(x)) {
      x = next;
      if (++layers == MAX_LAYERS) {
        throw failure("at most " + MAX_LAYERS + " layers", "more");
      }
    }
    if (layers == 0) {
      throw failure("an encoder layer after the embeddings", "none");
    }
    findPooler(x);
  }

  /** Float tensors of more than one element that belong to no part of the encoder. */
  List<String> unused() {
    Set<OnnxTensor> used = Collections.newSetFromMap(new IdentityHashMap<>());
    weights.values().forEach(weight -> used.add(weight.tensor));
    List<String> rest = new ArrayList<>();
    graph.tensors.forEach(
        (name, tensor) -> {
          if (tensor.isFloat() && tensor.data().remaining() > 4 && !used.contains(tensor)) {
            rest.add(name);
          }
        });
    return rest;
  }

  private List<OnnxPatterns.Norm> indexNorms() {
    List<OnnxPatterns.Norm> norms = new ArrayList<>();
    for (OnnxGraph.Node node : graph.nodes) {
      OnnxPatterns.Norm norm = patterns.norm(node);
      OnnxGraph.Node sum = norm == null ? null : graph.producer(norm.input());
      if (sum == null || !sum.op().equals("Add")) {
        continue;
      }
      norms.add(norm);
      for (String input :
          new HashSet<>(List.of(graph.resolve(sum.input(0)), graph.resolve(sum.input(1))))) {
        normsAfterSumWith.computeIfAbsent(input, k -> new ArrayList<>()).add(norm);
      }
    }
    return norms;
  }

  /** Finds the embeddings and returns the name of their normalised sum. */
  private String embeddings(List<OnnxPatterns.Norm> norms) {
    OnnxPatterns.Norm found = null;
    List<OnnxGraph.Node> gathers = null;
    for (OnnxPatterns.Norm norm : norms) {
      List<OnnxGraph.Node> leaves = new ArrayList<>();
      if (isSumOfGathers(norm.input(), leaves, 0) && leaves.size() >= 2) {
        if (found != null) {
          throw failure("one normalised sum of embeddings", "a second one at " + norm.output());
        }
        found = norm;
        gathers = leaves;
      }
    }
    if (found == null) {
      throw failure(
          "a normalised sum of two or three embeddings (word, position, token type)", "none");
    }
    hidden = found.gamma().dims()[0];
    eps = found.eps();
    nameEmbeddings(gathers);
    putNorm("embeddings.LayerNorm", found);
    return graph.resolve(found.output());
  }

  private boolean isSumOfGathers(String value, List<OnnxGraph.Node> leaves, int depth) {
    OnnxGraph.Node node = graph.producer(value);
    if (node == null || depth > 2) {
      return false;
    }
    if (node.op().equals("Gather") && patterns.matrix(node.input(0)) != null) {
      leaves.add(node);
      return leaves.size() <= 3;
    }
    return node.op().equals("Add")
        && isSumOfGathers(node.input(0), leaves, depth + 1)
        && isSumOfGathers(node.input(1), leaves, depth + 1);
  }

  /**
   * Token ids and type ids are inputs of the graph; positions are computed. A type table without
   * such an input is the shorter one.
   */
  private void nameEmbeddings(List<OnnxGraph.Node> gathers) {
    OnnxTensor word = null;
    OnnxTensor type = null;
    List<OnnxTensor> computed = new ArrayList<>();
    for (OnnxGraph.Node gather : gathers) {
      OnnxTensor table = patterns.matrix(gather.input(0));
      String source = graphInputBehind(gather.input(1));
      if (source == null) {
        computed.add(table);
      } else if (source.contains("type") || source.contains("segment")) {
        type = once(type, table, "token type");
      } else {
        word = once(word, table, "word");
      }
    }
    if (type == null && computed.size() == 2) {
      computed.sort(Comparator.comparingLong(table -> -table.dims()[0]));
      type = computed.remove(1);
    }
    if (word == null || computed.size() != 1) {
      throw failure(
          "one word embedding (read by token ids) and one position embedding (read by computed"
              + " ids)",
          "others");
    }
    vocabulary = putEmbedding("embeddings.word_embeddings.weight", word);
    positions = putEmbedding("embeddings.position_embeddings.weight", computed.get(0));
    types = type == null ? 0 : putEmbedding("embeddings.token_type_embeddings.weight", type);
  }

  private String graphInputBehind(String indices) {
    OnnxPatterns.Way way = patterns.back(indices, graph.inputs::contains, Set.of());
    return way == null ? null : way.found();
  }

  private OnnxTensor once(OnnxTensor before, OnnxTensor table, String what) {
    if (before != null) {
      throw failure("one " + what + " embedding", before.name() + " and " + table.name());
    }
    return table;
  }

  private long putEmbedding(String name, OnnxTensor table) {
    if (table.dims()[1] != hidden || table.dims()[0] < 1) {
      throw table.error(graph.fileName, "rows of " + hidden + " floats for " + name);
    }
    weights.put(name, new Weight(table, false));
    return table.dims()[0];
  }

  private void putNorm(String name, OnnxPatterns.Norm norm) {
    for (OnnxTensor tensor : List.of(norm.gamma(), norm.beta())) {
      if (!tensor.hasShape(hidden)) {
        throw tensor.error(graph.fileName, hidden + " floats for " + name);
      }
    }
    if (norm.eps() != eps) {
      throw failure(
          "the same epsilon " + eps + " in every layer normalisation", norm.eps() + " in " + name);
    }
    weights.put(name + ".weight", new Weight(norm.gamma(), false));
    weights.put(name + ".bias", new Weight(norm.beta(), false));
  }

  private void putLinear(String name, OnnxPatterns.Linear linear, long out, long in) {
    if (linear.out() != out || linear.in() != in) {
      throw linear
          .weight()
          .error(graph.fileName, in + " inputs and " + out + " outputs for " + name);
    }
    weights.put(name + ".weight", new Weight(linear.weight(), linear.transposed()));
    weights.put(name + ".bias", new Weight(linear.bias(), false));
  }

  /** A linear map whose result is added to a value and normalised. */
  private record Block(OnnxPatterns.Linear linear, OnnxPatterns.Norm norm) {}

  private Block blockAfter(String x) {
    Block found = null;
    for (OnnxPatterns.Norm norm : normsAfterSumWith.getOrDefault(x, List.of())) {
      OnnxGraph.Node sum = graph.producer(norm.input());
      String other = graph.resolve(sum.input(0)).equals(x) ? sum.input(1) : sum.input(0);
      OnnxPatterns.Linear linear = patterns.linear(other);
      if (linear == null) {
        continue;
      }
      if (found != null) {
        throw failure("one normalised sum with " + x, "two");
      }
      found = new Block(linear, norm);
    }
    return found;
  }

  /** Reads the layer whose input is x; its output's name, or null where no layer follows. */
  private String layer(String x) {
    Block attention = blockAfter(x);
    if (attention == null) {
      return null;
    }
    String name = "encoder.layer." + layers + ".";
    readAttention(name + "attention.", attention, x);
    String middle = graph.resolve(attention.norm.output());
    Block feedForward = blockAfter(middle);
    if (feedForward == null) {
      throw failure("a feed-forward network after the attention of layer " + layers, "none");
    }
    readFeedForward(name, feedForward, middle);
    return graph.resolve(feedForward.norm.output());
  }

  private void readAttention(String name, Block block, String x) {
    OnnxGraph.Node mix = matmulBehind(block.linear.input(), "the attention of layer " + layers);
    OnnxPatterns.Way softmax =
        need(
            patterns.back(mix.input(0), value -> hasOp(value, "Softmax"), Set.of()),
            "a Softmax in layer " + layers);
    String logits = graph.producer(softmax.found()).input(0);
    OnnxPatterns.Way toScores =
        need(
            patterns.back(logits, this::isDynamicMatMul, Set.of()),
            "query times key in layer " + layers);
    OnnxGraph.Node scores = graph.producer(toScores.found());
    OnnxPatterns.Way query = projection(scores.input(0), x, "query");
    OnnxPatterns.Way key = projection(scores.input(1), x, "key");
    OnnxPatterns.Way value = projection(mix.input(1), x, "value");
    putLinear(name + "self.query", patterns.linear(query.found()), hidden, hidden);
    putLinear(name + "self.key", patterns.linear(key.found()), hidden, hidden);
    putLinear(name + "self.value", patterns.linear(value.found()), hidden, hidden);
    putLinear(name + "output.dense", block.linear, hidden, hidden);
    putNorm(name + "output.LayerNorm", block.norm);
    double scale = patterns.scale(toScores) * patterns.scale(query) * patterns.scale(key);
    readHeads(query, scale);
  }

  private void readHeads(OnnxPatterns.Way query, double scale) {
    long count = 0;
    for (OnnxGraph.Node node : query.nodes()) {
      long[] sizes = node.op().equals("Reshape") ? patterns.lastTwoOf4(node) : null;
      if (sizes != null && sizes[0] > 0) {
        count = sizes[0];
      } else if (sizes != null && sizes[1] > 0 && hidden % sizes[1] == 0) {
        count = hidden / sizes[1];
      }
    }
    boolean scaleKnown = !Double.isNaN(scale) && scale != 1;
    if (count == 0 && scaleKnown) {
      count = Math.round(hidden * scale * scale);
    }
    if (count < 1 || hidden % count != 0 || (heads != 0 && heads != count)) {
      throw failure(
          "a number of heads that divides " + hidden + ", the same in every layer",
          count + " in layer " + layers);
    }
    heads = count;
    if (!Double.isNaN(scale) && Math.abs(scale * Math.sqrt((double) hidden / heads) - 1) > 1e-3) {
      throw failure(
          "attention scores times " + 1 / Math.sqrt((double) hidden / heads), "times " + scale);
    }
  }

  private void readFeedForward(String name, Block block, String middle) {
    long size = block.linear.in();
    if (intermediate != 0 && intermediate != size) {
      throw failure(
          "the intermediate size " + intermediate + " in every layer",
          size + " in layer " + layers);
    }
    intermediate = size;
    OnnxPatterns.Way way =
        need(
            back(block.linear.input(), value -> isLinearOf(value, middle), ACTIVATION_OPS),
            "an activation in layer " + layers);
    putLinear(name + "intermediate.dense", patterns.linear(way.found()), size, hidden);
    putLinear(name + "output.dense", block.linear, hidden, size);
    putNorm(name + "output.LayerNorm", block.norm);
    String found = activation(block.linear.input(), way.found());
    if (activation != null && !activation.equals(found)) {
      throw failure("the activation " + activation + " in every layer", found);
    }
    activation = found;
  }

  private OnnxPatterns.Way back(String start, Predicate<String> stop, Set<String> also) {
    return patterns.back(start, stop, also);
  }

  /**
   * The name of the function between the two linear maps, told by the operations that only one of
   * them has.
   */
  private String activation(String end, String start) {
    Set<String> ops = new HashSet<>();
    OnnxGraph.Node gelu = null;
    for (String op : List.of("Erf", "Tanh", "Relu", "Gelu")) {
      OnnxPatterns.Way way =
          back(end, value -> !value.equals(start) && hasOp(value, op), ACTIVATION_OPS);
      if (way != null) {
        ops.add(op);
        gelu = op.equals("Gelu") ? graph.producer(way.found()) : gelu;
      }
    }
    if (gelu != null && ops.size() == 1) {
      return gelu.text("approximate", "none").equals("tanh") ? "gelu_new" : "gelu";
    }
    if (ops.size() != 1) {
      throw failure("gelu, gelu_new or relu in layer " + layers, "operations " + ops);
    }
    return ops.contains("Erf") ? "gelu" : ops.contains("Tanh") ? "gelu_new" : "relu";
  }

  private void findPooler(String last) {
    for (OnnxGraph.Node node : graph.nodes) {
      OnnxPatterns.Linear linear = node.op().equals("Tanh") ? patterns.linear(node.input(0)) : null;
      if (linear == null || linear.in() != hidden || linear.out() != hidden) {
        continue;
      }
      if (back(linear.input(), last::equals, SELECTION_OPS) != null) {
        putLinear("pooler.dense", linear, hidden, hidden);
        pooler = true;
        return;
      }
    }
  }

  private OnnxGraph.Node matmulBehind(String value, String what) {
    return graph.producer(
        need(patterns.back(value, this::isDynamicMatMul, Set.of()), what).found());
  }

  private OnnxPatterns.Way projection(String value, String x, String what) {
    return need(
        patterns.back(value, v -> isLinearOf(v, x), Set.of()),
        "a " + what + " projection in layer " + layers);
  }

  private boolean isDynamicMatMul(String value) {
    OnnxGraph.Node node = graph.producer(value);
    return node != null
        && node.op().equals("MatMul")
        && graph.tensor(node.input(0)) == null
        && graph.tensor(node.input(1)) == null;
  }

  private boolean hasOp(String value, String op) {
    OnnxGraph.Node node = graph.producer(value);
    return node != null && node.op().equals(op);
  }

  private boolean isLinearOf(String value, String x) {
    OnnxPatterns.Linear linear = patterns.linear(value);
    return linear != null && linear.input().equals(x);
  }

  private OnnxPatterns.Way need(OnnxPatterns.Way way, String what) {
    if (way == null) {
      throw failure(what, "none, or several");
    }
    return way;
  }

  private ModelFormatException failure(String expected, String found) {
    return new ModelFormatException(graph.fileName + ": expected " + expected + ", found " + found);
  }
}
