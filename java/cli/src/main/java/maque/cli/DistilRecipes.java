package maque.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import maque.training.StudentOptions;

/**
 * The students of an experiment: candidates for the distilled one, candidates for the best one that
 * takes nothing from the teacher, and what the teacher's embeddings give without its answers.
 *
 * @param distilled candidates, the best on dev is taken
 * @param alone the same without anything of the teacher
 * @param embeddings the teacher's embeddings, labels only; null where the student has none of them
 * @param bag a plain bag of n-grams from labels alone
 * @param first options of the distilled one's first stage, in the place of its own; null: one stage
 */
record DistilRecipes(
    List<StudentRecipe> distilled,
    List<StudentRecipe> alone,
    StudentRecipe embeddings,
    StudentRecipe bag,
    StudentRecipe first) {
  /** Measured on news titles and glosses; what is given on the command line wins. */
  private static final StudentRecipe DEFAULT = StudentRecipe.of("--kind document");

  private static final StudentRecipe SOFT =
      StudentRecipe.of("--soft-loss kl --temperature 2 --alpha 0");
  private static final StudentRecipe EMBEDDINGS = StudentRecipe.of("--embeddings teacher");
  private static final String WITH_NGRAMS = "--ngrams 1-3 --ngram-buckets 131072 --ngram-width 64";

  /** What a table of these n-grams takes in int8, with its scales. */
  private static final long NGRAM_BYTES = 131072L * (64 + 4);

  private static final StudentRecipe SEQUENCE =
      StudentRecipe.of("--hidden-size 128 --pool-batches 20");
  private static final StudentRecipe ALONE_DOCUMENT =
      StudentRecipe.of(
          "--kind document --embeddings random --train-vectors --embedding-sd 0.02 --lr 3e-3"
              + " --dropout 0.5,0,0.3 --batch-size 32");

  /** What a student has and keeps, by the names of options in records. */
  private static final List<String> SHAPE =
      List.of(
          "kind",
          "tokens",
          "segmenter",
          "clean",
          "max_tokens",
          "embedding_size",
          "hidden_size",
          "pooling",
          "ngrams",
          "head");

  /** Sizes that are tried where a budget is given, the smallest first. */
  private static final List<String> SIZES =
      List.of(
          "--embedding-size 32 --hidden-size 32 --head 32",
          "--embedding-size 64 --hidden-size 64 --head 64",
          "--embedding-size 128 --hidden-size 128 --head 128");

  /**
   * The candidates for a budget where the command line names none.
   *
   * @param bytes the most that a student may take; decides whether one with n-grams is tried
   */
  static List<String> sizes(StudentRecipe given, long bytes) {
    if (given.value("--kind", "").equals("bag")) {
      return List.of("");
    }
    List<String> all = new ArrayList<>();
    boolean kindGiven = given.gives("--kind");
    List<String> kinds = kindGiven ? List.of("") : List.of("--kind document ", "--kind sequence ");
    for (String kind : kinds) {
      SIZES.forEach(size -> all.add(kind + size));
      all.add(kind);
    }
    if (!given.gives("--ngrams") && bytes > NGRAM_BYTES) {
      all.add(kinds.get(0) + WITH_NGRAMS);
    }
    return all;
  }

  /**
   * The candidates.
   *
   * @param given options of the command line for every student of the experiment
   * @param distilled more options, a candidate each; empty: the one that {@code given} makes
   * @param alone options of the candidates that take nothing; empty: the distilled one's shape, a
   *     bag of n-grams and a document student, each with its own embeddings
   * @param ngrams whether they stand beside a biLSTM where nothing is said of them
   */
  static DistilRecipes of(
      StudentRecipe given, List<String> distilled, List<String> alone, boolean ngrams) {
    StudentRecipe base = withDefaults(DEFAULT.with(given), given, ngrams);
    List<StudentRecipe> soft = new ArrayList<>();
    for (String each : distilled.isEmpty() ? List.of("") : distilled) {
      StudentRecipe more = given.with(StudentRecipe.of(each));
      soft.add(withDefaults(DEFAULT.with(more), more, ngrams));
    }
    List<StudentRecipe> without = new ArrayList<>();
    if (alone.isEmpty()) {
      without.addAll(defaultAlone(base, given));
    } else {
      for (String each : alone) {
        without.add(given.device().with(withoutTeacher(StudentRecipe.of(each))));
      }
    }
    return new DistilRecipes(
        List.copyOf(soft), List.copyOf(without), embeddings(soft.get(0)), bag(given), null);
  }

  /**
   * These with a first stage of the distilled one.
   *
   * @throws Usage.WrongUsageException where the second stage could not go on from it
   */
  DistilRecipes withFirst(StudentRecipe options) {
    DistilRecipes staged = new DistilRecipes(distilled, alone, embeddings, bag, options);
    for (StudentRecipe recipe : distilled) {
      Map<String, Object> second = recipe.options(true, 1, null).toMap();
      Map<String, Object> before = staged.firstOf(recipe).options(true, 1, null).toMap();
      for (String name : SHAPE) {
        Usage.require(
            Objects.equals(second.get(name), before.get(name)),
            "--first '"
                + options
                + "' gives the student "
                + name
                + " "
                + before.get(name)
                + ", another than its second stage has: "
                + second.get(name));
      }
    }
    return staged;
  }

  /** How a student is trained before it is as a recipe says. */
  StudentRecipe firstOf(StudentRecipe recipe) {
    return recipe.with(first);
  }

  private static StudentRecipe withDefaults(
      StudentRecipe parsed, StudentRecipe given, boolean ngrams) {
    StudentOptions.Kind kind =
        Names.parse("--kind", StudentOptions.Kind.class, parsed.value("--kind", "document"));
    StudentRecipe defaults = StudentRecipe.of("--kind " + kind).with(SOFT);
    if (kind != StudentOptions.Kind.BAG) {
      defaults = defaults.with(EMBEDDINGS);
    }
    if (ngrams && kind != StudentOptions.Kind.BAG && !given.gives("--ngrams")) {
      defaults = defaults.with(StudentRecipe.of(WITH_NGRAMS));
    }
    return (kind == StudentOptions.Kind.SEQUENCE ? defaults.with(SEQUENCE) : defaults).with(given);
  }

  /**
   * Labels are met more often where there is no transfer set, so that a student alone gets three
   * times the epochs; whether that is too many, dev decides by the best evaluation.
   */
  private static List<StudentRecipe> defaultAlone(StudentRecipe base, StudentRecipe given) {
    StudentOptions options = base.options(true, 1, null);
    StudentRecipe longer = StudentRecipe.of("--epochs " + 3 * options.epochs());
    StudentRecipe reading =
        StudentRecipe.of("--max-tokens " + options.maxTokens() + " --clean " + options.clean());
    List<StudentRecipe> alone = new ArrayList<>();
    StudentRecipe own = base.alone().with(longer);
    alone.add(
        switch (options.kind()) {
          case DOCUMENT ->
              own.with(StudentRecipe.of("--embeddings random --train-vectors --embedding-sd 0.02"));
          case SEQUENCE -> own.with(StudentRecipe.of("--embeddings random"));
          case BAG -> own;
        });
    alone.add(bag(given));
    alone.add(given.device().with(ALONE_DOCUMENT).with(reading));
    return alone;
  }

  /**
   * What fastText is, the honest baseline of every report; the table is as large as was asked. From
   * few labels it gains for thirty epochs (3,000 titles: 72.9 against 69.3 after eight); where it
   * does not, dev takes an earlier evaluation.
   */
  private static StudentRecipe bag(StudentRecipe given) {
    StudentRecipe bag = given.device().with(StudentRecipe.of("--kind bag --epochs 30"));
    for (String size : List.of("--ngram-buckets", "--ngram-width")) {
      if (given.gives(size)) {
        bag = bag.with(StudentRecipe.of(size + " " + given.value(size, "")));
      }
    }
    return bag;
  }

  /** Where nothing is said of embeddings, they are the student's own. */
  private static StudentRecipe withoutTeacher(StudentRecipe recipe) {
    boolean bag = recipe.alone().options(false, 1, null).kind() == StudentOptions.Kind.BAG;
    return bag ? recipe : StudentRecipe.of("--embeddings random").with(recipe);
  }

  /** All recipes. */
  List<StudentRecipe> all() {
    List<StudentRecipe> all = new ArrayList<>(distilled);
    all.addAll(alone);
    all.add(bag);
    if (embeddings != null) {
      all.add(embeddings);
    }
    if (first != null) {
      distilled.forEach(recipe -> all.add(firstOf(recipe)));
    }
    return all;
  }

  private static StudentRecipe embeddings(StudentRecipe distilled) {
    StudentOptions options = distilled.options(true, 1, null);
    if (options.embeddings() != StudentOptions.Embeddings.TEACHER) {
      return null;
    }
    return distilled.alone().with(StudentRecipe.of("--epochs " + 3 * options.epochs()));
  }
}
