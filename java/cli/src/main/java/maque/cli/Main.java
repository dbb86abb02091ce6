package maque.cli;

import java.util.List;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The command {@code maque}. Exit codes: 0 success, 1 failure, 2 wrong usage, 130 interrupted. */
@Command(
    name = "maque",
    description = {
      "Distils a BERT text classifier into a one-layer biLSTM that answers in microseconds.",
      "",
      "The whole chain on real weights and real text: maque demo. Step by step: import a BERT,"
          + " train-teacher on labelled texts, soft-targets for labelled and unlabelled ones,"
          + " train-student, evaluate, pack, predict, serve, export."
    },
    mixinStandardHelpOptions = true,
    versionProvider = InfoCommand.Version.class,
    subcommands = {
      DemoCommand.class,
      DistilCommand.class,
      CompareCommand.class,
      ImportCommand.class,
      TrainTeacherCommand.class,
      SoftTargetsCommand.class,
      AugmentCommand.class,
      DictionaryCommand.class,
      TrainStudentCommand.class,
      AverageCommand.class,
      EvaluateCommand.class,
      CheckDataCommand.class,
      CalibrateCommand.class,
      PackCommand.class,
      ExportCommand.class,
      DiagnoseCommand.class,
      VerifyCommand.class,
      RebuildCommand.class,
      PredictCommand.class,
      ServeCommand.class,
      InfoCommand.class
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      " 0:done",
      " 1:failed; one line on standard error says why",
      " 2:wrong usage",
      "130:interrupted (Ctrl-C)"
    })
public final class Main implements Runnable {
  private final Console console;
  private final List<String> args;

  @Spec private CommandSpec spec;

  @Option(
      names = "--stacktrace",
      scope = ScopeType.INHERIT,
      description = "Print the Java stack trace of a failure.")
  private boolean stacktrace;

  @Option(
      names = "--verbose",
      scope = ScopeType.INHERIT,
      description = "Print what the library logs, each evaluation on dev among it.")
  private boolean verbose;

  Main(Console console, List<String> args) {
    this.console = console;
    this.args = args;
  }

  /** Runs the process's command and exits with its code. */
  public static void main(String[] args) {
    System.exit(run(Console.standard(), List.of(args)));
  }

  /** Runs one command; returns its exit code. */
  static int run(Console console, List<String> args) {
    Main main = new Main(console, args);
    CommandLine line = new CommandLine(main);
    line.setOut(console.outWriter());
    line.setErr(console.errWriter());
    line.setUsageHelpWidth(110);
    line.setUsageHelpLongOptionsMaxWidth(36);
    line.setAbbreviatedOptionsAllowed(false);
    line.setParameterExceptionHandler((e, ignored) -> usageError(console, e));
    line.setExecutionExceptionHandler(
        (e, command, ignored) -> main.failure(e, command.getCommandName()));
    line.setExecutionStrategy(
        parsed -> {
          LogLines.to(console, main.verbose);
          return new CommandLine.RunLast().execute(parsed);
        });
    int code = line.execute(args.toArray(String[]::new));
    console.finish();
    return code;
  }

  Console console() {
    return console;
  }

  /** The command as it was typed, to be typed again. */
  String commandLine() {
    String launcher = System.getProperty("maque.command", "maque");
    return launcher + args.stream().map(arg -> " " + quoted(arg)).collect(Collectors.joining());
  }

  private static String quoted(String arg) {
    return arg.matches("[\\w./:=,+@%-]+") ? arg : "'" + arg.replace("'", "'\\''") + "'";
  }

  @Override
  public void run() {
    spec.commandLine().usage(console.outWriter());
  }

  private static int usageError(Console console, ParameterException e) {
    String name = e.getCommandLine().getCommandSpec().qualifiedName();
    console.line(name + ": " + Failures.oneLine(e.getMessage()) + " (see " + name + " --help)");
    return CommandLine.ExitCode.USAGE;
  }

  private int failure(Exception e, String command) {
    boolean usage = e instanceof Usage.WrongUsageException;
    console.line(
        "maque "
            + command
            + ": "
            + (usage
                ? Failures.oneLine(e.getMessage()) + " (see maque " + command + " --help)"
                : Failures.message(e)));
    if (stacktrace) {
      e.printStackTrace(console.errWriter());
    }
    return usage ? CommandLine.ExitCode.USAGE : CommandLine.ExitCode.SOFTWARE;
  }
}
