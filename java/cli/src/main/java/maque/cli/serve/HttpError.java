package maque.cli.serve;

/** A request that is answered with an error; the message says what was expected and what came. */
final class HttpError extends Exception {
  private static final long serialVersionUID = 1L;

  static final int BAD_REQUEST = 400;
  static final int NOT_FOUND = 404;
  static final int METHOD_NOT_ALLOWED = 405;
  static final int TOO_LARGE = 413;
  static final int WRONG_MEDIA_TYPE = 415;
  static final int FAILED = 500;
  static final int UNAVAILABLE = 503;

  private final int status;

  HttpError(int status, String message) {
    super(message);
    this.status = status;
  }

  static HttpError badRequest(String message) {
    return new HttpError(BAD_REQUEST, message);
  }

  int status() {
    return status;
  }
}
