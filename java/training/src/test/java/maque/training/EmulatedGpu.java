package maque.training;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/** The library that stands for a GPU in tests: it runs the same kernels by the processor. */
public final class EmulatedGpu {
  private static final Path LIBRARY =
      Path.of("../../target/native/libmaque_cuda_emulated.so").toAbsolutePath().normalize();

  private EmulatedGpu() {}

  /** Its file; the test is skipped where the native tests were not built, or without Boost. */
  public static String library() {
    Assumptions.assumeTrue(Files.isRegularFile(LIBRARY), "no emulation of a GPU: " + LIBRARY);
    return LIBRARY.toString();
  }
}
