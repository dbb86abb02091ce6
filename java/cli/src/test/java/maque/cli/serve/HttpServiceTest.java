package maque.cli.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(60)
class HttpServiceTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Limits LIMITS = new Limits(4_000, 40, 2_000, 2, 100, 2);

  private final HttpClient client = HttpClient.newHttpClient();
  private final CountDownLatch begun = new CountDownLatch(LIMITS.requests());
  private final CountDownLatch released = new CountDownLatch(1);
  private final Deque<String> seen = new ConcurrentLinkedDeque<>();

  private HttpService service;

  @BeforeEach
  void start() throws IOException {
    FixedModel student = new FixedModel(this::answer);
    service =
        service(
            List.of(
                new Served("student", Path.of("models/s.maque"), student),
                new Served("teacher", Path.of("t"), FixedModel.animal(0.9f))));
  }

  private HttpService service(List<Served> models) throws IOException {
    InetSocketAddress anyPort = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    return new HttpService(anyPort, models, LIMITS, Float.NaN, List.of("one", "two"));
  }

  /** The text says what the student does. */
  private float[] answer(String text) {
    seen.add(text);
    try {
      switch (text) {
        case "wait" -> {
          begun.countDown();
          assertTrue(released.await(30, TimeUnit.SECONDS));
        }
        case "slow" -> Thread.sleep(1_500);
        case "fail" -> throw new IllegalStateException("on purpose");
        default -> {}
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return text.contains("tree") ? new float[] {0.2f, 0.7f, 0.1f} : new float[] {0.6f, 0.3f, 0.1f};
  }

  @AfterEach
  void stop() {
    released.countDown();
    service.close();
  }

  private HttpRequest.Builder to(String path) {
    InetSocketAddress address = service.address();
    return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + address.getPort() + path));
  }

  private HttpRequest post(String body) {
    return to("/v1/predict")
        .header("Content-Type", "application/json; charset=utf-8")
        .POST(BodyPublishers.ofString(body))
        .build();
  }

  private HttpResponse<String> send(HttpRequest request) throws IOException, InterruptedException {
    return client.send(request, BodyHandlers.ofString());
  }

  private JsonNode predict(String body) throws IOException, InterruptedException {
    HttpResponse<String> response = send(post(body));
    assertEquals(200, response.statusCode(), response.body());
    assertEquals("application/json", response.headers().firstValue("Content-Type").orElse(""));
    return JSON.readTree(response.body());
  }

  private static List<String> names(JsonNode object) {
    List<String> names = new ArrayList<>();
    object.fieldNames().forEachRemaining(names::add);
    return names;
  }

  @Test
  void oneText() throws Exception {
    JsonNode answer = predict("{\"text\": \"a tree\"}");
    assertEquals(
        List.of("model", "label", "probability", "probabilities", "truncated", "micros"),
        names(answer));
    assertEquals("student", answer.get("model").textValue());
    assertEquals("plant", answer.get("label").textValue());
    assertEquals(0.7f, answer.get("probability").floatValue());
    assertEquals(List.of("plant", "animal", "\"other\""), names(answer.get("probabilities")));
    assertEquals(0.1f, answer.get("probabilities").get("\"other\"").floatValue());
    assertFalse(answer.get("truncated").booleanValue());
    assertTrue(answer.get("micros").doubleValue() >= 0);
  }

  @Test
  void manyTextsInTheirOrder() throws Exception {
    JsonNode answer = predict("{\"texts\": [\"a tree\", \"a cat\", \"\"], \"top\": 2}");
    JsonNode predictions = answer.get("predictions");
    assertEquals(3, predictions.size());
    assertEquals("plant", predictions.get(0).get("label").textValue());
    assertEquals("animal", predictions.get(1).get("label").textValue());
    assertEquals(List.of("plant", "animal"), names(predictions.get(0).get("probabilities")));
    assertTrue(answer.get("micros").isNumber());
  }

  @Test
  void theTeacherIsAskedByName() throws Exception {
    JsonNode answer = predict("{\"model\": \"teacher\", \"text\": \"a tree\", \"top\": 1}");
    assertEquals("teacher", answer.get("model").textValue());
    assertEquals("animal", answer.get("label").textValue());
    assertEquals(List.of("animal"), names(answer.get("probabilities")));
  }

  @Test
  void whatIsNotSureEnoughIsDeferred() throws Exception {
    assertTrue(predict("{\"text\": \"x\", \"threshold\": 0.61}").get("deferred").booleanValue());
    assertFalse(predict("{\"text\": \"x\", \"threshold\": 0.5}").get("deferred").booleanValue());
    assertFalse(predict("{\"text\": \"x\"}").has("deferred"));
  }

  @Test
  void textsComeAsTheyAreWritten() throws Exception {
    predict("{\"text\": \"麻雀 \\ud83d\\udc26 🐦 \\ud800 \\n\"}");
    assertEquals("麻雀 🐦 🐦 \ud800 \n", seen.getLast());
  }

  @Test
  void aLongTextIsMarkedAsCut() throws Exception {
    assertTrue(
        predict("{\"text\": \"" + "x".repeat(1_001) + "\"}").get("truncated").booleanValue());
  }

  /** Body; status; what the error says. */
  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '`',
      value = {
        "``; 400; the body: expected an object, found nothing",
        "[]; 400; the body: expected an object, found a list",
        "{}; 400; expected \"text\" with a string or \"texts\" with at least one, found neither",
        "{\"texts\": []}; 400; expected \"text\" with a string or \"texts\" with at least one,"
            + " found an empty list",
        "{\"text\": \"a\", \"texts\": [\"b\"]}; 400; expected either text or texts, found both",
        "{\"text\": 1}; 400; text: expected a string, found a number",
        "{\"text\": null}; 400; text: expected a string, found null",
        "{\"texts\": \"a\"}; 400; texts: expected a list of strings, found a string",
        "{\"texts\": [\"a\", [\"b\"]]}; 400; texts[1]: expected a string, found a list",
        "{\"texts\": [{\"a\": [1]}]}; 400; texts[0]: expected a string, found an object",
        "{\"text\": \"a\", \"model\": \"x\"}; 400; model: expected one of [student, teacher], found"
            + " \"x\"",
        "{\"text\": \"a\", \"top\": 0}; 400; top: expected a whole number of 1 or more, found 0",
        "{\"text\": \"a\", \"top\": 1.5}; 400; top: expected a whole number of 1 or more, found"
            + " 1.5",
        "{\"text\": \"a\", \"top\": true}; 400; top: expected a whole number of 1 or more, found a"
            + " boolean",
        "{\"text\": \"a\", \"threshold\": 2}; 400; threshold: expected a number from 0 to 1, found"
            + " 2",
        "{\"text\": \"a\", \"threshold\": \"1\"}; 400; threshold: expected a number from 0 to 1,"
            + " found a string",
        "{\"text\": \"a\", \"words\": 1}; 400; unknown field \"words\": expected text or texts,"
            + " model, top, threshold",
        "{\"text\": \"a\"} {}; 400; the body: expected one JSON object, found more after it",
      })
  void wrongBodies(String body, int status, String error) throws Exception {
    HttpResponse<String> response = send(post(body));
    assertEquals(status, response.statusCode(), response.body());
    JsonNode answer = JSON.readTree(response.body());
    assertEquals(status, answer.get("status").intValue());
    assertEquals(error, answer.get("error").textValue());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '`',
      value = {
        "{\"text\": \"a\"; line 1, column 13",
        "{\"text\": \"a\", \"text\": \"b\"}; Duplicate field 'text'",
        "{'text': \"a\"}; line 1",
        "{\"text\": \"a\",}; line 1",
        "{\"text\": NaN}; NaN",
        "/* no */ {\"text\": \"a\"}; line 1",
        "{\"text\": \"\\x\"}; line 1",
      })
  void whatIsNotJson(String body, String part) throws Exception {
    HttpResponse<String> response = send(post(body));
    assertEquals(400, response.statusCode(), response.body());
    String error = JSON.readTree(response.body()).get("error").textValue();
    assertTrue(error.startsWith("the body: not valid JSON: "), error);
    assertTrue(error.contains(part), error);
    assertFalse(error.contains("REDACTED"), error);
  }

  @Test
  void bytesThatAreNotUtf8() throws Exception {
    byte[] latin = "{\"text\": \"\u00e9\"}".getBytes(StandardCharsets.ISO_8859_1);
    HttpRequest request =
        to("/v1/predict")
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofByteArray(latin))
            .build();
    assertError(400, "the body: expected UTF-8, found other bytes", send(request));
  }

  @Test
  void tooMuch() throws Exception {
    String body = "{\"text\": \"" + "x".repeat(5_000) + "\"}";
    assertError(
        413, "the body: expected at most 4000 bytes, found " + body.length(), send(post(body)));
    HttpRequest chunked =
        to("/v1/predict")
            .header("Content-Type", "application/json")
            .POST(
                BodyPublishers.ofInputStream(
                    () -> new ByteArrayInputStream(body.getBytes(StandardCharsets.UTF_8))))
            .build();
    assertError(413, "the body: expected at most 4000 bytes, found more", send(chunked));
    assertError(
        413,
        "texts: expected at most 40, found more",
        send(post("{\"texts\": [" + "\"a\", ".repeat(40) + "\"b\"]}")));
    assertError(
        413,
        "text: expected at most 2000 characters, found 2001",
        send(post("{\"text\": \"" + "x".repeat(2_001) + "\"}")));
  }

  @Test
  void wrongMethodPathAndMediaType() throws Exception {
    HttpResponse<String> get = send(to("/v1/predict").GET().build());
    assertError(405, "/v1/predict: expected POST, found GET", get);
    assertEquals("POST", get.headers().firstValue("Allow").orElse(""));
    HttpResponse<String> delete = send(to("/health").DELETE().build());
    assertError(405, "/health: expected GET, HEAD, found DELETE", delete);
    assertEquals("GET, HEAD", delete.headers().firstValue("Allow").orElse(""));
    assertError(
        404,
        "nothing at /v1/predict/x: expected / (the page), /v1/predict, /v1/models, /health or"
            + " /metrics",
        send(to("/v1/predict/x").GET().build()));
    HttpRequest form = to("/v1/predict").POST(BodyPublishers.ofString("{\"text\": \"a\"}")).build();
    assertError(415, "Content-Type: expected application/json, found none", send(form));
  }

  private static void assertError(int status, String error, HttpResponse<String> response)
      throws IOException {
    assertEquals(status, response.statusCode(), response.body());
    assertEquals(error, JSON.readTree(response.body()).get("error").textValue());
  }

  @Test
  void aFailureTellsNothingOfTheInside() throws Exception {
    assertError(500, "the server failed; its log says why", send(post("{\"text\": \"fail\"}")));
    assertEquals("animal", predict("{\"text\": \"a cat\"}").get("label").textValue());
  }

  @Test
  void moreThanItAnswersAtATimeComesAgainLater() throws Exception {
    List<CompletableFuture<HttpResponse<String>>> waiting =
        List.of(
            client.sendAsync(post("{\"text\": \"wait\"}"), BodyHandlers.ofString()),
            client.sendAsync(post("{\"text\": \"wait\"}"), BodyHandlers.ofString()));
    assertTrue(begun.await(30, TimeUnit.SECONDS));
    HttpResponse<String> refused = send(post("{\"text\": \"a cat\"}"));
    assertError(503, "2 requests are being answered already, which is the most", refused);
    assertEquals("1", refused.headers().firstValue("Retry-After").orElse(""));
    assertEquals(200, send(to("/health").GET().build()).statusCode(), "health has no such limit");
    released.countDown();
    for (CompletableFuture<HttpResponse<String>> answered : waiting) {
      assertEquals(200, answered.get().statusCode());
    }
    predict("{\"text\": \"a cat\"}");
  }

  @Test
  void aRequestThatTakesTooLongEnds() throws Exception {
    String texts = "\"slow\", \"slow\"" + ", \"a\"".repeat(38);
    HttpResponse<String> response = send(post("{\"texts\": [" + texts + "]}"));
    assertError(
        503,
        "expected to be done within 2 s, found only 32 of 40 texts answered by then: send fewer",
        response);
  }

  @Test
  void aDrainAnswersWhatIsUnderWay() throws Exception {
    CompletableFuture<HttpResponse<String>> first =
        client.sendAsync(post("{\"text\": \"wait\"}"), BodyHandlers.ofString());
    CompletableFuture<HttpResponse<String>> second =
        client.sendAsync(post("{\"text\": \"wait\"}"), BodyHandlers.ofString());
    assertTrue(begun.await(30, TimeUnit.SECONDS));
    CompletableFuture<Boolean> drained = CompletableFuture.supplyAsync(() -> service.drain(30));
    while (accepts()) {
      Thread.sleep(10);
    }
    assertFalse(first.isDone());
    released.countDown();
    assertEquals(200, first.get().statusCode());
    assertEquals(200, second.get().statusCode());
    assertTrue(drained.get(10, TimeUnit.SECONDS));
  }

  private boolean accepts() {
    try (Socket socket = new Socket()) {
      socket.connect(service.address());
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  @Test
  void healthModelsAndHead() throws Exception {
    assertEquals(
        "{\"status\":\"up\",\"models\":[\"student\",\"teacher\"]}",
        send(to("/health").GET().build()).body());
    JsonNode served = JSON.readTree(send(to("/v1/models").GET().build()).body());
    assertEquals("s.maque", served.get("models").get(0).get("source").textValue());
    assertEquals(3, served.get("models").get(1).get("labels").size());
    assertEquals("two", served.get("examples").get(1).textValue());
    HttpResponse<String> head = send(to("/").method("HEAD", BodyPublishers.noBody()).build());
    assertEquals(200, head.statusCode());
    assertTrue(head.headers().firstValueAsLong("Content-Length").orElse(0) > 1_000);
  }

  @Test
  void metricsCountWhatHappened() throws Exception {
    predict("{\"texts\": [\"a\", \"b\"], \"threshold\": 0.9}");
    predict("{\"text\": \"a\", \"model\": \"teacher\"}");
    send(post("{"));
    HttpResponse<String> response = send(to("/metrics").GET().build());
    assertEquals(
        "text/plain; version=0.0.4; charset=utf-8",
        response.headers().firstValue("Content-Type").orElse(""));
    String text = response.body();
    for (String line :
        List.of(
            "maque_http_requests_total{code=\"200\"} 2",
            "maque_http_requests_total{code=\"400\"} 1",
            "maque_http_request_seconds_count 3",
            "maque_predict_seconds_count{model=\"student\"} 2",
            "maque_predict_seconds_bucket{model=\"teacher\",le=\"+Inf\"} 1",
            "maque_deferred_total{model=\"student\"} 2",
            "maque_native_bytes{model=\"teacher\"} 4096")) {
      assertTrue(text.contains("\n" + line + "\n"), line + " in\n" + text);
    }
    assertTrue(text.matches("(?s).*\\nmaque_http_in_flight [1-4]\\n.*"), text);
    assertTrue(text.contains("maque_model_info{model=\"student\",source=\"s.maque\""), text);
    assertWellFormed(text);
  }

  /** Every line is a comment or a sample; each name's type is told before, once. */
  private static void assertWellFormed(String text) {
    Pattern sample =
        Pattern.compile("([a-z_]+)(\\{[a-z]+=\"[^\"]*\"(,[a-z]+=\"[^\"]*\")*\\})? [0-9][0-9.E+-]*");
    Set<String> typed = new HashSet<>();
    for (String line : text.split("\n")) {
      if (line.startsWith("# TYPE ")) {
        assertTrue(typed.add(line.split(" ")[2]), line);
      } else if (!line.startsWith("# HELP ")) {
        Matcher matcher = sample.matcher(line);
        assertTrue(matcher.matches(), line);
        String name = matcher.group(1).replaceAll("_(bucket|sum|count)$", "");
        assertTrue(typed.contains(name), line);
      }
    }
  }

  @Test
  void thePageMayLoadNothingFromElsewhere() throws Exception {
    HttpResponse<String> response = send(to("/").GET().build());
    assertEquals(Page.POLICY, response.headers().firstValue("Content-Security-Policy").orElse(""));
    for (String path : List.of("/", "/page.css", "/page.js")) {
      String body = send(to(path).GET().build()).body();
      assertFalse(body.replace("http://www.w3.org/2000/svg", "").contains("://"), path);
    }
  }

  @Test
  void aTakenPort() {
    assertThrows(
        BindException.class,
        () ->
            new HttpService(
                service.address(),
                List.of(new Served("student", Path.of("s"), FixedModel.animal(1))),
                LIMITS,
                Float.NaN,
                List.of()));
  }
}
