package maque.cli;

import java.util.LinkedHashMap;
import java.util.Map;
import maque.runtime.ModelDirectory;
import maque.runtime.TextEncoders;
import maque.training.DataCheck;

/** How models read texts, for checks of data. */
final class Readers {
  private static final int LONGEST = 1 << 16;

  private Readers() {}

  /** The reader of a model directory, an encoder's too; it reads further than the model does. */
  static DataCheck.Reader of(ModelDirectory model) {
    Map<String, Object> config = new LinkedHashMap<>(model.config());
    config.put("max_tokens", (long) LONGEST);
    return new DataCheck.Reader(
        TextEncoders.of(config, model.vocab()), model.maxTokens(), model.vocab().indexOf("[UNK]"));
  }
}
