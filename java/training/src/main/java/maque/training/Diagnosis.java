package maque.training;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Why a student is not better: looks at what it, its teacher and its texts show, and says of each
 * what it found, how much it weighs, and what to try. Rules of thumb, each with its figure.
 */
public final class Diagnosis {
  private static final double HALF_A_POINT = 0.5;

  private final Evidence evidence;
  private final List<Finding> findings = new ArrayList<>();
  private final int[] gold;
  private final int[] teacher;
  private final int[] student;
  private final double teacherAccuracy;
  private final double studentAccuracy;

  /**
   * What was measured. Logits are a row a text.
   *
   * @param data labelled texts that none of the models was trained on
   * @param train labelled texts of the training, or a part of them; null: not given
   * @param teacher on {@code data}
   * @param teacherOnTrain null without {@code train}
   * @param students on {@code data}, one or several of the same recipe with different seeds; the
   *     first is looked at closely
   * @param studentOnTrain the first student's; null without {@code train}
   * @param reader how the student reads texts
   * @param training the student's {@code training.json}
   * @param missing texts of {@code train} without soft targets; -1 where no store was given
   */
  public record Evidence(
      DataSet data,
      DataSet train,
      float[][] teacher,
      float[][] teacherOnTrain,
      List<float[][]> students,
      float[][] studentOnTrain,
      DataCheck.Reader reader,
      Map<?, ?> training,
      int missing) {}

  /**
   * One thing that was looked at.
   *
   * @param weight points of accuracy that it may stand for, roughly; below half a point it is no
   *     matter
   * @param figure what was found
   * @param advice what to try; empty where nothing needs to be
   */
  public record Finding(String title, double weight, String figure, String advice) {
    public boolean matters() {
      return weight >= HALF_A_POINT;
    }

    /** As JSON values. */
    public Map<String, Object> toMap() {
      Map<String, Object> map = new LinkedHashMap<>();
      map.put("title", title);
      map.put("weight", weight);
      map.put("matters", matters());
      map.put("figure", figure);
      map.put("advice", advice);
      return map;
    }
  }

  private Diagnosis(Evidence evidence) {
    this.evidence = evidence;
    gold = evidence.data().labelIndexes();
    teacher = predicted(evidence.teacher());
    student = predicted(evidence.students().get(0));
    teacherAccuracy = agreement(teacher, gold);
    studentAccuracy = agreement(student, gold);
  }

  /** All that was looked at, what weighs most first. */
  public static List<Finding> of(Evidence evidence) {
    Diagnosis diagnosis = new Diagnosis(evidence);
    diagnosis.gap();
    diagnosis.teacherFit();
    diagnosis.studentFit();
    diagnosis.spread();
    diagnosis.scale();
    diagnosis.texts();
    diagnosis.length();
    diagnosis.unknown();
    diagnosis.cut();
    diagnosis.classes();
    diagnosis.leak();
    diagnosis.targets();
    return diagnosis.findings.stream()
        .sorted(Comparator.comparingDouble((Finding finding) -> -finding.weight()))
        .toList();
  }

  private void add(String title, double weight, String advice, String figure, Object... values) {
    String text = String.format(Locale.ROOT, figure, values);
    findings.add(
        new Finding(title, Math.max(0, weight), text, weight >= HALF_A_POINT ? advice : ""));
  }

  private void gap() {
    double gap = 100 * (teacherAccuracy - studentAccuracy);
    double agree = 100 * agreement(student, teacher);
    String figure = "teacher %.1f %%, student %.1f %%, the same answer on %.1f %% of %,d texts";
    if (gap <= 0) {
      add(
          "the teacher is no better than the student",
          -gap + 10,
          "Train the teacher first: --tune all or last-layers:K instead of last-tensors:4, more"
              + " epochs, --pooling mean; or a larger encoder. There is nothing to distil now.",
          figure,
          100 * teacherAccuracy,
          100 * studentAccuracy,
          agree,
          gold.length);
      return;
    }
    add(
        "gap to the teacher",
        0,
        "",
        figure + "; the gap is %.1f points",
        100 * teacherAccuracy,
        100 * studentAccuracy,
        agree,
        gold.length,
        gap);
  }

  private void teacherFit() {
    if (evidence.train() == null) {
      return;
    }
    double onTrain =
        agreement(predicted(evidence.teacherOnTrain()), evidence.train().labelIndexes());
    double apart = 100 * (onTrain - teacherAccuracy);
    add(
        "the teacher knows its training texts by heart",
        apart > 10 ? apart / 4 : 0,
        "On texts that it knows by heart the teacher's answers say little more than the labels do."
            + " Give unlabelled texts (--unlabelled), or fewer epochs for the teacher.",
        "teacher %.1f %% on texts of train, %.1f %% on the others",
        100 * onTrain,
        100 * teacherAccuracy);
  }

  /** A student that does not follow its teacher on train is too small or trained too little. */
  private void studentFit() {
    double here = 100 * agreement(student, teacher);
    if (evidence.train() == null) {
      return;
    }
    double gap = 100 * (teacherAccuracy - studentAccuracy);
    double there =
        100 * agreement(predicted(evidence.studentOnTrain()), predicted(evidence.teacherOnTrain()));
    add(
        "the student does not fit its training texts",
        there < 93 ? Math.min(gap, (93 - there) / 2) : 0,
        "Train longer (--epochs), less dropout, a larger --hidden-size, --embeddings teacher, a"
            + " higher --lr.",
        "teacher and student agree on %.1f %% of the texts of train",
        there);
    add(
        "what the student has learnt does not carry over",
        there - here > 5 ? Math.min(gap, (there - here) / 2) : 0,
        "More texts for the teacher to answer (--unlabelled) are worth most; then dropout,"
            + " --token-dropout, --embeddings teacher.",
        "teacher and student agree on %.1f %% of the texts of train, on %.1f %% of the others",
        there,
        here);
  }

  private void spread() {
    if (evidence.students().size() < 2) {
      return;
    }
    double[] accuracies =
        evidence.students().stream()
            .mapToDouble(logits -> 100 * agreement(predicted(logits), gold))
            .toArray();
    SeedComparison.Spread spread = SeedComparison.Spread.of(accuracies);
    add(
        "seeds differ",
        spread.deviation() > 0.5 ? spread.deviation() : 0,
        "Judge recipes by the mean of five seeds or more. A mean of the weights (--average), a"
            + " --decay to 0 and more texts calm it.",
        "%d students: mean %.2f %%, standard deviation %.2f points",
        accuracies.length,
        spread.mean(),
        spread.deviation());
  }

  private void scale() {
    double sure = 0;
    double squares = 0;
    long numbers = 0;
    float[][] rows =
        evidence.teacherOnTrain() == null ? evidence.teacher() : evidence.teacherOnTrain();
    for (float[] row : rows) {
      double[] p = Calibration.softmax(row, 1);
      double mean = 0;
      for (int c = 0; c < row.length; c++) {
        mean += row[c] / row.length;
      }
      double max = 0;
      for (int c = 0; c < row.length; c++) {
        squares += (row[c] - mean) * (row[c] - mean);
        numbers++;
        max = Math.max(max, p[c]);
      }
      sure += max;
    }
    double meanSure = 100 * sure / rows.length;
    double deviation = Math.sqrt(squares / numbers);
    Object temperature = option("temperature");
    boolean kl = "kl".equals(option("soft_loss"));
    boolean flat = kl && temperature instanceof Number t && t.doubleValue() <= 1;
    add(
        "soft labels are nearly hard",
        meanSure > 97 ? (flat ? 2 : 0.7) : 0,
        "A higher --temperature (2 to 8) shows the student what the teacher thinks of the other"
            + " classes; unlabelled texts do too, since the teacher is less sure of them.",
        "the teacher is sure by %.1f %% on average; its logits' standard deviation is %.2f",
        meanSure,
        deviation);
    add(
        "the logits' scale",
        !kl && usesSoft() && deviation > 8 ? 1 : 0,
        "Squared errors of large logits swamp the rest: --soft-loss kl --temperature 2, or a lower"
            + " --lr.",
        "standard deviation %.2f, soft loss %s",
        deviation,
        option("soft_loss"));
  }

  private Object option(String name) {
    return evidence.training().get("options") instanceof Map<?, ?> options
        ? options.get(name)
        : null;
  }

  private boolean usesSoft() {
    return option("soft_weight") instanceof Number weight
        ? weight.doubleValue() > 0
        : option("soft_weight") != null;
  }

  private long count(String input, String figure) {
    return evidence.training().get("inputs") instanceof Map<?, ?> inputs
            && inputs.get(input) instanceof Map<?, ?> entry
            && entry.get(figure) instanceof Number number
        ? number.longValue()
        : 0;
  }

  private void texts() {
    long labelled = count("train", "examples");
    long transfer = count("transfer", "texts");
    if (labelled == 0) {
      return;
    }
    long texts = labelled + transfer;
    int classes = evidence.data().labels().size();
    double few = Math.log(Math.max(1, 4000.0 * classes / texts)) / Math.log(2);
    add(
        "too few texts",
        few,
        "More unlabelled texts of the same kind (--unlabelled): each doubling is worth about a"
            + " point until there are some thousands a class. augment makes some of those there"
            + " are.",
        "%,d labelled and %,d unlabelled texts, %,d a class",
        labelled,
        transfer,
        texts / classes);
    add(
        "no soft labels",
        usesSoft() ? 0 : 3,
        "This student learnt from labels alone: give it --soft-targets and --unlabelled.",
        "weight of the soft loss %s",
        option("soft_weight"));
  }

  /** Where on its way the best evaluation on dev was. */
  private void length() {
    if (!(evidence.training().get("history") instanceof List<?> history)
        || !(evidence.training().get("best_step") instanceof Number best)
        || !(evidence.training().get("steps") instanceof Number steps)
        || history.size() < 3) {
      return;
    }
    double part = best.doubleValue() / Math.max(1, steps.doubleValue());
    add(
        "training ended while it still gained",
        part > 0.99 ? 1 : 0,
        "More --epochs.",
        "the best of %d evaluations on dev came after %.0f %% of the steps",
        history.size(),
        100 * part);
    add(
        "the best came early",
        part < 0.34 ? 1 : 0,
        "It began to learn texts by heart: more --dropout or --token-dropout, a lower --lr, more"
            + " texts.",
        "the best of %d evaluations on dev came after %.0f %% of the steps",
        history.size(),
        100 * part);
  }

  private void unknown() {
    if (evidence.reader().unknown() < 0) {
      return;
    }
    boolean[] has = new boolean[gold.length];
    for (int i = 0; i < has.length; i++) {
      for (int id : evidence.reader().encoder().encode(evidence.data().get(i)).ids()) {
        has[i] |= id == evidence.reader().unknown();
      }
    }
    DataCheck.Tokens tokens = DataCheck.tokens(evidence.data(), evidence.reader());
    compare(
        "unknown tokens",
        has,
        "Other --tokens (characters or wordpiece for words), a smaller --min-count, a larger"
            + " --max-vocabulary, or n-grams.",
        String.format(
            Locale.ROOT,
            "%.2f %% of the tokens are unknown",
            100.0 * tokens.unknownTokens() / Math.max(1, tokens.tokens())));
  }

  private void cut() {
    boolean[] cut = new boolean[gold.length];
    for (int i = 0; i < cut.length; i++) {
      cut[i] =
          evidence.reader().encoder().encode(evidence.data().get(i)).ids().length
              > evidence.reader().maxTokens();
    }
    compare(
        "texts that are cut",
        cut,
        "A larger --max-tokens, for the teacher too.",
        "the student reads " + evidence.reader().maxTokens() + " tokens");
  }

  /** How much worse the student does, beside its teacher, on texts that have something. */
  private void compare(String title, boolean[] has, String advice, String fact) {
    int some = 0;
    int lostWith = 0;
    int lostWithout = 0;
    for (int i = 0; i < has.length; i++) {
      int lost = (teacher[i] == gold[i] ? 1 : 0) - (student[i] == gold[i] ? 1 : 0);
      some += has[i] ? 1 : 0;
      lostWith += has[i] ? lost : 0;
      lostWithout += has[i] ? 0 : lost;
    }
    int others = has.length - some;
    if (some == 0 || others == 0) {
      add(title, 0, "", "%s, %,d of %,d texts", fact, some, has.length);
      return;
    }
    double with = 100.0 * lostWith / some;
    double without = 100.0 * lostWithout / others;
    add(
        title,
        (with - without) * some / has.length,
        advice,
        "%s; teacher less student: %.1f points on the %,d texts with such, %.1f on the others",
        fact,
        with,
        some,
        without);
  }

  /** The class on which the student loses most, and how uneven the classes are. */
  private void classes() {
    List<String> labels = evidence.data().labels();
    int[] lost = new int[labels.size()];
    int[] support = new int[labels.size()];
    for (int i = 0; i < gold.length; i++) {
      support[gold[i]]++;
      lost[gold[i]] += (teacher[i] == gold[i] ? 1 : 0) - (student[i] == gold[i] ? 1 : 0);
    }
    int worst = 0;
    int most = 0;
    int least = 0;
    for (int c = 1; c < lost.length; c++) {
      worst = lost[c] > lost[worst] ? c : worst;
      most = support[c] > support[most] ? c : most;
      least = support[c] < support[least] ? c : least;
    }
    double even = 100 * (teacherAccuracy - studentAccuracy) / labels.size();
    double here = 100.0 * lost[worst] / gold.length;
    add(
        "one class loses most",
        here > 2 * even ? here - even : 0,
        "Unlabelled texts of that class; --class-weights where labels are used.",
        "of the gap of %.1f points, %.1f are texts of '%s'",
        100 * (teacherAccuracy - studentAccuracy),
        here,
        labels.get(worst));
    double skew = support[least] == 0 ? gold.length : (double) support[most] / support[least];
    add(
        "classes are uneven",
        skew > 5 ? Math.min(3, Math.log(skew) / Math.log(5)) : 0,
        "--class-weights balanced, more texts of the rare classes; read macro F1, not accuracy.",
        "'%s' has %,d texts, '%s' %,d",
        labels.get(most),
        support[most],
        labels.get(least),
        support[least]);
  }

  private void leak() {
    if (evidence.train() == null) {
      return;
    }
    boolean[] repeated = DataCheck.repeated(evidence.train(), evidence.data());
    int shared = 0;
    for (boolean each : repeated) {
      shared += each ? 1 : 0;
    }
    add(
        "texts of train among these",
        shared > gold.length / 100 ? 1 : 0,
        "Figures on such texts flatter whoever learnt labels by heart: take them out before"
            + " anything is compared.",
        "%,d of %,d texts are texts of train",
        shared,
        gold.length);
  }

  private void targets() {
    if (evidence.missing() < 0) {
      return;
    }
    add(
        "soft targets are missing",
        evidence.missing() > 0 ? 5 : 0,
        "Run soft-targets with this teacher for these texts.",
        "%,d texts of train have none of this teacher",
        evidence.missing());
  }

  private static int[] predicted(float[][] logits) {
    int[] out = new int[logits.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = Objective.argmax(logits[i], 0, logits[i].length);
    }
    return out;
  }

  private static double agreement(int[] a, int[] b) {
    int same = 0;
    for (int i = 0; i < a.length; i++) {
      same += a[i] == b[i] ? 1 : 0;
    }
    return (double) same / a.length;
  }
}
