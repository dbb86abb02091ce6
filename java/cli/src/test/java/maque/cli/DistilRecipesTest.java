package maque.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class DistilRecipesTest {
  private static boolean reads(String given, long bytes) {
    return DistilRecipes.sizes(StudentRecipe.of(given), bytes).stream()
        .anyMatch(size -> size.contains("--ngrams"));
  }

  @Test
  void aBudgetTriesNGramsWhereTheirTableFits() {
    assertTrue(reads("", Long.MAX_VALUE));
    assertTrue(reads("--kind sequence", 9_000_000));
    assertFalse(reads("", 8_900_000));
    assertFalse(reads("--ngrams none", Long.MAX_VALUE));
    assertEquals(List.of(""), DistilRecipes.sizes(StudentRecipe.of("--kind bag"), Long.MAX_VALUE));
  }

  @Test
  void nGramsStandBesideABiLstmWhereAskedFor() {
    for (boolean ngrams : new boolean[] {true, false}) {
      DistilRecipes recipes =
          DistilRecipes.of(
              StudentRecipe.of(""), List.of("", "--ngrams 1-2", "--kind bag"), List.of(), ngrams);
      List<StudentRecipe> distilled = recipes.distilled();
      assertEquals(ngrams, distilled.get(0).options(true, 1, null).ngrams() != null);
      assertEquals(2, distilled.get(1).options(true, 1, null).ngrams().max());
      assertEquals(3, distilled.get(2).options(true, 1, null).ngrams().max());
    }
  }

  @Test
  void anOptionThatIsGivenAgainTakesTheOthersPlace() {
    StudentRecipe first =
        StudentRecipe.of("--kind document --dropout 0.1,0,0 --train-vectors --lr-scale a=2");
    assertEquals(
        "--train-vectors --lr-scale a=2 --epochs=3 --kind bag --dropout 0 --lr-scale b=3",
        first
            .with(StudentRecipe.of("--epochs=3 --kind bag --dropout 0 --lr-scale b=3"))
            .toString());
    assertEquals(first.toString(), first.with(StudentRecipe.of("")).toString());
  }
}
