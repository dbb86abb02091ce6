package maque.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import maque.runtime.Maque;
import maque.runtime.ModelDirectory;
import maque.training.DataCheck;
import maque.training.HtmlPage;
import maque.training.Texts;

/** The end of an experiment's report: where its figures come from. */
final class DistilProvenance {
  private final HtmlPage page;
  private final DistilResult result;

  DistilProvenance(HtmlPage page, DistilResult result) {
    this.page = page;
    this.result = result;
  }

  /** What the files hold, and what they share. */
  void dataChecks() {
    DistilInputs.Loaded data = result.data();
    DataCheck.Reader reader = Readers.of(ModelDirectory.read(result.served().model()));
    page.heading("Data");
    Map<String, Texts> files = new LinkedHashMap<>();
    files.put("train", data.train());
    files.put("dev", data.dev());
    files.put("test", data.test());
    if (data.transfer() != null) {
      files.put("unlabelled", data.transfer());
    }
    if (data.first() != null) {
      files.put("unlabelled, first stage", data.first());
    }
    files.forEach(
        (name, texts) ->
            page.subheading(name).facts(DataFindings.facts(DataCheck.file(name, texts, reader))));
    Map<String, String> shared = new LinkedHashMap<>();
    List<String> names = List.copyOf(files.keySet());
    for (int i = 0; i < names.size(); i++) {
      for (int k = i + 1; k < names.size(); k++) {
        DataCheck.Shared pair =
            DataCheck.shared(
                names.get(i), files.get(names.get(i)), names.get(k), files.get(names.get(k)));
        DataFindings.facts(pair)
            .forEach((name, value) -> shared.put(pair.first() + " and " + pair.second(), value));
      }
    }
    page.subheading("Texts that two files share").facts(shared);
  }

  /** Options of all students that were trained, and what they gave on dev. */
  void recipes() {
    page.heading("What was tried");
    List<List<String>> rows = new ArrayList<>();
    for (DistilResult.Measured way : result.ways()) {
      for (Distillation.Tried tried : way.tried()) {
        rows.add(
            List.of(
                tried.name(),
                DistilReport.number("%.2f", 100 * tried.devAccuracy()),
                tried.recipe().toString().equals(way.recipe()) ? "yes" : "no",
                tried.recipe().toString()));
      }
    }
    page.textTable(List.of("", "Accuracy on dev, %", "Chosen", "Options of train-student"), rows)
        .paragraph("Each with the first seed; the one that is best on dev got the other seeds.");
    firstStage();
    for (DistilResult.Measured way : result.ways()) {
      if (way.members().get(0).model() != null) {
        options(way.title(), way.members().get(0).model());
      }
    }
  }

  private void firstStage() {
    FirstStage first = result.first();
    if (first == null) {
      return;
    }
    List<List<String>> rows = new ArrayList<>();
    List<DistilResult.Member> after = result.way("distilled").members();
    for (int s = 0; s < after.size(); s++) {
      rows.add(
          List.of(
              Long.toString(after.get(s).seed()),
              DistilReport.number("%.2f", 100 * first.runs().get(s).devAccuracy()),
              DistilReport.number("%.2f", 100 * result.devAccuracy(after.get(s)))));
    }
    page.subheading("Stages of the distilled student")
        .table(List.of("Seed", "Accuracy on dev after the first, %", "After the second, %"), rows)
        .paragraph(
            "First stage: "
                + first.recipe()
                + ". The second one goes on from its weights with the options above.");
    options("first stage of the distilled student", result.model(first.runs().get(0)));
  }

  private void options(String title, Path model) {
    Map<String, Object> training = ModelDirectory.read(model).training();
    Map<String, String> facts = new LinkedHashMap<>();
    flatten(facts, "", training.get("options"));
    flatten(facts, "input ", training.get("inputs"));
    if (!facts.isEmpty()) {
      page.openDetails("All options and inputs: " + title).facts(facts).closeDetails();
    }
  }

  private static void flatten(Map<String, String> facts, String prefix, Object value) {
    if (value instanceof Map<?, ?> map) {
      map.forEach((name, each) -> facts.put(prefix + name, String.valueOf(each)));
    }
  }

  /**
   * How to make it all again, and what came out.
   *
   * @param seconds of each step
   * @param command that made it all
   */
  void reproduction(Map<String, Double> seconds, String command) {
    Map<String, String> facts = new LinkedHashMap<>();
    DistilInputs.Loaded data = result.data();
    facts.put(
        "seeds",
        result.way("distilled").members().stream()
            .map(DistilResult.Member::seed)
            .toList()
            .toString());
    facts.put("train, SHA-256", data.train().hash());
    facts.put("dev, SHA-256", data.dev().hash());
    facts.put("test, SHA-256", data.test().hash());
    if (data.transfer() != null) {
      facts.put("unlabelled, SHA-256", Texts.hashOf(data.transfer()));
    }
    if (data.first() != null) {
      facts.put("unlabelled in the first stage, SHA-256", Texts.hashOf(data.first()));
    }
    for (DistilResult.Measured way : result.ways()) {
      for (DistilResult.Member member : way.members()) {
        if (member.model() != null) {
          facts.put(
              way.members().size() == 1 ? way.title() : way.title() + ", seed " + member.seed(),
              "fingerprint " + ModelDirectory.read(member.model()).fingerprint());
        }
      }
    }
    Maque.Info info = Maque.info();
    facts.put("Maque", info.version());
    facts.put("instruction set", info.isa());
    facts.put("processor has", info.cpuFeatures());
    facts.put("processors", Integer.toString(Runtime.getRuntime().availableProcessors()));
    facts.put("Java", Runtime.version().toString());
    seconds.forEach((name, value) -> facts.put("time of " + name, Durations.ofSeconds(value)));
    page.heading("How to repeat this").lines(command).facts(facts);
  }
}
