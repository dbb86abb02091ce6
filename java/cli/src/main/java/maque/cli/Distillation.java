package maque.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import maque.runtime.AtomicFiles;
import maque.runtime.InvalidInputException;
import maque.runtime.Json;
import maque.runtime.ModelDirectory;
import maque.runtime.TextClassifier;
import maque.training.DataSet;
import maque.training.Evaluation;
import maque.training.LogitStore;
import maque.training.RunControl;
import maque.training.Scores;
import maque.training.StudentOptions;
import maque.training.StudentTraining;
import maque.training.Texts;

/**
 * The experiment: teacher, soft targets, students, scores, in this order, each step kept.
 * Everything is chosen on dev; only when all is chosen are models run on test.
 */
final class Distillation {
  private static final String STUDENT = "student";

  /**
   * What an experiment is made of besides its texts.
   *
   * @param teachers given or to be made
   * @param vectors word vectors; null where no student uses them
   * @param budget what the distilled student may cost; null: anything
   * @param seed of the first student of each way and of drawing labels
   * @param seeds students of each way
   */
  record Plan(
      Path out,
      DistilTeachers.Plan teachers,
      Path vectors,
      DistilRecipes recipes,
      Budget budget,
      long seed,
      int seeds) {}

  /**
   * What students of one kind of run learn from.
   *
   * @param transfer unlabelled texts; null where there are none
   * @param store what the teachers say together, open; null where it is not learnt
   * @param first what distilled students learn before; null where they have one stage
   */
  record Lesson(
      DataSet train,
      Texts transfer,
      String transferHash,
      DistilTeachers.Taught taught,
      LogitStore store,
      Lesson first) {
    Lesson(DataSet train, Texts transfer, DistilTeachers.Taught taught, LogitStore store) {
      this(
          train,
          transfer,
          transfer == null ? "" : Texts.hashOf(transfer),
          taught,
          store,
          (Lesson) null);
    }

    private Lesson after(Texts more) {
      Lesson before = new Lesson(train, joined(transfer, more), taught, store);
      return new Lesson(train, transfer, transferHash, taught, store, before);
    }
  }

  /**
   * A recipe that was tried with the first seed.
   *
   * @param name of its folder, without the seed
   * @param devAccuracy what it is chosen by
   */
  record Tried(String name, StudentRecipe recipe, double devAccuracy) {}

  private final Console console;
  private final Plan plan;
  private final DistilInputs files;
  private final RunControl control;
  private final Stages stages;
  private final DistilTeachers teachers;
  private final List<BudgetSearch.Form> forms = new ArrayList<>();
  private final Map<String, String> firstOf = new HashMap<>(); // by the student that went on
  private final Map<String, String> firsts = new HashMap<>(); // by how they were trained
  private DistilInputs.Loaded data;
  private Lesson lesson;

  Distillation(Console console, Plan plan, DistilInputs files, RunControl control)
      throws Exception {
    this.console = console;
    this.plan = plan;
    this.files = files;
    this.control = control;
    DistilTeachers.labels(plan.teachers().given());
    stages = new Stages(plan.out(), "distil");
    teachers = new DistilTeachers(console, plan.teachers(), plan.out(), stages, control);
  }

  DistilResult run() throws Exception {
    List<String> labels = DistilTeachers.labels(plan.teachers().given());
    data = files.load(stages, plan.out(), "data", labels, plan.seed());
    DistilTeachers.Taught taught = teach("", data.train(), data.transfer());
    List<Way> ways;
    try (LogitStore store = LogitStore.open(taught.store(), taught.soft())) {
      lesson = lesson(data.train(), data.transfer(), taught, store);
      ways = trainStudents();
    }
    console.line("chosen; now the models meet the test texts, on one thread");
    DistilResult result = measure(ways);
    serve(result);
    return result;
  }

  Stages stages() {
    return stages;
  }

  Plan plan() {
    return plan;
  }

  Lesson lesson() {
    return lesson;
  }

  DistilInputs.Loaded data() {
    return data;
  }

  /**
   * Teachers for some texts, made in a folder of the experiment's; they answer to those of the
   * first stage too.
   */
  DistilTeachers.Taught teach(String folder, DataSet train, Texts transfer) throws Exception {
    return teachers.teach(folder, train, data.dev(), joined(transfer, data.first()));
  }

  /** What students learn from some texts, in as many stages as the experiment has. */
  Lesson lesson(DataSet train, Texts transfer, DistilTeachers.Taught taught, LogitStore store) {
    Lesson last = new Lesson(train, transfer, taught, store);
    return plan.recipes().first() == null ? last : last.after(data.first());
  }

  /** Both one after the other; null stands for no texts. */
  static Texts joined(Texts some, Texts more) {
    return some == null ? more : more == null ? some : Texts.concat(some, more);
  }

  /**
   * A way of making a student, with its students.
   *
   * @param id its key in the summary
   * @param soft whether the teacher's answers are learnt
   * @param tried what was tried, the chosen recipe among it
   * @param trained names of the folders, a seed each
   * @param models the same, or those of their packed forms
   */
  record Way(
      String id,
      String title,
      boolean soft,
      StudentRecipe recipe,
      List<Tried> tried,
      List<String> trained,
      List<String> models) {}

  private List<Way> trainStudents() throws Exception {
    List<Way> ways = new ArrayList<>();
    DistilRecipes recipes = plan.recipes();
    ways.add(way("alone", "student alone", false, recipes.alone()));
    if (!ways.get(0).recipe().toString().equals(recipes.bag().toString())) {
      ways.add(way("bag", "plain bag of n-grams, labels only", false, List.of(recipes.bag())));
    }
    if (recipes.embeddings() != null) {
      ways.add(
          way(
              "embeddings",
              "teacher's embeddings, no soft labels",
              false,
              List.of(recipes.embeddings())));
    }
    ways.add(
        plan.budget() == null
            ? way("distilled", "distilled student", true, recipes.distilled())
            : wayThatFits(recipes.distilled()));
    return ways;
  }

  /** Tries every recipe with the first seed and trains the best on dev with the other seeds. */
  private Way way(String id, String title, boolean soft, List<StudentRecipe> recipes)
      throws Exception {
    List<Tried> tried = new ArrayList<>();
    Tried best = null;
    for (int i = 0; i < recipes.size(); i++) {
      String name = recipes.size() == 1 ? id : id + "-" + (i + 1);
      String model = train("students/" + name, recipes.get(i), soft, plan.seed(), lesson);
      Tried one = new Tried(name, recipes.get(i), devAccuracy(model));
      tried.add(one);
      if (best == null || one.devAccuracy() > best.devAccuracy()) {
        best = one;
      }
    }
    List<String> models = new ArrayList<>();
    for (int s = 0; s < plan.seeds(); s++) {
      models.add(train("students/" + best.name(), best.recipe(), soft, plan.seed() + s, lesson));
    }
    return new Way(id, title, soft, best.recipe(), List.copyOf(tried), models, models);
  }

  /**
   * Trains every candidate with the first seed, measures it in every precision, and trains and
   * packs the best one that fits with the other seeds.
   */
  private Way wayThatFits(List<StudentRecipe> recipes) throws Exception {
    Texts used = joined(joined(data.train(), data.transfer()), data.first());
    BudgetSearch search =
        new BudgetSearch(plan.out(), stages, plan.budget(), data.dev(), used, control);
    List<Tried> tried = new ArrayList<>();
    for (int i = 0; i < recipes.size(); i++) {
      String name = "distilled-" + (i + 1);
      String model = train("students/" + name, recipes.get(i), true, plan.seed(), lesson);
      tried.add(new Tried(name, recipes.get(i), devAccuracy(model)));
      for (BudgetSearch.Form form : search.forms(name, recipes.get(i), model)) {
        console.line(form.line());
        forms.add(form);
      }
    }
    BudgetSearch.Form best = search.best(forms);
    console.line("chosen: " + best.title());
    List<String> trained = new ArrayList<>();
    List<String> models = new ArrayList<>();
    for (int s = 0; s < plan.seeds(); s++) {
      String model = train("students/" + best.name(), best.recipe(), true, plan.seed() + s, lesson);
      trained.add(model);
      models.add(search.pack(model, best.precision()));
    }
    return new Way(
        "distilled",
        "distilled student, " + best.precision().id(),
        true,
        best.recipe(),
        List.copyOf(tried),
        trained,
        models);
  }

  /** Trains in one stage or two; returns the model's name under the experiment's folder. */
  String train(String name, StudentRecipe recipe, boolean soft, long seed, Lesson from)
      throws Exception {
    if (!soft || from.first() == null) {
      return train(name, recipe, soft, seed, from, null);
    }
    StudentRecipe before = plan.recipes().firstOf(recipe);
    String key = List.of(before, seed, from.train().hash(), from.first().transferHash()).toString();
    String first = firsts.get(key);
    if (first == null) {
      first = train(name + "-first", before, true, seed, from.first(), null);
      firsts.put(key, first);
    }
    String model = train(name, recipe, true, seed, from, first);
    firstOf.put(model, first);
    return model;
  }

  /**
   * One stage.
   *
   * @param start the student to go on from; null: a fresh one
   */
  private String train(
      String name, StudentRecipe recipe, boolean soft, long seed, Lesson from, String start)
      throws Exception {
    String model = name + "-seed" + seed;
    Path begun = start == null ? null : plan.out().resolve(start);
    StudentOptions options = recipe.options(soft, seed, from.train());
    boolean embeddings = options.embeddings() == StudentOptions.Embeddings.TEACHER;
    StudentTraining.Inputs alone =
        StudentTraining.Inputs.labelled(from.train(), data.dev(), plan.out().resolve(model))
            .withTeacher(from.taught().teacher())
            .withVectors(recipe.usesVectors() ? plan.vectors() : null)
            .withStart(begun);
    StudentTraining.Inputs inputs =
        soft ? alone.withSoft(from.store()).withTransfer(from.transfer()) : alone;
    List<Object> key =
        new ArrayList<>(
            List.of(
                options.toMap(),
                embeddings ? from.taught().first().teacher() : from.taught().first().tokenizer(),
                soft ? from.taught().soft().teacher() : "",
                from.train().hash(),
                data.dev().hash(),
                soft ? from.transferHash() : "",
                recipe.usesVectors() ? plan.vectors() : ""));
    if (begun != null) {
      key.add(ModelDirectory.read(begun).fingerprint());
    }
    stages.run(
        model,
        key,
        false,
        () -> {
          console.line(
              model + ": " + recipe + (start == null ? "" : " (goes on from " + start + ")"));
          Results.mention(console, StudentTraining.run(inputs, options, control));
        });
    return model;
  }

  private double devAccuracy(String model) {
    return devAccuracy(ModelDirectory.read(plan.out().resolve(model)));
  }

  /** What {@code training.json} says of the weights that were kept. */
  static double devAccuracy(ModelDirectory model) {
    Object metrics = model.training().get("metrics");
    Object dev = metrics instanceof Map<?, ?> map ? map.get("dev") : null;
    Object accuracy = dev instanceof Map<?, ?> map ? map.get("accuracy") : null;
    if (accuracy instanceof Number number) {
      return number.doubleValue();
    }
    throw new InvalidInputException(
        model.path() + ": training.json has no accuracy on dev to choose by");
  }

  private DistilResult measure(List<Way> ways) throws Exception {
    Map<String, Double> seconds = stages.all();
    List<DistilResult.Measured> measured = new ArrayList<>();
    measured.addAll(measureTeachers(seconds));
    for (Way way : ways) {
      List<DistilResult.Member> members = new ArrayList<>();
      for (int s = 0; s < way.models().size(); s++) {
        String name = way.models().get(s);
        members.add(
            measure(
                name.substring(name.indexOf('/') + 1),
                plan.out().resolve(name),
                plan.seed() + s,
                seconds(seconds, way.trained().get(s))));
      }
      measured.add(
          new DistilResult.Measured(
              way.id(), way.title(), way.recipe().toString(), way.tried(), members));
    }
    return new DistilResult(
        plan.out(), measured, first(ways), forms, data, plan.seed(), files.drawing());
  }

  /** Of all stages of a student. */
  private Double seconds(Map<String, Double> seconds, String model) {
    Double last = seconds.get(model);
    String first = firstOf.get(model);
    return first == null || last == null ? last : Double.valueOf(last + seconds.get(first));
  }

  /** The first stage of the students that were chosen; null where there was one stage. */
  private FirstStage first(List<Way> ways) {
    if (plan.recipes().first() == null) {
      return null;
    }
    Way way = ways.get(ways.size() - 1);
    List<FirstStage.Run> runs = new ArrayList<>();
    for (int s = 0; s < way.trained().size(); s++) {
      String model = firstOf.get(way.trained().get(s));
      runs.add(new FirstStage.Run(plan.seed() + s, model, devAccuracy(model)));
    }
    return new FirstStage(plan.recipes().firstOf(way.recipe()).toString(), runs);
  }

  /** The teachers that saw all labels, and all that teach together where there are several. */
  private List<DistilResult.Measured> measureTeachers(Map<String, Double> seconds)
      throws Exception {
    DistilTeachers.Taught taught = lesson.taught();
    List<DistilResult.Member> all = new ArrayList<>();
    for (Path teacher : taught.all()) {
      String name =
          teacher.startsWith(plan.out())
              ? plan.out().relativize(teacher).toString()
              : DistilTeachers.name(all.size());
      long seed = plan.seed() + Math.min(all.size(), taught.whole().size() - 1);
      all.add(measure(name, teacher, seed, seconds.get(name)));
    }
    String recipe = plan.teachers().given().isEmpty() ? plan.teachers().recipe().words() : "";
    List<DistilResult.Measured> measured = new ArrayList<>();
    measured.add(
        new DistilResult.Measured(
            "teacher",
            taught.whole().size() == 1 ? "teacher" : "one teacher",
            recipe,
            List.of(),
            all.subList(0, taught.whole().size())));
    if (all.size() > 1) {
      measured.add(
          new DistilResult.Measured(
              "ensemble",
              all.size() + " teachers together",
              recipe,
              List.of(),
              List.of(DistilResult.Member.together(all))));
    }
    return measured;
  }

  /** Runs a model on dev and, once, on test. */
  private DistilResult.Member measure(String name, Path model, long seed, Double training)
      throws Exception {
    ModelDirectory directory = ModelDirectory.read(model);
    String file = "scores/" + name + ".json";
    Path path = plan.out().resolve(file);
    stages.run(
        file,
        List.of(directory.fingerprint(), data.dev().hash(), data.test().hash()),
        false,
        () -> {
          try (TextClassifier loaded = Models.load(model)) {
            Map<String, Object> map = new LinkedHashMap<>();
            map.put("dev", Evaluation.scores(loaded, data.dev(), control.withThreads(1)).toMap());
            map.put("test", Evaluation.scores(loaded, data.test(), control.withThreads(1)).toMap());
            Files.createDirectories(path.getParent());
            AtomicFiles.write(path, Json.write(map));
          }
        });
    Map<String, Object> scores = Json.readObject(path);
    return new DistilResult.Member(
        seed,
        model,
        Scores.of((Map<?, ?>) scores.get("test")),
        Scores.of((Map<?, ?>) scores.get("dev")),
        training == null ? Double.NaN : training,
        Files.size(model.resolve("model.safetensors")));
  }

  /** The distilled student that is best on dev, with what test says of it in its record. */
  private void serve(DistilResult result) throws Exception {
    DistilResult.Member best = result.served();
    ModelDirectory model = ModelDirectory.read(best.model());
    stages.run(
        STUDENT,
        List.of(model.fingerprint(), data.test().hash(), data.dev().hash()),
        false,
        () -> {
          Map<String, Object> training = new LinkedHashMap<>(model.training());
          Map<String, Object> metrics = new LinkedHashMap<>();
          if (training.get("metrics") instanceof Map<?, ?> map) {
            map.forEach((name, value) -> metrics.put(String.valueOf(name), value));
          }
          metrics.put("test", result.metrics(best));
          training.put("metrics", metrics);
          ModelDirectory.write(plan.out().resolve(STUDENT))
              .config(model.config())
              .tensors(model.tensors())
              .vocab(model.vocab())
              .labels(model.labels())
              .training(training)
              .commit();
        });
  }
}
