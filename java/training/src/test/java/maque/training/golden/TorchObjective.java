package maque.training.golden;

import java.util.Map;
import java.util.stream.IntStream;
import maque.training.Batch;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The combined objective in LibTorch's operations: ce_weight * CE + soft_weight * (MSE or T^2 KL),
 * an empty part being 0.
 */
final class TorchObjective {
  private final Map<String, String> options;
  private final Batch batch;
  private final ScalarType type;

  TorchObjective(Map<String, String> options, Batch batch, ScalarType type) {
    this.options = options;
    this.batch = batch;
    this.type = type;
  }

  private double number(String key, String otherwise) {
    return Double.parseDouble(options.getOrDefault(key, otherwise));
  }

  Tensor loss(Tensor logits) {
    return weightedCe(logits).add(weightedSoft(logits));
  }

  Tensor weightedCe(Tensor logits) {
    return Torch.times(ce(logits), number("ce_weight", "1"));
  }

  Tensor weightedSoft(Tensor logits) {
    return Torch.times(soft(logits), number("soft_weight", "0"));
  }

  /** sum w[y] * -log softmax(s)[y] / sum w[y] over the labelled rows. */
  Tensor ce(Tensor logits) {
    int[] rows =
        IntStream.range(0, batch.n())
            .filter(i -> batch.labels() != null && batch.labels()[i] >= 0)
            .toArray();
    if (rows.length == 0) {
      return Torch.times(logits.sum(), 0);
    }
    Tensor labels = Torch.longs(IntStream.of(rows).map(i -> batch.labels()[i]).toArray());
    Tensor picked =
        torch
            .log_softmax(logits.index_select(0, Torch.longs(rows)), 1)
            .gather(1, labels.unsqueeze(1))
            .squeeze(1);
    Tensor weights = torch.ones(new long[] {rows.length}, new TensorOptions(type));
    if (options.containsKey("class_weights")) {
      String[] parts = options.get("class_weights").split(",");
      float[] all = new float[parts.length];
      for (int i = 0; i < all.length; i++) {
        all[i] = Float.parseFloat(parts[i]);
      }
      weights = Torch.floats(all, type, all.length).index_select(0, labels);
    }
    return picked.neg().mul(weights).sum().div(weights.sum());
  }

  /**
   * MSE: mean over rows with soft targets times classes. KL: over classes summed, over rows
   * averaged, times T^2.
   */
  Tensor soft(Tensor logits) {
    int[] rows =
        IntStream.range(0, batch.n())
            .filter(
                i -> batch.soft() != null && (batch.hasSoft() == null || batch.hasSoft()[i] == 1))
            .toArray();
    if (rows.length == 0) {
      return Torch.times(logits.sum(), 0);
    }
    Tensor index = Torch.longs(rows);
    Tensor student = logits.index_select(0, index);
    Tensor teacher =
        Torch.floats(batch.soft(), type, batch.n(), logits.size(1)).index_select(0, index);
    if (options.getOrDefault("soft_loss", "mse").equals("mse")) {
      return student.sub(teacher).square().mean();
    }
    double t = number("temperature", "1");
    Tensor logP = torch.log_softmax(Torch.times(teacher, 1 / t), 1);
    Tensor logQ = torch.log_softmax(Torch.times(student, 1 / t), 1);
    return Torch.times(logP.exp().mul(logP.sub(logQ)).sum(), t * t / rows.length);
  }
}
