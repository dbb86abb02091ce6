package maque.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import maque.runtime.Maque;
import maque.runtime.ModelDirectory;
import maque.runtime.Tensor;
import maque.training.Device;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** {@code maque info}. */
@Command(
    name = "info",
    mixinStandardHelpOptions = true,
    description = {
      "Shows version, processor and instruction set; of a model, what is in it.",
      "",
      "The environment variable MAQUE_MAX_ISA (ref, avx2, avx512) caps the instruction set; results"
          + " are the same bits."
    })
final class InfoCommand implements Callable<Integer> {
  @ParentCommand private Main main;

  @Parameters(
      arity = "0..*",
      paramLabel = "MODEL",
      description = "Models to describe: directories or .maque files.")
  private List<Path> models = List.of();

  /** Maque's version, for {@code --version}. */
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {"maque " + Maque.info().version()};
    }
  }

  @Override
  public Integer call() {
    Console console = main.console();
    if (models.isEmpty()) {
      Maque.Info info = Maque.info();
      console.result("maque           " + info.version());
      console.result("instructions    " + info.isa());
      if (info.isNative()) {
        console.result("products bf16   " + (info.bf16().isEmpty() ? "none" : info.bf16()));
        console.result("products int8   " + info.int8());
        console.result("processor has   " + info.cpuFeatures());
        console.result("native library  " + info.library());
      } else {
        console.result("native library  not in use: " + info.problem());
      }
      gpus(console);
      console.result(
          "java            " + Runtime.version() + ", " + System.getProperty("java.vm.name"));
      console.result("artifact cache  " + ArtifactCache.defaultFolder().resolve("artifacts"));
    }
    models.forEach(model -> describe(console, model));
    return 0;
  }

  private static void gpus(Console console) {
    Device.Status gpus = Device.status();
    String text = gpus.usable() ? gpus.text() : "not in use: " + gpus.text();
    console.result("gpu             " + text.replace("\n", "\n                "));
  }

  private static void describe(Console console, Path directory) {
    ModelDirectory model = ModelDirectory.read(directory);
    console.result(directory.toString());
    for (Map.Entry<String, Object> entry : model.config().entrySet()) {
      console.result(String.format("  %-30s%s", entry.getKey(), entry.getValue()));
    }
    long parameters = model.nativeTensors().values().stream().mapToLong(Tensor::elements).sum();
    console.result(String.format("  %-30s%,d", "parameters", parameters));
    console.result(String.format("  %-30s%s", "labels", model.labels()));
    console.result(
        String.format(
            "  %-30s%s",
            "checksums", isChecked(directory) ? "right" : "none (not written by Maque)"));
  }

  /** Whether reading it has compared checksums: a model in one file always holds them. */
  private static boolean isChecked(Path model) {
    return Files.isRegularFile(model) || Files.exists(model.resolve("maque.json"));
  }
}
