package maque.cli;

import maque.training.TeacherOptions;
import picocli.CommandLine.Option;

/** The teacher's own options. What is not given keeps the preset's value. */
final class TeacherFlags {
  @Option(
      names = "--preset",
      paramLabel = "NAME",
      defaultValue = "default",
      description =
          "default (full fine-tuning, AdamW 1e-4, head 5e-4, 3 epochs, mean pooling), or seed: Adam"
              + " 5e-4 for the last LayerNorm, the pooler and the head, batches of 64 in the file's"
              + " order, 50 tokens, stop after 1,000 batches without gain (default:"
              + " ${DEFAULT-VALUE}).")
  private String preset;

  @Option(
      names = "--tune",
      paramLabel = "WHAT",
      description =
          "What is trained: all; last-layers:K, the last K layers, pooler and head; last-tensors:4,"
              + " the encoder's last four tensors (LayerNorm and pooler) and the head; head. What"
              + " is frozen runs once, without dropout, and its output is kept.")
  private String tune;

  @Option(
      names = "--pooling",
      paramLabel = "NAME",
      description = "What the head reads: pooler, cls, or mean (over all tokens).")
  private String pooling;

  @Option(
      names = "--head-lr-factor",
      paramLabel = "X",
      description = "Factor on the learning rate for the head.")
  private Double headLrFactor;

  @Option(
      names = "--dropout",
      split = ",",
      paramLabel = "X",
      description = "Dropout on embeddings and layers, on attention, on the pooled vector: X,X,X.")
  private double[] dropout;

  @Option(
      names = "--trunk-cache",
      paramLabel = "MB",
      description =
          "Memory for the output of the frozen part; beyond it a file, beyond that it is computed"
              + " again. The same bits in each case (default: 512).")
  private Long trunkCacheMegabytes;

  /** The preset with what was given. */
  TeacherOptions options() {
    TeacherOptions options =
        switch (preset) {
          case "default" -> TeacherOptions.defaults();
          case "seed" -> TeacherOptions.seedPreset();
          default -> throw Usage.error("--preset must be default or seed, not '" + preset + "'");
        };
    if (tune != null) {
      options.train(tune);
    }
    if (pooling != null) {
      options.pooling(pooling);
    }
    if (headLrFactor != null) {
      options.headLrFactor(headLrFactor);
    }
    if (dropout != null) {
      Usage.require(dropout.length == 3, "--dropout takes three numbers, comma-separated");
      options.dropout(dropout[0], dropout[1], dropout[2]);
    }
    if (trunkCacheMegabytes != null) {
      options.trunkCache(trunkCacheMegabytes << 20, options.trunkFileBytes());
    }
    return options;
  }
}
