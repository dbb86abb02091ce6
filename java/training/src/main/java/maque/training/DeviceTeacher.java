package maque.training;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import maque.runtime.InvalidInputException;
import maque.runtime.ModelDirectory;
import maque.runtime.ModelFormatException;
import maque.runtime.Tensor;
import maque.runtime.TextEncoder;
import maque.runtime.TextEncoders;

/**
 * A teacher that scores many texts on a {@link Device}; {@link maque.runtime.Teacher} is the one
 * that answers on the processor. Thread-safe: calls wait for one another.
 */
public final class DeviceTeacher implements AutoCloseable {
  /** Ids of one pass: bounds the device's memory, and is far more than fills it with work. */
  private static final int BATCH_TOKENS = 1 << 15;

  private static final Map<String, String> INFERENCE = Map.of("train", "head", "optimizer", "sgd");

  private final Trainer model;
  private final TextEncoder encoder;
  private final List<String> labels;

  private DeviceTeacher(Trainer model, TextEncoder encoder, List<String> labels) {
    this.model = model;
    this.encoder = encoder;
    this.labels = labels;
  }

  /**
   * Puts a teacher of a directory that has been read onto a device.
   *
   * @throws ModelFormatException where the directory holds no teacher
   * @throws InvalidInputException where the teacher is in int8, which answers on the processor
   * @throws TrainingException where the device cannot be used, saying why, or has too little memory
   */
  public static DeviceTeacher of(ModelDirectory directory, Device device) {
    if (!directory.modelType().equals("bert") || directory.labels().isEmpty()) {
      throw new ModelFormatException(directory.path() + ": holds no teacher with labels");
    }
    if (directory.precision().equals(Precision.INT8.id())) {
      throw new InvalidInputException(
          directory.path() + ": is in int8, which is computed on the processor, not on " + device);
    }
    TextEncoder encoder = TextEncoders.of(directory);
    try (Trainer.Builder builder = Trainer.builder()) {
      directory.nativeOptions().forEach(builder::option);
      INFERENCE.forEach(builder::option);
      builder.device(device);
      for (Tensor tensor : directory.nativeTensors().values()) {
        builder.tensor(tensor.name(), tensor.shape(), ModelIo.finite(directory, tensor));
      }
      return new DeviceTeacher(builder.build(), encoder, directory.labels());
    }
  }

  /** Class names in the logits' order. */
  public List<String> labels() {
    return labels;
  }

  /** Logits of each text, in the texts' order; none depends on the others. */
  public float[][] logits(List<? extends CharSequence> texts) {
    List<int[]> ids = new ArrayList<>(texts.size());
    for (CharSequence text : texts) {
      ids.add(encoder.encode(text).ids());
    }
    float[][] out = new float[ids.size()][];
    int done = 0;
    while (done < out.length) {
      int end = done + 1;
      int tokens = ids.get(done).length;
      while (end < out.length && tokens + ids.get(end).length <= BATCH_TOKENS) {
        tokens += ids.get(end++).length;
      }
      float[][] some = forward(ids.subList(done, end));
      System.arraycopy(some, 0, out, done, some.length);
      done = end;
    }
    return out;
  }

  private synchronized float[][] forward(List<int[]> ids) {
    return model.forward(Batch.of(ids.toArray(int[][]::new)));
  }

  @Override
  public synchronized void close() {
    model.close();
  }
}
