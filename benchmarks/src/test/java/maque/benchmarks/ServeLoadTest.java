package maque.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class ServeLoadTest {
  private static final int CONNECTIONS = 2;
  private static final long STALL_MILLIS = 300;

  @TempDir private Path folder;
  private HttpServer server;

  private final Set<InetSocketAddress> clients = new HashSet<>();
  private int requestsOfTheOpenLoop;
  private int stallAt = -1;
  private int status = 200;

  @BeforeEach
  void start() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/v1/predict", this::answer); // by one thread
    server.start();
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  private void answer(HttpExchange exchange) throws IOException {
    String asked = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals("{\"model\":\"student\",\"text\":\"a \\u0022bird\\u0022 麻雀\"}", asked);
    clients.add(exchange.getRemoteAddress());
    // The warm-up and the closed loop have connections of their own.
    if (clients.size() > 2 * CONNECTIONS && ++requestsOfTheOpenLoop == stallAt) {
      try {
        Thread.sleep(STALL_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    byte[] body = "{}".getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(status, body.length);
    exchange.getResponseBody().write(body);
    exchange.close();
  }

  private JsonNode load() throws Exception {
    Path texts = Files.writeString(folder.resolve("texts.txt"), "a \"bird\" 麻雀\n\n");
    PrintStream before = System.out;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
    try {
      ServeLoad.main(
          new String[] {
            "--url",
            "http://127.0.0.1:" + server.getAddress().getPort(),
            "--texts",
            texts.toString(),
            "--connections",
            Integer.toString(CONNECTIONS),
            "--seconds",
            "1"
          });
    } finally {
      System.setOut(before);
    }
    return new ObjectMapper().readTree(printed.toString(StandardCharsets.UTF_8));
  }

  @Test
  void theOpenLoopAsksForHalfOfWhatTheClosedOneReached() throws Exception {
    JsonNode figures = load();
    double closed = figures.get("closed_loop").get("requests_per_second").doubleValue();
    int open = figures.get("open_loop").get("requests").intValue();
    assertTrue(closed > 0, figures.toString());
    assertEquals(closed / 2, open, 0.75, "the rate was rounded, and half of it");
  }

  @Test
  void whatAStallKeepsWaitingCounts() throws Exception {
    stallAt = 10;
    JsonNode open = load().get("open_loop");
    assertTrue(
        open.get("p99_micros").longValue() > STALL_MILLIS * 1_000 / 2,
        "one stall of 300 ms in a second makes far more than 1 % of the requests late: " + open);
  }

  @Test
  void anythingButAnAnswerFails() {
    status = 503;
    IOException e = assertThrows(IOException.class, this::load);
    assertTrue(
        e.getMessage().contains("expected HTTP/1.1 200, found HTTP/1.1 503"), e.getMessage());
  }
}
