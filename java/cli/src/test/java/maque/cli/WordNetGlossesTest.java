package maque.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import maque.cli.WordNetGlosses.Gloss;
import maque.cli.WordNetGlosses.Sizes;
import maque.cli.WordNetGlosses.Split;
import org.junit.jupiter.api.Test;

class WordNetGlossesTest {
  private static final String NOUNS =
      """
        1 This software is licensed | by someone
      00001740 03 n 01 entity 0 000 | that which exists
      00211959 04 n 01 completion 0 001 @ 00210792 n 0000 | a concluding action; "the completion of it"
      00212311 05 n 01 cat 0 001 @ 00211959 n 0000 | a small animal; also a pet; "cats"; "my cat"
      00212312 05 n 01 dog 0 001 @ 00211959 n 0000 | a small animal; also a pet
      00212313 04 n 01 thing 0 001 @ 00211959 n 0000 | either of two
      00212314 05 n 01 thing 1 001 @ 00211959 n 0000 | either of two; "pick one"
      """;

  @Test
  void readsDefinitionsWithoutExamplesRepeatsOrAmbiguousOnes() throws IOException {
    List<Gloss> glosses = WordNetGlosses.parse(new BufferedReader(new StringReader(NOUNS)));
    assertEquals(
        List.of(
            new Gloss("a concluding action", "act"),
            new Gloss("a small animal; also a pet", "animal")),
        glosses);
  }

  @Test
  void setsShareNoTextAndHaveTheirSizes() {
    Split split = WordNetGlosses.split(glosses(20), new Sizes(5, 4, 6), 1);
    assertEquals(50, split.train().size());
    assertEquals(40, split.test().size());
    assertEquals(60, split.unlabelled().size());
    Set<String> seen = new HashSet<>();
    for (List<Gloss> set : List.of(split.train(), split.test(), split.unlabelled())) {
      set.forEach(gloss -> assertTrue(seen.add(gloss.text()), gloss.text()));
    }
    assertEquals(5, split.train().stream().filter(g -> g.field().equals("plant")).count());
  }

  @Test
  void theSeedDecides() {
    List<Gloss> glosses = glosses(20);
    Sizes sizes = new Sizes(5, 4, 6);
    assertEquals(WordNetGlosses.split(glosses, sizes, 1), WordNetGlosses.split(glosses, sizes, 1));
    assertNotEquals(
        WordNetGlosses.split(glosses, sizes, 1), WordNetGlosses.split(glosses, sizes, 2));
  }

  @Test
  void tooFewGlossesAreAnError() {
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class,
            () -> WordNetGlosses.split(glosses(8), new Sizes(5, 4, 6), 1));
    assertEquals("field act has 8 glosses, 9 are needed", e.getMessage());
  }

  private static List<Gloss> glosses(int perField) {
    List<Gloss> glosses = new ArrayList<>();
    for (String field : WordNetGlosses.fields()) {
      for (int i = 0; i < perField; i++) {
        glosses.add(new Gloss(field + " number " + i, field));
      }
    }
    return glosses;
  }
}
