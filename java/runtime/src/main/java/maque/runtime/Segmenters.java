package maque.runtime;

import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.TreeSet;

/** Finds segmenters by name. */
public final class Segmenters {
  /** Cuts at white space. */
  public static final Segmenter SPACES = new BuiltInSegmenter.Spaces();

  /** Makes each code point that is no white space a word. */
  public static final Segmenter CHARACTERS = new BuiltInSegmenter.Characters();

  /** Which artifact brings a segmenter that is not built in. */
  private static final Map<String, String> ARTIFACTS =
      Map.of("hanlp", "maque:maque-segmenter-hanlp");

  private Segmenters() {}

  /**
   * The segmenter of a name: built in, or from the class path of this thread's context or of this
   * library.
   *
   * @throws MissingSegmenterException naming the artifact that is missing, where it is known
   */
  public static Segmenter find(String name) {
    for (Segmenter segmenter : List.of(SPACES, CHARACTERS)) {
      if (segmenter.name().equals(name)) {
        return segmenter;
      }
    }
    TreeSet<String> present = new TreeSet<>(List.of(SPACES.name(), CHARACTERS.name()));
    for (ServiceLoader<Segmenter> loader :
        List.of(
            ServiceLoader.load(Segmenter.class),
            ServiceLoader.load(Segmenter.class, Segmenters.class.getClassLoader()))) {
      for (Segmenter segmenter : loader) {
        if (segmenter.name().equals(name)) {
          return segmenter;
        }
        present.add(segmenter.name());
      }
    }
    String artifact = ARTIFACTS.getOrDefault(name, "the artifact that provides it");
    throw new MissingSegmenterException(
        "no segmenter "
            + name
            + ": add "
            + artifact
            + " to the class path (there: "
            + present
            + ")");
  }
}
