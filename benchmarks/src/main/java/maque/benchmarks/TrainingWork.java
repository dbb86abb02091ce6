package maque.benchmarks;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import maque.training.Batch;
import maque.training.Trainer;
import org.bytedeco.pytorch.AdamW;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Whole training steps, without dropout where nothing else is said: forward, objective, backward,
 * update. ONNX Runtime's Java artifact does not train.
 */
final class TrainingWork {
  private static final double TEACHER_LR = 2e-5;
  private static final double STUDENT_LR = 0.05;
  private static final int MIDDLE = 192;

  /** Batches of {@link #epoch}. */
  static final int EPOCH_BATCHES = 4;

  private static final int EPOCH_BATCH = 32;

  private TrainingWork() {}

  /** One step of AdamW on every tensor of a BERT with a pooler and the article's head. */
  static Work step(String contender, BertShape shape, int texts, int length) {
    return step(contender, shape, texts, length, 1);
  }

  /** The same; Maque's on some threads. */
  static Work step(String contender, BertShape shape, int texts, int length, int threads) {
    int[][][] batches = {Texts.random(shape.vocabulary(), texts, length)};
    return teacher(contender, shape, "all", batches, threads);
  }

  /** The batches of {@link #epoch}. */
  static int[][][] epochBatches() {
    int[][][] all = Texts.batches(Material.ids(), EPOCH_BATCH);
    int[][][] some = new int[EPOCH_BATCHES][][];
    for (int i = 0; i < some.length; i++) {
      some[i] = all[(2 * i + 1) * all.length / (2 * some.length)];
    }
    return some;
  }

  /**
   * A part of an epoch of fine-tuning: {@value #EPOCH_BATCHES} batches of 32 real titles, each of
   * titles of similar length.
   *
   * @param train {@code all}, or {@code last-tensors:4}: then Maque takes the frozen part's output
   *     from memory, as in every epoch after the first, and LibTorch computes it
   */
  static Work epoch(String contender, String train) {
    return teacher(contender, BertShape.SMALL, train, epochBatches(), 1);
  }

  private static Work teacher(
      String contender, BertShape shape, String train, int[][][] texts, int threads) {
    Weights weights = Weights.bert(shape, MIDDLE, Material.CLASSES);
    Data data = new Data(texts);
    if (Contender.isMaque(contender)) {
      Map<String, Object> options = teacherOptions(shape);
      options.put("train", train);
      options.put("threads", threads);
      return new Maque(trainer(contender, options, weights), data.batches(false), TEACHER_LR);
    }
    Torch.prepare(contender);
    TorchBert bert = new TorchBert(weights, shape, ScalarType.Float);
    Map<String, Tensor> trained = new LinkedHashMap<>(bert.parameters);
    if (!train.equals("all")) {
      String last = "encoder.layer." + (shape.layers() - 1) + ".output.LayerNorm";
      trained
          .keySet()
          .removeIf(
              name ->
                  !name.startsWith(last) && !name.startsWith("pooler") && !name.startsWith("head"));
    }
    Optimizer optimizer = new AdamW(vector(trained), new AdamWOptions(TEACHER_LR));
    List<Supplier<Tensor>> losses = new ArrayList<>();
    for (int i = 0; i < texts.length; i++) {
      TorchBert.Input input = TorchBert.Input.of(texts[i], ScalarType.Float);
      Tensor labels = data.torchLabels(i);
      losses.add(() -> torch.cross_entropy_loss(bert.classify(input), labels));
    }
    return new LibTorch(contender, losses, optimizer);
  }

  private static Map<String, Object> teacherOptions(BertShape shape) {
    Map<String, Object> options = new LinkedHashMap<>();
    options.put("kind", "bert");
    options.put("pooling", "pooler");
    options.put("vocab_size", shape.vocabulary());
    options.put("hidden_size", shape.hidden());
    options.put("num_hidden_layers", shape.layers());
    options.put("num_attention_heads", shape.heads());
    options.put("intermediate_size", shape.inner());
    options.put("max_position_embeddings", shape.positions());
    options.put("type_vocab_size", 2);
    options.put("layer_norm_eps", "1e-12");
    options.put("hidden_act", "gelu");
    options.put("optimizer", "adamw");
    options.put("weight_decay", "0.01");
    return options;
  }

  /** The titles of {@link #student}. */
  static int[][] studentBatch(int size) {
    int[][][] batches = Texts.batches(Material.ids(), size);
    return Texts.longestFirst(batches[batches.length / 2]);
  }

  /**
   * One step of the 300/300 student on real titles of similar length, all tensors trained by SGD on
   * cross-entropy and twice the squared error of the logits.
   *
   * @param dropout of embeddings, outputs and the head's hidden layer
   */
  static Work student(String contender, int size, double dropout) {
    return student(contender, size, dropout, 1);
  }

  /** The same; Maque's on some threads. */
  static Work student(String contender, int size, double dropout, int threads) {
    StudentShape shape = Material.SEQUENCE;
    Weights weights = Material.weights(Material.sequence(shape));
    int[][] texts = studentBatch(size);
    Data data = new Data(new int[][][] {texts});
    if (Contender.isMaque(contender)) {
      Map<String, Object> options = studentOptions(shape);
      options.put("threads", threads);
      for (String place : List.of("embedding", "output", "head")) {
        options.put(place + "_dropout", dropout);
      }
      return new Maque(trainer(contender, options, weights), data.batches(true), STUDENT_LR);
    }
    Torch.prepare(contender);
    TorchStudent student = new TorchStudent(weights, shape.hidden());
    Optimizer optimizer = new SGD(vector(student.parameters), new SGDOptions(STUDENT_LR));
    Supplier<Tensor> logits = logits(contender, student, texts, dropout);
    Tensor labels = data.torchLabels(0);
    Tensor soft = Torch.floats(data.soft(0), size, Material.CLASSES);
    Scalar two = Torch.scalar(2);
    Supplier<Tensor> loss =
        () -> {
          Tensor out = logits.get();
          return torch.cross_entropy_loss(out, labels).add(torch.mse_loss(out, soft).mul(two));
        };
    return new LibTorch(contender, List.of(loss), optimizer);
  }

  private static Supplier<Tensor> logits(
      String contender, TorchStudent student, int[][] texts, double dropout) {
    TorchStudent.Mode mode = new TorchStudent.Mode(true, dropout);
    if (Contender.isPacked(contender)) {
      TorchStudent.Packed packed = TorchStudent.Packed.of(texts);
      return () -> student.sequence(packed, mode);
    }
    TorchStudent.Padded padded = TorchStudent.Padded.of(texts);
    return () -> student.sequence(padded, mode);
  }

  private static Map<String, Object> studentOptions(StudentShape shape) {
    Map<String, Object> options = new LinkedHashMap<>();
    options.put("kind", "sequence");
    options.put("pooling", "max-logits");
    options.put("vocab_size", shape.vocabulary());
    options.put("embedding_size", shape.in());
    options.put("hidden_size", shape.hidden());
    options.put("optimizer", "sgd");
    options.put("ce_weight", 1);
    options.put("soft_weight", 2);
    return options;
  }

  private static TensorVector vector(Map<String, Tensor> parameters) {
    parameters.values().forEach(tensor -> tensor.requires_grad_(true));
    return new TensorVector(parameters.values().toArray(new Tensor[0]));
  }

  private static Trainer trainer(String contender, Map<String, Object> options, Weights weights) {
    try (Trainer.Builder builder =
        Trainer.builder().option("num_labels", Material.CLASSES).option("head", "" + MIDDLE)) {
      options.forEach(builder::option);
      if (contender.equals(Contender.MAQUE_BF16)) {
        builder.option("precision", "bf16");
      }
      weights.values().forEach((name, values) -> builder.tensor(name, weights.shape(name), values));
      return builder.build();
    }
  }

  /** Texts with seeded labels, and a teacher's logits that lean to the label. */
  private static final class Data {
    private final int[][][] texts;
    private final SplittableRandom random = new SplittableRandom(3);
    private final float[][] soft;

    Data(int[][][] texts) {
      this.texts = texts;
      soft = Arrays.stream(texts).map(this::softLogits).toArray(float[][]::new);
    }

    private static int label(int text) {
      return text % Material.CLASSES;
    }

    private float[] softLogits(int[][] batch) {
      float[] logits = new float[batch.length * Material.CLASSES];
      for (int i = 0; i < logits.length; i++) {
        boolean leaning = i % Material.CLASSES == label(i / Material.CLASSES);
        logits[i] = (leaning ? 4 : -1) + (float) (random.nextDouble() - 0.5);
      }
      return logits;
    }

    private int[] labels(int batch) {
      int[] labels = new int[texts[batch].length];
      Arrays.setAll(labels, Data::label);
      return labels;
    }

    float[] soft(int batch) {
      return soft[batch];
    }

    Tensor torchLabels(int batch) {
      long[] labels = Arrays.stream(labels(batch)).asLongStream().toArray();
      return Torch.longs(labels, labels.length);
    }

    Batch[] batches(boolean withSoft) {
      Batch[] batches = new Batch[texts.length];
      for (int i = 0; i < batches.length; i++) {
        Batch batch = Batch.of(texts[i]).withLabels(labels(i));
        batches[i] = withSoft ? batch.withSoft(soft[i], null) : batch;
      }
      return batches;
    }
  }

  private static final class Maque implements Work {
    private final Trainer trainer;
    private final Batch[] batches;
    private final double lr;

    Maque(Trainer trainer, Batch[] batches, double lr) {
      this.trainer = trainer;
      this.batches = batches.clone();
      this.lr = lr;
      if (trainer.trunkShape().kind() != Trainer.TrunkShape.Kind.NONE) {
        Arrays.setAll(this.batches, i -> batches[i].withTrunk(trainer.trunk(batches[i])));
      }
    }

    private float steps() {
      float loss = 0;
      for (Batch batch : batches) {
        loss = (float) trainer.step(batch, lr).loss();
      }
      return loss;
    }

    @Override
    public Object run() {
      return steps();
    }

    /** The loss after each of the first three runs. */
    @Override
    public float[] result() {
      return new float[] {steps(), steps(), steps()};
    }

    @Override
    public void close() {
      trainer.close();
    }
  }

  private static final class LibTorch implements Work {
    private final String contender;
    private final List<Supplier<Tensor>> losses;
    private final Optimizer optimizer;

    LibTorch(String contender, List<Supplier<Tensor>> losses, Optimizer optimizer) {
      this.contender = contender;
      this.losses = losses;
      this.optimizer = optimizer;
    }

    @Override
    public void begin() {
      Torch.prepare(contender);
    }

    private float steps() {
      float last = 0;
      for (Supplier<Tensor> loss : losses) {
        last =
            Torch.scoped(
                () -> {
                  optimizer.zero_grad();
                  Tensor value = loss.get();
                  value.backward();
                  optimizer.step();
                  return value.item_float();
                });
      }
      return last;
    }

    @Override
    public Object run() {
      return steps();
    }

    @Override
    public float[] result() {
      return new float[] {steps(), steps(), steps()};
    }
  }
}
