package maque.cli.serve;

/**
 * What a client may ask for at most.
 *
 * @param bodyBytes bytes of a request's body
 * @param texts texts of one request
 * @param chars UTF-16 units of one text
 * @param requests requests that are answered at the same time; more get 503
 * @param connections open connections; more are closed at once
 * @param seconds what a request may take to arrive, and then to be answered
 */
public record Limits(
    int bodyBytes, int texts, int chars, int requests, int connections, int seconds) {
  /** Those of a service that says nothing else. */
  public static final Limits DEFAULT = new Limits(1 << 20, 256, 20_000, 64, 512, 10);
}
