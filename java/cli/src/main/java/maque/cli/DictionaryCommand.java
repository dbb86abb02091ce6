package maque.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Locale;
import java.util.concurrent.Callable;
import maque.segmenter.hanlp.HanlpDictionary;
import maque.training.DictionaryTexts;
import maque.training.RunControl;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code maque dictionary}. */
@Command(
    name = "dictionary",
    mixinStandardHelpOptions = true,
    description = {
      "Writes words drawn from a dictionary, for a teacher to label and a student to learn from:"
          + " zh has HanLP's words without foreign names, numbers and measures, en WordNet's.",
      "",
      "Rows are JSON lines without labels, to be given as --unlabelled, best to a first stage"
          + " (distil --first-unlabelled, or train-student and then train-student --start). The"
          + " file is there whole or not at all."
    },
    footer = {
      "",
      "Example:",
      "  maque dictionary --language zh --words 30000 --out words.jsonl",
      "  maque soft-targets --teacher models/teacher --out models/logits words.jsonl"
    })
final class DictionaryCommand implements Callable<Integer> {
  @ParentCommand private Main main;

  private enum Language {
    ZH,
    EN
  }

  @Option(
      names = "--language",
      required = true,
      paramLabel = "NAME",
      description =
          "zh: HanLP's dictionaries; en: WordNet 3.1, which Maven fetches the first time.")
  private String language;

  @Option(
      names = "--words",
      paramLabel = "N",
      defaultValue = "30000",
      description = "How many words are drawn (default: ${DEFAULT-VALUE}).")
  private int words;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "FILE",
      description = "The file to make, JSON lines; it must not exist.")
  private Path out;

  @Mixin private RunOptions run;

  @Override
  public Integer call() throws Exception {
    Language chosen = Names.parse("--language", Language.class, language);
    Usage.require(words >= 1, "--words must be 1 or more, not " + words);
    Usage.requireAbsent(out);
    return Work.run(
        main.console(), run.threads(), main.commandLine(), control -> write(chosen, control));
  }

  private int write(Language chosen, RunControl control) throws IOException {
    Collection<String> all =
        chosen == Language.ZH
            ? HanlpDictionary.words()
            : WordNetLemmas.read(
                new ArtifactCache(ArtifactCache.defaultFolder(), main.console())
                    .get(Artifact.WORDNET_31));
    DictionaryTexts.write(all, words, run.seed(), out, control);
    main.console()
        .result(String.format(Locale.ROOT, "%s: %,d of %,d words", out, words, all.size()));
    return 0;
  }
}
