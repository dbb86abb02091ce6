package maque.benchmarks;

import java.util.HashMap;
import java.util.Map;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** A BERT encoder in LibTorch's operations, on padded batches, with its own fused attention. */
final class TorchBert {
  final Map<String, Tensor> parameters;
  private final Map<String, TensorOptional> optionals = new HashMap<>();
  private final BertShape shape;

  TorchBert(Weights weights, BertShape shape, ScalarType type) {
    parameters = Torch.parameters(weights, type);
    parameters.forEach((name, tensor) -> optionals.put(name, Torch.optional(tensor)));
    this.shape = shape;
  }

  /** Inputs of one padded batch. mask: null where all texts are as long as the longest. */
  record Input(Tensor ids, Tensor positions, Tensor types, TensorOptional mask) {
    static Input of(int[][] texts, ScalarType type) {
      int length = Texts.longest(texts);
      long[] positions = new long[texts.length * length];
      float[] mask = new float[texts.length * length];
      boolean padded = false;
      for (int i = 0; i < positions.length; i++) {
        positions[i] = i % length;
        boolean pad = i % length >= texts[i / length].length;
        mask[i] = pad ? -1e9f : 0;
        padded |= pad;
      }
      return new Input(
          Torch.padded(texts, length),
          Torch.longs(positions, texts.length, length),
          Torch.longs(new long[positions.length], texts.length, length),
          padded
              ? Torch.optional(
                  Torch.converted(Torch.floats(mask, texts.length, 1, 1, length), type))
              : null);
    }
  }

  /** Last hidden states [texts, longest, hidden]. */
  Tensor encode(Input in) {
    Tensor sum =
        rows("word", in.ids).add(rows("position", in.positions)).add(rows("token_type", in.types));
    Tensor x = norm(sum, "embeddings.LayerNorm");
    for (int i = 0; i < shape.layers(); i++) {
      x = layer(x, "encoder.layer." + i + ".", in.mask);
    }
    return x;
  }

  /** Logits of the classifier on the pooled first token. */
  Tensor classify(Input in) {
    Tensor pooled = linear(encode(in).select(1, 0), "pooler.dense").tanh();
    return linear(torch.relu(linear(pooled, "head.0")), "head.2");
  }

  private Tensor layer(Tensor x, String name, TensorOptional mask) {
    long batch = x.size(0);
    long length = x.size(1);
    Tensor q = heads(linear(x, name + "attention.self.query"));
    Tensor k = heads(linear(x, name + "attention.self.key"));
    Tensor v = heads(linear(x, name + "attention.self.value"));
    Tensor mixed =
        mask == null
            ? torch.scaled_dot_product_attention(q, k, v)
            : torch.scaled_dot_product_attention(
                q, k, v, mask, 0, false, new DoubleOptional(), false);
    Tensor joined = mixed.transpose(1, 2).reshape(batch, length, x.size(2));
    Tensor middle =
        norm(
            linear(joined, name + "attention.output.dense").add(x),
            name + "attention.output.LayerNorm");
    Tensor inner = torch.gelu(linear(middle, name + "intermediate.dense"));
    return norm(linear(inner, name + "output.dense").add(middle), name + "output.LayerNorm");
  }

  private Tensor heads(Tensor x) {
    return x.view(x.size(0), x.size(1), shape.heads(), x.size(2) / shape.heads()).transpose(1, 2);
  }

  private Tensor rows(String table, Tensor ids) {
    return torch.embedding(parameters.get("embeddings." + table + "_embeddings.weight"), ids);
  }

  private Tensor linear(Tensor x, String name) {
    return torch.linear(x, parameters.get(name + ".weight"), optionals.get(name + ".bias"));
  }

  private Tensor norm(Tensor x, String name) {
    long[] size = {x.size(2)};
    return torch.layer_norm(
        x, size, optionals.get(name + ".weight"), optionals.get(name + ".bias"), 1e-12, true);
  }
}
