package maque.runtime;

/**
 * Flight Recorder events, where this Java has the module jdk.jfr and reads it; nothing elsewhere.
 */
final class Events {
  /** JfrEvents is not even loaded where this is false. */
  private static final boolean AVAILABLE =
      ModuleLayer.boot()
          .findModule("jdk.jfr")
          .filter(Events.class.getModule()::canRead)
          .isPresent();

  private Events() {}

  /** A model has been loaded. */
  static void loaded(ModelDirectory model, long nanos, long bytes) {
    if (AVAILABLE) {
      JfrEvents.loaded(model, nanos, bytes);
    }
  }

  /** Students will answer in plain Java. */
  static void fellBack(String cause) {
    if (AVAILABLE) {
      JfrEvents.fellBack(cause);
    }
  }

  /**
   * Begins the event of a prediction that is to be recorded, one in {@link JfrEvents#EVERY}.
   *
   * @return what {@link #predicted} takes, or, nearly always, null
   */
  static Object predicting() {
    return AVAILABLE ? JfrEvents.predicting() : null;
  }

  /** Ends the event. */
  static void predicted(Object event, String model, int texts, int tokens) {
    JfrEvents.predicted(event, model, texts, tokens);
  }
}
