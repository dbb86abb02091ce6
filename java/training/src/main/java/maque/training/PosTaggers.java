package maque.training;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.TreeSet;
import java.util.function.Predicate;
import maque.runtime.InvalidInputException;
import maque.runtime.PosTagger;

/** Finds taggers of the class path. */
public final class PosTaggers {
  private static final Map<String, String> ARTIFACTS =
      Map.of(
          "hanlp", "maque:maque-segmenter-hanlp",
          "zh", "maque:maque-segmenter-hanlp",
          "opennlp", "maque:maque-tagger-opennlp",
          "en", "maque:maque-tagger-opennlp");

  private PosTaggers() {}

  /**
   * The tagger of a name.
   *
   * @throws InvalidInputException naming the artifact that is missing, where it is known
   */
  public static PosTagger find(String name) {
    return find(name, "named " + name, tagger -> tagger.name().equals(name));
  }

  /**
   * A tagger for the language of texts, by their letters: Chinese where more than half are Han,
   * English where more than half are Latin.
   *
   * @throws InvalidInputException where neither is so, or there is no such tagger
   */
  public static PosTagger forTexts(Texts texts) {
    long han = 0;
    long latin = 0;
    long letters = 0;
    for (int i = 0; i < texts.size(); i++) {
      int[] points = texts.get(i).codePoints().filter(Character::isLetter).toArray();
      letters += points.length;
      for (int point : points) {
        Character.UnicodeScript script = Character.UnicodeScript.of(point);
        han += script == Character.UnicodeScript.HAN ? 1 : 0;
        latin += script == Character.UnicodeScript.LATIN ? 1 : 0;
      }
    }
    if (2 * Math.max(han, latin) <= letters) {
      throw new InvalidInputException(
          "most letters of the texts are neither Han nor Latin: name a tagger, or change characters"
              + " alone, without parts of speech");
    }
    String language = han > latin ? "zh" : "en";
    return find(language, "for " + language, tagger -> tagger.language().equals(language));
  }

  private static PosTagger find(String key, String what, Predicate<PosTagger> fits) {
    List<String> present = new ArrayList<>();
    for (ServiceLoader<PosTagger> loader :
        List.of(
            ServiceLoader.load(PosTagger.class),
            ServiceLoader.load(PosTagger.class, PosTaggers.class.getClassLoader()))) {
      for (PosTagger tagger : loader) {
        if (fits.test(tagger)) {
          return tagger;
        }
        present.add(tagger.name());
      }
    }
    String artifact = ARTIFACTS.getOrDefault(key, "the artifact that provides it");
    throw new InvalidInputException(
        "no tagger "
            + what
            + ": add "
            + artifact
            + " to the class path (there: "
            + new TreeSet<>(present)
            + ")");
  }
}
