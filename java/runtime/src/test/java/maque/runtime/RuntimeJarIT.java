package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarFile;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The jar as it is shipped: what its native libraries need and give, whether they load, how large
 * it is, and what its classes reach. Runs after {@code package}; what this machine lacks for a
 * check is an assumption, and counts as skipped.
 */
class RuntimeJarIT {
  private static final Map<String, Integer> MACHINES =
      Map.of("linux-x86_64", 62, "linux-arm64", 183);
  private static final Path MUSL = Path.of("/lib/x86_64-linux-musl/libc.so");
  private static final Path ROOT = Path.of(System.getProperty("maque.root"));
  private static final Path ARM64_LIBRARIES = Path.of("/usr/aarch64-linux-gnu");
  private static final long LARGEST = 3 << 20;

  /** The library of each platform in the jar. */
  private static final Map<String, byte[]> LIBRARIES = new TreeMap<>();

  private static final Map<String, byte[]> CLASSES = new TreeMap<>();
  private static Path jar;

  @TempDir Path directory;

  @BeforeAll
  static void read() throws IOException {
    jar = Path.of(System.getProperty("maque.jar"));
    try (JarFile file = new JarFile(jar.toFile())) {
      for (ZipEntry entry : (Iterable<ZipEntry>) file.stream().map(e -> (ZipEntry) e)::iterator) {
        String name = entry.getName();
        if (name.endsWith(".so")) {
          assertTrue(name.matches("maque/native/[^/]+/libjnimaque\\.so"), name);
          LIBRARIES.put(name.split("/")[2], file.getInputStream(entry).readAllBytes());
        } else if (name.endsWith(".class")) {
          CLASSES.put(name, file.getInputStream(entry).readAllBytes());
        }
      }
    }
  }

  private static boolean has(String program) {
    for (String entry : System.getenv("PATH").split(File.pathSeparator)) {
      if (Files.isExecutable(Path.of(entry, program))) {
        return true;
      }
    }
    return false;
  }

  @Test
  void holdsThisPlatform() {
    assertTrue(LIBRARIES.containsKey("linux-x86_64"), LIBRARIES.keySet().toString());
    assertTrue(MACHINES.keySet().containsAll(LIBRARIES.keySet()), LIBRARIES.keySet().toString());
  }

  @Test
  void holdsArm64WhereItCanBeCompiled() {
    assumeTrue("ON".equals(System.getProperty("maque.arm64")), "arm64 SKIPPED: -Dnative.arm64=OFF");
    assumeTrue(has("aarch64-linux-gnu-g++"), "arm64 SKIPPED: no aarch64-linux-gnu-g++");
    assertTrue(LIBRARIES.containsKey("linux-arm64"), LIBRARIES.keySet().toString());
  }

  /** It must load anywhere: libc and libm alone, no symbol of a new glibc. */
  @Test
  void librariesNeedTheCLibraryAlone() {
    LIBRARIES.forEach(
        (platform, content) -> {
          Elf elf = new Elf(content);
          assertEquals(MACHINES.get(platform), elf.machine(), platform);
          assertEquals(Set.of("libc.so.6", "libm.so.6"), Set.copyOf(elf.needed()), platform);
          assertFalse(elf.versions().isEmpty(), platform);
          for (String version : elf.versions()) {
            assertTrue(version.matches("GLIBC_2\\.\\d+(\\.\\d+)?"), platform + ": " + version);
            int minor = Integer.parseInt(version.split("[._]")[2]);
            assertTrue(minor <= 28, platform + ": " + version);
          }
        });
  }

  @Test
  void librariesGiveTheBindingsAlone() {
    LIBRARIES.forEach(
        (platform, content) -> {
          Elf elf = new Elf(content);
          assertTrue(elf.exported().size() > 10, platform);
          for (String symbol : elf.exported()) {
            assertTrue(
                symbol.startsWith("Java_maque_runtime_MaqueNative_"), platform + ": " + symbol);
          }
          assertFalse(elf.executableStack(), platform);
        });
  }

  /** Nothing that ends the process, starts a thread, a process or a connection, or loads code. */
  @Test
  void librariesCannotHurtTheProcess() {
    String never =
        "_*(abort|exit|_exit|_Exit|quick_exit|assert_fail|raise|kill|signal|sigaction|longjmp|fork|vfork"
            + "|system|popen|execv.*|pthread_create|dlopen|dlsym|socket|connect|open|open64|fopen|fopen64"
            + "|stack_chk_fail|chk_fail|printf_chk)";
    LIBRARIES.forEach(
        (platform, content) -> {
          List<String> undefined = new Elf(content).undefined();
          assertTrue(undefined.contains("free"), undefined.toString());
          for (String symbol : undefined) {
            assertFalse(symbol.matches(never), platform + ": " + symbol);
          }
        });
  }

  @Test
  void isSmall() throws IOException {
    assertTrue(Files.size(jar) < LARGEST, Files.size(jar) + " bytes, at most " + LARGEST);
  }

  /** A name in a class file's constants is all that it can reach. */
  @Test
  void classesReachNoNetwork() {
    assertTrue(CLASSES.size() > 30, CLASSES.keySet().toString());
    CLASSES.forEach(
        (name, content) -> {
          String constants = new String(content, StandardCharsets.ISO_8859_1);
          for (String network :
              List.of(
                  "java/net/",
                  "java/nio/channels/Socket",
                  "java/nio/channels/ServerSocket",
                  "java/rmi/")) {
            assertFalse(constants.contains(network), name + " names " + network);
          }
        });
  }

  /** Alpine's C library has every symbol that glibc's would be asked for. */
  @Test
  void muslHasTheSymbols() throws IOException {
    assumeTrue(Files.isRegularFile(MUSL), "musl SKIPPED: no " + MUSL + " (musl)");
    Set<String> musl = Set.copyOf(new Elf(Files.readAllBytes(MUSL)).exported());
    assertTrue(musl.contains("memcpy"), MUSL.toString());
    LIBRARIES.forEach(
        (platform, content) -> {
          List<String> missing = new ArrayList<>(new Elf(content).undefined());
          missing.removeAll(musl);
          assertEquals(List.of(), missing, platform);
        });
  }

  @Test
  void loadsWithGlibc() throws Exception {
    assertLoads("linux-x86_64", List.of("cc"), List.of(), "(ref|avx2|avx512)");
  }

  /** What a program on Alpine does: musl's dynamic linker takes glibc's names for its own. */
  @Test
  void loadsWithMusl() throws Exception {
    assumeTrue(has("musl-gcc"), "musl SKIPPED: no musl-gcc (musl-tools)");
    assertLoads("linux-x86_64", List.of("musl-gcc"), List.of(), "(ref|avx2|avx512)");
  }

  @Test
  void loadsOnArm64() throws Exception {
    assumeTrue(
        LIBRARIES.containsKey("linux-arm64") && has("aarch64-linux-gnu-gcc"),
        "arm64 SKIPPED: no aarch64-linux-gnu-gcc");
    assumeTrue(has("qemu-aarch64"), "arm64 SKIPPED: no qemu-aarch64");
    for (String cpu : List.of("cortex-a57", "neoverse-n1", "max")) {
      List<String> qemu = List.of("qemu-aarch64", "-L", ARM64_LIBRARIES.toString(), "-cpu", cpu);
      assertLoads("linux-arm64", List.of("aarch64-linux-gnu-gcc"), qemu, "neon");
    }
  }

  private void assertLoads(String platform, List<String> compiler, List<String> runner, String isa)
      throws Exception {
    Path library = Files.write(directory.resolve("libjnimaque.so"), LIBRARIES.get(platform));
    Path program = directory.resolve("load");
    Path headers = Path.of(System.getProperty("java.home"), "include");
    List<String> compile = new ArrayList<>(compiler);
    compile.addAll(
        List.of("-I" + headers, "-I" + headers.resolve("linux"), "-o", program.toString()));
    compile.addAll(List.of(ROOT.resolve("java/runtime/src/test/native/load.c").toString(), "-ldl"));
    assertEquals("", run(compile));
    List<String> load = new ArrayList<>(runner);
    load.addAll(List.of(program.toString(), library.toString()));
    String output = run(load);
    assertTrue(output.matches("ok " + isa + "\n"), load + ": " + output);
  }

  /** Output of a command, which is given a minute. */
  private static String run(List<String> command) throws Exception {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertTrue(process.waitFor(60, TimeUnit.SECONDS), command + " does not end");
    return process.exitValue() == 0 ? output : output + "exit status " + process.exitValue();
  }
}
