package maque.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class CharTablesTest {
  /** The generator asks the Hugging Face tokenizer about every Unicode scalar value. */
  @Test
  void theTablesAreThoseOfTheHuggingFaceTokenizer() throws IOException {
    String[] expected = CharTableGenerator.generate().split("\n");
    String[] actual;
    try (InputStream in = CharTables.class.getResourceAsStream("char-tables.txt")) {
      actual = new String(in.readAllBytes(), StandardCharsets.US_ASCII).split("\n");
    }
    assertEquals(expected.length, actual.length);
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], actual[i]);
    }
  }
}
