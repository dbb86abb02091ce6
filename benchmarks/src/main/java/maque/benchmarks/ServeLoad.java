package maque.benchmarks;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * Load on {@code maque serve}: how many requests a second it answers, and how long one takes at a
 * share of that. The JDK alone is enough: {@code java ServeLoad.java}.
 *
 * <p>First a closed loop: each connection sends its next request when it has the answer to the last
 * one. Then an open loop: requests are due at random times (a Poisson process of a fixed rate) that
 * the server's answers do not move, and a latency counts from when its request was due, so that a
 * server which stalls cannot hide the requests that it kept waiting (coordinated omission).
 */
public final class ServeLoad {
  private static final int BUFFER = 1 << 14;
  private static final long SEED = 1;

  private final String host;
  private final int port;
  private final byte[][] requests;

  private ServeLoad(URI url, List<String> texts, String model) {
    host = url.getHost();
    port = url.getPort();
    requests = texts.stream().map(text -> request(url, text, model)).toArray(byte[][]::new);
  }

  private static byte[] request(URI url, String text, String model) {
    byte[] body =
        ("{\"model\":\"" + model + "\",\"text\":" + quoted(text) + "}")
            .getBytes(StandardCharsets.UTF_8);
    String head =
        "POST /v1/predict HTTP/1.1\r\nHost: "
            + url.getAuthority()
            + "\r\nContent-Type: application/json\r\nContent-Length: "
            + body.length
            + "\r\n\r\n";
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    bytes.writeBytes(head.getBytes(StandardCharsets.US_ASCII));
    bytes.writeBytes(body);
    return bytes.toByteArray();
  }

  private static String quoted(String text) {
    StringBuilder out = new StringBuilder("\"");
    text.chars()
        .forEach(
            c -> {
              if (c == '"' || c == '\\' || c < ' ') {
                out.append(String.format("\\u%04x", c));
              } else {
                out.append((char) c);
              }
            });
    return out.append('"').toString();
  }

  /** One connection that is kept alive. */
  private final class Connection implements AutoCloseable {
    private final Socket socket = new Socket(host, port);
    private final OutputStream out = socket.getOutputStream();
    private final InputStream in = socket.getInputStream();
    private final byte[] buffer = new byte[BUFFER];

    Connection() throws IOException {
      socket.setTcpNoDelay(true);
      socket.setSoTimeout(30_000);
    }

    /** Sends one request and reads its answer; fails unless that is 200. */
    void ask(byte[] request) throws IOException {
      out.write(request);
      int filled = 0;
      int head = -1;
      while (head < 0) {
        filled += read(filled);
        head = endOfHead(filled);
      }
      String text = new String(buffer, 0, head, StandardCharsets.ISO_8859_1);
      if (!text.startsWith("HTTP/1.1 200 ")) {
        throw new IOException(
            "expected HTTP/1.1 200, found " + text.lines().findFirst().orElse(""));
      }
      int missing = contentLength(text) - (filled - head);
      while (missing > 0) {
        missing -= read(0);
      }
    }

    private int read(int at) throws IOException {
      int n = in.read(buffer, at, buffer.length - at);
      if (n <= 0) {
        throw new EOFException("the server closed the connection");
      }
      return n;
    }

    private int endOfHead(int filled) {
      for (int i = 0; i + 3 < filled; i++) {
        if (buffer[i] == '\r'
            && buffer[i + 1] == '\n'
            && buffer[i + 2] == '\r'
            && buffer[i + 3] == '\n') {
          return i + 4;
        }
      }
      return -1;
    }

    private static int contentLength(String head) throws IOException {
      String name = "\r\ncontent-length:";
      int at = head.toLowerCase(Locale.ROOT).indexOf(name);
      if (at < 0) {
        throw new IOException("expected a Content-Length, found none");
      }
      int from = at + name.length();
      return Integer.parseInt(head.substring(from, head.indexOf('\r', from)).strip());
    }

    @Override
    public void close() throws IOException {
      socket.close();
    }
  }

  /** Latencies in nanoseconds, sorted, and how long the phase took. */
  private record Phase(long[] latencies, double seconds) {
    double rate() {
      return latencies.length / seconds;
    }

    double micros(double quantile) {
      int rank = (int) Math.ceil(quantile * latencies.length) - 1;
      return latencies[Math.max(0, rank)] / 1e3;
    }

    Map<String, Object> figures() {
      Map<String, Object> map = new LinkedHashMap<>();
      map.put("requests", latencies.length);
      map.put("requests_per_second", Math.round(rate()));
      map.put("p50_micros", Math.round(micros(0.5)));
      map.put("p99_micros", Math.round(micros(0.99)));
      map.put("p99.9_micros", Math.round(micros(0.999)));
      map.put("max_micros", Math.round(micros(1)));
      return map;
    }
  }

  private Phase closed(int connections, double seconds) throws Exception {
    long start = System.nanoTime();
    long end = start + (long) (seconds * 1e9);
    return together(
        connections,
        connection -> {
          Latencies own = new Latencies();
          for (int i = connection.hashCode() & 0xFFFF; ; i++) {
            long sent = System.nanoTime();
            if (sent >= end) {
              return own;
            }
            connection.ask(requests[i % requests.length]);
            own.add(System.nanoTime() - sent);
          }
        });
  }

  /** {@code perSecond} requests a second, at times that are drawn before. */
  private Phase open(int connections, double perSecond, double seconds) throws Exception {
    long[] due = arrivals(perSecond, seconds);
    AtomicInteger next = new AtomicInteger();
    long start = System.nanoTime() + 50_000_000;
    return together(
        connections,
        connection -> {
          Latencies own = new Latencies();
          for (int i = next.getAndIncrement(); i < due.length; i = next.getAndIncrement()) {
            long at = start + due[i];
            for (long left = at - System.nanoTime(); left > 0; left = at - System.nanoTime()) {
              LockSupport.parkNanos(left);
            }
            connection.ask(requests[i % requests.length]);
            own.add(System.nanoTime() - at);
          }
          return own;
        });
  }

  private static long[] arrivals(double perSecond, double seconds) {
    SplittableRandom random = new SplittableRandom(SEED);
    long[] due = new long[(int) Math.round(perSecond * seconds)];
    double at = 0;
    for (int i = 0; i < due.length; i++) {
      at -= Math.log(1 - random.nextDouble()) / perSecond;
      due[i] = (long) (at * 1e9);
    }
    return due;
  }

  /** What one connection does. */
  @FunctionalInterface
  private interface Job {
    Latencies run(Connection connection) throws IOException;
  }

  private Phase together(int connections, Job job) throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(connections);
    try {
      long start = System.nanoTime();
      List<Future<Latencies>> parts = new ArrayList<>();
      for (int i = 0; i < connections; i++) {
        Callable<Latencies> task =
            () -> {
              try (Connection connection = new Connection()) {
                return job.run(connection);
              }
            };
        parts.add(threads.submit(task));
      }
      List<long[]> latencies = new ArrayList<>();
      for (Future<Latencies> part : parts) {
        latencies.add(part.get().values());
      }
      double seconds = (System.nanoTime() - start) / 1e9;
      return new Phase(
          latencies.stream().flatMapToLong(Arrays::stream).sorted().toArray(), seconds);
    } catch (ExecutionException e) {
      throw new IOException("a request failed: " + e.getCause().getMessage(), e.getCause());
    } finally {
      threads.shutdownNow();
    }
  }

  /** A list of longs. */
  private static final class Latencies {
    private long[] values = new long[1 << 12];
    private int size;

    void add(long value) {
      if (size == values.length) {
        values = Arrays.copyOf(values, 2 * size);
      }
      values[size++] = value;
    }

    long[] values() {
      return Arrays.copyOf(values, size);
    }
  }

  private static final String USAGE =
      """
      java ServeLoad.java --url http://127.0.0.1:8080 --texts FILE [--model student|teacher]
           [--connections 8] [--seconds 10] [--share 0.5]

      --texts        one text a line, UTF-8
      --connections  of the closed loop; the open loop has four times as many
      --seconds      of each loop; the warm-up takes half of that
      --share        the open loop's rate, as a part of the closed loop's
      """;

  private static Map<String, String> options(String[] args) {
    Map<String, String> options =
        new LinkedHashMap<>(
            Map.of("model", "student", "connections", "8", "seconds", "10", "share", "0.5"));
    for (int i = 0; i < args.length; i += 2) {
      String name = args[i].startsWith("--") ? args[i].substring(2) : "";
      if (i + 1 == args.length
          || !(options.containsKey(name) || name.equals("url") || name.equals("texts"))) {
        throw new IllegalArgumentException(args[i]);
      }
      options.put(name, args[i + 1]);
    }
    if (!options.containsKey("url") || !options.containsKey("texts")) {
      throw new IllegalArgumentException("--url and --texts are missing");
    }
    return options;
  }

  /** Prints the figures as one JSON object. */
  public static void main(String[] args) throws Exception {
    Map<String, String> options;
    try {
      options = options(args);
    } catch (IllegalArgumentException e) {
      System.err.println("wrong usage: " + e.getMessage() + "\n" + USAGE);
      System.exit(2);
      return;
    }
    List<String> texts =
        Files.readAllLines(Path.of(options.get("texts"))).stream()
            .filter(line -> !line.isBlank())
            .toList();
    int connections = Integer.parseInt(options.get("connections"));
    double seconds = Double.parseDouble(options.get("seconds"));
    double share = Double.parseDouble(options.get("share"));
    ServeLoad load = new ServeLoad(URI.create(options.get("url")), texts, options.get("model"));
    load.closed(connections, seconds / 2);
    Phase closed = load.closed(connections, seconds);
    Phase open = load.open(4 * connections, share * closed.rate(), seconds);
    System.out.println("{");
    System.out.println("  \"closed_loop\": " + json(closed.figures()) + ",");
    System.out.println("  \"open_loop\": " + json(open.figures()));
    System.out.println("}");
  }

  private static String json(Map<String, Object> figures) {
    List<String> fields = new ArrayList<>();
    figures.forEach((name, value) -> fields.add("\"" + name + "\": " + value));
    return "{" + String.join(", ", fields) + "}";
  }
}
