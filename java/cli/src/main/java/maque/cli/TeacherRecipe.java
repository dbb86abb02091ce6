package maque.cli;

import maque.runtime.InvalidInputException;
import maque.training.DataSet;
import maque.training.TeacherOptions;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.ParameterException;

/** A way of fine-tuning a teacher as options of train-teacher, in their words. */
record TeacherRecipe(String words) {
  @Command
  private static final class Flags {
    @Mixin private TeacherFlags teacher = new TeacherFlags();
    @Mixin private TrainingFlags training = new TrainingFlags();
  }

  /**
   * The options that the words stand for.
   *
   * @param labelled the training texts, which weights of classes are made of; null: none are made
   */
  TeacherOptions options(long seed, DataSet labelled) {
    Flags flags = new Flags();
    CommandLine line = new CommandLine(flags);
    line.setOverwrittenOptionsAllowed(true);
    try {
      line.parseArgs(words.isBlank() ? new String[0] : words.strip().split("\\s+"));
      TeacherOptions options = flags.training.apply(flags.teacher.options(), seed, true);
      if (labelled != null) {
        flags.training.applyClassWeights(options, labelled);
      }
      return options;
    } catch (ParameterException e) {
      throw Usage.error("'" + words + "' are no options of train-teacher: " + e.getMessage());
    } catch (InvalidInputException | Usage.WrongUsageException e) {
      throw Usage.error("'" + words + "': " + e.getMessage());
    }
  }
}
