package maque.benchmarks;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import maque.runtime.Student;
import org.bytedeco.pytorch.Tensor;

/** The article's document student and the sequence student, on batches. */
final class StudentWork {
  /** Words of a document: about as many as a title has. */
  static final int WORDS = 12;

  private static final int BATCHES = 50;

  private StudentWork() {}

  /**
   * Documents of random words. Maque gets the words and takes their vectors' mean itself; peers are
   * given the mean.
   */
  static Work document(String contender, int size) {
    SplittableRandom random = new SplittableRandom(7);
    int[][][] batches = new int[size == 1 ? BATCHES : 1][size][];
    for (int[][] batch : batches) {
      for (int i = 0; i < size; i++) {
        batch[i] = random.ints(WORDS, 0, Material.DOCUMENT.vocabulary()).toArray();
      }
    }
    if (Contender.isMaque(contender)) {
      return maque(contender, Material.document(), batches);
    }
    Weights weights = Material.weights(Material.document());
    float[][] means =
        Arrays.stream(batches).map(batch -> means(weights, batch)).toArray(float[][]::new);
    if (Contender.isTorch(contender)) {
      TorchStudent student = new TorchStudent(weights, Material.DOCUMENT.hidden());
      return new LibTorch(
          contender,
          Arrays.stream(means)
              .map(mean -> Torch.floats(mean, size, Material.DOCUMENT.in()))
              .map(mean -> (Supplier<Tensor>) () -> student.document(mean)));
    }
    return new OnnxRuntime(
        graph(contender, Material.document(), Material.DOCUMENT),
        Arrays.stream(means).map(mean -> Ort.Input.floats(mean, size)).toArray(Ort.Input[]::new));
  }

  /** How many different words those documents can have at most. */
  static int documentWords(int size) {
    return Math.min(Material.DOCUMENT.vocabulary(), (size == 1 ? BATCHES : size) * WORDS);
  }

  private static float[] means(Weights weights, int[][] batch) {
    float[] vectors = weights.get("vectors.weight");
    int in = Material.DOCUMENT.in();
    float[] means = new float[batch.length * in];
    for (int t = 0; t < batch.length; t++) {
      for (int word : batch[t]) {
        for (int j = 0; j < in; j++) {
          means[t * in + j] += vectors[word * in + j];
        }
      }
      for (int j = 0; j < in; j++) {
        means[t * in + j] /= batch[t].length;
      }
    }
    return means;
  }

  /** Texts of one length, so that no contender pads. */
  static int[][][] batches(int size, int length) {
    int[][] rows = Texts.rows(Material.ids(), BATCHES * size, length);
    return IntStream.range(0, BATCHES)
        .mapToObj(i -> Arrays.copyOfRange(rows, i * size, (i + 1) * size))
        .toArray(int[][][]::new);
  }

  /** Real titles in batches of similar length, the longest first in each. */
  static int[][][] titles(int size) {
    return Arrays.stream(Texts.batches(Material.ids(), size))
        .map(Texts::longestFirst)
        .toArray(int[][][]::new);
  }

  static Work sequence(String contender, StudentShape shape, int[][][] batches) {
    Path model = Material.sequence(shape);
    if (Contender.isMaque(contender)) {
      return maque(contender, model, batches);
    }
    if (!Contender.isTorch(contender)) {
      return new OnnxRuntime(
          graph(contender, model, shape),
          Arrays.stream(batches).map(Ort.Input::sequence).toArray(Ort.Input[]::new));
    }
    TorchStudent student = new TorchStudent(Material.weights(model), shape.hidden());
    return new LibTorch(
        contender, Arrays.stream(batches).map(batch -> torch(contender, student, batch)));
  }

  private static Supplier<Tensor> torch(String contender, TorchStudent student, int[][] batch) {
    if (Contender.isPacked(contender)) {
      TorchStudent.Packed packed = TorchStudent.Packed.of(batch);
      return () -> student.sequence(packed, TorchStudent.Mode.INFERENCE);
    }
    TorchStudent.Padded padded = TorchStudent.Padded.of(batch);
    return () -> student.sequence(padded, TorchStudent.Mode.INFERENCE);
  }

  private static Path graph(String contender, Path model, StudentShape shape) {
    return Material.graph(model, shape, contender.equals(Contender.ORT_INT8));
  }

  private static Work maque(String contender, Path model, int[][][] batches) {
    return new Maque(
        Material.form(contender, model),
        Arrays.stream(batches).map(Ragged::of).toArray(Ragged[]::new));
  }

  private static final class Maque implements Work {
    private final Student student;
    private final Ragged[] batches;
    private int next;

    Maque(Path model, Ragged[] batches) {
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
      return Ragged.flat(logits(batches[batches.length / 2]));
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

    OnnxRuntime(Path model, Ort.Input[] inputs) {
      ort = new Ort(model);
      this.inputs = inputs;
    }

    @Override
    public Object run() {
      return ort.array(inputs[next++ % inputs.length]);
    }

    @Override
    public float[] result() {
      return ort.array(inputs[inputs.length / 2]);
    }

    @Override
    public void close() {
      ort.close();
    }
  }

  private static final class LibTorch implements Work {
    private final String contender;
    private final List<Supplier<Tensor>> batches;
    private int next;

    LibTorch(String contender, Stream<Supplier<Tensor>> batches) {
      this.contender = contender;
      begin();
      this.batches = batches.toList();
    }

    @Override
    public void begin() {
      Torch.prepare(contender);
    }

    @Override
    public Object run() {
      Supplier<Tensor> batch = batches.get(next++ % batches.size());
      return Torch.infer(batch::get);
    }

    @Override
    public float[] result() {
      return Torch.infer(batches.get(batches.size() / 2)::get);
    }
  }
}
