package maque.cli;

import java.nio.file.Path;
import maque.runtime.ModelDirectory;
import picocli.CommandLine.Option;

/** What teachers answer in, where that is not what their config.json says. */
final class TeacherPrecision {
  @Option(
      names = "--precision",
      paramLabel = "NAME",
      description =
          "What a teacher's products are computed in: fp32, or bf16, about twice as fast, on"
              + " processors with AVX512_BF16 only (default: as its config.json says).")
  private String precision;

  /** Reads a model; one that is no teacher is as it is. */
  ModelDirectory read(Path directory) {
    ModelDirectory model = ModelDirectory.read(directory);
    return precision == null || !model.modelType().equals("bert")
        ? model
        : model.withPrecision(precision);
  }
}
