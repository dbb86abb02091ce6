package maque.benchmarks;

import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Both students in LibTorch's operations. */
final class TorchStudent {
  private static final float LATE = -1e9f;

  final Map<String, Tensor> parameters;
  private final TensorVector lstm = new TensorVector();
  private final TensorOptional bias0;
  private final TensorOptional bias2;
  private final int hidden;

  TorchStudent(Weights weights, int hidden) {
    parameters = Torch.parameters(weights, ScalarType.Float);
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

  /**
   * Texts as one matrix. The backward direction of a shorter text than the longest begins in the
   * padding, as it does for whoever pads.
   *
   * @param late [texts, time, 1], added to the logits: 0 within a text, very little after its end
   */
  record Padded(Tensor ids, Tensor late) {
    static Padded of(int[][] texts) {
      int length = Texts.longest(texts);
      float[] late = new float[texts.length * length];
      for (int i = 0; i < late.length; i++) {
        late[i] = i % length < texts[i / length].length ? 0 : LATE;
      }
      return new Padded(Torch.padded(texts, length), Torch.floats(late, texts.length, length, 1));
    }
  }

  /**
   * Texts step by step, the longest first, without padding.
   *
   * @param sizes how many texts have each step
   * @param places [texts * longest]: where a text's steps are among the packed ones; after its end
   *     that of its first step, so that no maximum changes
   */
  record Packed(Tensor ids, Tensor sizes, Tensor places, int texts, int longest) {
    /** texts: none longer than the one before it. */
    static Packed of(int[][] texts) {
      int longest = Texts.longest(texts);
      long[] sizes = new long[longest];
      long[] ids = new long[java.util.Arrays.stream(texts).mapToInt(t -> t.length).sum()];
      long[] places = new long[texts.length * longest];
      int next = 0;
      for (int step = 0; step < longest; step++) {
        for (int i = 0; i < texts.length; i++) {
          boolean within = texts[i].length > step;
          places[i * longest + step] = within ? next : i;
          if (within) {
            ids[next++] = texts[i][step];
            sizes[step]++;
          }
        }
      }
      return new Packed(
          Torch.longs(ids, ids.length),
          Torch.longs(sizes, longest),
          Torch.longs(places, places.length),
          texts.length,
          longest);
    }
  }

  /**
   * Whether a pass is one of training, and what it drops of embeddings, outputs and the head's
   * hidden layer.
   */
  record Mode(boolean train, double dropout) {
    static final Mode INFERENCE = new Mode(false, 0);

    private Tensor drop(Tensor x) {
      return train && dropout > 0 ? torch.dropout(x, dropout, true) : x;
    }
  }

  private Tensor head(Tensor outputs, Mode mode) {
    Tensor in = mode.drop(outputs);
    Tensor middle = torch.relu(torch.linear(in, parameters.get("head.0.weight"), bias0));
    return torch.linear(mode.drop(middle), parameters.get("head.2.weight"), bias2);
  }

  private TensorVector zeros(long texts) {
    Tensor zero = torch.zeros(2, texts, hidden);
    return new TensorVector(zero, zero);
  }

  private Tensor embedded(Tensor ids) {
    return torch.embedding(parameters.get("embedding.weight"), ids);
  }

  /** x [texts, time, in]: the head on every step's output. */
  private Tensor logits(Tensor x, Mode mode) {
    boolean train = mode.train();
    Tensor in = mode.drop(x);
    return head(
        torch.lstm(in, zeros(x.size(0)), lstm, true, 1, 0.0, train, true, true).get0(), mode);
  }

  /** vectors [texts, in]. */
  Tensor document(Tensor vectors) {
    return logits(vectors.unsqueeze(1), Mode.INFERENCE).squeeze(1);
  }

  /** The maximum over time of each class's logit. */
  Tensor sequence(Padded texts, Mode mode) {
    return largest(logits(embedded(texts.ids), mode).add(texts.late), mode.train());
  }

  /** As {@link #sequence(Padded, Mode)}, without a step too many. */
  Tensor sequence(Packed texts, Mode mode) {
    Tensor outputs =
        torch
            .lstm(
                mode.drop(embedded(texts.ids)),
                texts.sizes,
                zeros(texts.texts),
                lstm,
                true,
                1,
                0.0,
                mode.train(),
                true)
            .get0();
    Tensor logits = head(outputs, mode).index_select(0, texts.places);
    return largest(logits.view(texts.texts, texts.longest, logits.size(1)), mode.train());
  }

  /** amax shares the gradient among equal maxima; training takes the first, as Maque does. */
  private static Tensor largest(Tensor logits, boolean train) {
    return train ? logits.max(1, false).get0() : logits.amax(new long[] {1}, false);
  }
}
