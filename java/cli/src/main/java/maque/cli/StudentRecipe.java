package maque.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import maque.runtime.InvalidInputException;
import maque.training.DataSet;
import maque.training.StudentOptions;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.ParameterException;

/**
 * A way of training a student as options of train-student, in their words: what is not given keeps
 * the preset's value, and of an option that is given twice the last one counts.
 */
final class StudentRecipe {
  /** Options that say how soft targets are learnt; a student alone has no use for them. */
  private static final Set<String> SOFT =
      Set.of("--alpha", "--ce-weight", "--soft-weight", "--soft-loss", "--temperature");

  /** Options that say something more each time they are given. */
  private static final Set<String> REPEATED = Set.of("--lr-scale");

  private final List<String> words;

  private StudentRecipe(List<String> words) {
    this.words = List.copyOf(words);
  }

  /** The options in the order of the arguments; each argument may hold several, by blanks. */
  static StudentRecipe of(String... options) {
    List<String> words = new ArrayList<>();
    for (String each : options) {
      for (String word : each.strip().split("\\s+")) {
        if (!word.isEmpty()) {
          words.add(word);
        }
      }
    }
    return new StudentRecipe(words);
  }

  /** This with more options, which take the place of those that are given here already. */
  StudentRecipe with(StudentRecipe more) {
    List<String> all = new ArrayList<>();
    boolean kept = true;
    for (String word : words) {
      if (word.startsWith("--")) {
        String option = word.split("=", 2)[0];
        kept = REPEATED.contains(option) || !more.gives(option);
      }
      if (kept) {
        all.add(word);
      }
    }
    all.addAll(more.words);
    return new StudentRecipe(all);
  }

  /** This without what soft targets alone are for. */
  StudentRecipe alone() {
    List<String> kept = new ArrayList<>();
    for (int i = 0; i < words.size(); i++) {
      String word = words.get(i);
      if (SOFT.contains(word)) {
        i++;
      } else if (SOFT.stream().noneMatch(option -> word.startsWith(option + "="))) {
        kept.add(word);
      }
    }
    return new StudentRecipe(kept);
  }

  /** Of this where it is computed, if that is given, and nothing else. */
  StudentRecipe device() {
    return gives("--device") ? of("--device " + value("--device", "")) : of();
  }

  /** Whether an option is given. */
  boolean gives(String option) {
    return words.stream().anyMatch(word -> word.equals(option) || word.startsWith(option + "="));
  }

  /** Whether embeddings begin as those of a file. */
  boolean usesVectors() {
    return value("--embeddings", "").equals("vectors");
  }

  /** What is given for an option, the last time; {@code absent} where it is not given. */
  String value(String option, String absent) {
    String value = absent;
    for (int i = 0; i < words.size(); i++) {
      String word = words.get(i);
      if (word.equals(option) && i + 1 < words.size()) {
        value = words.get(i + 1);
      } else if (word.startsWith(option + "=")) {
        value = word.substring(option.length() + 1);
      }
    }
    return value;
  }

  @Command
  private static final class Flags {
    @Mixin private StudentFlags student = new StudentFlags();
    @Mixin private TrainingFlags training = new TrainingFlags();
  }

  /**
   * The options that the words stand for.
   *
   * @param distilled whether there are soft targets
   * @param labelled the training texts, which weights of classes are made of; null: none are made
   */
  StudentOptions options(boolean distilled, long seed, DataSet labelled) {
    Flags flags = new Flags();
    CommandLine line = new CommandLine(flags);
    line.setOverwrittenOptionsAllowed(true);
    try {
      line.parseArgs(words.toArray(String[]::new));
      StudentOptions options =
          flags.training.apply(flags.student.options(distilled, usesVectors()), seed, true);
      if (labelled != null) {
        flags.training.applyClassWeights(options, labelled);
      }
      return options;
    } catch (ParameterException e) {
      throw Usage.error("'" + this + "' are no options of train-student: " + e.getMessage());
    } catch (InvalidInputException | Usage.WrongUsageException e) {
      throw Usage.error("'" + this + "': " + e.getMessage());
    }
  }

  @Override
  public String toString() {
    return String.join(" ", words);
  }
}
