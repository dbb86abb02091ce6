package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleFinder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.spi.ToolProvider;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A service that is a module, with Maque's own classes and nothing else beside it. */
class ModulePathTest {
  private static final String MAIN =
      """
      package app;

      import java.nio.file.Path;
      import maque.runtime.Maque;
      import maque.runtime.Student;

      public class Main {
        public static void main(String[] arguments) {
          try (Student student = Student.load(Path.of(arguments[0]))) {
            System.out.println(student.predict("red sparrow").label());
          }
          System.out.println(Maque.class.getModule());
          System.out.println(Maque.info().isa());
          System.out.println(ModuleLayer.boot().findModule("jdk.jfr").isPresent());
        }
      }
      """;

  @TempDir Path directory;

  private Path maque;
  private Path app;
  private Path model;
  private String label;

  @BeforeEach
  void compile() throws Exception {
    maque = Path.of(Maque.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    app = directory.resolve("app");
    Path sources = Files.createDirectories(directory.resolve("src/app")).getParent();
    Path main = Files.writeString(sources.resolve("app/Main.java"), MAIN);
    Path module =
        Files.writeString(
            sources.resolve("module-info.java"), "module app { requires maque.runtime; }");
    int status =
        ToolProvider.findFirst("javac")
            .orElseThrow()
            .run(
                System.out,
                System.err,
                "-Xlint:all",
                "-Werror",
                "-p",
                maque.toString(),
                "-d",
                app.toString(),
                main.toString(),
                module.toString());
    assertEquals(0, status);
    model = TinyModels.student(directory.resolve("model"), "sequence", "mean");
    try (Student student = Student.load(model)) {
      label = student.predict("red sparrow").label();
    }
  }

  /** What the program prints, the warnings of the JVM and of Maque included. */
  private List<String> run(String... options) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Xmx64m", "-XX:+UseSerialGC", "-Xcheck:jni", "-Dfile.encoding=UTF-8"));
    command.addAll(Arrays.asList(options));
    command.add(model.toString());
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().putAll(Map.of("MAQUE_CACHE", directory.resolve("cache").toString()));
    Probe.Result result = Probe.await(builder.redirectErrorStream(true).start());
    assertEquals(0, result.status(), result.output());
    return result.output().lines().toList();
  }

  private String modulePath() {
    return app + File.pathSeparator + maque;
  }

  @Test
  void answersAsAModule() throws Exception {
    String isa = Maque.info().isa();
    assertEquals(
        List.of(label, "module maque.runtime", isa, "true"),
        run("-p", modulePath(), "-m", "app/app.Main"));
    assertEquals(
        List.of(label, "module maque.runtime", isa, "false"),
        run("--limit-modules", "app", "-p", modulePath(), "-m", "app/app.Main"));
  }

  @Test
  void answersOnTheClassPathWithoutFlightRecorder() throws Exception {
    List<String> output = run("--limit-modules", "java.base", "-cp", modulePath(), "app.Main");
    assertEquals(label, output.get(0));
    assertTrue(output.get(1).startsWith("unnamed module"), output.get(1));
    assertEquals(List.of(Maque.info().isa(), "false"), output.subList(2, 4));
    assertEquals(4, output.size());
  }

  /** Events come though neither the program nor Maque requires jdk.jfr. */
  @Test
  void recordsAsAModule() throws Exception {
    Path file = directory.resolve("events.jfr");
    run(
        "-XX:StartFlightRecording:filename=" + file,
        "-Xlog:disable",
        "-p",
        modulePath(),
        "-m",
        "app/app.Main");
    assertTrue(
        jdk.jfr.consumer.RecordingFile.readAllEvents(file).stream()
            .anyMatch(event -> event.getEventType().getName().equals("maque.Load")));
  }

  @Test
  void exportsThePublicApiAndNeedsNothing() {
    ModuleDescriptor module =
        ModuleFinder.of(maque).find("maque.runtime").orElseThrow().descriptor();
    assertFalse(module.isAutomatic());
    assertEquals(
        Set.of("maque.runtime"),
        module.exports().stream()
            .map(ModuleDescriptor.Exports::source)
            .collect(Collectors.toSet()));
    assertEquals(Set.of(Segmenter.class.getName()), module.uses());
    for (ModuleDescriptor.Requires requires : module.requires()) {
      assertTrue(
          requires.name().equals("java.base")
              || requires.modifiers().contains(ModuleDescriptor.Requires.Modifier.STATIC),
          requires.toString());
    }
  }
}
