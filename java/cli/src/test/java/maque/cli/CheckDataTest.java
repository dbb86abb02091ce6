package maque.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckDataTest {
  @TempDir private Path folder;

  private Path file(String name, String... lines) throws IOException {
    return Files.write(folder.resolve(name), List.of(lines));
  }

  private static JsonNode json(Object... args) throws IOException {
    Tiny.Outcome outcome = Tiny.maque(args);
    assertEquals(0, outcome.code(), outcome.err());
    return new ObjectMapper().readTree(outcome.out());
  }

  @Test
  void repeatsConflictsAndSharedTexts() throws IOException {
    Path train =
        file("train.csv", "text,label", "cat,animal", "cat,animal", "fern,plant", "fern,animal");
    Path test = file("test.csv", "text,label", "cat,plant", "moss,plant", "fern,plant");
    JsonNode checked = json("check-data", train, "--test", test, "--json");
    JsonNode first = checked.path("files").path(0);
    assertEquals(4, first.path("rows").asInt());
    assertEquals(2, first.path("distinct_texts").asInt());
    assertEquals(2, first.path("repeats").asInt());
    assertEquals(1, first.path("texts_with_two_labels").asInt());
    assertEquals(3, first.path("classes").path("animal").asInt());
    assertEquals(4, first.path("characters").path("max").asInt());
    JsonNode shared = checked.path("shared").path(0);
    assertEquals(2, shared.path("rows").asInt());
    assertEquals(1, shared.path("other_label").asInt());
    assertEquals("animal and plant: cat", shared.path("examples").path(0).asText());
    Tiny.Outcome text = Tiny.maque("check-data", train, "--test", test);
    assertTrue(text.out().contains("2 (50.00 %)"), text.out());
    assertTrue(text.out().contains("2, 1 with another label"), text.out());
  }

  @Test
  void aTokenizerTellsWhatIsCutAndUnknown() throws IOException {
    Path encoder = folder.resolve("encoder");
    Tiny.maque("import", Tiny.huggingFace(folder.resolve("hf")), "--out", encoder);
    Path lines = file("texts.txt", "the cat", "the zebra", "the " + "old ".repeat(200));
    JsonNode tokens =
        json("check-data", lines, "--model", encoder, "--json")
            .path("files")
            .path(0)
            .path("tokens");
    assertEquals(1, tokens.path("unknown_tokens").asInt(), tokens.toString());
    assertEquals(1, tokens.path("unknown_texts").asInt());
    assertEquals(1, tokens.path("cut_texts").asInt());
    assertEquals(203, tokens.path("lengths").path("max").asInt());
    assertEquals(203 - tokens.path("max_tokens").asInt(), tokens.path("cut_tokens").asInt());
  }

  @Test
  void anEmptyFileAndAMissingOneAreTold() throws IOException {
    for (String name : List.of("empty.txt", "missing.txt")) {
      if (name.startsWith("empty")) {
        file(name);
      }
      Tiny.Outcome outcome = Tiny.maque("check-data", folder.resolve(name));
      assertEquals(1, outcome.code());
      assertTrue(outcome.errorLine().contains(name), outcome.err());
    }
  }
}
