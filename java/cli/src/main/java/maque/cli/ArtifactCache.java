package maque.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/**
 * Fetches artifacts with the user's own Maven (its mirrors and proxies hold), keeps them, and
 * checks each use by SHA-256.
 */
final class ArtifactCache {
  /** The version that the build uses too, so that one download serves both. */
  private static final String COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.9.0:copy";

  private final Path folder;
  private final Console console;
  private final String maven;

  ArtifactCache(Path folder, Console console) {
    this(folder, console, "mvn");
  }

  /** With another program in Maven's place. */
  ArtifactCache(Path folder, Console console, String maven) {
    this.folder = folder;
    this.console = console;
    this.maven = maven;
  }

  /** {@code $MAQUE_CACHE}, or {@code ~/.cache/maque}. */
  static Path defaultFolder() {
    String set = System.getenv("MAQUE_CACHE");
    return set != null && !set.isEmpty()
        ? Path.of(set)
        : Path.of(System.getProperty("user.home"), ".cache", "maque");
  }

  /** The artifact's file, fetched if it is not there yet or is damaged. */
  Path get(Artifact artifact) throws IOException {
    Path file = folder.resolve("artifacts").resolve(artifact.fileName());
    if (Files.exists(file)) {
      if (sha256(file).equals(artifact.sha256())) {
        console.line(artifact.coordinates() + ": in the cache, SHA-256 checked (" + file + ")");
        return file;
      }
      console.line(file + ": its SHA-256 is not the expected one; fetching it again");
    }
    fetch(artifact, file);
    return file;
  }

  private void fetch(Artifact artifact, Path file) throws IOException {
    console.line(artifact.coordinates() + ": fetching by Maven ...");
    Files.createDirectories(file.getParent());
    Path temporary = Files.createTempDirectory(file.getParent(), "fetch");
    try {
      maven(artifact, temporary);
      Path fetched = temporary.resolve(artifact.fileName());
      String found = sha256(fetched);
      if (!found.equals(artifact.sha256())) {
        throw new IOException(
            artifact.coordinates() + ": SHA-256 " + found + ", expected " + artifact.sha256());
      }
      Files.move(
          fetched, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
      console.line(
          String.format(
              "%s: %.1f MB, SHA-256 checked (%s)",
              artifact.coordinates(), Files.size(file) / 1e6, file));
    } finally {
      Files.deleteIfExists(temporary.resolve(artifact.fileName()));
      Files.deleteIfExists(temporary.resolve("maven.log"));
      Files.deleteIfExists(temporary);
    }
  }

  private void maven(Artifact artifact, Path folder) throws IOException {
    Path log = folder.resolve("maven.log");
    List<String> command =
        List.of(
            maven,
            "-B",
            "-q",
            "-Dstyle.color=never",
            COPY,
            "-Dartifact=" + artifact.coordinates() + ":jar",
            "-DoutputDirectory=" + folder);
    int status;
    try {
      // In a folder without a pom, so that no project's settings play a part.
      Process process =
          new ProcessBuilder(command)
              .directory(folder.toFile())
              .redirectErrorStream(true)
              .redirectOutput(log.toFile())
              .start();
      process.getOutputStream().close();
      status = process.waitFor();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while Maven fetched " + artifact.coordinates(), e);
    } catch (IOException e) {
      throw new IOException(
          "cannot run " + maven + " (" + e.getMessage() + "); " + byHand(artifact), e);
    }
    if (status != 0 || !Files.exists(folder.resolve(artifact.fileName()))) {
      throw new IOException(
          "Maven could not fetch "
              + artifact.coordinates()
              + " ("
              + firstError(Files.readString(log))
              + "); "
              + byHand(artifact));
    }
  }

  private String byHand(Artifact artifact) {
    return "by hand: put Maven Central's "
        + artifact.path()
        + " into "
        + folder.resolve("artifacts");
  }

  private static String firstError(String log) {
    return log.lines()
        .filter(line -> line.startsWith("[ERROR]"))
        .findFirst()
        .map(line -> line.substring("[ERROR]".length()).strip())
        .orElse("no message");
  }

  /** The file's SHA-256 in lower-case hexadecimal. */
  static String sha256(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      byte[] buffer = new byte[1 << 16];
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        digest.update(buffer, 0, read);
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
