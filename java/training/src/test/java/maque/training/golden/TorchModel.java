package maque.training.golden;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import maque.training.Batch;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Teacher and students in LibTorch's operations, one text after another, without padding or masks.
 * Written from the papers' formulas; the gradients are autograd's.
 */
final class TorchModel {
  /** EmbeddingBag's number for this mode. */
  private static final long MEAN = 1;

  final Map<String, Tensor> parameters = new LinkedHashMap<>();
  private final ModelSpec spec;
  private final ScalarType type;

  TorchModel(ModelSpec spec, ScalarType type) {
    this.spec = spec;
    this.type = type;
    spec.shapes()
        .forEach(
            (name, shape) ->
                parameters.put(name, Torch.floats(spec.weights().get(name), type, shape)));
  }

  /** Logits [texts, classes]. */
  Tensor logits(Batch batch) {
    Tensor bags = batch.bagIds() == null ? null : bags(batch);
    Tensor[] rows = new Tensor[batch.n()];
    for (int i = 0; i < rows.length; i++) {
      Tensor bag = bags == null ? null : bags.select(0, i);
      rows[i] =
          batch.ids() == null
              ? head(bag)
              : logits(
                  Arrays.copyOfRange(batch.ids(), batch.offsets()[i], batch.offsets()[i + 1]), bag);
    }
    return Torch.stack(rows);
  }

  private Tensor logits(int[] ids, Tensor bag) {
    return switch (spec.option("kind")) {
      case "bert" -> head(pool(encode(ids)));
      case "document" -> head(beside(document(ids), bag));
      default -> sequence(ids, bag);
    };
  }

  /** The mean of each text's n-grams [texts, width], by nn.EmbeddingBag's operation. */
  private Tensor bags(Batch batch) {
    boolean scale = false;
    boolean sparse = false;
    boolean lastOffset = true;
    return torch
        .embedding_bag(
            parameters.get("ngrams.weight"),
            Torch.longs(batch.bagIds()),
            Torch.longs(batch.bagOffsets()),
            scale,
            MEAN,
            sparse,
            new TensorOptional(),
            lastOffset)
        .get0();
  }

  /** The features of a text, or of each token, with the text's n-grams behind. */
  private static Tensor beside(Tensor features, Tensor bag) {
    if (bag == null) {
      return features;
    }
    if (features.dim() == 1) {
      return torch.cat(new TensorVector(features, bag), 0);
    }
    Tensor repeated = bag.unsqueeze(0).expand(features.size(0), bag.size(0));
    return torch.cat(new TensorVector(features, repeated), 1);
  }

  /** Last hidden states [tokens, hidden]. */
  Tensor encode(int[] ids) {
    int[] positions = new int[ids.length];
    for (int i = 0; i < ids.length; i++) {
      positions[i] = i;
    }
    Tensor sum =
        rows("embeddings.word_embeddings.weight", ids)
            .add(rows("embeddings.position_embeddings.weight", positions))
            .add(rows("embeddings.token_type_embeddings.weight", new int[ids.length]));
    Tensor x = norm(sum, "embeddings.LayerNorm");
    for (int i = 0; i < spec.integer("num_hidden_layers"); i++) {
      x = layer(x, "encoder.layer." + i + ".");
    }
    return x;
  }

  private Tensor layer(Tensor x, String name) {
    Tensor mixed = attention(x, name + "attention.self.");
    Tensor middle =
        norm(
            linear(mixed, name + "attention.output.dense").add(x),
            name + "attention.output.LayerNorm");
    Tensor inner = activation(linear(middle, name + "intermediate.dense"));
    return norm(linear(inner, name + "output.dense").add(middle), name + "output.LayerNorm");
  }

  /** softmax(Q K' / sqrt(d)) V for each head. */
  private Tensor attention(Tensor x, String name) {
    Tensor q = heads(linear(x, name + "query"));
    Tensor k = heads(linear(x, name + "key"));
    Tensor v = heads(linear(x, name + "value"));
    double d = q.size(2);
    Tensor weights =
        torch.softmax(Torch.times(torch.matmul(q, k.transpose(1, 2)), 1 / Math.sqrt(d)), 2);
    return torch.matmul(weights, v).transpose(0, 1).reshape(x.size(0), x.size(1));
  }

  /** [tokens, hidden] as [heads, tokens, hidden / heads]. */
  private Tensor heads(Tensor x) {
    int heads = spec.integer("num_attention_heads");
    return x.view(x.size(0), heads, x.size(1) / heads).transpose(0, 1);
  }

  private Tensor activation(Tensor x) {
    return switch (spec.option("hidden_act")) {
      case "gelu" -> torch.gelu(x);
      case "relu" -> torch.relu(x);
      default -> torch.gelu(x, "tanh");
    };
  }

  private Tensor pool(Tensor states) {
    return switch (spec.option("pooling")) {
      case "mean" -> states.mean(0);
      case "cls" -> states.select(0, 0);
      default -> linear(states.select(0, 0), "pooler.dense").tanh();
    };
  }

  /** Both directions' outputs at the one time step, of the mean of the vectors. */
  private Tensor document(int[] ids) {
    Tensor mean =
        ids.length == 0
            ? zeros(spec.integer("embedding_size"))
            : rows("vectors.weight", ids).mean(0);
    return lstm(mean.unsqueeze(0)).get0().reshape(2 * spec.integer("hidden_size"));
  }

  private Tensor sequence(int[] ids, Tensor bag) {
    int h = spec.integer("hidden_size");
    if (ids.length == 0) {
      return head(beside(zeros(2 * h), bag));
    }
    var result = lstm(rows("embedding.weight", ids));
    Tensor outputs = result.get0().squeeze(0);
    return switch (spec.option("pooling")) {
      case "max-logits" -> head(beside(outputs, bag)).amax(new long[] {0}, false);
      case "max" -> head(beside(outputs.amax(new long[] {0}, false), bag));
      case "mean" -> head(beside(outputs.mean(0), bag));
      default -> head(beside(result.get1().reshape(2 * h), bag));
    };
  }

  /**
   * x [time, in] through the biLSTM from zero states: outputs [1, time, 2 hidden], final states [2,
   * 1, hidden].
   */
  private org.bytedeco.pytorch.T_TensorTensorTensor_T lstm(Tensor x) {
    int h = spec.integer("hidden_size");
    TensorVector weights = new TensorVector();
    for (String suffix : new String[] {"", "_reverse"}) {
      for (String part :
          new String[] {"weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"}) {
        weights.push_back(parameters.get("lstm." + part + suffix));
      }
    }
    Tensor zero = zeros(2, 1, h);
    return torch.lstm(
        x.unsqueeze(0), new TensorVector(zero, zero), weights, true, 1, 0.0, true, true, true);
  }

  private Tensor head(Tensor x) {
    for (int i = 0; parameters.containsKey("head." + i + ".weight"); i += 2) {
      x = linear(i == 0 ? x : torch.relu(x), "head." + i);
    }
    return x;
  }

  private Tensor zeros(long... shape) {
    return torch.zeros(shape, new TensorOptions(type));
  }

  private Tensor rows(String table, int[] ids) {
    return torch.embedding(parameters.get(table), Torch.longs(ids));
  }

  private Tensor linear(Tensor x, String name) {
    return torch.linear(
        x, parameters.get(name + ".weight"), new TensorOptional(parameters.get(name + ".bias")));
  }

  private Tensor norm(Tensor x, String name) {
    TensorOptional gamma = new TensorOptional(parameters.get(name + ".weight"));
    TensorOptional beta = new TensorOptional(parameters.get(name + ".bias"));
    double eps = Double.parseDouble(spec.option("layer_norm_eps"));
    return torch.layer_norm(x, new long[] {x.size(1)}, gamma, beta, eps, false);
  }
}
