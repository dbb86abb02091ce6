package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Models that come from the class path or a stream: what a file gives, or the same errors. */
class ResourceTest {
  private static final String NAME = "models/tiny.maque";
  private static final String TEXT = "red sparrow";

  @TempDir Path directory;

  private Path file;
  private byte[] content;

  @BeforeEach
  void pack() throws IOException {
    file = directory.resolve("tiny.maque");
    Path model = TinyModels.student(directory.resolve("model"), "sequence", "mean");
    ModelDirectory.pack(ModelDirectory.read(model), file);
    content = Files.readAllBytes(file);
  }

  /** A jar that holds the model. */
  private URLClassLoader jar() throws IOException {
    Path jar = directory.resolve("models.jar");
    try (ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(jar))) {
      out.putNextEntry(new ZipEntry(NAME));
      out.write(content);
    }
    return new URLClassLoader(new URL[] {jar.toUri().toURL()}, null);
  }

  @Test
  void answersAsTheFileDoes() throws IOException {
    try (URLClassLoader loader = jar();
        Student fromFile = Student.load(file);
        Student fromJar = Student.load(loader, NAME);
        Student fromStream =
            Student.of(ModelDirectory.read(new ByteArrayInputStream(content), NAME))) {
      assertArrayEquals(fromFile.logits(TEXT), fromJar.logits(TEXT));
      assertArrayEquals(fromFile.logits(TEXT), fromStream.logits(TEXT));
      assertEquals(
          ModelDirectory.read(file).fingerprint(), ModelDirectory.read(loader, NAME).fingerprint());
      assertEquals(Path.of(NAME), ModelDirectory.read(loader, NAME).path());
    }
  }

  /** Found as the class's own resources are: beside it. */
  @Test
  void standsBesideAClass() throws Exception {
    Path root =
        Path.of(ResourceTest.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    Path beside = Files.createTempFile(root.resolve("maque/runtime"), "tiny", ".maque");
    try {
      Files.write(beside, content);
      String name = beside.getFileName().toString();
      try (Student student = Student.load(ResourceTest.class, name);
          Student absolute = Student.load(ResourceTest.class, "/maque/runtime/" + name)) {
        assertArrayEquals(student.logits(TEXT), absolute.logits(TEXT));
      }
    } finally {
      Files.delete(beside);
    }
  }

  @Test
  void saysWhatIsMissing() throws IOException {
    try (URLClassLoader loader = jar()) {
      String message =
          assertThrows(ModelFormatException.class, () -> Student.load(loader, "/" + NAME))
              .getMessage();
      assertTrue(message.startsWith("/" + NAME + ": no such resource of the class l"), message);
    }
    assertEquals(
        "none.maque: no such resource of maque.runtime.ResourceTest",
        assertThrows(
                ModelFormatException.class, () -> Student.load(ResourceTest.class, "none.maque"))
            .getMessage());
  }

  /** Every truncation, and every byte changed somewhere. */
  @Test
  void damageIsATypedError() {
    for (int length = 0; length < content.length; length += 7) {
      byte[] cut = Arrays.copyOf(content, length);
      assertDamaged(cut);
    }
    for (int at = 0; at < content.length; at += 11) {
      byte[] flipped = content.clone();
      flipped[at] ^= 0x10;
      assertDamaged(flipped);
    }
    assertDamaged(Arrays.copyOf(content, content.length + 1));
  }

  private static void assertDamaged(byte[] bytes) {
    InputStream in = new ByteArrayInputStream(bytes);
    String message =
        assertThrows(ModelFormatException.class, () -> ModelDirectory.read(in, NAME)).getMessage();
    assertTrue(message.startsWith(NAME), message);
  }

  @Test
  void aStreamThatFailsIsATypedError() {
    InputStream broken =
        new InputStream() {
          @Override
          public int read() throws IOException {
            throw new IOException("connection reset");
          }
        };
    assertEquals(
        "m: cannot be read: connection reset",
        assertThrows(ModelFormatException.class, () -> ModelDirectory.read(broken, "m"))
            .getMessage());
  }
}
