package maque.cli;

import picocli.CommandLine.Option;

/** The option of every command that computes in several threads. */
final class Threads {
  private static final int MAX = 1024;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads (default: one a processor); their number never changes a result.")
  private Integer threads;

  int count() {
    Usage.require(
        threads == null || threads >= 1 && threads <= MAX,
        "--threads must be 1.." + MAX + ", not " + threads);
    return threads == null ? Runtime.getRuntime().availableProcessors() : threads;
  }
}
