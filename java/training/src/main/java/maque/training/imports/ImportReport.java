package maque.training.imports;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * What an import made.
 *
 * @param directory the model directory
 * @param config what its config.json holds
 * @param tensors how many tensors were taken
 * @param parameters how many numbers they hold
 * @param ignored names of weights in the source that belong to no part of the encoder (heads of
 *     other tasks, buffers)
 */
public record ImportReport(
    Path directory,
    Map<String, Object> config,
    int tensors,
    long parameters,
    List<String> ignored) {}
