package maque.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import maque.runtime.PosTagger;
import maque.training.AugmentOptions;
import maque.training.Augmentation;
import maque.training.PosTaggers;
import maque.training.RunControl;
import maque.training.Texts;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code maque augment}. */
@Command(
    name = "augment",
    mixinStandardHelpOptions = true,
    description = {
      "Makes synthetic texts of texts, for a teacher to label and a student to learn from.",
      "",
      "As Tang et al. (arXiv 1903.12136, section 3.2): each word is masked, or gives way to another"
          + " of its part of speech, and now and then an n-gram is all that is kept. Each line of"
          + " the output names its text, its parent (the number of the text, from 0) and what was"
          + " done. Rows have no labels: score them by soft-targets and give them to train-student"
          + " by --unlabelled. The file is there whole or not at all."
    },
    footer = {
      "",
      "Example:",
      "  maque augment --texts train.json --out more.jsonl",
      "  maque soft-targets --teacher models/teacher --out models/logits more.jsonl",
      "  maque train-student --teacher models/teacher --train train.json --unlabelled more.jsonl"
          + " ..."
    })
final class AugmentCommand implements Callable<Integer> {
  @ParentCommand private Main main;

  @Option(
      names = "--texts",
      required = true,
      paramLabel = "FILE",
      description = "Texts; labels in them are not looked at; may be given several times.")
  private List<Path> files;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "FILE",
      description = "The file to make, JSON lines; it must not exist.")
  private Path out;

  @Option(
      names = "--level",
      paramLabel = "NAME",
      defaultValue = "words",
      description =
          "What is masked and makes n-grams: words or characters; a replacement is a word in both"
              + " cases (default: ${DEFAULT-VALUE}).")
  private String level;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      defaultValue = "20",
      description = "Tries for each text (default: ${DEFAULT-VALUE}).")
  private int rounds;

  @Option(
      names = "--p-mask",
      paramLabel = "X",
      defaultValue = "0.1",
      description = "Probability that a word is masked (default: ${DEFAULT-VALUE}).")
  private double mask;

  @Option(
      names = "--p-pos",
      paramLabel = "X",
      defaultValue = "0.1",
      description =
          "Probability that a word gives way to another of its part of speech (default:"
              + " ${DEFAULT-VALUE}).")
  private double replace;

  @Option(
      names = "--p-ngram",
      paramLabel = "X",
      defaultValue = "0.25",
      description = "Probability that an n-gram is all that is kept (default: ${DEFAULT-VALUE}).")
  private double ngram;

  @Option(
      names = "--max-n",
      paramLabel = "N",
      defaultValue = "5",
      description = "n is 1 to this, each as likely (default: ${DEFAULT-VALUE}).")
  private int longest;

  @Option(
      names = "--mask",
      paramLabel = "TEXT",
      defaultValue = AugmentOptions.MASK,
      description =
          "What stands for what is masked (default: ${DEFAULT-VALUE}, which no vocabulary has, so"
              + " that it is [UNK]).")
  private String maskText;

  @Option(
      names = "--tagger",
      paramLabel = "NAME",
      description =
          "Words and parts of speech: hanlp (Chinese) or opennlp (English) (default: by the letters"
              + " of the texts).")
  private String tagger;

  @Mixin private DataFlags data;
  @Mixin private RunOptions run;

  @Override
  public Integer call() throws Exception {
    AugmentOptions options =
        Usage.checked(
            () ->
                new AugmentOptions(
                    Names.parse("--level", AugmentOptions.Level.class, level),
                    rounds,
                    mask,
                    replace,
                    ngram,
                    longest,
                    maskText,
                    run.seed()));
    Usage.require(
        tagger == null || options.needsTagger(),
        "--tagger does nothing with --level characters --p-pos 0");
    return Work.run(
        main.console(), run.threads(), main.commandLine(), control -> augment(options, control));
  }

  private int augment(AugmentOptions options, RunControl control) {
    Usage.requireAbsent(out);
    Texts texts = files.stream().map(data::texts).reduce(Texts::concat).orElseThrow();
    PosTagger found = options.needsTagger() ? tagger(texts) : null;
    if (found != null) {
      main.console().line("words and parts of speech by " + found.name() + " " + found.version());
    }
    Augmentation.Result result = Augmentation.write(texts, found, options, out, control);
    main.console()
        .result(
            String.format(
                Locale.ROOT,
                "%s: %,d synthetic texts of %,d texts (%,d repeats dropped)",
                out,
                result.written(),
                result.texts(),
                result.repeated()));
    return 0;
  }

  private PosTagger tagger(Texts texts) {
    return tagger == null ? PosTaggers.forTexts(texts) : PosTaggers.find(tagger);
  }
}
