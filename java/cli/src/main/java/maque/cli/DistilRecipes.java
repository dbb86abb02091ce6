package maque.cli;

import java.util.ArrayList;
import java.util.List;
import maque.training.StudentOptions;

/**
 * The students of an experiment: candidates for the distilled one, candidates for the best one that
 * takes nothing from the teacher, and what the teacher's embeddings give without its answers.
 *
 * @param distilled candidates, the best on dev is taken
 * @param alone the same without anything of the teacher
 * @param embeddings the teacher's embeddings, labels only; null where the student has none of them
 */
record DistilRecipes(
    List<StudentRecipe> distilled, List<StudentRecipe> alone, StudentRecipe embeddings) {
  /** Measured on news titles and glosses; what is given on the command line wins. */
  private static final StudentRecipe DEFAULT = StudentRecipe.of("--kind document");

  private static final StudentRecipe SOFT =
      StudentRecipe.of("--embeddings teacher --soft-loss kl --temperature 2 --alpha 0");
  private static final StudentRecipe SEQUENCE =
      StudentRecipe.of("--hidden-size 128 --pool-batches 20");
  private static final StudentRecipe ALONE_DOCUMENT =
      StudentRecipe.of(
          "--kind document --embeddings random --train-vectors --embedding-sd 0.02 --lr 3e-3"
              + " --dropout 0.5,0,0.3 --batch-size 32");

  /** Sizes that are tried where a budget is given, the smallest first. */
  private static final List<String> SIZES =
      List.of(
          "--embedding-size 32 --hidden-size 32 --head 32",
          "--embedding-size 64 --hidden-size 64 --head 64",
          "--embedding-size 128 --hidden-size 128 --head 128");

  /** The candidates for a budget where the command line names none. */
  static List<String> sizes(StudentRecipe given) {
    List<String> all = new ArrayList<>();
    List<String> kinds =
        given.gives("--kind") ? List.of("") : List.of("--kind document ", "--kind sequence ");
    for (String kind : kinds) {
      SIZES.forEach(size -> all.add(kind + size));
      all.add(kind);
    }
    return all;
  }

  /**
   * The candidates.
   *
   * @param given options of the command line for every student of the experiment
   * @param distilled more options, a candidate each; empty: the one that {@code given} makes
   * @param alone options of the candidates that take nothing; empty: the distilled one's shape and
   *     a document student, each with its own embeddings
   */
  static DistilRecipes of(StudentRecipe given, List<String> distilled, List<String> alone) {
    StudentRecipe base = withDefaults(DEFAULT.with(given), given);
    List<StudentRecipe> soft = new ArrayList<>();
    for (String each : distilled.isEmpty() ? List.of("") : distilled) {
      StudentRecipe more = given.with(StudentRecipe.of(each));
      soft.add(withDefaults(DEFAULT.with(more), more));
    }
    List<StudentRecipe> without = new ArrayList<>();
    if (alone.isEmpty()) {
      without.addAll(defaultAlone(base));
    } else {
      for (String each : alone) {
        without.add(StudentRecipe.of("--embeddings random", each));
      }
    }
    return new DistilRecipes(List.copyOf(soft), List.copyOf(without), embeddings(soft.get(0)));
  }

  private static StudentRecipe withDefaults(StudentRecipe parsed, StudentRecipe given) {
    StudentOptions.Kind kind = parsed.options(true, 1, null).kind();
    StudentRecipe defaults = StudentRecipe.of("--kind " + kind).with(SOFT);
    return (kind == StudentOptions.Kind.SEQUENCE ? defaults.with(SEQUENCE) : defaults).with(given);
  }

  /**
   * Labels are met more often where there is no transfer set, so that a student alone gets three
   * times the epochs; whether that is too many, dev decides by the best evaluation.
   */
  private static List<StudentRecipe> defaultAlone(StudentRecipe base) {
    StudentOptions options = base.options(true, 1, null);
    StudentRecipe longer = StudentRecipe.of("--epochs " + 3 * options.epochs());
    StudentRecipe reading =
        StudentRecipe.of("--max-tokens " + options.maxTokens() + " --clean " + options.clean());
    List<StudentRecipe> alone = new ArrayList<>();
    StudentRecipe own = base.alone().with(StudentRecipe.of("--embeddings random")).with(longer);
    alone.add(
        options.kind() == StudentOptions.Kind.DOCUMENT
            ? own.with(StudentRecipe.of("--train-vectors --embedding-sd 0.02"))
            : own);
    alone.add(ALONE_DOCUMENT.with(reading));
    return alone;
  }

  /** All recipes. */
  List<StudentRecipe> all() {
    List<StudentRecipe> all = new ArrayList<>(distilled);
    all.addAll(alone);
    if (embeddings != null) {
      all.add(embeddings);
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
