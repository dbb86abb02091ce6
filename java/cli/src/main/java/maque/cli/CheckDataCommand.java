package maque.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import maque.runtime.Json;
import maque.runtime.ModelDirectory;
import maque.training.DataCheck;
import maque.training.Texts;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** {@code maque check-data}. */
@Command(
    name = "check-data",
    mixinStandardHelpOptions = true,
    description = {
      "Looks at data files before they are trained on: repeats, texts that two files share, texts"
          + " with two labels, classes, lengths; with --model also what is cut and what is"
          + " unknown.",
      "",
      "Texts are compared letter for letter. Nothing is changed."
    },
    footer = {
      "",
      "Example:",
      "  maque check-data train.json dev.json --test test.json --model models/encoder"
    })
final class CheckDataCommand implements Callable<Integer> {
  @ParentCommand private Main main;
  @Mixin private DataFlags data;

  @Option(
      names = "--test",
      paramLabel = "FILE",
      description = "A file that the others must not share texts with; may be given several times.")
  private List<Path> tests = List.of();

  @Option(
      names = {"--model", "--teacher"},
      paramLabel = "DIR",
      description = "A model or an encoder, whose tokenizer reads the texts.")
  private Path model;

  @Option(names = "--json", description = "One JSON object instead of text.")
  private boolean json;

  @Parameters(arity = "1..*", paramLabel = "FILE", description = "Files of texts.")
  private List<Path> files;

  @Override
  public Integer call() {
    DataCheck.Reader reader = model == null ? null : Readers.of(ModelDirectory.read(model));
    Map<String, Texts> all = new LinkedHashMap<>();
    for (Path file : files) {
      all.put(file.toString(), read(file));
    }
    for (Path file : tests) {
      all.put(file.toString(), read(file));
    }
    List<DataCheck.File> checked = new ArrayList<>();
    all.forEach((name, texts) -> checked.add(DataCheck.file(name, texts, reader)));
    List<DataCheck.Shared> shared = shared(all);
    if (json) {
      Map<String, Object> map = new LinkedHashMap<>();
      map.put("files", checked.stream().map(DataCheck.File::toMap).toList());
      map.put("shared", shared.stream().map(DataCheck.Shared::toMap).toList());
      main.console().result(Json.line(map));
      return 0;
    }
    checked.forEach(file -> print(DataFindings.facts(file), file.name()));
    shared.forEach(pair -> print(DataFindings.facts(pair), pair.first() + " and " + pair.second()));
    return 0;
  }

  private Texts read(Path file) {
    Texts texts = data.texts(file);
    if (texts.size() == 0) {
      throw new maque.runtime.InvalidInputException(file + " has no texts");
    }
    return texts;
  }

  private static List<DataCheck.Shared> shared(Map<String, Texts> all) {
    List<String> names = List.copyOf(all.keySet());
    List<DataCheck.Shared> pairs = new ArrayList<>();
    for (int i = 0; i < names.size(); i++) {
      for (int k = i + 1; k < names.size(); k++) {
        pairs.add(
            DataCheck.shared(
                names.get(i), all.get(names.get(i)), names.get(k), all.get(names.get(k))));
      }
    }
    return pairs;
  }

  private void print(Map<String, String> facts, String title) {
    main.console().result(title);
    facts.forEach(
        (name, value) ->
            main.console().result(String.format(Locale.ROOT, "  %-24s%s", name, value)));
  }
}
