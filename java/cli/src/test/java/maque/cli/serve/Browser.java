package maque.cli.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * One tab of a headless Chromium, driven by the Chrome DevTools Protocol over pipes: messages are
 * JSON, each ended by a zero byte. Chromium reads them from file descriptor 3 and writes to 4,
 * which a shell joins to its standard streams.
 */
final class Browser implements AutoCloseable {
  private static final List<String> NAMES =
      List.of("chromium", "chromium-browser", "google-chrome", "google-chrome-stable");

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(30);

  private final Process process;
  private final OutputStream out;
  private final InputStream in;
  private final String session;
  private int lastId;

  /** The browser's program, where this machine has one. */
  static Optional<Path> find() {
    return Arrays.stream(System.getenv("PATH").split(":"))
        .flatMap(folder -> NAMES.stream().map(name -> Path.of(folder, name)))
        .filter(Files::isExecutable)
        .findFirst();
  }

  /**
   * Opens an empty tab.
   *
   * @param profile an empty folder
   */
  Browser(Path program, Path profile) throws IOException {
    String command =
        "exec \"$0\" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run"
            + " --disable-background-networking --user-data-dir=\"$1\" --remote-debugging-pipe"
            + " 3<&0 4>&1 >/dev/null 2>&1";
    process =
        new ProcessBuilder("bash", "-c", command, program.toString(), profile.toString()).start();
    out = process.getOutputStream();
    in = process.getInputStream();
    String target =
        call(null, "Target.createTarget", JSON.createObjectNode().put("url", "about:blank"))
            .get("targetId")
            .textValue();
    session =
        call(
                null,
                "Target.attachToTarget",
                JSON.createObjectNode().put("targetId", target).put("flatten", true))
            .get("sessionId")
            .textValue();
    call("Page.enable", JSON.createObjectNode());
  }

  private JsonNode call(String method, ObjectNode parameters) throws IOException {
    return call(session, method, parameters);
  }

  private JsonNode call(String tab, String method, ObjectNode parameters) throws IOException {
    ObjectNode message = JSON.createObjectNode();
    message.put("id", ++lastId).put("method", method).set("params", parameters);
    if (tab != null) {
      message.put("sessionId", tab);
    }
    out.write(JSON.writeValueAsBytes(message));
    out.write(0);
    out.flush();
    JsonNode answer = next();
    while (answer.path("id").asInt() != lastId) {
      answer = next(); // events
    }
    if (answer.has("error")) {
      throw new IOException(method + ": " + answer.get("error"));
    }
    return answer.get("result");
  }

  private JsonNode next() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int b = in.read(); b != 0; b = in.read()) {
      if (b < 0) {
        throw new EOFException("the browser ended");
      }
      bytes.write(b);
    }
    return JSON.readTree(bytes.toString(StandardCharsets.UTF_8));
  }

  /** Runs a script in every page before the page's own. */
  void beforeEachPage(String script) throws IOException {
    call("Page.addScriptToEvaluateOnNewDocument", JSON.createObjectNode().put("source", script));
  }

  void open(String url) throws IOException {
    call("Page.navigate", JSON.createObjectNode().put("url", url));
  }

  /** The value of a JavaScript expression. */
  JsonNode value(String expression) throws IOException {
    JsonNode result =
        call(
            "Runtime.evaluate",
            JSON.createObjectNode()
                .put("expression", expression)
                .put("returnByValue", true)
                .put("awaitPromise", true));
    if (result.has("exceptionDetails")) {
      throw new IOException(expression + ": " + result.get("exceptionDetails"));
    }
    return result.get("result").path("value");
  }

  String text(String expression) throws IOException {
    return value(expression).asText();
  }

  /** Waits until a JavaScript expression is true. */
  void waitFor(String expression) throws IOException, InterruptedException {
    long end = System.nanoTime() + PATIENCE_NANOS;
    while (!value(expression).asBoolean()) {
      if (System.nanoTime() > end) {
        throw new IOException(
            "waited in vain for " + expression + "; the page: " + text("document.body.innerText"));
      }
      Thread.sleep(20);
    }
  }

  /** Types a text into what has the focus. */
  void type(String text) throws IOException {
    call("Input.insertText", JSON.createObjectNode().put("text", text));
  }

  /** Presses and releases a key, such as {@code Tab} or {@code Enter}. */
  void press(String key, int code) throws IOException {
    for (String type : List.of("rawKeyDown", "keyUp")) {
      ObjectNode event = JSON.createObjectNode().put("type", type).put("key", key).put("code", key);
      call("Input.dispatchKeyEvent", event.put("windowsVirtualKeyCode", code));
    }
  }

  void size(int width, int height) throws IOException {
    call(
        "Emulation.setDeviceMetricsOverride",
        JSON.createObjectNode()
            .put("width", width)
            .put("height", height)
            .put("deviceScaleFactor", 1)
            .put("mobile", false));
  }

  /** {@code light} or {@code dark}. */
  void colours(String scheme) throws IOException {
    ObjectNode parameters = JSON.createObjectNode();
    parameters
        .putArray("features")
        .addObject()
        .put("name", "prefers-color-scheme")
        .put("value", scheme);
    call("Emulation.setEmulatedMedia", parameters);
  }

  /** A PNG of the window. */
  byte[] picture() throws IOException {
    String data = call("Page.captureScreenshot", JSON.createObjectNode()).get("data").textValue();
    return Base64.getDecoder().decode(data);
  }

  /** Waits for the browser's end, after which it writes no more into its profile. */
  @Override
  public void close() {
    try {
      call(null, "Browser.close", JSON.createObjectNode());
      process.waitFor(10, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      process.destroyForcibly();
    }
  }
}
