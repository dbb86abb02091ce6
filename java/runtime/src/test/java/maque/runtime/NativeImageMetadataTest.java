package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * What GraalVM's native-image must be told of the jar: its resources. Classes need no mention: none
 * is looked up by name, neither in Java nor by the native code.
 */
class NativeImageMetadataTest {
  private static final String DIRECTORY = "META-INF/native-image/maque/maque-runtime/";

  private static Path module() {
    return Path.of(System.getProperty("maque.root", "../..")).resolve("java/runtime");
  }

  private static Path classes() throws Exception {
    return Path.of(Maque.class.getProtectionDomain().getCodeSource().getLocation().toURI());
  }

  private static JsonNode json(String name) throws Exception {
    return new ObjectMapper().readTree(classes().resolve(DIRECTORY + name).toFile());
  }

  /** All files of the jar that are neither classes nor read by others than us. */
  private static List<String> resources() throws Exception {
    Path root = classes();
    try (Stream<Path> files = Files.walk(root)) {
      return files
          .filter(Files::isRegularFile)
          .map(file -> root.relativize(file).toString().replace('\\', '/'))
          .filter(name -> !name.endsWith(".class") && !name.startsWith("META-INF/"))
          .toList();
    }
  }

  private static void assertFits(List<Predicate<String>> named) throws Exception {
    List<String> resources = resources();
    assertTrue(resources.size() >= 3, resources.toString());
    for (String resource : resources) {
      assertTrue(named.stream().anyMatch(n -> n.test(resource)), resource + " is not named");
    }
    for (int i = 0; i < named.size(); i++) {
      assertTrue(resources.stream().anyMatch(named.get(i)), "entry " + i + " names nothing");
    }
  }

  @Test
  void resourcesAreNamedAndExist() throws Exception {
    List<Predicate<String>> globs = new ArrayList<>();
    for (JsonNode entry : json("reachability-metadata.json").get("resources")) {
      String pattern = entry.get("glob").asText().replace(".", "\\.").replace("*", "[^/]*");
      globs.add(Pattern.compile(pattern).asMatchPredicate());
    }
    assertFits(globs);
    List<Predicate<String>> patterns = new ArrayList<>();
    for (JsonNode entry : json("resource-config.json").at("/resources/includes")) {
      patterns.add(Pattern.compile(entry.get("pattern").asText()).asMatchPredicate());
    }
    assertFits(patterns);
    assertEquals(globs.size(), patterns.size());
  }

  /** The bindings' entry points, which alone are left in the library, look up no Java class. */
  @Test
  void nativeCodeNeedsNoClass() throws IOException {
    String code = Files.readString(module().resolve("target/jni/jniMaqueNative.cpp"));
    Matcher entry = Pattern.compile("JNICALL Java_maque_runtime_MaqueNative_").matcher(code);
    assertTrue(entry.find());
    String bindings = code.substring(entry.start());
    for (String lookup : List.of("JavaCPP_getClass", "FindClass", "GetMethodID", "GetFieldID")) {
      assertFalse(bindings.contains(lookup), lookup);
    }
  }

  @Test
  void javaCodeLooksUpNoClass() throws IOException {
    try (Stream<Path> sources = Files.walk(module().resolve("src/main/java"))) {
      for (Path source : sources.filter(p -> p.toString().endsWith(".java")).toList()) {
        String code = Files.readString(source);
        for (String lookup : List.of("Class.forName", "loadClass(", ".getDeclared", "getMethod(")) {
          assertFalse(code.contains(lookup), source + ": " + lookup);
        }
      }
    }
  }
}
