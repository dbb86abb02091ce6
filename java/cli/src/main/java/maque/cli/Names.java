package maque.cli;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** Names on the command line: constants of an enum in lower case. */
final class Names {
  private Names() {}

  /** The constant of this name, or an error that lists the names there are. */
  static <E extends Enum<E>> E parse(String option, Class<E> type, String name) {
    for (E constant : type.getEnumConstants()) {
      if (name(constant).equals(name)) {
        return constant;
      }
    }
    String known =
        Arrays.stream(type.getEnumConstants()).map(Names::name).collect(Collectors.joining(", "));
    throw Usage.error(option + " must be one of " + known + ", not '" + name + "'");
  }

  private static String name(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
