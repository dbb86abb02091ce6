package maque.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import maque.runtime.InvalidInputException;
import maque.training.imports.HuggingFaceBert;
import maque.training.imports.ImportReport;
import maque.training.imports.OnnxBert;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code maque import}. */
@Command(
    name = "import",
    mixinStandardHelpOptions = true,
    description = {
      "Brings a pretrained BERT encoder into a model directory (config.json, model.safetensors,"
          + " vocab.txt).",
      "",
      "SOURCE is a directory in Hugging Face's form (config.json, model.safetensors, vocab.txt or"
          + " tokenizer.json), or the name of a model that comes as a Maven artifact:",
      "  all-minilm-l6-v2     6 layers, hidden 384, English",
      "  bge-small-zh-v1.5    4 layers, hidden 512, Chinese",
      "Or give --onnx and --tokenizer instead of SOURCE."
    },
    footer = {
      "",
      "Examples:",
      "  maque import bge-small-zh-v1.5 --out models/bge",
      "  maque import ~/bert-base-chinese --out models/base",
      "  maque import --onnx model.onnx --tokenizer tokenizer.json --out models/mine"
    })
final class ImportCommand implements Callable<Integer> {
  private static final Map<String, Artifact> NAMED =
      Map.of(
          "all-minilm-l6-v2", Artifact.ALL_MINILM_L6_V2,
          "bge-small-zh-v1.5", Artifact.BGE_SMALL_ZH_V15);

  @ParentCommand private Main main;
  @Spec private CommandSpec spec;

  @Parameters(arity = "0..1", paramLabel = "SOURCE", description = "What to import.")
  private String source;

  @Option(names = "--onnx", paramLabel = "FILE", description = "A BERT exported to ONNX, float32.")
  private Path onnx;

  @Option(
      names = "--tokenizer",
      paramLabel = "FILE",
      description = "Its tokenizer.json (WordPiece).")
  private Path tokenizer;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "The model directory to make; it must not exist.")
  private Path out;

  @Override
  public Integer call() throws IOException {
    if ((source == null) == (onnx == null) || (onnx == null) != (tokenizer == null)) {
      throw new ParameterException(
          spec.commandLine(), "give either SOURCE, or both --onnx and --tokenizer");
    }
    Usage.requireAbsent(out);
    report(main.console(), onnx != null ? OnnxBert.importFiles(onnx, tokenizer, out) : named());
    return 0;
  }

  private ImportReport named() throws IOException {
    Artifact artifact = NAMED.get(source.toLowerCase(Locale.ROOT));
    Path directory = Path.of(source);
    if (Files.isDirectory(directory)) {
      return HuggingFaceBert.importDirectory(directory, out);
    }
    if (artifact == null) {
      throw new InvalidInputException(
          source
              + " is neither a directory nor one of "
              + NAMED.keySet().stream().sorted().toList());
    }
    return fetched(main.console(), artifact, out);
  }

  /** Imports the encoder of an artifact, fetching it where the cache lacks it. */
  static ImportReport fetched(Console console, Artifact artifact, Path out) throws IOException {
    Path jar = new ArtifactCache(ArtifactCache.defaultFolder(), console).get(artifact);
    return OnnxBert.importJar(jar, out);
  }

  /** Says what was imported. */
  static void report(Console console, ImportReport report) {
    Map<String, Object> config = report.config();
    console.line(
        String.format(
            "%s: %s layers, hidden %s, vocabulary %s, %,d parameters",
            report.directory(),
            config.get("num_hidden_layers"),
            config.get("hidden_size"),
            config.get("vocab_size"),
            report.parameters()));
    if (!report.ignored().isEmpty()) {
      console.line("left out, no part of the encoder: " + String.join(", ", report.ignored()));
    }
  }
}
