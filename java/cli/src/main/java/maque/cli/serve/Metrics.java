package maque.cli.serve;

import java.util.Collection;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.ToLongFunction;
import maque.runtime.Maque;

/** What a service has done, in Prometheus' text form (version 0.0.4). Thread-safe. */
final class Metrics {
  static final String CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

  private final Map<Integer, LongAdder> requests = new ConcurrentSkipListMap<>();
  private final Histogram latency = new Histogram();
  private final LongAdder aborted = new LongAdder();
  private final AtomicInteger inFlight = new AtomicInteger();

  void begin() {
    inFlight.incrementAndGet();
  }

  void answered(int status, long nanos) {
    requests.computeIfAbsent(status, ignored -> new LongAdder()).increment();
    latency.add(nanos);
  }

  /** The client sent no whole request, or did not stay for the answer. */
  void abort() {
    aborted.increment();
  }

  void end() {
    inFlight.decrementAndGet();
  }

  int inFlight() {
    return inFlight.get();
  }

  String text(Collection<Served> models) {
    StringBuilder out = new StringBuilder(1 << 12);
    head(out, "maque_http_requests_total", "counter", "Answered requests by status code.");
    requests.forEach(
        (code, count) ->
            line(out, "maque_http_requests_total", "code=\"" + code + "\"", count.sum()));
    head(out, "maque_http_aborted_total", "counter", "Requests whose client went away.");
    line(out, "maque_http_aborted_total", "", aborted.sum());
    head(out, "maque_http_in_flight", "gauge", "Requests being answered, this one included.");
    line(out, "maque_http_in_flight", "", inFlight.get());
    head(out, "maque_http_request_seconds", "histogram", "From a request's head to its answer.");
    latency.write(out, "maque_http_request_seconds", "");
    head(
        out,
        "maque_predict_seconds",
        "histogram",
        "Predictions; the count is texts, of a batch the mean.");
    models.forEach(model -> model.latency.write(out, "maque_predict_seconds", label(model)));
    each(
        out,
        models,
        "maque_deferred_total",
        "counter",
        "Answers below the threshold.",
        m -> m.deferred.sum());
    each(
        out,
        models,
        "maque_truncated_total",
        "counter",
        "Texts that were cut at the model's maximum.",
        m -> m.truncated.sum());
    each(
        out,
        models,
        "maque_native_bytes",
        "gauge",
        "Native memory that the model holds.",
        m -> m.nativeBytes());
    each(out, models, "maque_parameters", "gauge", "Weights of the model.", m -> m.parameters());
    info(out, models);
    return out.toString();
  }

  private static void info(StringBuilder out, Collection<Served> models) {
    Maque.Info info = Maque.info();
    head(out, "maque_model_info", "gauge", "What is served; always 1.");
    for (Served served : models) {
      String labels =
          String.format(
              "%s,source=\"%s\",classes=\"%d\",isa=\"%s\",version=\"%s\"",
              label(served),
              escaped(served.source()),
              served.labels().size(),
              escaped(info.isa()),
              escaped(info.version()));
      line(out, "maque_model_info", labels, 1);
    }
  }

  private static void each(
      StringBuilder out,
      Collection<Served> models,
      String name,
      String type,
      String help,
      ToLongFunction<Served> value) {
    head(out, name, type, help);
    models.forEach(model -> line(out, name, label(model), value.applyAsLong(model)));
  }

  private static String label(Served model) {
    return "model=\"" + escaped(model.name()) + "\"";
  }

  private static void head(StringBuilder out, String name, String type, String help) {
    out.append("# HELP ").append(name).append(' ').append(help).append('\n');
    out.append("# TYPE ").append(name).append(' ').append(type).append('\n');
  }

  private static void line(StringBuilder out, String name, String labels, long value) {
    out.append(name);
    if (!labels.isEmpty()) {
      out.append('{').append(labels).append('}');
    }
    out.append(' ').append(value).append('\n');
  }

  private static String escaped(String value) {
    return value.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
  }
}
