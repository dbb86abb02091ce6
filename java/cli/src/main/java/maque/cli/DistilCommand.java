package maque.cli;

import java.lang.reflect.Field;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import maque.runtime.AtomicFiles;
import maque.runtime.Json;
import maque.training.RunControl;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code maque distil}. */
@Command(
    name = "distil",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    abbreviateSynopsis = true,
    description = {
      "From text files to a student that can be served, and to the answer whether distillation"
          + " paid: a teacher, its soft targets, students from labels alone, students distilled,"
          + " all chosen on dev and measured once on test.",
      "",
      "OUT/student is the distilled student, OUT/summary.json the figures, OUT/report.html the"
          + " report. What is complete is kept: a run that was stopped goes on when the same"
          + " command is given again."
    },
    footer = {
      "",
      "Examples:",
      "  maque distil --encoder models/bge --train train.json --dev dev.json --test test.json \\",
      "      --text-column sentence --seeds 5 --out run",
      "  maque distil --teacher models/teacher --train train.json --dev dev.json --test test.json"
          + " \\",
      "      --label-limit 3000 --unlabelled more.txt --kind sequence --epochs 8 --out run"
    })
final class DistilCommand implements Callable<Integer> {
  private static final int MAX_SEEDS = 100;
  private static final int MAX_TEACHERS = 20;
  private static final int MAX_FOLDS = 20;

  @ParentCommand private Main main;
  @Spec private CommandSpec spec;

  @Mixin private DistilInputs inputs;

  @Option(
      names = "--teacher",
      paramLabel = "DIR",
      description =
          "A fine-tuned teacher, instead of --encoder; may be given several times: students learn"
              + " the mean of their logits.")
  private List<Path> givenTeachers = List.of();

  @Option(
      names = "--encoder",
      paramLabel = "DIR",
      description = "An encoder to fine-tune into the teacher first.")
  private Path encoder;

  @Option(
      names = "--teacher-options",
      paramLabel = "OPTIONS",
      defaultValue = "",
      description = "Options of train-teacher in one argument, such as '--tune last-layers:1'.")
  private String teacherOptions;

  @Option(
      names = "--teachers",
      paramLabel = "N",
      defaultValue = "1",
      description =
          "Fine-tune N teachers, by seeds from --seed on; students learn the mean of their logits"
              + " (default: ${DEFAULT-VALUE}).")
  private int teachers;

  @Option(
      names = "--folds",
      paramLabel = "K",
      defaultValue = "0",
      description =
          "Cross-fitting: fine-tune K more of each teacher, each without one of K parts of the"
              + " labelled texts; what students learn of a text is the mean of the teachers that"
              + " did not see its label (default: ${DEFAULT-VALUE}, none).")
  private int folds;

  @Option(
      names = "--vectors",
      paramLabel = "FILE",
      description = "Word vectors, for students with --embeddings vectors.")
  private Path vectors;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "Where everything goes; made where it does not exist.")
  private Path out;

  @Option(
      names = "--seeds",
      paramLabel = "N",
      defaultValue = "1",
      description =
          "How many seeds each student is trained with, from --seed on (default:"
              + " ${DEFAULT-VALUE}); a verdict on one seed says nothing of the next.")
  private int seeds;

  @Option(
      names = "--distilled",
      paramLabel = "OPTIONS",
      description =
          "More options of train-student for the distilled student, in one argument; may be given"
              + " several times: the best on dev is taken.")
  private List<String> distilled = List.of();

  @Option(
      names = "--first",
      paramLabel = "OPTIONS",
      description =
          "Options of train-student for the distilled student's first stage that differ from those"
              + " of its second, in one argument, such as '--epochs 4 --lr 1e-3'; see"
              + " --first-unlabelled.")
  private String first;

  @Option(
      names = "--alone",
      paramLabel = "OPTIONS",
      description =
          "Options of train-student for a student that takes nothing from the teacher, in one"
              + " argument; may be given several times: the best on dev is taken (default: the"
              + " distilled one's shape, a bag of n-grams, and a document student).")
  private List<String> alone = List.of();

  @Option(
      names = "--budget",
      paramLabel = "TIME",
      description =
          "The most that a prediction may take here, such as p99=50us or median=20us,p99=0.1ms:"
              + " sizes and kinds of students (or those of --distilled) are measured in every"
              + " precision, and the most accurate one on dev that fits is taken.")
  private String time;

  @Option(
      names = "--max-size",
      paramLabel = "SIZE",
      description = "The most that its weights may take, such as 2MB; with --budget or alone.")
  private String size;

  @Option(
      names = "--curves",
      description =
          "Train students on parts of the labels and of the unlabelled texts too, and show in the"
              + " report what more of either is worth; with --encoder a teacher for each part.")
  private boolean curves;

  @Mixin private RunOptions run;

  @ArgGroup(validate = false, heading = "%nStudent:%n")
  private StudentFlags student = new StudentFlags();

  @ArgGroup(validate = false, heading = "%nTraining of the students:%n")
  private TrainingFlags training = new TrainingFlags();

  @Override
  public Integer call() throws Exception {
    requireTeachers();
    Usage.require(seeds >= 1 && seeds <= MAX_SEEDS, "--seeds must be 1.." + MAX_SEEDS);
    inputs.check();
    Budget budget = time == null && size == null ? null : Budget.parse(time, size);
    StudentRecipe given = given();
    List<String> candidates =
        budget != null && distilled.isEmpty()
            ? DistilRecipes.sizes(given, budget.bytes())
            : distilled;
    DistilRecipes recipes = DistilRecipes.of(given, candidates, alone, budget == null);
    if (first != null || inputs.hasFirst()) {
      recipes = recipes.withFirst(StudentRecipe.of(first == null ? "" : first));
    }
    recipes.distilled().forEach(recipe -> recipe.options(true, run.seed(), null));
    recipes.alone().forEach(DistilCommand::requireOwn);
    Usage.require(
        vectors != null == recipes.all().stream().anyMatch(StudentRecipe::usesVectors),
        "--embeddings vectors and --vectors FILE go together");
    Distillation.Plan plan =
        new Distillation.Plan(
            out,
            new DistilTeachers.Plan(
                givenTeachers,
                encoder,
                new TeacherRecipe((given.device() + " " + teacherOptions).strip()),
                teachers,
                folds,
                run.seed()),
            vectors,
            recipes,
            budget,
            run.seed(),
            seeds);
    plan.teachers().recipe().options(run.seed(), null);
    return Work.run(
        main.console(), run.threads(), main.commandLine(), control -> distil(plan, control));
  }

  private void requireTeachers() {
    Usage.require(
        givenTeachers.isEmpty() != (encoder == null), "give either --teacher or --encoder");
    Usage.require(encoder != null || teacherOptions.isBlank(), "--teacher-options needs --encoder");
    Usage.require(
        teachers >= 1 && teachers <= MAX_TEACHERS, "--teachers must be 1.." + MAX_TEACHERS);
    Usage.require(
        folds == 0 || folds >= 2 && folds <= MAX_FOLDS, "--folds must be 0 or 2.." + MAX_FOLDS);
    Usage.require(
        encoder != null || teachers == 1 && folds == 0,
        "--teachers and --folds need --encoder: a teacher that is given saw its labels already");
  }

  private int distil(Distillation.Plan plan, RunControl control) throws Exception {
    Distillation distillation = new Distillation(main.console(), plan, inputs, control);
    DistilResult result = distillation.run();
    AtomicFiles.write(out.resolve("summary.json"), Json.write(result.summary()));
    List<DistilReport.Curve> measured =
        curves ? new DistilCurves(distillation, result).measure() : List.of();
    Path page = out.resolve("report.html");
    DistilReport.write(page, result, distillation.stages().all(), measured, main.commandLine());
    main.console().result(result.text());
    result.remarks().forEach(main.console()::result);
    main.console().result("");
    main.console().result("student: " + out.resolve("student"));
    main.console().result("summary: " + out.resolve("summary.json"));
    main.console().result("report:  " + page);
    return 0;
  }

  private static void requireOwn(StudentRecipe recipe) {
    Usage.require(
        recipe.options(false, 1, null).embeddings()
            != maque.training.StudentOptions.Embeddings.TEACHER,
        "'"
            + recipe
            + "': a student alone takes nothing from the teacher, so no --embeddings"
            + " teacher");
  }

  /** The options of students that were given, in their words. */
  private StudentRecipe given() {
    StringBuilder words = new StringBuilder();
    for (OptionSpec option : spec.commandLine().getParseResult().matchedOptions()) {
      if (option.userObject() instanceof Field field
          && (field.getDeclaringClass() == StudentFlags.class
              || field.getDeclaringClass() == TrainingFlags.class)) {
        for (String value : option.originalStringValues()) {
          words.append(' ').append(option.longestName());
          if (option.arity().max() > 0) {
            words.append('=').append(value);
          }
        }
      }
    }
    return StudentRecipe.of(words.toString());
  }
}
