package maque.runtime;

import java.util.concurrent.ThreadLocalRandom;
import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Timespan;

/** The events themselves; see {@link Events}. */
final class JfrEvents {
  /** One prediction in so many is recorded. */
  static final int EVERY = 100;

  /** Asked whether it is enabled: while nothing records, that is a constant to the compiler. */
  private static final Predict PREDICT = new Predict();

  private JfrEvents() {}

  @Name("maque.Load")
  @Label("Model Loaded")
  @Category("Maque")
  @StackTrace(false)
  static final class Load extends Event {
    @Label("Source")
    String source;

    @Label("Form")
    @Description("directory, file or stream")
    String form;

    @Label("Model Type")
    String modelType;

    @Label("Precision")
    String precision;

    @Label("Instruction Set")
    @Description("java where the model answers in plain Java")
    String isa;

    @Label("Native Memory")
    @DataAmount
    long nativeBytes;

    @Label("Load Time")
    @Description("Reading, checking and building")
    @Timespan(Timespan.NANOSECONDS)
    long loadTime;
  }

  @Name("maque.Predict")
  @Label("Prediction")
  @Description("One prediction in 100, text to label")
  @Category("Maque")
  @StackTrace(false)
  static final class Predict extends Event {
    @Label("Model Type")
    String modelType;

    @Label("Texts")
    int texts;

    @Label("Tokens")
    int tokens;
  }

  @Name("maque.Fallback")
  @Label("Plain Java Path")
  @Description("The native library cannot be loaded: students answer in plain Java")
  @Category("Maque")
  @StackTrace(false)
  static final class Fallback extends Event {
    @Label("Cause")
    String cause;
  }

  static void loaded(ModelDirectory model, long nanos, long bytes) {
    Load event = new Load();
    if (event.isEnabled()) {
      event.source = model.path().toString();
      event.form = model.form();
      event.modelType = model.modelType();
      event.precision = model.precision();
      event.isa = Maque.info().isa();
      event.nativeBytes = bytes;
      event.loadTime = nanos;
      event.commit();
    }
  }

  static void fellBack(String cause) {
    Fallback event = new Fallback();
    event.cause = cause;
    event.commit();
  }

  static Object predicting() {
    if (!PREDICT.isEnabled() || ThreadLocalRandom.current().nextInt(EVERY) != 0) {
      return null;
    }
    Predict event = new Predict();
    event.begin();
    return event;
  }

  static void predicted(Object begun, String model, int texts, int tokens) {
    Predict event = (Predict) begun;
    event.end();
    if (event.shouldCommit()) {
      event.modelType = model;
      event.texts = texts;
      event.tokens = tokens;
      event.commit();
    }
  }
}
