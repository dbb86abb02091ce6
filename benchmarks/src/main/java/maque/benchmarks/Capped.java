package maque.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A run in which every contender is held to AVX2 on a processor that has more. The settings are
 * benchmarks/run.sh's; here is seen to it that ONNX Runtime, which has no switch, keeps to them.
 */
public final class Capped {
  /** Property: the instruction set that all are held to; empty for a run without a cap. */
  private static final String ISA = "maque.benchmarks.isa";

  /** Where the preloaded library says how many questions about the processor it answered. */
  private static final String REPORT = "MAQUE_CPUID_REPORT";

  private Capped() {}

  /** Tells the environment, if this run is capped. */
  static void describe(Environment environment) throws IOException {
    String isa = System.getProperty(ISA, "");
    if (isa.isEmpty()) {
      return;
    }
    environment.put(
        "capped",
        "this CPU, which has AVX-512, capped to "
            + isa.toUpperCase(Locale.ROOT)
            + " and FMA for all contenders; not a CPU with AVX2 only");
    environment.put(
        "capped by",
        "MAQUE_MAX_ISA=avx2; ATEN_CPU_CAPABILITY=avx2, ONEDNN_MAX_CPU_ISA=AVX2, OPENBLAS_CORETYPE="
            + System.getenv("OPENBLAS_CORETYPE")
            + "; -XX:UseAVX=2; ONNX Runtime: "
            + answers()
            + " questions about the processor answered without AVX-512 and VNNI as it opens a"
            + " model");
  }

  /** Of a process that opens a model with ONNX Runtime and runs it. */
  private static long answers() throws IOException {
    Path report = Path.of(System.getenv(REPORT));
    Files.deleteIfExists(report);
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(Measurement.jvm(report));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Capped.class.getName()));
    Limits.output(command);
    long answers = Files.exists(report) ? counted(Files.readAllLines(report)) : 0;
    if (answers == 0) {
      throw new IllegalStateException(
          "ONNX Runtime did not ask the preloaded library about the processor: it is not capped");
    }
    return answers;
  }

  /** Questions of all processes together, of which each wrote a line. */
  static long counted(List<String> lines) {
    return lines.stream().mapToLong(Long::parseLong).sum();
  }

  /** That process. */
  public static void main(String[] arguments) {
    try (Work work = StudentWork.document(Contender.ORT, 1)) {
      System.out.println(work.run());
    }
  }
}
