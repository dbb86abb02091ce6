package maque.cli.serve;

import java.io.IOException;
import java.io.InputStream;
import java.util.LinkedHashMap;
import java.util.Map;

/** The page where a person types a text: three resources that ask for nothing from elsewhere. */
final class Page {
  /** What a browser may do with the page: load its own parts, and ask its own server. */
  static final String POLICY =
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:;"
          + " base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

  /** A resource and its media type. */
  record Part(String type, byte[] bytes) {}

  private final Map<String, Part> parts = new LinkedHashMap<>();

  Page() {
    parts.put("/", part("page.html", "text/html; charset=utf-8"));
    parts.put("/page.css", part("page.css", "text/css; charset=utf-8"));
    parts.put("/page.js", part("page.js", "text/javascript; charset=utf-8"));
  }

  private static Part part(String name, String type) {
    try (InputStream in = Page.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException("the jar lacks its resource " + name);
      }
      return new Part(type, in.readAllBytes());
    } catch (IOException e) {
      throw new IllegalStateException("the jar's resource cannot be read: " + name, e);
    }
  }

  /** The part at a path, or null. */
  Part at(String path) {
    return parts.get(path);
  }
}
