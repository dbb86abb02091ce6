package maque.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What the distilled students of an experiment learnt before they went on.
 *
 * @param recipe options of train-student
 * @param runs a seed each, in the order of the students
 */
record FirstStage(String recipe, List<Run> runs) {
  /**
   * One student after it.
   *
   * @param model its name under the experiment's folder
   */
  record Run(long seed, String model, double devAccuracy) {
    private Map<String, Object> toMap() {
      Map<String, Object> map = new LinkedHashMap<>();
      map.put("model", model);
      map.put("seed", seed);
      map.put("dev_accuracy", devAccuracy);
      return map;
    }
  }

  FirstStage {
    runs = List.copyOf(runs);
  }

  /** The mean over the seeds. */
  double devAccuracy() {
    return runs.stream().mapToDouble(Run::devAccuracy).average().orElseThrow();
  }

  /** As JSON values; test is not read for these students. */
  Map<String, Object> toMap() {
    List<Object> all = new ArrayList<>();
    runs.forEach(run -> all.add(run.toMap()));
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("dev_accuracy", devAccuracy());
    map.put("options", recipe);
    map.put("runs", all);
    return map;
  }
}
