package maque.benchmarks;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import maque.runtime.ModelDirectory;
import maque.runtime.Student;

/** From a real title to the index of its label, by a sequence student. */
final class LabelWork {
  private LabelWork() {}

  static Work open(String contender, StudentShape shape) {
    Path model = Material.sequence(shape);
    if (Contender.isMaque(contender)) {
      return new Maque(Student.load(Material.form(contender, model)));
    }
    ModelDirectory directory = ModelDirectory.read(Material.teacher());
    return new Peers(
        TokenizerWork.huggingFace(directory.maxTokens()),
        new Ort(Material.graph(model, shape, false)));
  }

  private static int largest(float[] numbers) {
    int best = 0;
    for (int i = 1; i < numbers.length; i++) {
      best = numbers[i] > numbers[best] ? i : best;
    }
    return best;
  }

  private static final class Maque implements Work {
    private final List<String> texts = Material.texts();
    private final Student student;
    private final Student.Session session;
    private final float[] probabilities = new float[Material.CLASSES];
    private int next;

    Maque(Student student) {
      this.student = student;
      session = student.session();
    }

    @Override
    public Object run() {
      session.predict(texts.get(next++ % texts.size()), probabilities);
      return probabilities;
    }

    @Override
    public float[] result() {
      return student.logits(texts.get(0));
    }

    @Override
    public void close() {
      student.close();
    }
  }

  private static final class Peers implements Work {
    private final List<String> texts = Material.texts();
    private final HuggingFaceTokenizer tokenizer;
    private final Ort ort;
    private int next;

    Peers(HuggingFaceTokenizer tokenizer, Ort ort) {
      this.tokenizer = tokenizer;
      this.ort = ort;
    }

    private float[] logits(String text) {
      long[] ids = tokenizer.encode(text).getIds();
      int[] row = Arrays.stream(ids).mapToInt(id -> (int) id).toArray();
      return ort.array(Ort.Input.sequence(new int[][] {row}));
    }

    @Override
    public Object run() {
      return largest(logits(texts.get(next++ % texts.size())));
    }

    @Override
    public float[] result() {
      return logits(texts.get(0));
    }

    @Override
    public void close() {
      ort.close();
      tokenizer.close();
    }
  }
}
