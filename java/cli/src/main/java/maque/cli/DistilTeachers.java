package maque.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import maque.runtime.InvalidInputException;
import maque.runtime.ModelDirectory;
import maque.runtime.Teacher;
import maque.training.CrossFit;
import maque.training.DataSet;
import maque.training.Device;
import maque.training.Folds;
import maque.training.LogitEnsemble;
import maque.training.LogitSource;
import maque.training.LogitStore;
import maque.training.RunControl;
import maque.training.SoftTargets;
import maque.training.TeacherKey;
import maque.training.TeacherOptions;
import maque.training.TeacherTraining;
import maque.training.Texts;

/**
 * The teachers of an experiment and their answers: given or fine-tuned, one or several, and with
 * folds also those that a part of the labels was held back from. What they say together lies in one
 * store under one key, so that all that comes after knows of one teacher.
 */
final class DistilTeachers {
  static final String TEACHER = "teacher";
  static final String LOGITS = "soft-targets";

  /**
   * Where teachers come from.
   *
   * @param given fine-tuned ones; empty where {@code encoder} is to be made some
   * @param recipe of fine-tuning
   * @param count how many are fine-tuned on all labels, by as many seeds
   * @param folds parts that the labels are held back in; 0: none is held back
   * @param seed of the first
   */
  record Plan(
      List<Path> given, Path encoder, TeacherRecipe recipe, int count, int folds, long seed) {}

  /**
   * What teaches.
   *
   * @param whole teachers that saw all labels, at least one
   * @param held those that a part of the labels was held back from
   * @param first the key of the first of {@code whole}
   * @param soft the key of what they say together in the store
   */
  record Taught(List<Path> whole, List<Path> held, TeacherKey first, TeacherKey soft, Path store) {
    Path teacher() {
      return whole.get(0);
    }

    List<Path> all() {
      List<Path> all = new ArrayList<>(whole);
      all.addAll(held);
      return all;
    }
  }

  /**
   * A teacher, its key, and the part of the labels that it has not seen.
   *
   * @param folds null where there are none
   */
  private record Member(Path path, TeacherKey key, Folds folds, int held) {
    Member(Path path, Folds folds, int held) {
      this(path, TeacherKey.of(ModelDirectory.read(path)), folds, held);
    }
  }

  private final Console console;
  private final Plan plan;
  private final Path out;
  private final Stages stages;
  private final RunControl control;

  DistilTeachers(Console console, Plan plan, Path out, Stages stages, RunControl control) {
    this.console = console;
    this.plan = plan;
    this.out = out;
    this.stages = stages;
    this.control = control;
  }

  /**
   * The classes of the given teachers in their order; null where none is given.
   *
   * @throws InvalidInputException where one of them is an encoder, or has other classes
   */
  static List<String> labels(List<Path> given) {
    List<String> labels = null;
    for (Path directory : given) {
      try (Teacher teacher = Teacher.of(ModelDirectory.read(directory))) {
        if (teacher.labels().size() < 2) {
          throw new InvalidInputException(
              directory + " has no classes: an encoder is given by --encoder");
        }
        labels = labels == null ? teacher.labels() : labels;
        if (!labels.equals(teacher.labels())) {
          throw new InvalidInputException(
              directory + " has classes " + teacher.labels() + ", the first teacher " + labels);
        }
      }
    }
    return labels;
  }

  /**
   * Makes teachers where none are given, and writes their answers.
   *
   * @param folder before the names of what is made: empty, or ending with a slash
   * @param transfer null where there are no unlabelled texts
   */
  Taught teach(String folder, DataSet train, DataSet dev, Texts transfer) throws Exception {
    List<Path> whole = new ArrayList<>(plan.given());
    for (int n = 0; n < plan.count() && plan.given().isEmpty(); n++) {
      whole.add(fineTune(folder + name(n), train, dev, plan.seed() + n));
    }
    List<Folds> folds = new ArrayList<>();
    for (int n = 0; n < plan.count() && plan.folds() > 0; n++) {
      folds.add(Folds.of(train, plan.folds(), plan.seed() + n));
    }
    List<Member> members = new ArrayList<>();
    for (Path teacher : whole) {
      members.add(new Member(teacher, folds.isEmpty() ? null : folds.get(0), CrossFit.NONE));
    }
    for (int n = 0; n < folds.size(); n++) {
      for (int fold = 0; fold < plan.folds(); fold++) {
        String made = folder + "folds/" + name(n) + "-without-" + (fold + 1);
        DataSet rest = folds.get(n).without(fold);
        members.add(new Member(fineTune(made, rest, dev, plan.seed() + n), folds.get(n), fold));
      }
    }
    return score(folder + LOGITS, members, train, dev, transfer);
  }

  /** The name of the n-th teacher, from 0. */
  static String name(int n) {
    return n == 0 ? TEACHER : TEACHER + "-" + (n + 1);
  }

  private Path fineTune(String name, DataSet train, DataSet dev, long seed) throws Exception {
    Path teacher = out.resolve(name);
    TeacherOptions options = plan.recipe().options(seed, train);
    String encoder = ModelDirectory.read(plan.encoder()).fingerprint();
    TeacherTraining.Inputs inputs = new TeacherTraining.Inputs(plan.encoder(), train, dev, teacher);
    boolean now =
        stages.run(
            name,
            List.of(options.toMap(), train.hash(), dev.hash(), encoder),
            false,
            () -> Results.mention(console, TeacherTraining.run(inputs, options, control)));
    reused(now, name);
    return teacher;
  }

  private void reused(boolean now, String name) {
    if (!now) {
      console.line(out.resolve(name) + ": complete already");
    }
  }

  private Taught score(
      String name, List<Member> members, DataSet train, DataSet dev, Texts transfer)
      throws Exception {
    Path folder = out.resolve(name);
    List<Object> key = new ArrayList<>();
    for (Member member : members) {
      key.add(member.key().teacher());
      key.add(member.folds() == null ? "" : member.folds().hash());
    }
    key.add(List.of(train.hash(), dev.hash(), transfer == null ? "" : Texts.hashOf(transfer)));
    boolean now =
        stages.run(
            name,
            key,
            true,
            () -> {
              for (Member member : members) {
                score(folder, member, train, dev, transfer);
              }
              combine(folder, members, train, dev, transfer);
            });
    reused(now, name);
    TeacherKey soft;
    try (Opened opened = new Opened(folder, members)) {
      soft = opened.together().key();
    }
    return new Taught(
        paths(members, true), paths(members, false), members.get(0).key(), soft, folder);
  }

  private static List<Path> paths(List<Member> members, boolean whole) {
    return members.stream()
        .filter(member -> member.held() == CrossFit.NONE == whole)
        .map(Member::path)
        .toList();
  }

  /** A teacher is asked for the texts that it may answer for. */
  private void score(Path folder, Member member, DataSet train, DataSet dev, Texts transfer) {
    Device device = plan.recipe().options(plan.seed(), train).device();
    try (SoftScorer model = new SoftScorer(ModelDirectory.read(member.path()), device);
        LogitStore store = LogitStore.openForWriting(folder, member.key())) {
      if (member.folds() == null) {
        model.write(store, train, control);
      } else if (member.held() != CrossFit.NONE) {
        model.write(store, member.folds().part(member.held()), control);
      }
      model.write(store, dev, control);
      if (transfer != null) {
        model.write(store, transfer, control);
      }
      console.line(
          String.format(
              Locale.ROOT,
              "%s: logits of %s for %,d texts",
              folder,
              member.path().getFileName(),
              store.size()));
    }
  }

  /** The members' stores, and what they say together. */
  private static final class Opened implements AutoCloseable {
    private final List<LogitStore> stores = new ArrayList<>();
    private final List<Member> members;

    Opened(Path folder, List<Member> members) {
      this.members = members;
      try {
        for (Member member : members) {
          stores.add(LogitStore.open(folder, member.key()));
        }
      } catch (RuntimeException e) {
        close();
        throw e;
      }
    }

    LogitSource together() {
      if (members.get(0).folds() == null) {
        return LogitEnsemble.of(stores);
      }
      List<CrossFit.Member> fitted = new ArrayList<>();
      for (int i = 0; i < members.size(); i++) {
        Member member = members.get(i);
        fitted.add(new CrossFit.Member(stores.get(i), member.folds(), member.held()));
      }
      return CrossFit.of(fitted);
    }

    @Override
    public void close() {
      stores.forEach(LogitStore::close);
    }
  }

  private static void combine(
      Path folder, List<Member> members, DataSet train, DataSet dev, Texts transfer) {
    if (members.size() == 1) {
      return;
    }
    try (Opened opened = new Opened(folder, members)) {
      LogitSource together = opened.together();
      try (LogitStore store = LogitStore.openForWriting(folder, together.key())) {
        SoftTargets.copy(store, together, train);
        SoftTargets.copy(store, together, dev);
        if (transfer != null) {
          SoftTargets.copy(store, together, transfer);
        }
      }
    }
  }
}
