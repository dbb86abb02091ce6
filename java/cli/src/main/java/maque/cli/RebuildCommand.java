package maque.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import maque.runtime.InvalidInputException;
import maque.runtime.ModelDirectory;
import maque.training.DataSet;
import maque.training.Folds;
import maque.training.LogitStore;
import maque.training.RecordedOptions;
import maque.training.RunControl;
import maque.training.StudentAverage;
import maque.training.StudentOptions;
import maque.training.StudentTraining;
import maque.training.TeacherKey;
import maque.training.TeacherOptions;
import maque.training.TeacherTraining;
import maque.training.Texts;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** {@code maque rebuild}. */
@Command(
    name = "rebuild",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Repeats the training that a model's training.json records, options and seed and all, and"
          + " compares the bytes. What went in is found where you say and known by its hash; a"
          + " record holds no paths.",
      "",
      "Exit code 1 where the bytes differ."
    },
    footer = {
      "",
      "Examples:",
      "  maque rebuild models/teacher --train train.json --dev dev.json --encoder models/bge --out"
          + " again",
      "  maque rebuild run/folds/teacher-without-2 --without-fold 2/5 --train train.json --dev"
          + " dev.json \\",
      "      --encoder models/bge --out again",
      "  maque rebuild run/student --train train.json --dev dev.json --unlabelled more.txt \\",
      "      --teacher run/teacher --soft-targets run/soft-targets --out again",
      "  maque rebuild run/a --parent run/a-1 --parent run/a-2 --dev dev.json --out again"
    })
final class RebuildCommand implements Callable<Integer> {
  private static final List<String> FILES =
      List.of("config.json", "model.safetensors", "vocab.txt", "labels.txt");
  private static final Pattern FOLD = Pattern.compile("\\d{1,3}/\\d{1,3}");

  @ParentCommand private Main main;

  @Parameters(paramLabel = "DIR", description = "The model to make again.")
  private Path directory;

  @Option(
      names = "--train",
      paramLabel = "FILE",
      description = "Labelled texts that it was trained on.")
  private Path train;

  @Option(names = "--dev", paramLabel = "FILE", description = "Dev texts, where they were given.")
  private Path dev;

  @Option(
      names = "--unlabelled",
      paramLabel = "FILE",
      description = "Unlabelled texts in the order of the training; may be given several times.")
  private List<Path> unlabelled = List.of();

  @Option(names = "--encoder", paramLabel = "DIR", description = "A teacher's encoder.")
  private Path encoder;

  @Option(
      names = "--without-fold",
      paramLabel = "K/N",
      description =
          "A teacher of distil --folds N that was trained without part K of --train, as its name"
              + " says (teacher-without-K); the parts are drawn again by its seed.")
  private String withoutFold;

  @Option(names = "--teacher", paramLabel = "DIR", description = "A student's teacher.")
  private Path teacher;

  @Option(
      names = "--soft-targets",
      paramLabel = "DIR",
      description = "The store of the teacher's logits.")
  private Path softTargets;

  @Option(
      names = "--soft-key",
      paramLabel = "HASH",
      description =
          "Whose logits they are where several teachers taught together: the first digits of"
              + " 'teacher' under 'inputs' in its training.json.")
  private String softKey;

  @Option(names = "--vectors", paramLabel = "FILE", description = "A student's word vectors.")
  private Path vectors;

  @Option(names = "--start", paramLabel = "DIR", description = "The student that it began from.")
  private Path start;

  @Option(
      names = "--parent",
      paramLabel = "DIR",
      description = "A student that average took, each once, in any order.")
  private List<Path> parents = List.of();

  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "The model directory to make; it must not exist.")
  private Path out;

  @Mixin private DataFlags data;
  @Mixin private Threads threads;

  private ModelDirectory model;

  @Override
  public Integer call() throws Exception {
    Usage.requireAbsent(out);
    model = ModelDirectory.read(directory);
    boolean average = StudentAverage.STAGE.equals(model.training().get("stage"));
    Usage.require(
        average != parents.isEmpty(),
        average
            ? "this is a mean of students, which --parent names"
            : "--parent is for what average made; this model was trained");
    if (average) {
      Usage.require(
          unlabelled.isEmpty()
              && Stream.of(
                      train, encoder, withoutFold, teacher, softTargets, softKey, vectors, start)
                  .allMatch(Objects::isNull),
          "a mean of students is made again of --parent and --dev; nothing is trained");
      return Work.run(main.console(), threads.count(), main.commandLine(), this::averageAgain);
    }
    Usage.require(train != null, "a model that was trained needs --train");
    if (!(model.training().get("options") instanceof Map<?, ?>)) {
      throw new InvalidInputException(
          directory + ": training.json records no options: this model was not trained by Maque");
    }
    boolean bert = model.modelType().equals("bert");
    Usage.require(
        bert == (encoder != null),
        bert ? "a teacher needs --encoder" : "--encoder is for teachers; this is a student");
    Usage.require(
        softTargets == null || teacher != null, "--soft-targets needs --teacher, whose they are");
    Usage.require(withoutFold == null || bert, "--without-fold is for teachers");
    Usage.require(start == null || !bert, "--start is for students");
    Usage.require(
        withoutFold == null || FOLD.matcher(withoutFold).matches(),
        "--without-fold must be K/N, such as 2/5, not '" + withoutFold + "'");
    Usage.require(softKey == null || softTargets != null, "--soft-key needs --soft-targets");
    return Work.run(main.console(), threads.count(), main.commandLine(), this::rebuild);
  }

  private int rebuild(RunControl control) throws IOException {
    DataSet labelled = data.labelled(train, model.labels());
    DataSet held = dev == null ? null : data.labelled(dev, model.labels());
    Map<?, ?> options = (Map<?, ?>) model.training().get("options");
    if (encoder != null) {
      TeacherOptions recorded = RecordedOptions.teacher(options);
      labelled = withoutFold == null ? labelled : rest(labelled, recorded.seed());
      checkData(labelled, held, recorded.devFraction(), recorded.seed());
      check("encoder", TeacherKey.of(ModelDirectory.read(encoder)).teacher());
      Results.mention(
          main.console(),
          TeacherTraining.run(
              new TeacherTraining.Inputs(encoder, labelled, held, out), recorded, control));
    } else {
      StudentOptions recorded = RecordedOptions.student(options);
      checkData(labelled, held, recorded.devFraction(), recorded.seed());
      student(labelled, held, recorded, control);
    }
    return compare();
  }

  private int averageAgain(RunControl control) throws IOException {
    DataSet held = dev == null ? null : data.labelled(dev, model.labels());
    check("dev", held == null ? null : held.hash());
    checkParents();
    main.console().line(AverageCommand.line(StudentAverage.write(parents, held, out, control)));
    return compare();
  }

  private void checkParents() {
    if (!(input("parents") instanceof List<?> recorded)) {
      throw new InvalidInputException(
          directory + ": training.json records no parents of this mean");
    }
    List<Object> missing = new ArrayList<>(recorded);
    for (Path parent : parents) {
      String found = ModelDirectory.read(parent).fingerprint();
      if (!missing.remove(found)) {
        throw new InvalidInputException(
            directory + " was not made of " + parent + " (" + found + "), or it is named twice");
      }
    }
    if (!missing.isEmpty()) {
      throw new InvalidInputException(
          directory + " was also made of the students of fingerprint " + missing);
    }
  }

  /** What is left of the labelled texts without one part of them. */
  private DataSet rest(DataSet labelled, long seed) {
    int slash = withoutFold.indexOf('/');
    int fold = Integer.parseInt(withoutFold.substring(0, slash));
    int count = Integer.parseInt(withoutFold.substring(slash + 1));
    Usage.require(
        fold >= 1 && fold <= count, "--without-fold " + withoutFold + ": K must be 1 to N");
    return Folds.of(labelled, count, seed).without(fold - 1);
  }

  private void student(DataSet labelled, DataSet held, StudentOptions options, RunControl control) {
    Texts transfer = unlabelled.stream().map(data::texts).reduce(Texts::concat).orElse(null);
    check("transfer", transfer == null ? null : Texts.hashOf(transfer));
    check("start", start == null ? null : ModelDirectory.read(start).fingerprint());
    StudentTraining.Inputs inputs =
        StudentTraining.Inputs.labelled(labelled, held, out)
            .withTeacher(teacher)
            .withVectors(vectors)
            .withStart(start);
    if (!options.usesSoftTargets()) {
      Results.mention(main.console(), StudentTraining.run(inputs, options, control));
      return;
    }
    Usage.require(softTargets != null, "this student needs --teacher and --soft-targets");
    TeacherKey key =
        softKey == null
            ? TeacherKey.of(ModelDirectory.read(teacher))
            : LogitStore.find(softTargets, softKey);
    check("teacher", key.teacher());
    try (LogitStore store = LogitStore.open(softTargets, key)) {
      Results.mention(
          main.console(),
          StudentTraining.run(inputs.withSoft(store).withTransfer(transfer), options, control));
    }
  }

  /** Data that is not the record's is told before hours are spent on it. */
  private void checkData(DataSet labelled, DataSet held, double devFraction, long seed) {
    DataSet trained = labelled;
    DataSet judged = held;
    if (held == null && devFraction > 0) {
      DataSet.Split split = labelled.split(devFraction, seed);
      trained = split.train();
      judged = split.dev();
    }
    check("train", trained.hash());
    check("dev", judged == null ? null : judged.hash());
  }

  private Object input(String name) {
    return model.training().get("inputs") instanceof Map<?, ?> map ? map.get(name) : null;
  }

  private void check(String input, String found) {
    Object entry = input(input);
    Object recorded = entry instanceof Map<?, ?> map ? map.get("sha256") : entry;
    if (!Objects.equals(recorded, found)) {
      throw new InvalidInputException(
          directory
              + " was made with "
              + (recorded == null ? "no " + input : input + " of SHA-256 " + recorded)
              + ", here it is "
              + (found == null ? "missing" : found));
    }
  }

  private int compare() throws IOException {
    List<String> different = new ArrayList<>();
    for (String name : FILES) {
      Path before = directory.resolve(name);
      boolean same =
          Files.exists(before)
              && Files.exists(out.resolve(name))
              && Files.mismatch(before, out.resolve(name)) < 0;
      if (!same) {
        different.add(name);
      }
    }
    if (!record(model).equals(record(ModelDirectory.read(out)))) {
      different.add("training.json");
    }
    if (different.isEmpty()) {
      main.console().result(out + " is " + directory + ", byte for byte");
      return 0;
    }
    main.console().result(out + " DIFFERS from " + directory + " in " + different);
    return 1;
  }

  /** Its record without what test said of it later. */
  private static Map<String, Object> record(ModelDirectory model) {
    Map<String, Object> record = new LinkedHashMap<>(model.training());
    if (record.get("metrics") instanceof Map<?, ?> metrics) {
      Map<Object, Object> kept = new LinkedHashMap<>(metrics);
      kept.remove("test");
      record.put("metrics", kept);
    }
    return record;
  }
}
