package maque.cli;

import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Options of every command that computes with random numbers. */
final class RunOptions {
  @Option(
      names = "--seed",
      paramLabel = "N",
      description =
          "Key of everything random; the same seed gives the same files (default:"
              + " ${DEFAULT-VALUE}).",
      defaultValue = "1")
  private long seed;

  @Mixin private Threads threads;

  long seed() {
    return seed;
  }

  int threads() {
    return threads.count();
  }
}
