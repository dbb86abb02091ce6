package maque.benchmarks;

import java.util.Arrays;
import maque.runtime.ModelDirectory;
import maque.runtime.Teacher;

/**
 * bge-small-zh on real texts, mean pooling, batches of one size. Peers compute the hidden states;
 * the head on top of them is next to nothing.
 */
final class TeacherWork {
  private static final double AGREEMENT = 1e-4;

  private TeacherWork() {}

  static Work open(String contender, int batchSize) {
    ModelDirectory model = Material.teacher();
    int[][][] batches = Texts.batches(Texts.ids(Material.texts(), model), batchSize);
    Work ours = new Maque(model, batches);
    Work work =
        switch (contender) {
          case "maque" -> ours;
          case Ort.NAME -> new OnnxRuntime(model, batches);
          default -> new LibTorch(contender, model, batches);
        };
    Work.requireAgreement(contender, ours.result(), work.result(), AGREEMENT);
    return work;
  }

  /** Mean over each text's own rows of [texts, longest, hidden], then the head. */
  private static float[] logits(ModelDirectory model, float[] states, int[][] texts) {
    Weights head = Weights.of(model.nativeTensors());
    float[] weight = head.get("head.0.weight");
    float[] bias = head.get("head.0.bias");
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

  private static final class Maque implements Work {
    private final Teacher teacher;
    private final Ragged[] batches;
    private int next;

    Maque(ModelDirectory model, int[][][] batches) {
      teacher = Teacher.of(model);
      this.batches = Arrays.stream(batches).map(Ragged::of).toArray(Ragged[]::new);
    }

    @Override
    public Object run() {
      return logits(batches[next++ % batches.length]);
    }

    private float[][] logits(Ragged batch) {
      return teacher.logitsOfIds(batch.ids(), batch.offsets(), batch.n());
    }

    @Override
    public float[] result() {
      return Ragged.flat(logits(batches[batches.length / 2]));
    }

    @Override
    public void close() {
      teacher.close();
    }
  }

  private static final class OnnxRuntime implements Work {
    private final Ort ort = new Ort(Material.onnx("teacher"));
    private final ModelDirectory model;
    private final int[][][] texts;
    private final Ort.Input[] batches;
    private int next;

    OnnxRuntime(ModelDirectory model, int[][][] texts) {
      this.model = model;
      this.texts = texts;
      batches = Arrays.stream(texts).map(Ort.Input::bert).toArray(Ort.Input[]::new);
    }

    @Override
    public Object run() {
      return ort.run(batches[next++ % batches.length]);
    }

    @Override
    public float[] result() {
      int middle = batches.length / 2;
      return logits(model, ort.array(batches[middle]), texts[middle]);
    }

    @Override
    public void close() {
      ort.close();
    }
  }

  private static final class LibTorch implements Work {
    private final TorchBert bert;
    private final ModelDirectory model;
    private final int[][][] texts;
    private final TorchBert.Input[] batches;
    private int next;

    LibTorch(String contender, ModelDirectory model, int[][][] texts) {
      Torch.prepare(contender);
      this.model = model;
      this.texts = texts;
      bert =
          new TorchBert(
              Weights.of(model.nativeTensors()),
              size("num_hidden_layers"),
              size("num_attention_heads"),
              1e-12);
      batches = Arrays.stream(texts).map(TorchBert.Input::of).toArray(TorchBert.Input[]::new);
    }

    private int size(String key) {
      return ((Long) model.config().get(key)).intValue();
    }

    @Override
    public Object run() {
      TorchBert.Input batch = batches[next++ % batches.length];
      return Torch.inferOne(() -> bert.encode(batch));
    }

    @Override
    public float[] result() {
      int middle = batches.length / 2;
      return logits(model, Torch.infer(() -> bert.encode(batches[middle])), texts[middle]);
    }
  }
}
