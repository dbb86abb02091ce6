package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The guide's chapter for services: its code compiles, each block as a method of its own. */
class GuideTest {
  private static final String BEFORE =
      """
      import java.nio.file.Path;
      import java.util.List;
      import maque.runtime.*;

      class Service {
        Student student;
        String text;
      """;

  @TempDir Path directory;

  @Test
  void itsCodeCompiles() throws Exception {
    Path guide = Path.of(System.getProperty("maque.root", "../.."), "docs/guide.md");
    String all = Files.readString(guide);
    int begin = all.indexOf("\n## In a service\n");
    String chapter = all.substring(begin, all.indexOf("\n## ", begin + 1));
    Matcher block = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL).matcher(chapter);
    StringBuilder source = new StringBuilder(BEFORE);
    int blocks = 0;
    while (block.find()) {
      source.append("void block").append(++blocks).append("() {\n").append(block.group(1));
      source.append("}\n");
    }
    assertTrue(blocks >= 6, blocks + " blocks");
    Path file = Files.writeString(directory.resolve("Service.java"), source.append("}\n"));
    String classes =
        Path.of(Maque.class.getProtectionDomain().getCodeSource().getLocation().toURI()).toString();
    StringWriter output = new StringWriter();
    PrintWriter printer = new PrintWriter(output);
    int status =
        ToolProvider.findFirst("javac")
            .orElseThrow()
            .run(printer, printer, "-cp", classes, "-d", directory.toString(), file.toString());
    assertEquals(0, status, output.toString());
  }
}
