package maque.training;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import maque.runtime.InvalidInputException;
import maque.runtime.ModelDirectory;
import maque.runtime.Tensor;
import maque.runtime.TextEncoder;
import maque.runtime.TextEncoders;

/**
 * Turns a student's training form into the form that serves: weights in a precision of choice, both
 * biases of a gate added up, the input projection folded into the table of tokens where that fits a
 * budget, and, where asked for, rows of tokens that occur in given texts only. The same model gives
 * the same bytes, on any number of threads.
 */
public final class StudentPacking {
  private static final String BAG = "maque-bag";
  private static final List<String> DIRECTIONS = List.of("", "_reverse");

  /** Whether the table's rows become gate pre-activations. */
  public enum Fold {
    /** Where the folded table fits the budget. */
    AUTO,
    YES,
    NO
  }

  /**
   * What to make.
   *
   * @param maxTableBytes the most bytes of a folded table that {@link Fold#AUTO} makes
   * @param used texts whose tokens keep their rows, the others sharing one; null: all keep theirs
   */
  public record Options(Precision precision, Fold fold, long maxTableBytes, Texts used) {
    /** 64 MB. */
    public static final long DEFAULT_TABLE_BYTES = 64L << 20;

    /** Folded where that fits 64 MB, all tokens kept. */
    public static Options of(Precision precision) {
      return new Options(precision, Fold.AUTO, DEFAULT_TABLE_BYTES, null);
    }

    public Options withFold(Fold choice) {
      return new Options(precision, choice, maxTableBytes, used);
    }

    public Options withMaxTableBytes(long bytes) {
      return new Options(precision, fold, bytes, used);
    }

    public Options withUsed(Texts texts) {
      return new Options(precision, fold, maxTableBytes, texts);
    }
  }

  private final ModelDirectory model;
  private final Options options;
  private final int threads;
  private final boolean bag;
  private final boolean document;
  private final int hidden; // 0 of a bag, as embedding is
  private final int embedding;
  private final Map<String, Tensor> out = new LinkedHashMap<>();
  private final Quantizer quantizer;

  private StudentPacking(ModelDirectory model, Options options, int threads) {
    this.model = model;
    this.options = options;
    this.threads = threads;
    bag = model.modelType().equals(BAG);
    document = model.modelType().equals("maque-document");
    hidden = bag ? 0 : ModelIo.integer(model.config(), "hidden_size");
    embedding = bag ? 0 : ModelIo.integer(model.config(), "embedding_size");
    quantizer = new Quantizer(options.precision(), out);
  }

  /**
   * Packs a student.
   *
   * @return a writer that has all but the place's content: {@code commit()} makes a directory,
   *     {@code commitFile()} one file
   * @throws InvalidInputException where the model is packed already or no student, or the precision
   *     cannot hold a weight
   * @throws maque.runtime.ModelFormatException where a weight is NaN or infinity
   */
  public static ModelDirectory.Writer pack(
      ModelDirectory student, Options options, int threads, Path out) {
    if (student.isServingForm()) {
      throw new InvalidInputException(
          student.path()
              + ": is packed already ("
              + student.precision()
              + "): pack the student that training wrote");
    }
    if (!student.modelType().startsWith("maque-")) {
      throw new InvalidInputException(
          student.path() + ": expected a student, found " + student.modelType());
    }
    if (student.modelType().equals(BAG) && (options.fold() == Fold.YES || options.used() != null)) {
      throw new InvalidInputException(
          student.path() + ": a bag has no table of tokens to fold or to cut");
    }
    return new StudentPacking(student, options, threads).write(out);
  }

  private ModelDirectory.Writer write(Path path) {
    Map<String, Object> packed = new LinkedHashMap<>();
    packed.put("source", model.fingerprint());
    boolean folds = !bag && lstm(packed);
    weight("ngrams.weight");
    head();
    Map<String, Object> config = new LinkedHashMap<>(model.config());
    config.put("precision", options.precision().id());
    config.put("folded", folds);
    packed.put("precision", options.precision().id());
    packed.put("folded", folds);
    Map<String, Object> training = new LinkedHashMap<>(model.training());
    training.put("packed", packed);
    return ModelDirectory.write(path)
        .config(config)
        .tensors(out)
        .vocab(model.vocab())
        .labels(model.labels())
        .training(training);
  }

  /** The table and the directions; tells whether they were folded. */
  private boolean lstm(Map<String, Object> packed) {
    float[] table = table(packed);
    int rows = table.length / embedding;
    if (!folds(rows)) {
      unfolded(table, rows);
      return false;
    }
    folded(table, rows);
    return true;
  }

  private int gates() {
    return (document ? 3 : 4) * hidden;
  }

  private boolean folds(int rows) {
    if (options.fold() != Fold.AUTO) {
      return options.fold() == Fold.YES;
    }
    long bytes = (long) rows * 2 * gates() * options.precision().bytes();
    long scales = options.precision() == Precision.INT8 ? 8L * rows : 0;
    return bytes + scales <= options.maxTableBytes();
  }

  private float[] values(String name) {
    return ModelIo.finite(model, model.nativeTensors().get(name));
  }

  /** The table's rows that are kept; puts the map of ids where there are fewer than ids. */
  private float[] table(Map<String, Object> packed) {
    float[] all = values(document ? "vectors.weight" : "embedding.weight");
    int ids = model.vocab().size();
    BitSet used = used();
    if (used == null || used.cardinality() == ids) {
      return all;
    }
    int kept = used.cardinality();
    float[] rows = new float[(kept + 1) * embedding];
    double[] others = new double[embedding];
    ByteBuffer map = ByteBuffer.allocateDirect(4 * ids).order(ByteOrder.LITTLE_ENDIAN);
    int row = 0;
    for (int id = 0; id < ids; id++) {
      boolean keeps = used.get(id);
      map.putInt(keeps ? row : kept);
      for (int i = 0; i < embedding; i++) {
        if (keeps) {
          rows[row * embedding + i] = all[id * embedding + i];
        } else {
          others[i] += all[id * embedding + i];
        }
      }
      row += keeps ? 1 : 0;
    }
    for (int i = 0; i < embedding; i++) {
      rows[kept * embedding + i] = (float) (others[i] / (ids - kept));
    }
    out.put("ids.map", new Tensor("ids.map", "I32", new long[] {ids}, map.flip()));
    packed.put("ids_kept", (long) kept);
    packed.put("texts", options.used().hash());
    return rows;
  }

  /** The ids that occur in the texts; null: all are kept. */
  private BitSet used() {
    if (options.used() == null) {
      return null;
    }
    TextEncoder encoder = TextEncoders.of(model);
    BitSet used = new BitSet(model.vocab().size());
    for (int i = 0; i < options.used().size(); i++) {
      for (int id : encoder.encode(options.used().get(i)).ids()) {
        used.set(id);
      }
    }
    if (used.isEmpty()) {
      throw new InvalidInputException("no token of the model occurs in the texts given");
    }
    return used;
  }

  private void folded(float[] table, int rows) {
    int width = 2 * gates();
    float[] weights = new float[width * embedding];
    float[] bias = new float[width];
    for (int d = 0; d < 2; d++) {
      float[] part = gatesOf(values("lstm.weight_ih_l0" + DIRECTIONS.get(d)), embedding);
      System.arraycopy(part, 0, weights, d * part.length, part.length);
      System.arraycopy(bias(d), 0, bias, d * gates(), gates());
    }
    GateTable fold = new GateTable(weights, document ? null : bias, width, embedding);
    quantizer.weight(
        "gates.weight",
        fold.fold(table, rows, threads),
        new long[] {rows, width},
        "gates.scale",
        new long[] {rows, 2});
    if (document) {
      put("gates.bias", bias);
    } else {
      recurrent(0);
      recurrent(1);
    }
  }

  private void unfolded(float[] table, int rows) {
    quantizer.weight(document ? "vectors.weight" : "embedding.weight", table, rows, embedding);
    for (int d = 0; d < 2; d++) {
      String direction = DIRECTIONS.get(d);
      float[] weights = gatesOf(values("lstm.weight_ih_l0" + direction), embedding);
      quantizer.weight("lstm.weight_ih_l0" + direction, weights, gates(), embedding);
      put("lstm.bias_l0" + direction, bias(d));
      if (!document) {
        recurrent(d);
      }
    }
  }

  private void recurrent(int d) {
    String name = "lstm.weight_hh_l0" + DIRECTIONS.get(d);
    quantizer.weight(name, values(name), 4 * hidden, hidden);
  }

  /** bias_ih + bias_hh of the gates that are computed. */
  private float[] bias(int d) {
    float[] input = gatesOf(values("lstm.bias_ih_l0" + DIRECTIONS.get(d)), 1);
    float[] recurrent = gatesOf(values("lstm.bias_hh_l0" + DIRECTIONS.get(d)), 1);
    for (int i = 0; i < input.length; i++) {
      input[i] += recurrent[i];
    }
    return input;
  }

  /** The rows of PyTorch's gates i f g o that are computed: a document's without f. */
  private float[] gatesOf(float[] rows, int columns) {
    if (!document) {
      return rows;
    }
    int gate = hidden * columns;
    float[] kept = new float[3 * gate];
    System.arraycopy(rows, 0, kept, 0, gate);
    System.arraycopy(rows, 2 * gate, kept, gate, 2 * gate);
    return kept;
  }

  private void head() {
    for (int layer = 0; weight("head." + layer + ".weight"); layer += 2) {
      put("head." + layer + ".bias", values("head." + layer + ".bias"));
    }
  }

  /** Puts a weight as it stands; tells whether there is one. */
  private boolean weight(String name) {
    Tensor weight = model.nativeTensors().get(name);
    if (weight == null) {
      return false;
    }
    long[] shape = weight.shape();
    quantizer.weight(name, values(name), (int) shape[0], (int) shape[1]);
    return true;
  }

  private void put(String name, float[] values) {
    out.put(name, Tensor.of(name, new long[] {values.length}, values));
  }
}
