package maque.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import maque.runtime.ModelDirectory;
import maque.runtime.TextClassifier;
import maque.training.DataSet;
import maque.training.Evaluation;
import maque.training.Precision;
import maque.training.RunControl;
import maque.training.StudentPacking;
import maque.training.TeacherPacking;
import maque.training.Texts;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** {@code maque pack}. */
@Command(
    name = "pack",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Turns a trained student into the form that serves: smaller, faster to load and to answer;"
          + " or a teacher's weights into int8.",
      "",
      "With --data it also says what that costs: accuracy of both forms on labelled texts, and how"
          + " often they agree."
    },
    footer = {
      "",
      "Examples:",
      "  maque pack models/student --precision int8 --out student.maque",
      "  maque pack models/student --precision int8 --ids used --texts train.json --texts more.txt"
          + " \\",
      "      --data dev.json --out models/packed",
      "  maque pack models/teacher --precision int8 --data dev.json --out models/teacher-int8"
    })
final class PackCommand implements Callable<Integer> {
  private static final String SINGLE_FILE = ".maque";
  private static final int MAX_MEGABYTES = 2048;

  @ParentCommand private Main main;

  @Parameters(paramLabel = "MODEL", description = "The student or teacher that training wrote.")
  private Path source;

  @Option(
      names = "--precision",
      paramLabel = "NAME",
      required = true,
      description =
          "fp32; bf16, weights of half the size; int8, of a quarter, with whole-number products"
              + " (a teacher: int8 only).")
  private String precision;

  @Option(
      names = "--fold",
      paramLabel = "WHEN",
      defaultValue = "auto",
      description =
          "Make each token's row its gate pre-activations: yes, no, or auto, where the table fits"
              + " --max-size (default: ${DEFAULT-VALUE}).")
  private String fold;

  @Option(
      names = "--max-size",
      paramLabel = "MB",
      description =
          "The most that --fold auto lets the folded table take, in MB of 2^20 bytes (default:"
              + " 64).")
  private Integer maxSize;

  @Option(
      names = "--ids",
      paramLabel = "WHICH",
      defaultValue = "all",
      description =
          "Tokens that keep a row of their own: all, or used, those that occur in --texts; the"
              + " others share their mean (default: ${DEFAULT-VALUE}).")
  private String ids;

  @Option(
      names = "--texts",
      paramLabel = "FILE",
      description = "Texts for --ids used, the training's; may be given several times.")
  private List<Path> texts = List.of();

  @Option(
      names = "--data",
      paramLabel = "FILE",
      description = "Labelled texts to compare both forms on.")
  private Path labelled;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "PATH",
      description =
          "A directory, or, if it ends in " + SINGLE_FILE + ", one file; it must not exist.")
  private Path out;

  @Mixin private DataFlags data;
  @Mixin private Threads threads;

  @Override
  public Integer call() throws Exception {
    Precision chosen = Usage.checked(() -> Precision.of(precision));
    StudentPacking.Fold folding = folding();
    Usage.require(ids.equals("all") || ids.equals("used"), "--ids must be all or used, not " + ids);
    Usage.require(ids.equals("used") != texts.isEmpty(), "--ids used and --texts go together");
    Usage.require(
        maxSize == null || folding == StudentPacking.Fold.AUTO, "--max-size needs --fold auto");
    Usage.require(
        maxSize == null || maxSize >= 0 && maxSize <= MAX_MEGABYTES,
        "--max-size must be 0.." + MAX_MEGABYTES + ", not " + maxSize);
    Usage.requireAbsent(out);
    StudentPacking.Options options = StudentPacking.Options.of(chosen).withFold(folding);
    if (maxSize != null) {
      options = options.withMaxTableBytes((long) maxSize << 20);
    }
    if (!texts.isEmpty()) {
      options = options.withUsed(texts.stream().map(data::texts).reduce(Texts::concat).get());
    }
    pack(options);
    return labelled == null
        ? 0
        : Work.run(main.console(), threads.count(), main.commandLine(), this::compare);
  }

  private StudentPacking.Fold folding() {
    return switch (fold) {
      case "auto" -> StudentPacking.Fold.AUTO;
      case "yes" -> StudentPacking.Fold.YES;
      case "no" -> StudentPacking.Fold.NO;
      default -> throw Usage.error("--fold must be auto, yes or no, not " + fold);
    };
  }

  private void pack(StudentPacking.Options options) throws IOException {
    ModelDirectory model = ModelDirectory.read(source);
    ModelDirectory.Writer writer =
        model.modelType().equals("bert")
            ? packTeacher(model, options)
            : StudentPacking.pack(model, options, threads.count(), out);
    if (isSingleFile(out)) {
      writer.commitFile();
    } else {
      writer.commit();
    }
    ModelDirectory packed = ModelDirectory.read(out);
    long before = bytes(source);
    long after = bytes(out);
    main.console()
        .result(
            String.format(
                Locale.ROOT,
                "%s: %s, %s; %,d bytes, %.1f %% of %s's %,d",
                out,
                packed.precision(),
                form(packed),
                after,
                100.0 * after / before,
                source,
                before));
  }

  /** Whether a model of that name is one file. */
  static boolean isSingleFile(Path path) {
    return path.toString().endsWith(SINGLE_FILE);
  }

  private ModelDirectory.Writer packTeacher(
      ModelDirectory teacher, StudentPacking.Options options) {
    Usage.require(
        options.precision() == Precision.INT8,
        "--precision must be int8 for a teacher, not " + options.precision().id());
    Usage.require(
        fold.equals("auto") && maxSize == null && texts.isEmpty(),
        "--fold, --max-size and --ids are for students");
    return TeacherPacking.pack(teacher, out);
  }

  private static String form(ModelDirectory packed) {
    if (!packed.isServingForm()) {
      return "a teacher";
    }
    return Boolean.TRUE.equals(packed.config().get("folded")) ? "folded" : "not folded";
  }

  /** Of a file, or of a directory's files. */
  private static long bytes(Path model) throws IOException {
    long bytes = 0;
    try (Stream<Path> files = Files.walk(model)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        bytes += Files.size(file);
      }
    }
    return bytes;
  }

  private int compare(RunControl control) {
    Evaluation.Result trained = evaluate(source, control);
    Evaluation.Result packed = evaluate(out, control);
    main.console().result(Models.summary(List.of(trained, packed)));
    double points = 100 * (packed.report().accuracy() - trained.report().accuracy());
    main.console()
        .result(
            String.format(
                Locale.ROOT,
                "packed: %+.2f points of accuracy; the same label on %.2f %% of %,d texts",
                points,
                100 * trained.agreement(packed),
                trained.report().total()));
    return 0;
  }

  private Evaluation.Result evaluate(Path path, RunControl control) {
    try (TextClassifier model = Models.load(path)) {
      DataSet examples = data.labelled(labelled, model.labels());
      return Evaluation.run(path.toString(), model, examples, control);
    }
  }
}
