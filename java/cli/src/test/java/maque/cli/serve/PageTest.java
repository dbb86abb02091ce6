package maque.cli.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The page in a real browser. Without one its tests are skipped, and a line says so. {@code
 * -Dmaque.pictures=DIR} keeps pictures of the page.
 */
@Timeout(120)
class PageTest {
  private static final int TAB = 9;
  private static final int ENTER = 13;
  private static final String ANSWERED =
      "document.getElementById('announcement').textContent != ''";

  @TempDir private static Path profile;
  private static HttpService service;
  private static Browser browser;

  @BeforeAll
  static void start() throws IOException {
    Optional<Path> program = Browser.find();
    if (program.isEmpty()) {
      System.out.println("PageTest: skipped, 5 tests: no Chromium on the PATH");
    }
    Assumptions.assumeTrue(program.isPresent(), "no Chromium on the PATH");
    InetSocketAddress anyPort = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    FixedModel student = new FixedModel(PageTest::answer);
    FixedModel teacher =
        new FixedModel(
            text -> {
              pause(5);
              return new float[] {0.9f, 0.07f, 0.03f};
            });
    service =
        new HttpService(
            anyPort,
            List.of(
                new Served("student", Path.of("s.maque"), student),
                new Served("teacher", Path.of("t"), teacher)),
            new Limits(4_000, 3, 2_000, 2, 100, 5),
            Float.NaN,
            List.of("a large wild cat", "<b>a tree</b>"));
    browser = new Browser(program.get(), profile);
    browser.beforeEachPage(
        "window.violations = [];"
            + "addEventListener('securitypolicyviolation', e => violations.push(e.blockedURI));"
            + "addEventListener('error', e => violations.push(e.message));");
  }

  private static float[] answer(String text) {
    return text.contains("tree") ? new float[] {0.2f, 0.7f, 0.1f} : new float[] {0.8f, 0.1f, 0.1f};
  }

  private static void pause(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @BeforeEach
  void open() throws Exception {
    browser.size(1100, 1080);
    open("");
  }

  private static void open(String words) throws Exception {
    browser.open("about:blank");
    browser.open(
        "http://127.0.0.1:"
            + service.address().getPort()
            + "/"
            + (words.isEmpty() ? "" : "#" + words));
    browser.waitFor("document.querySelectorAll('.card').length == 2");
  }

  private static String shown(String selector) throws IOException {
    return browser.text("document.querySelector('" + selector + "').innerText");
  }

  @AfterAll
  static void stop() {
    if (browser != null) {
      browser.close();
    }
    if (service != null) {
      service.close();
    }
  }

  @Test
  void studentAndTeacherAnswerWhatIsTyped() throws Exception {
    browser.type("a large wild cat");
    browser.waitFor(ANSWERED);
    assertEquals("animal", shown(".card.student .label"));
    assertEquals("animal", shown(".card.teacher .label"));
    assertEquals("80.0 %", shown(".card.student .bars .percent"));
    assertEquals("✓ They agree", shown("#agreement"));
    assertTrue(shown(".card.teacher .micros").matches("[\\d.]+ (ms|s)"));
    assertTrue(shown("#speed").matches("The student is [\\d.]+× as fast"), shown("#speed"));
    String said = browser.text("document.getElementById('announcement').textContent");
    assertTrue(said.startsWith("Student: animal, 80.0 %, in "), said);
    assertTrue(said.contains("They agree. The student is "), said);
    double width =
        browser
            .value(
                "document.querySelector('.bars .fill').offsetWidth /"
                    + " document.querySelector('.bars .lane').offsetWidth")
            .doubleValue();
    assertEquals(0.8, width, 0.02);

    browser.type(" up a tree");
    browser.waitFor("document.querySelector('#agreement').innerText.includes('differ')");
    assertEquals("plant", shown(".card.student .label"));
    nothingFromElsewhere();
  }

  /** The policy was not broken, no script failed, and nothing came from another server. */
  private static void nothingFromElsewhere() throws IOException {
    assertEquals("[]", browser.value("window.violations").toString());
    JsonNode loaded = browser.value("performance.getEntriesByType('resource').map(r => r.name)");
    assertTrue(loaded.size() >= 3, loaded.toString());
    String own = "http://127.0.0.1:" + service.address().getPort() + "/";
    for (JsonNode name : loaded) {
      assertTrue(
          name.textValue().startsWith(own) || name.textValue().startsWith("data:"),
          name.textValue());
    }
  }

  @Test
  void anExampleIsAskedByKeyboardAndIsNoMarkup() throws Exception {
    browser.press("Tab", TAB); // from the text to the button
    browser.press("Tab", TAB);
    browser.press("Tab", TAB);
    assertEquals("<b>a tree</b>", browser.text("document.activeElement.innerText"));
    browser.value("document.activeElement.click()");
    browser.waitFor(ANSWERED);
    assertEquals("<b>a tree</b>", browser.text("document.getElementById('text').value"));
    assertEquals("≠ They differ", shown("#agreement"));
    assertEquals("0", browser.text("document.querySelectorAll('b').length"));
  }

  @Test
  void anErrorIsShownInTheServersWordsAndGoesAway() throws Exception {
    browser.value("document.getElementById('text').value = 'x'.repeat(2001)");
    browser.press("Enter", ENTER);
    browser.waitFor("!document.getElementById('error').hidden");
    assertEquals("text: expected at most 2000 characters, found 2001", shown("#error"));
    assertEquals("alert", browser.text("document.getElementById('error').getAttribute('role')"));
    browser.value("document.getElementById('text').value = ''");
    browser.type("a cat");
    browser.waitFor(ANSWERED);
    assertTrue(browser.value("document.getElementById('error').hidden").asBoolean());
  }

  @Test
  void everyControlHasANameAndContrastIsEnough() throws Exception {
    browser.type("a cat");
    browser.waitFor(ANSWERED);
    assertEquals("Text", browser.text("document.getElementById('text').labels[0].innerText"));
    assertEquals(
        "0",
        browser.text(
            "[...document.querySelectorAll('button, a')].filter(e => !e.innerText.trim()).length"));
    for (String scheme : List.of("light", "dark")) {
      browser.colours(scheme);
      for (String pair :
          List.of(
              "ink paper",
              "soft paper",
              "soft card",
              "student card",
              "teacher card",
              "good good-back",
              "bad bad-back",
              "on-accent student")) {
        String[] names = pair.split(" ");
        double contrast = browser.value(contrast(names[0], names[1])).doubleValue();
        assertTrue(contrast >= 4.5, scheme + ", " + pair + ": " + contrast); // WCAG AA
      }
    }
    browser.colours("light");
  }

  /** The contrast ratio of two of the page's colours (WCAG 2). */
  private static String contrast(String one, String other) {
    return "(([a, b]) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05))(['"
        + one
        + "', '"
        + other
        + "'].map(n => getComputedStyle(document.documentElement).getPropertyValue('--' +"
        + " n).trim()).map(h => [1, 3, 5].map(i => parseInt(h.slice(i, i + 2), 16) / 255).map(c =>"
        + " c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)).map(([r, g, b]) => 0.2126 * r"
        + " + 0.7152 * g + 0.0722 * b))";
  }

  @Test
  void itFitsNarrowScreens() throws Exception {
    for (int width : List.of(320, 390, 1100)) {
      browser.size(width, 1080);
      for (String scheme : List.of("light", "dark")) {
        browser.colours(scheme);
        open("a%20small%20bird%20that%20sings%20at%20dawn");
        browser.waitFor(ANSWERED);
        assertTrue(
            browser
                .value(
                    "document.documentElement.scrollWidth <= document.documentElement.clientWidth")
                .asBoolean(),
            width + " is too narrow");
        keep(scheme + "-" + width + ".png");
      }
    }
    browser.colours("light");
  }

  private static void keep(String name) throws IOException {
    byte[] picture = browser.picture();
    assertEquals((byte) 'P', picture[1]);
    String folder = System.getProperty("maque.pictures");
    if (folder != null) {
      Files.write(Files.createDirectories(Path.of(folder)).resolve(name), picture);
    }
  }
}
