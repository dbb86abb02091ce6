package maque.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import maque.runtime.Json;
import maque.runtime.Prediction;
import maque.runtime.Student;
import maque.runtime.Teacher;
import maque.runtime.TextClassifier;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code maque predict}. */
@Command(
    name = "predict",
    mixinStandardHelpOptions = true,
    description = {
      "Classifies each line of text: label, probabilities, and how long each model took.",
      "",
      "Texts come from the arguments, else from --file, else from standard input. Times are of that"
          + " one text on one thread, tokenizing included, once the models are warm."
    },
    footer = {
      "",
      "Examples:",
      "  maque predict --teacher demo/teacher --student demo/student \"a large wild cat\"",
      "  maque predict --student demo/student --json < texts.txt"
    })
final class PredictCommand implements Callable<Integer> {
  private static final int DEFAULT_TOP = 3;

  @ParentCommand private Main main;
  @Spec private CommandSpec spec;
  @Mixin private TeacherPrecision precision;

  @Option(names = "--teacher", paramLabel = "MODEL", description = "A teacher's directory.")
  private Path teacher;

  @Option(
      names = "--student",
      paramLabel = "MODEL",
      description = "A student's directory or .maque file.")
  private Path student;

  @Option(
      names = "--file",
      paramLabel = "FILE",
      description = "A file with one text a line, UTF-8.")
  private Path file;

  @Option(
      names = "--top",
      paramLabel = "N",
      description = "Classes to show, 1 or more, the most probable first (default: 3).")
  private Integer top;

  @Option(
      names = "--json",
      description = "One JSON object a line, with the probabilities of all classes.")
  private boolean json;

  @Parameters(arity = "0..*", paramLabel = "TEXT", description = "Texts to classify.")
  private List<String> texts;

  /** A model under the name that the answer gives it. */
  private record Named(String name, TextClassifier model) {}

  /** One model's answer. */
  private record Answer(String name, List<String> labels, Prediction prediction, double micros) {}

  @Override
  public Integer call() throws IOException {
    if (teacher == null && student == null) {
      throw new ParameterException(spec.commandLine(), "give --teacher, --student, or both");
    }
    Usage.require(top == null || top >= 1, "--top must be 1 or more, not " + top);
    Usage.require(top == null || !json, "--json always has all classes: leave --top out");
    Usage.require(texts == null || file == null, "give texts either as arguments or by --file");
    List<Named> models = new ArrayList<>();
    try {
      if (teacher != null) {
        models.add(new Named("teacher", Teacher.of(precision.read(teacher))));
      }
      if (student != null) {
        models.add(new Named("student", Student.load(student)));
      }
      answerAll(models);
    } finally {
      models.forEach(named -> named.model.close());
    }
    return 0;
  }

  private void answerAll(List<Named> models) throws IOException {
    if (texts != null) {
      texts.forEach(text -> answer(models, text));
      return;
    }
    try (LineReader lines = file == null ? LineReader.ofStandardInput() : LineReader.of(file)) {
      for (String line = lines.next(); line != null; line = lines.next()) {
        answer(models, line);
      }
    }
  }

  private boolean warm;

  private void answer(List<Named> models, String text) {
    if (!warm) {
      models.forEach(named -> Models.warmUp(named.model, text));
      warm = true;
    }
    List<Answer> answers = models.stream().map(named -> timed(named, text)).toList();
    main.console().result(json ? toJson(text, answers) : toText(text, answers));
  }

  private static Answer timed(Named named, String text) {
    long start = System.nanoTime();
    Prediction prediction = named.model.predict(text);
    double micros = (System.nanoTime() - start) / 1e3;
    return new Answer(named.name, named.model.labels(), prediction, micros);
  }

  private static String toJson(String text, List<Answer> answers) {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("text", text);
    for (Answer answer : answers) {
      Map<String, Object> probabilities = new LinkedHashMap<>();
      for (int i = 0; i < answer.labels.size(); i++) {
        probabilities.put(answer.labels.get(i), (double) answer.prediction.probabilities()[i]);
      }
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("label", answer.prediction.label());
      fields.put("probabilities", probabilities);
      fields.put("truncated", answer.prediction.truncated());
      fields.put("micros", Math.round(answer.micros * 10) / 10.0);
      object.put(answer.name, fields);
    }
    return Json.line(object);
  }

  private String toText(String text, List<Answer> answers) {
    String lines =
        answers.stream()
            .map(answer -> String.format("  %-8s%s", answer.name, shown(answer)))
            .collect(Collectors.joining(System.lineSeparator()));
    return text + System.lineSeparator() + lines;
  }

  private String shown(Answer answer) {
    float[] probabilities = answer.prediction.probabilities();
    String classes =
        IntStream.range(0, probabilities.length)
            .boxed()
            .sorted((a, b) -> Float.compare(probabilities[b], probabilities[a]))
            .limit(top == null ? DEFAULT_TOP : top)
            .map(i -> String.format("%s %.4f", answer.labels.get(i), probabilities[i]))
            .collect(Collectors.joining("  "));
    String cut = answer.prediction.truncated() ? "  (text cut)" : "";
    return String.format("%s  in %s%s", classes, Durations.ofMicros(answer.micros), cut);
  }
}
