package maque.cli;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import maque.runtime.AtomicFiles;
import maque.runtime.Json;
import maque.training.DataOptions;
import maque.training.DataSet;
import maque.training.Example;
import maque.training.Texts;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The texts of an experiment. */
final class DistilInputs {
  private static final String LABELLED = "train.jsonl";
  private static final String REST = "rest.jsonl";

  @Option(names = "--train", required = true, paramLabel = "FILE", description = "Labelled texts.")
  private Path train;

  @Option(
      names = "--dev",
      required = true,
      paramLabel = "FILE",
      description = "Labelled texts that everything is chosen by.")
  private Path dev;

  @Option(
      names = "--test",
      required = true,
      paramLabel = "FILE",
      description = "Labelled texts that the result is measured on, once, at the end.")
  private Path test;

  @Option(
      names = "--unlabelled",
      paramLabel = "FILE",
      description = "More texts to learn the teacher's answers on; may be given several times.")
  private List<Path> unlabelled = List.of();

  @Option(
      names = "--first-unlabelled",
      paramLabel = "FILE",
      description =
          "Texts further from the labelled ones, such as words (dictionary) and synthetic texts"
              + " (augment): the distilled student learns the teacher's answers on them and on all"
              + " others in a first stage, and then goes on with the others alone; may be given"
              + " several times.")
  private List<Path> firstUnlabelled = List.of();

  @Option(
      names = "--label-limit",
      paramLabel = "N",
      description =
          "Keep N labels of --train, drawn by the seed; the other texts of it join the unlabelled"
              + " ones.")
  private Integer labelLimit;

  @Option(
      names = "--draw",
      paramLabel = "NAME",
      defaultValue = "any",
      description =
          "How --label-limit draws: any, each text with the same chance, or even, the same number"
              + " of each class as far as a class has so many (default: ${DEFAULT-VALUE}).")
  private String draw;

  @Mixin private DataFlags data;

  /**
   * Texts in memory, or for plain lines in their file.
   *
   * @param train labelled texts to train on
   * @param transfer unlabelled ones; null where there are none
   * @param first more unlabelled ones, for a first stage alone; null where there are none
   * @param unlabelledFiles where they are, as train-student takes them
   * @param trainFile where the labelled ones are
   */
  record Loaded(
      DataSet train,
      DataSet dev,
      DataSet test,
      Texts transfer,
      Texts first,
      Path trainFile,
      List<Path> unlabelledFiles) {}

  DataFlags data() {
    return data;
  }

  Path dev() {
    return dev;
  }

  Path test() {
    return test;
  }

  boolean hasFirst() {
    return !firstUnlabelled.isEmpty();
  }

  /** How the labels were drawn, for people. */
  String drawing() {
    if (labelLimit == null) {
      return "all labels of the file";
    }
    return String.format(
        Locale.ROOT,
        "%,d labels kept, %s",
        labelLimit,
        draw.equals("even") ? "the same number of each class" : "drawn at random");
  }

  void check() {
    Usage.require(labelLimit == null || labelLimit >= 2, "--label-limit must be 2 or more");
    Usage.require(draw.equals("any") || draw.equals("even"), "--draw must be any or even");
    Usage.require(
        labelLimit != null || draw.equals("any"), "--draw needs --label-limit, which it is about");
  }

  /**
   * Reads all files; those that {@code --label-limit} makes go to {@code folder}.
   *
   * @param labels the classes, null: those of the training texts
   */
  Loaded load(Stages stages, Path folder, String name, List<String> labels, long seed)
      throws Exception {
    DataSet all = data.labelled(train, labels);
    DataSet devSet = data.labelled(dev, all.labels());
    DataSet testSet = data.labelled(test, all.labels());
    if (labelLimit == null) {
      all.requireTrainable();
      return new Loaded(
          all, devSet, testSet, transfer(null, unlabelled), first(), train, unlabelled);
    }
    DataSet.Draw drawn = all.draw(labelLimit, seed, draw.equals("even"));
    drawn.labelled().requireTrainable();
    Path made = folder.resolve(name);
    stages.run(
        name,
        List.of(drawn.labelled().hash(), drawn.rest().hash()),
        false,
        () -> write(made, drawn));
    List<Path> files = new ArrayList<>();
    Texts rest = null;
    if (drawn.rest().size() > 0) {
      files.add(made.resolve(REST));
      rest = Texts.of(drawn.rest().examples().stream().map(Example::text).toList());
    }
    files.addAll(unlabelled);
    DataSet kept =
        DataSet.read(made.resolve(LABELLED), DataOptions.defaults().withLabels(all.labels()));
    return new Loaded(
        kept, devSet, testSet, transfer(rest, unlabelled), first(), made.resolve(LABELLED), files);
  }

  private static void write(Path folder, DataSet.Draw drawn) throws Exception {
    Files.createDirectories(folder);
    DataSet labelled = drawn.labelled();
    lines(folder.resolve("labels.txt"), labelled.labels());
    lines(folder.resolve(LABELLED), rows(labelled, true));
    lines(folder.resolve(REST), rows(drawn.rest(), false));
  }

  private static List<String> rows(DataSet data, boolean labels) {
    List<String> rows = new ArrayList<>(data.size());
    for (Example example : data.examples()) {
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("text", example.text());
      if (labels) {
        row.put("label", data.labels().get(example.label()));
      }
      rows.add(Json.line(row));
    }
    return rows;
  }

  private static void lines(Path file, List<String> lines) {
    AtomicFiles.write(
        file,
        lines.isEmpty()
            ? new byte[0]
            : (String.join("\n", lines) + "\n").getBytes(StandardCharsets.UTF_8));
  }

  private Texts first() {
    return transfer(null, firstUnlabelled);
  }

  /** Some texts, null for none, and those of files. */
  private Texts transfer(Texts some, List<Path> files) {
    Texts all = some;
    for (Path file : files) {
      Texts more = data.texts(file);
      all = all == null ? more : Texts.concat(all, more);
    }
    return all;
  }
}
