package maque.cli;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import maque.runtime.Json;
import maque.runtime.Safetensors;
import maque.runtime.Tensor;

/**
 * A BERT of two layers and a data set of two classes, small enough to run the whole chain in
 * seconds; and a way to run commands.
 */
final class Tiny {
  private static final int HIDDEN = 16;
  private static final int INNER = 32;
  private static final int POSITIONS = 128;
  private static final List<String> ANIMALS = List.of("cat", "dog", "horse", "mouse", "bird");
  private static final List<String> PLANTS = List.of("tree", "flower", "grass", "moss", "fern");
  private static final List<String> OTHERS =
      List.of("a", "the", "small", "large", "old", "of", "in");

  private Tiny() {}

  /** What a command printed and its exit code. */
  record Outcome(int code, String out, String err) {
    /** Standard error's only line. */
    String errorLine() {
      String[] lines = err.strip().split("\\R");
      if (lines.length != 1) {
        throw new AssertionError("expected one line on standard error, found:\n" + err);
      }
      return lines[0];
    }
  }

  /** Runs a command in this process, without a terminal. */
  static Outcome maque(Object... args) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    Console console =
        new Console(
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            false);
    List<String> words = new ArrayList<>();
    for (Object arg : args) {
      words.add(arg.toString());
    }
    int code = Main.run(console, words);
    return new Outcome(
        code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  /** Runs a command that must end with this code and say this in one line on standard error. */
  static void fails(int code, String said, Object... args) {
    Outcome outcome = maque(args);
    if (outcome.code() != code || !outcome.errorLine().contains(said)) {
      throw new AssertionError(
          "expected code "
              + code
              + " and '"
              + said
              + "', found "
              + outcome.code()
              + ":\n"
              + outcome.err());
    }
  }

  /** Trains a sequence student of words on a file of {@link #data}. */
  static Path student(Path data, Path out) {
    String shape = "--tokens words --segmenter spaces --embedding-size 12 --hidden-size 8 --head 8";
    List<Object> args = new ArrayList<>(List.of("train-student", "--train", data, "--out", out));
    args.addAll(List.of((shape + " --epochs 4 --lr 1e-2").split(" ")));
    Outcome outcome = maque(args.toArray());
    if (outcome.code() != 0) {
      throw new AssertionError(outcome.err());
    }
    return out;
  }

  /** A directory in Hugging Face's form with random weights. */
  static Path huggingFace(Path directory) throws IOException {
    Files.createDirectories(directory);
    List<String> vocabulary = vocabulary();
    Files.write(directory.resolve("vocab.txt"), vocabulary);
    Map<String, Object> config = new LinkedHashMap<>();
    config.put("model_type", "bert");
    config.put("vocab_size", vocabulary.size());
    config.put("hidden_size", HIDDEN);
    config.put("num_hidden_layers", 2);
    config.put("num_attention_heads", 2);
    config.put("intermediate_size", INNER);
    config.put("max_position_embeddings", POSITIONS);
    config.put("type_vocab_size", 2);
    config.put("layer_norm_eps", 1e-12);
    config.put("hidden_act", "gelu");
    config.put("hidden_dropout_prob", 0.1);
    config.put("attention_probs_dropout_prob", 0.1);
    Files.write(directory.resolve("config.json"), Json.write(config));
    Safetensors.write(
        directory.resolve("model.safetensors"), weights(vocabulary.size()), Map.of("format", "pt"));
    return directory;
  }

  private static List<String> vocabulary() {
    List<String> vocabulary =
        new ArrayList<>(List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"));
    vocabulary.addAll(OTHERS);
    vocabulary.addAll(ANIMALS);
    vocabulary.addAll(PLANTS);
    return vocabulary;
  }

  private static Map<String, Tensor> weights(int words) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    Random random = new Random(1);
    String embeddings = "bert.embeddings.";
    matrix(tensors, random, embeddings + "word_embeddings.weight", words, HIDDEN);
    matrix(tensors, random, embeddings + "position_embeddings.weight", POSITIONS, HIDDEN);
    matrix(tensors, random, embeddings + "token_type_embeddings.weight", 2, HIDDEN);
    norm(tensors, embeddings + "LayerNorm");
    for (int i = 0; i < 2; i++) {
      String layer = "bert.encoder.layer." + i + ".";
      for (String part : List.of("query", "key", "value")) {
        linear(tensors, random, layer + "attention.self." + part, HIDDEN, HIDDEN);
      }
      linear(tensors, random, layer + "attention.output.dense", HIDDEN, HIDDEN);
      norm(tensors, layer + "attention.output.LayerNorm");
      linear(tensors, random, layer + "intermediate.dense", INNER, HIDDEN);
      linear(tensors, random, layer + "output.dense", HIDDEN, INNER);
      norm(tensors, layer + "output.LayerNorm");
    }
    return tensors;
  }

  private static void linear(
      Map<String, Tensor> tensors, Random random, String name, int rows, int columns) {
    matrix(tensors, random, name + ".weight", rows, columns);
    put(tensors, name + ".bias", new long[] {rows}, new float[rows]);
  }

  private static void norm(Map<String, Tensor> tensors, String name) {
    float[] ones = new float[HIDDEN];
    java.util.Arrays.fill(ones, 1);
    put(tensors, name + ".weight", new long[] {HIDDEN}, ones);
    put(tensors, name + ".bias", new long[] {HIDDEN}, new float[HIDDEN]);
  }

  private static void matrix(
      Map<String, Tensor> tensors, Random random, String name, int rows, int columns) {
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (0.3 * random.nextGaussian());
    }
    put(tensors, name, new long[] {rows, columns}, values);
  }

  private static void put(Map<String, Tensor> tensors, String name, long[] shape, float[] values) {
    tensors.put(name, Tensor.of(name, shape, values));
  }

  /** JSONL: each text names an animal or a plant among other words. */
  static Path data(Path file, int texts, long seed) throws IOException {
    Random random = new Random(seed);
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < texts; i++) {
      boolean plant = i % 2 == 1;
      lines.add(
          "{\"text\": \""
              + text(random, plant)
              + "\", \"label\": \""
              + (plant ? "plant" : "animal")
              + "\"}");
    }
    return Files.write(file, lines);
  }

  /** Plain lines of the same kind of text. */
  static Path lines(Path file, int texts, long seed) throws IOException {
    Random random = new Random(seed);
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < texts; i++) {
      lines.add(text(random, random.nextBoolean()));
    }
    return Files.write(file, lines);
  }

  private static String text(Random random, boolean plant) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 3; i++) {
      text.append(OTHERS.get(random.nextInt(OTHERS.size()))).append(' ');
    }
    List<String> words = plant ? PLANTS : ANIMALS;
    return text.append(words.get(random.nextInt(words.size()))).toString();
  }
}
