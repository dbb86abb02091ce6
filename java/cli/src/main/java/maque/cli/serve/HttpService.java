package maque.cli.serve;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.lang.System.Logger.Level;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import maque.runtime.Prediction;

/**
 * Classifiers behind HTTP, on the JDK's server. Each request is answered by one thread, which the
 * model's arithmetic stays on; threads are no more than connections.
 *
 * <p>The JDK's server reads its limits of time and of connections from system properties when the
 * first server of a process is made; {@link Limits#connections} and {@link Limits#seconds} of later
 * ones change nothing there.
 */
public final class HttpService implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger("maque.serve");
  private static final String JSON = "application/json";
  private static final String PREDICT = "/v1/predict";
  private static final Map<String, Set<String>> METHODS =
      Map.of(
          PREDICT,
          Set.of("POST"),
          "/v1/models",
          Set.of("GET", "HEAD"),
          "/health",
          Set.of("GET", "HEAD"),
          "/metrics",
          Set.of("GET", "HEAD"),
          "/",
          Set.of("GET", "HEAD"),
          "/page.css",
          Set.of("GET", "HEAD"),
          "/page.js",
          Set.of("GET", "HEAD"));

  private static final int BACKLOG = 1024;

  /** Texts that are answered together; between them a request's time is looked at. */
  private static final int CHUNK = 32;

  /** How often a drain looks whether it is done, and how long nothing must come for that. */
  private static final long DRAIN_LOOK_MILLIS = 25;

  private static final int DRAIN_QUIET_LOOKS = 4;

  private final Map<String, Served> models = new LinkedHashMap<>();
  private final Limits limits;
  private final float threshold;
  private final List<String> examples;
  private final PredictRequest.Reader reader;
  private final Page page = new Page();
  private final Metrics metrics = new Metrics();
  private final Semaphore admitted;
  private final HttpServer server;
  private final ExecutorService threads;
  private volatile boolean draining;

  /** An answer that is ready to be sent. */
  private record Reply(int status, String type, byte[] body) {
    static Reply json(byte[] body) {
      return new Reply(200, JSON, body);
    }
  }

  /**
   * Begins to answer.
   *
   * @param address where to listen; port 0 takes a free one
   * @param served at least one; the first is asked where a request names none
   * @param threshold for requests that have none; NaN for none
   * @param examples texts that the page offers
   * @throws IOException where the address cannot be listened on
   */
  public HttpService(
      InetSocketAddress address,
      List<Served> served,
      Limits limits,
      float threshold,
      List<String> examples)
      throws IOException {
    served.forEach(model -> models.put(model.name(), model));
    this.limits = limits;
    this.threshold = threshold;
    this.examples = List.copyOf(examples);
    reader = new PredictRequest.Reader(limits, served.get(0).name());
    admitted = new Semaphore(limits.requests());
    configure(limits);
    server = HttpServer.create(address, BACKLOG);
    threads = Executors.newCachedThreadPool(task -> new Thread(task, "maque-serve"));
    server.setExecutor(threads);
    server.createContext("/", this::handle);
    server.start();
  }

  /** What the user set by {@code -D} stays. */
  private static void configure(Limits limits) {
    Properties properties = System.getProperties();
    // A client must not wait for the acknowledgement of a head before it gets the body.
    properties.putIfAbsent("sun.net.httpserver.nodelay", "true");
    // Head and body together, however slowly they trickle.
    properties.putIfAbsent("sun.net.httpserver.maxReqTime", Integer.toString(limits.seconds()));
    // The work, then the sending; the work ends by itself after that many seconds.
    properties.putIfAbsent("sun.net.httpserver.maxRspTime", Integer.toString(2 * limits.seconds()));
    String connections = Integer.toString(limits.connections());
    properties.putIfAbsent("sun.net.httpserver.maxIdleConnections", connections);
    properties.putIfAbsent("jdk.httpserver.maxConnections", connections);
  }

  /** Where it listens. */
  public InetSocketAddress address() {
    return server.getAddress();
  }

  private void handle(HttpExchange exchange) {
    long start = System.nanoTime();
    metrics.begin();
    try {
      Reply reply = answer(exchange, start);
      // Before it is sent: who has the answer finds it counted.
      metrics.answered(reply.status, System.nanoTime() - start);
      send(exchange, reply);
    } catch (IOException e) {
      metrics.abort();
      LOG.log(Level.DEBUG, "a client went away", e);
    } finally {
      exchange.close();
      metrics.end();
    }
  }

  private Reply answer(HttpExchange exchange, long start) throws IOException {
    try {
      return route(exchange, start);
    } catch (HttpError e) {
      if (e.status() == HttpError.UNAVAILABLE) {
        exchange.getResponseHeaders().set("Retry-After", "1");
      }
      return new Reply(e.status(), JSON, Answers.error(e.status(), e.getMessage()));
    } catch (RuntimeException | OutOfMemoryError e) {
      LOG.log(Level.ERROR, "a request failed", e);
      String message = "the server failed; its log says why";
      return new Reply(HttpError.FAILED, JSON, Answers.error(HttpError.FAILED, message));
    }
  }

  private Reply route(HttpExchange exchange, long start) throws IOException, HttpError {
    String path = exchange.getRequestURI().getPath();
    Set<String> methods = METHODS.get(path);
    if (methods == null) {
      throw new HttpError(
          HttpError.NOT_FOUND,
          "nothing at "
              + path
              + ": expected / (the page), "
              + PREDICT
              + ", /v1/models, /health"
              + " or /metrics");
    }
    if (!methods.contains(exchange.getRequestMethod())) {
      String allowed = methods.stream().sorted().collect(Collectors.joining(", "));
      exchange.getResponseHeaders().set("Allow", allowed);
      throw new HttpError(
          HttpError.METHOD_NOT_ALLOWED,
          path + ": expected " + allowed + ", found " + exchange.getRequestMethod());
    }
    return switch (path) {
      case PREDICT -> predict(exchange, start);
      case "/v1/models" -> Reply.json(Answers.models(served(), limits, examples));
      case "/health" ->
          new Reply(
              draining ? HttpError.UNAVAILABLE : 200, JSON, Answers.health(served(), draining));
      case "/metrics" ->
          new Reply(
              200, Metrics.CONTENT_TYPE, metrics.text(served()).getBytes(StandardCharsets.UTF_8));
      default -> {
        exchange.getResponseHeaders().set("Content-Security-Policy", Page.POLICY);
        exchange.getResponseHeaders().set("Referrer-Policy", "no-referrer");
        Page.Part part = page.at(path);
        yield new Reply(200, part.type(), part.bytes());
      }
    };
  }

  private Collection<Served> served() {
    return models.values();
  }

  private Reply predict(HttpExchange exchange, long start) throws IOException, HttpError {
    checkMediaType(exchange.getRequestHeaders());
    PredictRequest request = reader.read(body(exchange));
    if (Float.isNaN(request.threshold())) {
      request =
          new PredictRequest(
              request.texts(), request.batch(), request.model(), request.top(), threshold);
    }
    Served model = models.get(request.model());
    if (model == null) {
      throw HttpError.badRequest(
          "model: expected one of " + models.keySet() + ", found \"" + request.model() + "\"");
    }
    if (!admitted.tryAcquire()) {
      throw new HttpError(
          HttpError.UNAVAILABLE,
          limits.requests() + " requests are being answered already, which is the most");
    }
    try {
      return predict(model, request, start);
    } finally {
      admitted.release();
    }
  }

  private Reply predict(Served model, PredictRequest request, long start) throws HttpError {
    long end = start + TimeUnit.SECONDS.toNanos(limits.seconds());
    int n = request.texts().size();
    List<Prediction> predictions = new ArrayList<>(n);
    double micros = 0;
    for (int from = 0; from < n; from += CHUNK) {
      if (System.nanoTime() > end) {
        throw new HttpError(
            HttpError.UNAVAILABLE,
            "expected to be done within "
                + limits.seconds()
                + " s, found only "
                + from
                + " of "
                + n
                + " texts answered by then: send fewer");
      }
      Served.Answer answer =
          model.predict(request.texts().subList(from, Math.min(n, from + CHUNK)));
      predictions.addAll(answer.predictions());
      micros += answer.micros();
    }
    for (Prediction prediction : predictions) {
      if (Answers.isDeferred(request, prediction)) {
        model.deferred.increment();
      }
    }
    return Reply.json(Answers.predictions(model, request, predictions, micros));
  }

  private static void checkMediaType(Headers headers) throws HttpError {
    String type = headers.getFirst("Content-Type");
    String bare = type == null ? "" : type.split(";", 2)[0].strip().toLowerCase(Locale.ROOT);
    if (!bare.equals(JSON)) {
      throw new HttpError(
          HttpError.WRONG_MEDIA_TYPE,
          "Content-Type: expected " + JSON + ", found " + (type == null ? "none" : type));
    }
  }

  private byte[] body(HttpExchange exchange) throws IOException, HttpError {
    try (InputStream in = exchange.getRequestBody()) {
      String announced = exchange.getRequestHeaders().getFirst("Content-Length");
      if (announced != null && Long.parseLong(announced) > limits.bodyBytes()) {
        throw tooLarge(announced);
      }
      byte[] body = in.readNBytes(limits.bodyBytes() + 1);
      if (body.length > limits.bodyBytes()) {
        throw tooLarge("more");
      }
      return body;
    }
  }

  private HttpError tooLarge(String found) {
    return new HttpError(
        HttpError.TOO_LARGE,
        "the body: expected at most " + limits.bodyBytes() + " bytes, found " + found);
  }

  private void send(HttpExchange exchange, Reply reply) throws IOException {
    Headers headers = exchange.getResponseHeaders();
    headers.set("Content-Type", reply.type);
    headers.set("Cache-Control", "no-store");
    headers.set("X-Content-Type-Options", "nosniff");
    if (draining) {
      headers.set("Connection", "close");
    }
    if (exchange.getRequestMethod().equals("HEAD")) {
      headers.set("Content-Length", Integer.toString(reply.body.length));
      exchange.sendResponseHeaders(reply.status, -1);
    } else {
      exchange.sendResponseHeaders(reply.status, reply.body.length);
      exchange.getResponseBody().write(reply.body);
      exchange.getResponseBody().close();
    }
  }

  /**
   * Stops accepting connections, answers the requests that are under way, for at most {@code
   * seconds}, and closes.
   *
   * @return whether all were answered
   */
  public boolean drain(int seconds) {
    draining = true;
    // stop closes the listener at once, then waits the whole time on JDKs before 21.
    Thread stopping = new Thread(() -> server.stop(seconds), "maque-serve-stop");
    stopping.setDaemon(true);
    stopping.start();
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
    int quiet = 0;
    while (quiet < DRAIN_QUIET_LOOKS && System.nanoTime() < end) {
      quiet = metrics.inFlight() == 0 ? quiet + 1 : 0;
      try {
        Thread.sleep(DRAIN_LOOK_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        break;
      }
    }
    boolean answered = metrics.inFlight() == 0;
    close();
    return answered;
  }

  /** Stops at once. */
  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
