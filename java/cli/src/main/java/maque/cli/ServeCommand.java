package maque.cli;

import java.io.IOException;
import java.net.BindException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import maque.cli.serve.HttpService;
import maque.cli.serve.Limits;
import maque.cli.serve.Reloader;
import maque.cli.serve.Served;
import maque.runtime.Student;
import maque.runtime.Teacher;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** {@code maque serve}. */
@Command(
    name = "serve",
    mixinStandardHelpOptions = true,
    description = {
      "Answers over HTTP, and shows a page where you type a text and watch the models answer.",
      "",
      "POST /v1/predict takes {\"text\": \"...\"} or {\"texts\": [...]}, and if you like \"model\""
          + " (student, teacher), \"top\" (classes to show) and \"threshold\" (a less probable"
          + " answer is marked deferred). GET /health, GET /metrics (Prometheus), GET / (the page)."
          + " There is no password: mind who can reach --host.",
      "",
      "SIGTERM or Ctrl-C: no new connections, what is under way is answered, exit code 0."
    },
    footer = {
      "",
      "Examples:",
      "  maque serve demo/student --teacher demo/teacher",
      "  curl -H 'Content-Type: application/json' -d '{\"text\": \"a large wild cat\"}' \\",
      "    http://127.0.0.1:8080/v1/predict"
    })
final class ServeCommand implements Callable<Integer> {
  private static final String WARM_UP_TEXT = "The quick brown fox jumps over the lazy dog.";
  private static final int MAX_EXAMPLES = 12;
  private static final int MAX_PORT = 65_535;

  @ParentCommand private Main main;
  @Mixin private TeacherPrecision precision;

  @Parameters(paramLabel = "STUDENT", description = "A student's directory or .maque file.")
  private Path student;

  @Option(
      names = "--teacher",
      paramLabel = "DIR",
      description = "Its teacher, which requests may ask too.")
  private Path teacher;

  @Option(
      names = "--host",
      paramLabel = "ADDRESS",
      defaultValue = "127.0.0.1",
      description = "Where to listen (default: ${DEFAULT-VALUE}, this machine only).")
  private String host;

  @Option(
      names = "--port",
      paramLabel = "N",
      defaultValue = "8080",
      description = "0 takes a free one (default: ${DEFAULT-VALUE}).")
  private int port;

  @Option(
      names = "--threshold",
      paramLabel = "P",
      description = "Of requests that have none: answers less probable than this are deferred.")
  private Float threshold;

  @Option(
      names = "--reload",
      description =
          "Look every second whether the student has changed, and put the new one in its place; no"
              + " request fails by that.")
  private boolean reload;

  @Option(
      names = "--examples",
      paramLabel = "FILE",
      description = "Texts that the page offers to click: the first " + MAX_EXAMPLES + " lines.")
  private Path examples;

  @Option(
      names = "--max-body",
      paramLabel = "BYTES",
      defaultValue = "1048576",
      description = "Largest body of a request (default: ${DEFAULT-VALUE}).")
  private int maxBody;

  @Option(
      names = "--max-texts",
      paramLabel = "N",
      defaultValue = "256",
      description = "Most texts of a request (default: ${DEFAULT-VALUE}).")
  private int maxTexts;

  @Option(
      names = "--max-chars",
      paramLabel = "N",
      defaultValue = "20000",
      description = "Longest text (default: ${DEFAULT-VALUE}).")
  private int maxChars;

  @Option(
      names = "--max-requests",
      paramLabel = "N",
      defaultValue = "64",
      description = "Most requests at a time; more get 503 (default: ${DEFAULT-VALUE}).")
  private int maxRequests;

  @Option(
      names = "--max-connections",
      paramLabel = "N",
      defaultValue = "512",
      description = "Most open connections (default: ${DEFAULT-VALUE}).")
  private int maxConnections;

  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      defaultValue = "10",
      description =
          "For a request to arrive, for it to be answered, and for the last ones to end on SIGTERM"
              + " (default: ${DEFAULT-VALUE}).")
  private int timeout;

  @Override
  public Integer call() throws IOException, InterruptedException {
    Usage.require(port >= 0 && port <= MAX_PORT, "--port must be 0 to 65535, not " + port);
    Usage.require(
        threshold == null || (threshold >= 0 && threshold <= 1),
        "--threshold must be 0 to 1, not " + threshold);
    Limits limits = limits();
    List<String> offered = offered();
    List<Served> models = new ArrayList<>();
    List<AutoCloseable> open = new ArrayList<>();
    try {
      models.add(servedStudent(open));
      if (teacher != null) {
        Teacher other = Teacher.of(precision.read(teacher));
        open.add(other);
        Models.warmUp(other, WARM_UP_TEXT);
        models.add(new Served("teacher", teacher, other));
      }
      float least = threshold == null ? Float.NaN : threshold;
      untilStopped(listen(models, limits, least, offered), open);
    } finally {
      closeAll(open);
    }
    return 0;
  }

  /** Adds what is to be closed. */
  private Served servedStudent(List<AutoCloseable> open) {
    if (reload) {
      Reloader reloader = new Reloader(student, main.console()::line);
      open.add(reloader);
      Models.warmUp(reloader.student(), WARM_UP_TEXT);
      return new Served("student", student, reloader.student());
    }
    Student loaded = Student.load(student);
    open.add(loaded);
    Models.warmUp(loaded, WARM_UP_TEXT);
    return new Served("student", student, loaded);
  }

  private static void closeAll(List<AutoCloseable> open) {
    for (AutoCloseable model : open) {
      try {
        model.close();
      } catch (Exception e) {
        throw new IllegalStateException("a model cannot be closed", e);
      }
    }
  }

  private HttpService listen(List<Served> models, Limits limits, float least, List<String> offered)
      throws IOException {
    InetSocketAddress address = new InetSocketAddress(InetAddress.getByName(host), port);
    try {
      return new HttpService(address, models, limits, least, offered);
    } catch (BindException e) {
      throw new IOException(host + ":" + port + ": cannot listen there: " + e.getMessage(), e);
    }
  }

  private Limits limits() {
    atLeastOne("--max-body", maxBody);
    atLeastOne("--max-texts", maxTexts);
    atLeastOne("--max-chars", maxChars);
    atLeastOne("--max-requests", maxRequests);
    atLeastOne("--max-connections", maxConnections);
    atLeastOne("--timeout", timeout);
    return new Limits(maxBody, maxTexts, maxChars, maxRequests, maxConnections, timeout);
  }

  private static void atLeastOne(String option, int value) {
    Usage.require(value >= 1, option + " must be 1 or more, not " + value);
  }

  private List<String> offered() throws IOException {
    List<String> texts = new ArrayList<>();
    if (examples != null) {
      try (LineReader lines = LineReader.of(examples)) {
        for (String line = lines.next();
            line != null && texts.size() < MAX_EXAMPLES;
            line = lines.next()) {
          if (!line.isBlank()) {
            texts.add(line);
          }
        }
      }
    }
    return texts;
  }

  /** Never returns: the process ends in the hook that a signal starts. */
  private void untilStopped(HttpService service, List<AutoCloseable> open)
      throws InterruptedException {
    Console console = main.console();
    Thread hook =
        new Thread(
            () -> {
              console.line("stopping: answering what is under way");
              boolean answered = service.drain(timeout);
              closeAll(open);
              console.line(answered ? "stopped" : "stopped; some requests took too long");
              // Without this the process's code would be the signal's.
              Runtime.getRuntime().halt(answered ? 0 : 1);
            },
            "maque-drain");
    Runtime.getRuntime().addShutdownHook(hook);
    InetSocketAddress address = service.address();
    String shown = address.getAddress() instanceof Inet6Address ? "[" + host + "]" : host;
    console.result("listening on http://" + shown + ":" + address.getPort() + "/");
    new CountDownLatch(1).await();
  }
}
