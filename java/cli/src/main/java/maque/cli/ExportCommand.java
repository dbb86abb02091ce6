package maque.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import maque.runtime.InvalidInputException;
import maque.runtime.ModelDirectory;
import maque.runtime.TextClassifier;
import maque.training.Texts;
import maque.training.onnx.OnnxExport;
import maque.training.onnx.OnnxSample;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** {@code maque export}. */
@Command(
    name = "export",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Writes a teacher or a student as an ONNX file that other programs run.",
      "",
      "Inputs are int64 [texts, time], padded to the longest text: input_ids and attention_mask,"
          + " of a teacher also token_type_ids, where there are n-grams also ngram_ids and"
          + " ngram_mask (a bag has these two alone). The output is logits [texts, classes], of an"
          + " encoder without a head last_hidden_state. The ids are those of the model's vocab.txt."
    },
    footer = {
      "",
      "Example:",
      "  maque export models/student --onnx student.onnx --sample dev.json"
    })
final class ExportCommand implements Callable<Integer> {
  private static final int SAMPLES = 100;

  @ParentCommand private Main main;

  @Parameters(
      paramLabel = "MODEL",
      description = "A teacher, or a student in the form that training wrote.")
  private Path source;

  @Option(
      names = "--onnx",
      required = true,
      paramLabel = "FILE",
      description = "The file to write; it must not exist.")
  private Path out;

  @Option(
      names = "--sample",
      paramLabel = "FILE",
      description =
          "Texts; the first 100 are written with the inputs and the logits that belong to them into"
              + " FILE.sample.jsonl beside the ONNX file, so that a reader can be checked.")
  private Path sample;

  @Mixin private DataFlags data;

  @Override
  public Integer call() throws Exception {
    Path lines = out.resolveSibling(out.getFileName() + ".sample.jsonl");
    for (Path file : sample == null ? List.of(out) : List.of(out, lines)) {
      Usage.requireAbsent(file);
    }
    ModelDirectory model = ModelDirectory.read(source);
    Texts texts = sample == null ? null : data.texts(sample);
    if (texts != null && model.labels().isEmpty()) {
      throw new InvalidInputException(source + ": has no head, so there are no logits to sample");
    }
    OnnxExport.write(model, out);
    main.console().result(String.format(Locale.ROOT, "%s: %,d bytes", out, Files.size(out)));
    if (texts != null) {
      writeSample(model, texts, lines);
    }
    return 0;
  }

  private void writeSample(ModelDirectory model, Texts texts, Path lines) {
    Texts first = Texts.first(texts, SAMPLES);
    try (TextClassifier classifier = Models.load(model)) {
      OnnxSample.write(classifier, model.modelType().equals("bert"), first, lines);
    }
    main.console().result(String.format(Locale.ROOT, "%s: %,d texts", lines, first.size()));
  }
}
