package maque.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import maque.runtime.ModelDirectory;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code maque serve} as its own process, with a real student. */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class ServeTest {
  private static final String HEAD =
      "POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";

  @TempDir private static Path folder;
  private static Path student;

  @BeforeAll
  static void train() throws IOException {
    student = trained("student", Tiny.data(folder.resolve("data.jsonl"), 400, 1));
  }

  private static Path trained(String name, Path data) {
    Path out = folder.resolve(name);
    Tiny.Outcome outcome =
        Tiny.maque(
            "train-student",
            "--kind",
            "bag",
            "--ngram-buckets",
            1024,
            "--ngram-width",
            8,
            "--lr",
            "1e-2",
            "--epochs",
            10,
            "--train",
            data,
            "--out",
            out);
    assertEquals(0, outcome.code(), outcome.err());
    return out;
  }

  /** A process that serves. */
  private static final class Server implements AutoCloseable {
    private final Process process;
    private final BufferedReader lines;
    private final URI url;
    private final HttpClient client = HttpClient.newHttpClient();

    Server(String... options) throws IOException {
      this(student, options);
    }

    Server(Path model, String... options) throws IOException {
      List<String> words =
          new ArrayList<>(
              List.of(
                  "env",
                  "--default-signal=INT", // a shell ignores SIGINT in what it runs in the
                  // background
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-cp",
                  System.getProperty("java.class.path"),
                  Main.class.getName(),
                  "serve",
                  model.toString(),
                  "--port",
                  "0"));
      words.addAll(List.of(options));
      process = new ProcessBuilder(words).redirectErrorStream(true).start();
      lines =
          new BufferedReader(
              new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
      String line = lines.readLine();
      assertTrue(line != null && line.startsWith("listening on http://127.0.0.1:"), line);
      url = URI.create(line.substring("listening on ".length()));
    }

    String labelOf(String text) throws IOException, InterruptedException {
      HttpRequest request =
          HttpRequest.newBuilder(url.resolve("v1/predict"))
              .header("Content-Type", "application/json")
              .POST(BodyPublishers.ofString("{\"text\": \"" + text + "\"}"))
              .build();
      HttpResponse<String> response = client.send(request, BodyHandlers.ofString());
      assertEquals(200, response.statusCode(), response.body());
      return response.body().replaceAll(".*\"label\":\"([a-z]+)\".*", "$1");
    }

    Socket connect() throws IOException {
      Socket socket = new Socket(url.getHost(), url.getPort());
      socket.setSoTimeout(30_000);
      return socket;
    }

    /** Sends the signal; returns the exit code once it said what it says. */
    int stop(String signal) throws IOException, InterruptedException {
      signal(signal);
      assertEquals("stopping: answering what is under way", lines.readLine());
      assertEquals("stopped", lines.readLine());
      return process.waitFor();
    }

    void signal(String signal) throws IOException, InterruptedException {
      String pid = Long.toString(process.pid());
      assertEquals(0, new ProcessBuilder("kill", "-" + signal, pid).start().waitFor());
    }

    @Override
    public void close() {
      process.destroyForcibly();
    }
  }

  private static void write(Socket socket, String text) throws IOException {
    OutputStream out = socket.getOutputStream();
    out.write(text.getBytes(StandardCharsets.UTF_8));
    out.flush();
  }

  /** What comes until the server closes. */
  private static String rest(Socket socket) throws IOException {
    InputStream in = socket.getInputStream();
    StringBuilder text = new StringBuilder();
    try {
      for (int b = in.read(); b >= 0; b = in.read()) {
        text.append((char) b);
      }
    } catch (SocketException e) {
      text.append("[reset]");
    }
    return text.toString();
  }

  @Test
  void answersAndStopsOnEitherSignal() throws Exception {
    for (String signal : List.of("TERM", "INT")) {
      try (Server server = new Server()) {
        assertEquals("plant", server.labelOf("the old moss"));
        assertEquals(0, server.stop(signal));
      }
    }
  }

  @Test
  void aRequestThatHasBegunIsAnsweredAfterTheSignal() throws Exception {
    try (Server server = new Server();
        Socket socket = server.connect()) {
      String body = "{\"text\": \"a cat\"}";
      write(socket, HEAD + "Content-Length: " + body.length() + "\r\n\r\n" + body.substring(0, 5));
      Thread.sleep(200); // its head is read by then
      server.signal("TERM");
      assertEquals("stopping: answering what is under way", server.lines.readLine());
      write(socket, body.substring(5));
      String answer = rest(socket);
      assertTrue(answer.startsWith("HTTP/1.1 200 "), answer);
      assertTrue(answer.endsWith("}"), answer);
      assertEquals("stopped", server.lines.readLine());
      assertEquals(0, server.process.waitFor());
    }
  }

  @Test
  void whoNeverEndsARequestIsShownOut() throws Exception {
    try (Server server = new Server("--timeout", "1");
        Socket inTheHead = server.connect();
        Socket inTheBody = server.connect()) {
      write(inTheHead, HEAD);
      write(inTheBody, HEAD + "Content-Length: 100\r\n\r\n{");
      long begun = System.nanoTime();
      assertTrue(!rest(inTheHead).contains("200"));
      assertTrue(!rest(inTheBody).contains("200"));
      long seconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - begun);
      assertTrue(seconds < 20, seconds + " s");
    }
  }

  @Test
  void connectionsAreLimited() throws Exception {
    try (Server server = new Server("--max-connections", "2");
        Socket first = server.connect();
        Socket second = server.connect()) {
      for (Socket socket : List.of(first, second)) {
        write(socket, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
        assertEquals('H', socket.getInputStream().read());
      }
      try (Socket third = server.connect()) {
        write(third, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
        String answer = rest(third);
        assertTrue(answer.isEmpty() || answer.equals("[reset]"), answer);
      }
    }
  }

  @Test
  void aStudentThatChangesTakesTheOthersPlace() throws Exception {
    Path data = folder.resolve("data.jsonl");
    String swapped =
        Files.readString(data)
            .replace("\"plant\"", "\"?\"")
            .replace("\"animal\"", "\"plant\"")
            .replace("\"?\"", "\"animal\"");
    Path other = trained("other", Files.writeString(folder.resolve("swapped.jsonl"), swapped));
    Path served = folder.resolve("served.maque");
    ModelDirectory.pack(ModelDirectory.read(student), served);
    try (Server server = new Server(served, "--reload")) {
      assertEquals("plant", server.labelOf("the old moss"));
      Files.writeString(served, "damaged");
      String line = server.lines.readLine();
      assertTrue(line.startsWith("not reloaded, the old one goes on: "), line);
      assertEquals("plant", server.labelOf("the old moss"));
      ModelDirectory.pack(ModelDirectory.read(other), folder.resolve("next.maque"));
      Files.move(folder.resolve("next.maque"), served, StandardCopyOption.REPLACE_EXISTING);
      assertEquals("reloaded " + served, server.lines.readLine());
      assertEquals("animal", server.labelOf("the old moss"));
      assertEquals(0, server.stop("TERM"));
    }
  }

  @Test
  void wrongUsage() throws IOException {
    assertFails(2, "--port must be 0 to 65535, not 70000", student, "--port", 70_000);
    assertFails(2, "--threshold must be 0 to 1, not 1.5", student, "--threshold", 1.5);
    assertFails(2, "--max-texts must be 1 or more, not 0", student, "--max-texts", 0);
    assertFails(1, "nowhere", folder.resolve("nowhere"));
    assertFails(1, "no.txt: no such file", student, "--examples", folder.resolve("no.txt"));
    Path text = Files.writeString(folder.resolve("a.txt"), "x");
    assertFails(1, "a.txt", text);
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
      int port = taken.getLocalPort();
      assertFails(1, "127.0.0.1:" + port + ": cannot listen there", student, "--port", port);
    }
  }

  private static void assertFails(int code, String said, Object... args) {
    List<Object> words = new ArrayList<>(List.of("serve"));
    words.addAll(List.of(args));
    Tiny.Outcome outcome = Tiny.maque(words.toArray());
    assertEquals(code, outcome.code(), outcome.err());
    assertTrue(outcome.errorLine().contains(said), outcome.err());
  }
}
