package maque.benchmarks;

import static maque.benchmarks.Contender.HUGGING_FACE;
import static maque.benchmarks.Contender.MAQUE;
import static maque.benchmarks.Contender.MAQUE_BF16;
import static maque.benchmarks.Contender.MAQUE_FOLDED;
import static maque.benchmarks.Contender.MAQUE_INT8;
import static maque.benchmarks.Contender.MAQUE_TEACHER;
import static maque.benchmarks.Contender.ORT;
import static maque.benchmarks.Contender.ORT_FUSED;
import static maque.benchmarks.Contender.ORT_INT8;
import static maque.benchmarks.Contender.ORT_INT8_FUSED;
import static maque.benchmarks.Contender.TOKENIZERS_AND_ORT;
import static maque.benchmarks.Contender.TORCH;
import static maque.benchmarks.Contender.TORCH_BF16;
import static maque.benchmarks.Contender.TORCH_PACKED;
import static maque.benchmarks.Contender.TORCH_PACKED_PLAIN;
import static maque.benchmarks.Contender.TORCH_PADDED;
import static maque.benchmarks.Contender.TORCH_PADDED_PLAIN;
import static maque.benchmarks.Contender.TORCH_PLAIN;
import static maque.benchmarks.Limits.Peak.BF16;
import static maque.benchmarks.Limits.Peak.FP32;
import static maque.benchmarks.Limits.Peak.INT8;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import maque.benchmarks.StudentShape.Form;
import maque.runtime.Maque;

/** All comparisons of the suite. */
final class Tasks {
  private static final List<String> STUDENT_PEERS = List.of(ORT, TORCH, TORCH_PLAIN);
  private static final List<String> TITLES_PEERS = List.of(ORT, TORCH_PACKED, TORCH_PACKED_PLAIN);
  private static final List<String> TEACHER_PEERS = List.of(ORT, ORT_FUSED, TORCH, TORCH_PLAIN);
  private static final List<String> TEACHER_INT8_PEERS = List.of(ORT_INT8, ORT_INT8_FUSED);
  private static final List<String> TRAINING_PEERS = List.of(TORCH, TORCH_PLAIN);

  /** Texts of the article's comparison, and how many of them the teacher is measured on. */
  private static final int ARTICLE_TEXTS = 4001;

  private static final int ARTICLE_PART = 32;

  static final List<Task> ALL =
      List.of(
          document("document-1", "document student, 1 text", 1, "µs", 1),
          document("document-4001", "document student, 4,001 texts", ARTICLE_TEXTS, "ms", 1),
          sequence(
              "sequence-1x24",
              "sequence student 300/300, 1 text of 24",
              Material.SEQUENCE,
              1,
              "µs"),
          sequence(
              "sequence128-1x24",
              "sequence student 300/128, 1 text of 24",
              Material.SMALL_SEQUENCE,
              1,
              "µs"),
          label(),
          sequence(
              "sequence-64x24",
              "sequence student 300/300, 64 texts of 24",
              Material.SEQUENCE,
              64,
              "ms"),
          sequenceTitles(),
          sequenceStep("sequence-step", ", 64 real titles", 0),
          sequenceStep("sequence-step-dropout", " with dropout 0.3", 0.3),
          teacher("teacher-1", "teacher bge-small-zh, 1 title", 1, 1.5),
          teacher("teacher-64", "teacher bge-small-zh, 64 titles sorted by length", 64, 3),
          base(),
          step("small-step", "training step 32x32, bge-small geometry", BertShape.SMALL, 3),
          step("base-step", "training step 32x32, BERT-base geometry", BertShape.BASE, 4),
          epoch("epoch", "fine-tuning, 128 titles in 4 sorted batches", "all"),
          epoch(
              "epoch-last-tensors",
              "fine-tuning last-tensors:4, 128 titles, frozen part cached",
              "last-tensors:4"),
          tokenizer(),
          article(),
          demo("demo-1", "demo's student against its teacher, 1 text of 24", 1, "ms"),
          demo("demo-64", "demo's student against its teacher, 64 texts of 24", 64, "ms"));

  private Tasks() {}

  private static Form form(int bytes, boolean folded) {
    return new Form(bytes, folded);
  }

  private static Task document(String name, String what, int texts, String unit, double seconds) {
    StudentShape shape = Material.DOCUMENT;
    int words = StudentWork.WORDS;
    int used = StudentWork.documentWords(texts);
    return Task.named(name, what)
        .unit(unit)
        .seconds(seconds)
        .quick()
        .agreement(1e-5)
        .row(
            "fp32",
            MAQUE,
            STUDENT_PEERS,
            FP32,
            () -> shape.document(texts, words, used, form(4, false)))
        .row(
            "fp32 folded",
            MAQUE_FOLDED,
            STUDENT_PEERS,
            FP32,
            () -> shape.document(texts, words, used, form(4, true)))
        .row(
            "int8 folded",
            MAQUE_INT8,
            STUDENT_PEERS,
            INT8,
            () -> shape.document(texts, words, used, form(1, true)))
        .others(ORT_INT8)
        .opens(contender -> StudentWork.document(contender, texts));
  }

  private static Task sequence(
      String name, String what, StudentShape shape, int texts, String unit) {
    Supplier<int[][][]> batches = () -> StudentWork.batches(texts, 24);
    // Products with weights in bf16 where the processor has them, else with weights widened.
    Limits.Peak bf16 = Maque.info().bf16().isEmpty() ? FP32 : BF16;
    return Task.named(name, what)
        .row("fp32", MAQUE, STUDENT_PEERS, FP32, () -> cost(shape, batches.get(), form(4, false)))
        .row(
            "fp32 folded",
            MAQUE_FOLDED,
            STUDENT_PEERS,
            FP32,
            () -> cost(shape, batches.get(), form(4, true)))
        .row(
            "bf16 weights folded",
            MAQUE_BF16,
            STUDENT_PEERS,
            bf16,
            () -> cost(shape, batches.get(), form(2, true)))
        .row(
            "int8 folded",
            MAQUE_INT8,
            STUDENT_PEERS,
            INT8,
            () -> cost(shape, batches.get(), form(1, true)))
        .unit(unit)
        .quick()
        .agreement(1e-5)
        .others(ORT_INT8)
        .opens(contender -> StudentWork.sequence(contender, shape, batches.get()));
  }

  private static Task sequenceTitles() {
    StudentShape shape = Material.SEQUENCE;
    Task.Builder task =
        Task.named("sequence-64-titles", "sequence student 300/300, 64 real titles")
            .agreement(1e-5)
            .others(ORT_INT8);
    for (String[] flavour :
        new String[][] {
          {"fp32", MAQUE}, {"fp32 folded", MAQUE_FOLDED}, {"int8 folded", MAQUE_INT8}
        }) {
      boolean int8 = flavour[1].equals(MAQUE_INT8);
      boolean folded = !flavour[1].equals(MAQUE);
      task.row(
          flavour[0],
          flavour[1],
          TITLES_PEERS,
          int8 ? INT8 : FP32,
          () -> cost(shape, StudentWork.titles(64), form(int8 ? 1 : 4, folded)));
    }
    return task.opens(contender -> StudentWork.sequence(contender, shape, StudentWork.titles(64)));
  }

  /** The mean batch's. */
  private static Cost cost(StudentShape shape, int[][][] batches, Form form) {
    int used = (int) Arrays.stream(batches).mapToLong(Tasks::distinct).sum();
    used = Math.min(used, distinct(Material.ids()));
    Cost sum = Cost.nothing();
    for (int[][] batch : batches) {
      sum = sum.plus(shape.sequence(Texts.lengths(batch), distinct(batch), used, form));
    }
    return sum.times(1.0 / batches.length);
  }

  private static int distinct(int[][] batch) {
    return (int) Arrays.stream(batch).flatMapToInt(IntStream::of).distinct().count();
  }

  private static Task label() {
    StudentShape shape = Material.SMALL_SEQUENCE;
    List<String> peers = List.of(TOKENIZERS_AND_ORT);
    return Task.named("sequence128-label", "sequence student 300/128, from a title to its label")
        .unit("µs")
        .quick()
        .agreement(1e-5)
        .row("fp32", MAQUE, peers, FP32, () -> labelCost(shape, form(4, false)))
        .row("fp32 folded", MAQUE_FOLDED, peers, FP32, () -> labelCost(shape, form(4, true)))
        .row("int8 folded", MAQUE_INT8, peers, INT8, () -> labelCost(shape, form(1, true)))
        .opens(contender -> LabelWork.open(contender, shape));
  }

  /** The mean title's. */
  private static Cost labelCost(StudentShape shape, Form form) {
    int[][] ids = Material.ids();
    int used = distinct(ids);
    Cost sum = Cost.nothing();
    for (int[] title : ids) {
      sum = sum.plus(shape.sequence(new int[] {title.length}, title.length, used, form));
    }
    return sum.times(1.0 / ids.length);
  }

  /** Numbers are compared without dropout only: the generators differ. */
  private static Task sequenceStep(String name, String how, double dropout) {
    List<String> peers =
        List.of(TORCH_PADDED, TORCH_PADDED_PLAIN, TORCH_PACKED, TORCH_PACKED_PLAIN);
    String work = "sequence student 300/300, training step" + how;
    Task.Builder task =
        Task.named(name, work)
            .seconds(2)
            .row("fp32", MAQUE, peers, FP32, () -> sequenceStepCost(dropout > 0, 4))
            .row("bf16", MAQUE_BF16, peers, BF16, () -> sequenceStepCost(dropout > 0, 2));
    return (dropout == 0 ? task : task.agreement(Double.NaN))
        .opens(contender -> TrainingWork.student(contender, 64, dropout));
  }

  /** With dropout each token's embedding is dropped by itself: none is projected for another. */
  private static Cost sequenceStepCost(boolean dropout, int bytes) {
    int[][] batch = TrainingWork.studentBatch(64);
    int[] lengths = Texts.lengths(batch);
    int distinct = distinct(batch);
    int projected = dropout ? IntStream.of(lengths).sum() : distinct;
    return Material.SEQUENCE.sequenceStep(lengths, projected, distinct, bytes);
  }

  private static Task teacher(String name, String what, int size, double seconds) {
    return Task.named(name, what)
        .seconds(seconds)
        .quick()
        .row("fp32", MAQUE, TEACHER_PEERS, FP32, () -> teacherCost(size, 4))
        .row("bf16", MAQUE_BF16, TEACHER_PEERS, BF16, () -> teacherCost(size, 2))
        .row("int8", MAQUE_INT8, TEACHER_INT8_PEERS, INT8, () -> teacherCost(size, 1))
        .others(TORCH_BF16)
        .opens(contender -> TeacherWork.titles(contender, size));
  }

  /** The mean batch's. */
  private static Cost teacherCost(int size, int bytes) {
    int[][] ids = Material.ids();
    int[][][] batches = Texts.batches(ids, size);
    int used = distinct(ids);
    Cost sum = Cost.nothing();
    for (int[][] batch : batches) {
      sum =
          sum.plus(
              BertShape.SMALL.forward(bytes, used, BertShape.Last.ALL_ROWS, Texts.lengths(batch)));
    }
    return sum.times(1.0 / batches.length);
  }

  private static int[] lengths(int texts, int length) {
    int[] lengths = new int[texts];
    Arrays.fill(lengths, length);
    return lengths;
  }

  private static Task base() {
    BertShape shape = BertShape.BASE;
    List<String> peers = List.of(TORCH, TORCH_PLAIN, ORT_FUSED);
    return Task.named("base-64x32", "BERT-base geometry, forward 64x32")
        .seconds(3)
        .row("fp32", MAQUE, peers, FP32, () -> baseCost(4))
        .row(
            "bf16",
            MAQUE_BF16,
            List.of(TORCH, TORCH_PLAIN, ORT_FUSED, TORCH_BF16),
            BF16,
            () -> baseCost(2))
        .row("int8", MAQUE_INT8, peers, INT8, () -> baseCost(1))
        .opens(contender -> TeacherWork.shape(contender, "base", shape, 64, 32));
  }

  private static Cost baseCost(int bytes) {
    return BertShape.BASE.forward(bytes, 64 * 32, BertShape.Last.ALL_ROWS, lengths(64, 32));
  }

  private static Task step(String name, String what, BertShape shape, double seconds) {
    int[] lengths = lengths(32, 32);
    return Task.named(name, what)
        .seconds(seconds)
        .row("fp32", MAQUE, TRAINING_PEERS, FP32, () -> shape.step(4, lengths))
        .row("bf16", MAQUE_BF16, TRAINING_PEERS, BF16, () -> shape.step(2, lengths))
        .opens(contender -> TrainingWork.step(contender, shape, 32, 32));
  }

  private static Task epoch(String name, String what, String train) {
    boolean all = train.equals("all");
    return Task.named(name, what)
        .seconds(all ? 4 : 2)
        .row("fp32", MAQUE, TRAINING_PEERS, FP32, () -> epochCost(all, 4))
        .row("bf16", MAQUE_BF16, TRAINING_PEERS, BF16, () -> epochCost(all, 2))
        .opens(contender -> TrainingWork.epoch(contender, train));
  }

  private static Cost epochCost(boolean all, int bytes) {
    Cost sum = Cost.nothing();
    for (int[][] batch : TrainingWork.epochBatches()) {
      sum =
          sum.plus(
              all
                  ? BertShape.SMALL.step(bytes, Texts.lengths(batch))
                  : headStep(batch.length, bytes));
    }
    return sum;
  }

  /** With the frozen part cached, a step is the pooler and the head on one row a text. */
  private static Cost headStep(int texts, int bytes) {
    double hidden = BertShape.SMALL.hidden();
    double weights = hidden * hidden + hidden * 192 + 192.0 * Material.CLASSES;
    Cost.Read once = new Cost.Read(bytes * weights, 16 * weights);
    Cost products = new Cost(2 * texts * weights, once);
    return products
        .times(2)
        .plus(new Cost(products.flops()))
        .plus(new Cost(0, new Cost.Read(16 * weights, 16 * weights)));
  }

  private static Task tokenizer() {
    return Task.named("tokenizer", "tokenizer, 1 title")
        .unit("µs")
        .quick()
        .agreement(0)
        .row("ids", MAQUE, List.of(HUGGING_FACE), FP32, null)
        .opens(TokenizerWork::open);
  }

  private static Task article() {
    Map<String, Double> scale = Map.of(MAQUE_TEACHER, (double) ARTICLE_TEXTS / ARTICLE_PART);
    List<String> teacher = List.of(MAQUE_TEACHER);
    return Task.named("article", "4,001 texts: document student against a BERT-base teacher")
        .unit("s")
        .seconds(3)
        .agreement(Double.NaN)
        .scale(scale)
        .row("fp32", MAQUE, teacher, FP32, null)
        .row("int8 folded", MAQUE_INT8, teacher, INT8, null)
        .opens(
            contender ->
                contender.equals(MAQUE_TEACHER)
                    ? TeacherWork.shape(MAQUE, "base", BertShape.BASE, ARTICLE_PART, 24)
                    : StudentWork.document(contender, ARTICLE_TEXTS));
  }

  private static Task demo(String name, String what, int texts, String unit) {
    List<String> teacher = List.of(MAQUE_TEACHER);
    return Task.named(name, what)
        .unit(unit)
        .seconds(texts == 1 ? 1 : 2)
        .agreement(Double.NaN)
        .row("fp32", MAQUE, teacher, FP32, null)
        .row("int8 folded", MAQUE_INT8, teacher, INT8, null)
        .opens(
            contender ->
                contender.equals(MAQUE_TEACHER)
                    ? TeacherWork.shape(MAQUE, "demo", BertShape.DEMO, texts, 24)
                    : StudentWork.sequence(
                        contender, Material.SMALL_SEQUENCE, StudentWork.batches(texts, 24)));
  }
}
