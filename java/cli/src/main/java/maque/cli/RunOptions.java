package maque.cli;

import picocli.CommandLine.Option;

/** Options of every command that computes. */
final class RunOptions {
  @Option(
      names = "--seed",
      paramLabel = "N",
      description =
          "Key of everything random; the same seed gives the same files (default:"
              + " ${DEFAULT-VALUE}).",
      defaultValue = "1")
  private long seed;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads (default: one a processor); their number never changes a result.")
  private Integer threads;

  long seed() {
    return seed;
  }

  int threads() {
    return threads == null ? Runtime.getRuntime().availableProcessors() : threads;
  }
}
