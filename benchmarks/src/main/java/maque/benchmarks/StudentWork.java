package maque.benchmarks;

import java.util.Arrays;
import java.util.function.Function;
import java.util.stream.IntStream;
import maque.runtime.Student;
import org.bytedeco.pytorch.Tensor;

/** The article's document student and the sequence student, on batches of one shape. */
final class StudentWork {
  private static final double AGREEMENT = 1e-5;
  private static final int BATCHES = 50;

  private StudentWork() {}

  /**
   * Documents of one word each, so that their mean vector is a row of the table; peers get the
   * vectors.
   */
  static Work document(String contender, int size) {
    int rounds = size == 1 ? BATCHES : 1;
    int[][] ids = new int[rounds][];
    for (int i = 0; i < rounds; i++) {
      int from = i;
      ids[i] = IntStream.range(from, from + size).toArray();
    }
    Work ours =
        new Maque(
            Material.document(),
            Arrays.stream(ids).map(StudentWork::oneWordEach).toArray(Ragged[]::new));
    Work work =
        switch (contender) {
          case "maque" -> ours;
          case Ort.NAME -> documentOrt(ids);
          default -> documentTorch(contender, ids);
        };
    Work.requireAgreement(contender, ours.result(), work.result(), AGREEMENT);
    return work;
  }

  private static Ragged oneWordEach(int[] ids) {
    return new Ragged(ids, IntStream.rangeClosed(0, ids.length).toArray(), ids.length);
  }

  private static float[] vectors(Weights weights, int[] ids) {
    return Arrays.copyOfRange(
        weights.get("vectors.weight"),
        ids[0] * Material.STUDENT_IN,
        (ids[ids.length - 1] + 1) * Material.STUDENT_IN);
  }

  private static Work documentOrt(int[][] ids) {
    Weights weights = Material.weights(Material.document());
    Ort.Input[] inputs =
        Arrays.stream(ids)
            .map(i -> Ort.Input.floats(vectors(weights, i), i.length))
            .toArray(Ort.Input[]::new);
    return new OnnxRuntime("document", inputs);
  }

  private static Work documentTorch(String contender, int[][] ids) {
    Torch.prepare(contender);
    Weights weights = Material.weights(Material.document());
    TorchStudent student = new TorchStudent(weights, Material.DOCUMENT_HIDDEN);
    Tensor[] inputs =
        Arrays.stream(ids)
            .map(i -> Torch.floats(vectors(weights, i), i.length, Material.STUDENT_IN))
            .toArray(Tensor[]::new);
    return new LibTorch(student::document, inputs);
  }

  /** Texts of one length, so that no contender pads. */
  static Work sequence(String contender, int size, int length) {
    int[][] rows =
        Texts.rows(Texts.ids(Material.texts(), Material.teacher()), BATCHES * size, length);
    int[][][] batches = new int[BATCHES][][];
    for (int i = 0; i < BATCHES; i++) {
      batches[i] = Arrays.copyOfRange(rows, i * size, (i + 1) * size);
    }
    Work ours =
        new Maque(
            Material.sequence(), Arrays.stream(batches).map(Ragged::of).toArray(Ragged[]::new));
    Work work =
        switch (contender) {
          case "maque" -> ours;
          case Ort.NAME ->
              new OnnxRuntime(
                  "sequence",
                  Arrays.stream(batches).map(Ort.Input::rows).toArray(Ort.Input[]::new));
          default -> sequenceTorch(contender, batches, length);
        };
    Work.requireAgreement(contender, ours.result(), work.result(), AGREEMENT);
    return work;
  }

  private static Work sequenceTorch(String contender, int[][][] batches, int length) {
    Torch.prepare(contender);
    TorchStudent student =
        new TorchStudent(Material.weights(Material.sequence()), Material.SEQUENCE_HIDDEN);
    Tensor[] inputs =
        Arrays.stream(batches).map(batch -> Torch.padded(batch, length)).toArray(Tensor[]::new);
    return new LibTorch(ids -> student.sequence(ids, false), inputs);
  }

  private static final class Maque implements Work {
    private final Student student;
    private final Ragged[] batches;
    private int next;

    Maque(java.nio.file.Path model, Ragged[] batches) {
      student = Student.load(model);
      this.batches = batches;
    }

    private float[][] logits(Ragged batch) {
      return student.logitsOfIds(batch.ids(), batch.offsets(), batch.n());
    }

    @Override
    public Object run() {
      return logits(batches[next++ % batches.length]);
    }

    @Override
    public float[] result() {
      return Ragged.flat(logits(batches[0]));
    }

    @Override
    public void close() {
      student.close();
    }
  }

  private static final class OnnxRuntime implements Work {
    private final Ort ort;
    private final Ort.Input[] inputs;
    private int next;

    OnnxRuntime(String model, Ort.Input[] inputs) {
      ort = new Ort(Material.onnx(model));
      this.inputs = inputs;
    }

    @Override
    public Object run() {
      return ort.array(inputs[next++ % inputs.length]);
    }

    @Override
    public float[] result() {
      return ort.array(inputs[0]);
    }

    @Override
    public void close() {
      ort.close();
    }
  }

  private static final class LibTorch implements Work {
    private final Function<Tensor, Tensor> model;
    private final Tensor[] inputs;
    private int next;

    LibTorch(Function<Tensor, Tensor> model, Tensor[] inputs) {
      this.model = model;
      this.inputs = inputs;
    }

    @Override
    public Object run() {
      Tensor input = inputs[next++ % inputs.length];
      return Torch.infer(() -> model.apply(input));
    }

    @Override
    public float[] result() {
      return Torch.infer(() -> model.apply(inputs[0]));
    }
  }
}
