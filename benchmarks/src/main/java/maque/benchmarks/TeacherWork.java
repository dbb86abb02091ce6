package maque.benchmarks;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import maque.runtime.ModelDirectory;
import maque.runtime.TeacherForm;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A BERT with mean pooling on batches of texts. Peers compute the hidden states; the head on top of
 * them is next to nothing.
 */
final class TeacherWork {
  private TeacherWork() {}

  /** bge-small-zh on real titles, in batches of similar length. */
  static Work titles(String contender, int size) {
    Path model = Material.teacher();
    int[][][] batches = Texts.batches(Material.ids(), size);
    return switch (contender) {
      case Contender.ORT ->
          new OnnxRuntime(Material.export(false), model, batches, Ort.Input::bert);
      case Contender.ORT_INT8 ->
          new OnnxRuntime(Material.export(true), model, batches, Ort.Input::bert);
      default -> open(contender, model, BertShape.SMALL, batches);
    };
  }

  /** A BERT of random weights on random texts of one length. */
  static Work shape(String contender, String name, BertShape shape, int size, int length) {
    int[][][] batches = {Texts.random(shape.vocabulary(), size, length)};
    return open(contender, Material.bert(name, shape), shape, batches);
  }

  private static Work open(String contender, Path model, BertShape shape, int[][][] batches) {
    if (Contender.isTorch(contender)) {
      return new LibTorch(contender, model, shape, batches);
    }
    if (Contender.isMaque(contender)) {
      return new Maque(Material.teacherForm(contender, model), batches);
    }
    boolean int8 = contender.equals(Contender.ORT_INT8_FUSED);
    return new OnnxRuntime(
        Material.fused(model, shape, int8), model, batches, Ort.Input::fusedBert);
  }

  /** Mean over each text's own rows of [texts, longest, hidden], then the head. */
  private static final class Head {
    private final float[] weight;
    private final float[] bias;

    Head(Path model) {
      Map<String, maque.runtime.Tensor> tensors = ModelDirectory.read(model).nativeTensors();
      weight = tensors.get("head.0.weight").floats();
      bias = tensors.get("head.0.bias").floats();
    }

    float[] logits(float[] states, int[][] texts) {
      int hidden = weight.length / bias.length;
      int longest = Texts.longest(texts);
      float[] out = new float[texts.length * bias.length];
      for (int t = 0; t < texts.length; t++) {
        double[] mean = new double[hidden];
        for (int i = 0; i < texts[t].length; i++) {
          for (int j = 0; j < hidden; j++) {
            mean[j] += states[(t * longest + i) * hidden + j] / (double) texts[t].length;
          }
        }
        for (int c = 0; c < bias.length; c++) {
          double sum = bias[c];
          for (int j = 0; j < hidden; j++) {
            sum += mean[j] * weight[c * hidden + j];
          }
          out[t * bias.length + c] = (float) sum;
        }
      }
      return out;
    }
  }

  private static final class Maque implements Work {
    private final TeacherForm teacher;
    private final Ragged[] batches;
    private int next;

    Maque(TeacherForm teacher, int[][][] batches) {
      this.teacher = teacher;
      this.batches = Arrays.stream(batches).map(Ragged::of).toArray(Ragged[]::new);
    }

    @Override
    public Object run() {
      return logits(batches[next++ % batches.length]);
    }

    private float[] logits(Ragged batch) {
      return teacher.logits(batch.ids(), batch.offsets(), batch.n());
    }

    @Override
    public float[] result() {
      return logits(batches[batches.length / 2]);
    }

    @Override
    public void close() {
      teacher.close();
    }
  }

  private static final class OnnxRuntime implements Work {
    private final Ort ort;
    private final Head head;
    private final int[][][] texts;
    private final Ort.Input[] batches;
    private int next;

    private interface Inputs {
      Ort.Input of(int[][] texts);
    }

    OnnxRuntime(Path graph, Path model, int[][][] texts, Inputs inputs) {
      ort = new Ort(graph);
      head = new Head(model);
      this.texts = texts;
      batches = Arrays.stream(texts).map(inputs::of).toArray(Ort.Input[]::new);
    }

    @Override
    public Object run() {
      return ort.run(batches[next++ % batches.length]);
    }

    @Override
    public float[] result() {
      int middle = batches.length / 2;
      return head.logits(ort.array(batches[middle]), texts[middle]);
    }

    @Override
    public void close() {
      ort.close();
    }
  }

  private static final class LibTorch implements Work {
    private final String contender;
    private final TorchBert bert;
    private final Head head;
    private final int[][][] texts;
    private final TorchBert.Input[] batches;
    private int next;

    LibTorch(String contender, Path model, BertShape shape, int[][][] texts) {
      this.contender = contender;
      begin();
      this.texts = texts;
      head = new Head(model);
      ScalarType type =
          contender.equals(Contender.TORCH_BF16) ? ScalarType.BFloat16 : ScalarType.Float;
      bert = new TorchBert(Material.weights(model), shape, type);
      batches =
          Arrays.stream(texts)
              .map(batch -> TorchBert.Input.of(batch, type))
              .toArray(TorchBert.Input[]::new);
    }

    @Override
    public void begin() {
      Torch.prepare(contender);
    }

    @Override
    public Object run() {
      TorchBert.Input batch = batches[next++ % batches.length];
      return Torch.inferOnly(() -> bert.encode(batch));
    }

    @Override
    public float[] result() {
      int middle = batches.length / 2;
      return head.logits(Torch.infer(() -> bert.encode(batches[middle])), texts[middle]);
    }
  }
}
