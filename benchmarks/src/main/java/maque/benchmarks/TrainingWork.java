package maque.benchmarks;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.function.Supplier;
import maque.training.Batch;
import maque.training.Trainer;
import org.bytedeco.pytorch.AdamW;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * Whole training steps: forward, objective, backward, update. ONNX Runtime's Java artifact does not
 * train.
 */
final class TrainingWork {
  private static final double AGREEMENT = 1e-4;
  private static final int LAYERS = 4;
  private static final int HIDDEN = 512;
  private static final int HEADS = 8;
  private static final int INNER = 2048;

  private TrainingWork() {}

  /**
   * Geometry of bge-small-zh with a pooler and the article's head, all tensors trained by AdamW on
   * cross-entropy.
   */
  static Work teacher(String contender, int texts, int length) {
    Weights weights =
        Weights.bert(LAYERS, HIDDEN, INNER, Material.VOCABULARY, 512, 192, Material.CLASSES);
    Data data = new Data(texts, length);
    Work ours = new Maque(teacherTrainer(weights), data.batch(false), 2e-5);
    if (contender.equals("maque")) {
      return ours;
    }
    Torch.prepare(contender);
    TorchBert bert = new TorchBert(weights, LAYERS, HEADS, 1e-12);
    TorchBert.Input input = TorchBert.Input.of(data.rows);
    TensorVector parameters = trained(bert.parameters);
    Optimizer optimizer = new AdamW(parameters, new AdamWOptions(2e-5));
    Tensor labels = data.torchLabels();
    Work work =
        new LibTorch(() -> torch.cross_entropy_loss(bert.classify(input), labels), optimizer);
    return agreed(contender, ours, work);
  }

  private static Trainer teacherTrainer(Weights weights) {
    Map<String, Object> options = new LinkedHashMap<>();
    options.put("kind", "bert");
    options.put("pooling", "pooler");
    options.put("vocab_size", Material.VOCABULARY);
    options.put("hidden_size", HIDDEN);
    options.put("num_hidden_layers", LAYERS);
    options.put("num_attention_heads", HEADS);
    options.put("intermediate_size", INNER);
    options.put("max_position_embeddings", 512);
    options.put("type_vocab_size", 2);
    options.put("layer_norm_eps", "1e-12");
    options.put("hidden_act", "gelu");
    options.put("optimizer", "adamw");
    options.put("weight_decay", "0.01");
    return trainer(options, "192", weights);
  }

  /** The sequence student of 300/300, all tensors trained by SGD on CE + 2 MSE. */
  static Work student(String contender, int texts, int length) {
    Weights weights = Material.weights(Material.sequence());
    Data data = new Data(texts, length);
    Map<String, Object> options = new LinkedHashMap<>();
    options.put("kind", "sequence");
    options.put("pooling", "max-logits");
    options.put("vocab_size", Material.VOCABULARY);
    options.put("embedding_size", Material.STUDENT_IN);
    options.put("hidden_size", Material.SEQUENCE_HIDDEN);
    options.put("optimizer", "sgd");
    options.put("ce_weight", 1);
    options.put("soft_weight", 2);
    Work ours = new Maque(trainer(options, "192", weights), data.batch(true), 0.05);
    if (contender.equals("maque")) {
      return ours;
    }
    Torch.prepare(contender);
    TorchStudent student = new TorchStudent(weights, Material.SEQUENCE_HIDDEN);
    Optimizer optimizer = new SGD(trained(student.parameters), new SGDOptions(0.05));
    Tensor ids = Torch.padded(data.rows, length);
    Tensor labels = data.torchLabels();
    Tensor soft = Torch.floats(data.soft, texts, Material.CLASSES);
    var two = Torch.scalar(2);
    Work work =
        new LibTorch(
            () -> {
              Tensor logits = student.sequence(ids, true);
              return torch
                  .cross_entropy_loss(logits, labels)
                  .add(torch.mse_loss(logits, soft).mul(two));
            },
            optimizer);
    return agreed(contender, ours, work);
  }

  private static Work agreed(String contender, Work ours, Work work) {
    Work.requireAgreement(contender, ours.result(), work.result(), AGREEMENT);
    ours.close();
    return work;
  }

  private static TensorVector trained(Map<String, Tensor> parameters) {
    parameters.values().forEach(tensor -> tensor.requires_grad_(true));
    return new TensorVector(parameters.values().toArray(new Tensor[0]));
  }

  private static Trainer trainer(Map<String, Object> options, String head, Weights weights) {
    Trainer.Builder builder =
        Trainer.builder().option("num_labels", Material.CLASSES).option("head", head);
    options.forEach(builder::option);
    weights.values().forEach((name, values) -> builder.tensor(name, weights.shape(name), values));
    return builder.build();
  }

  /** Seeded ids, labels, and a teacher's logits that lean to the label. */
  private static final class Data {
    final int[][] rows;
    final int[] labels;
    final float[] soft;

    Data(int texts, int length) {
      Random random = new Random(3);
      rows = new int[texts][];
      labels = new int[texts];
      soft = new float[texts * Material.CLASSES];
      for (int i = 0; i < texts; i++) {
        rows[i] = random.ints(length, 0, Material.VOCABULARY).toArray();
        labels[i] = i % Material.CLASSES;
        for (int c = 0; c < Material.CLASSES; c++) {
          soft[i * Material.CLASSES + c] =
              (c == labels[i] ? 4 : -1) + (float) random.nextGaussian() * 0.5f;
        }
      }
    }

    Batch batch(boolean withSoft) {
      Ragged ragged = Ragged.of(rows);
      return new Batch(
          ragged.ids(), ragged.offsets(), ragged.n(), labels, withSoft ? soft : null, null, null);
    }

    Tensor torchLabels() {
      return Torch.longs(java.util.Arrays.stream(labels).asLongStream().toArray(), labels.length);
    }
  }

  private record Maque(Trainer trainer, Batch batch, double lr) implements Work {
    @Override
    public Object run() {
      return trainer.step(batch, lr).loss();
    }

    /** Losses of the first three steps. */
    @Override
    public float[] result() {
      return new float[] {
        (float) trainer.step(batch, lr).loss(),
        (float) trainer.step(batch, lr).loss(),
        (float) trainer.step(batch, lr).loss()
      };
    }

    @Override
    public void close() {
      trainer.close();
    }
  }

  private record LibTorch(Supplier<Tensor> loss, Optimizer optimizer) implements Work {
    private float step() {
      return Torch.scoped(
          () -> {
            optimizer.zero_grad();
            Tensor value = loss.get();
            value.backward();
            optimizer.step();
            return value.item_float();
          });
    }

    @Override
    public Object run() {
      return step();
    }

    @Override
    public float[] result() {
      return new float[] {step(), step(), step()};
    }
  }
}
