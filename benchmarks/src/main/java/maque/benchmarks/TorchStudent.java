package maque.benchmarks;

import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/** Both students in LibTorch's operations. */
final class TorchStudent {
  final Map<String, Tensor> parameters;
  private final TensorVector lstm = new TensorVector();
  private final TensorOptional bias0;
  private final TensorOptional bias2;
  private final int hidden;

  TorchStudent(Weights weights, int hidden) {
    parameters = Torch.parameters(weights);
    this.hidden = hidden;
    for (String suffix : new String[] {"", "_reverse"}) {
      for (String part :
          new String[] {"weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"}) {
        lstm.push_back(parameters.get("lstm." + part + suffix));
      }
    }
    lstm.retainReference();
    bias0 = Torch.optional(parameters.get("head.0.bias"));
    bias2 = Torch.optional(parameters.get("head.2.bias"));
  }

  /** x [texts, time, in]: the head on every step's output. */
  private Tensor logits(Tensor x, boolean train) {
    Tensor zero = torch.zeros(2, x.size(0), hidden);
    Tensor outputs =
        torch.lstm(x, new TensorVector(zero, zero), lstm, true, 1, 0.0, train, true, true).get0();
    Tensor middle = torch.relu(torch.linear(outputs, parameters.get("head.0.weight"), bias0));
    return torch.linear(middle, parameters.get("head.2.weight"), bias2);
  }

  /** vectors [texts, in]. */
  Tensor document(Tensor vectors) {
    return logits(vectors.unsqueeze(1), false).squeeze(1);
  }

  /** ids [texts, time]: the maximum over time of each class's logit. */
  Tensor sequence(Tensor ids, boolean train) {
    Tensor embedded = torch.embedding(parameters.get("embedding.weight"), ids);
    // amax shares the gradient among equal maxima; training takes the first, as Maque does.
    Tensor all = logits(embedded, train);
    return train ? all.max(1, false).get0() : all.amax(new long[] {1}, false);
  }
}
