package maque.cli;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import maque.training.DataCheck;

/** Checks of data in words. */
final class DataFindings {
  private static final int MAX_CLASSES = 30;

  private DataFindings() {}

  /** What a file holds, by name. */
  static Map<String, String> facts(DataCheck.File file) {
    Map<String, String> facts = new LinkedHashMap<>();
    facts.put("texts", String.format(Locale.ROOT, "%,d", file.rows()));
    facts.put("repeats", part(file.repeats(), file.rows()));
    if (file.empty() > 0) {
      facts.put("empty texts", part(file.empty(), file.rows()));
    }
    if (file.unlabelled() < file.rows()) {
      facts.put("classes", classes(file));
      facts.put(
          "texts with two labels",
          String.format(Locale.ROOT, "%,d", file.conflicts())
              + file.conflictExamples().stream()
                  .map(example -> "\n    " + example)
                  .collect(Collectors.joining()));
    }
    if (file.unlabelled() > 0) {
      facts.put("without a label", part(file.unlabelled(), file.rows()));
    }
    facts.put("characters", lengths(file.characters()));
    if (file.tokens() != null) {
      tokens(facts, file);
    }
    return facts;
  }

  private static void tokens(Map<String, String> facts, DataCheck.File file) {
    DataCheck.Tokens tokens = file.tokens();
    facts.put("tokens", lengths(tokens.lengths()));
    facts.put(
        "cut at " + tokens.maxTokens() + " tokens",
        part(tokens.cutTexts(), file.rows())
            + " of the texts, "
            + part(tokens.cutTokens(), tokens.tokens())
            + " of the tokens");
    facts.put(
        "unknown tokens",
        part(tokens.unknownTokens(), tokens.tokens())
            + ", in "
            + part(tokens.unknownTexts(), file.rows())
            + " of the texts");
  }

  private static String classes(DataCheck.File file) {
    String counts =
        file.classes().entrySet().stream()
            .limit(MAX_CLASSES)
            .map(entry -> entry.getKey() + " " + entry.getValue())
            .collect(Collectors.joining(", "));
    String skew =
        Double.isFinite(file.skew())
            ? String.format(Locale.ROOT, "; largest over smallest %.1f", file.skew())
            : "; some have no text";
    return file.classes().size() + ": " + counts + skew;
  }

  private static String lengths(DataCheck.Lengths lengths) {
    return String.format(
        Locale.ROOT,
        "%,d to %,d, median %,d, 95 %% up to %,d, 99 %% up to %,d",
        lengths.min(),
        lengths.max(),
        lengths.median(),
        lengths.p95(),
        lengths.p99());
  }

  /** What two files share. */
  static Map<String, String> facts(DataCheck.Shared shared) {
    Map<String, String> facts = new LinkedHashMap<>();
    facts.put(
        "texts in both",
        String.format(Locale.ROOT, "%,d", shared.rows())
            + (shared.otherLabel() == 0
                ? ""
                : String.format(Locale.ROOT, ", %,d with another label", shared.otherLabel()))
            + shared.examples().stream()
                .map(example -> "\n    " + example)
                .collect(Collectors.joining()));
    return facts;
  }

  private static String part(long some, long all) {
    return String.format(Locale.ROOT, "%,d (%.2f %%)", some, all == 0 ? 0 : 100.0 * some / all);
  }
}
