package maque.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import maque.runtime.InvalidInputException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CrossFitTest {
  private static final int TEXTS = 60;
  private static final List<String> LABELS = List.of("x", "y", "z");

  @TempDir Path directory;

  /** Texts of three classes, the first third of them twice, the second time with another label. */
  private static DataSet data() {
    List<Example> examples = new ArrayList<>();
    for (int i = 0; i < TEXTS; i++) {
      examples.add(new Example("text " + i, i % 3));
    }
    for (int i = 0; i < TEXTS / 3; i++) {
      examples.add(new Example("text " + i, (i + 1) % 3));
    }
    return DataSet.of("data", examples, LABELS);
  }

  @Test
  void everyTextIsInOneFoldAndNowhereElse() {
    DataSet data = data();
    Folds folds = Folds.of(data, 4, 7);
    Set<String> met = new HashSet<>();
    for (int fold = 0; fold < 4; fold++) {
      Texts part = folds.part(fold);
      DataSet rest = folds.without(fold);
      assertEquals(TEXTS / 4, part.size());
      int[] classes = new int[3];
      for (int i = 0; i < part.size(); i++) {
        String text = part.get(i);
        assertTrue(met.add(text), text);
        assertEquals(fold, folds.of(text));
        assertTrue(rest.examples().stream().noneMatch(each -> each.text().equals(text)), text);
        classes[Integer.parseInt(text.substring(5)) % 3]++;
      }
      assertArrayEquals(new int[] {5, 5, 5}, classes, "each class is spread over all folds");
      long held =
          data.examples().stream().filter(e -> folds.of(e.text()) == folds.of(part.get(0))).count();
      assertEquals(data.size() - held, rest.size(), "the rest is all else");
    }
    assertEquals(TEXTS, met.size());
    assertEquals(-1, folds.of("another text"));
  }

  @Test
  void theSeedDecides() {
    Folds folds = Folds.of(data(), 4, 7);
    assertEquals(folds.hash(), Folds.of(data(), 4, 7).hash());
    assertNotEquals(folds.hash(), Folds.of(data(), 4, 8).hash());
    assertNotEquals(folds.hash(), Folds.of(data(), 5, 7).hash());
    Folds other = Folds.of(data(), 4, 8);
    assertTrue(
        IntStream.range(0, TEXTS)
                .filter(i -> folds.of("text " + i) != other.of("text " + i))
                .count()
            > TEXTS / 2);
  }

  @Test
  void whatCannotBeDealtIsRefused() {
    for (int count : new int[] {1, 0, -3, 101}) {
      assertThrows(InvalidInputException.class, () -> Folds.of(data(), count, 1));
    }
    assertThrows(InvalidInputException.class, () -> Folds.of(data(), 61, 1));
    DataSet two =
        DataSet.of("two", List.of(new Example("a", 0), new Example("b", 1)), List.of("x", "y"));
    String message =
        assertThrows(InvalidInputException.class, () -> Folds.of(two, 2, 1)).getMessage();
    assertTrue(message.contains("two.without-1") && message.contains("one class"), message);
  }

  /** A teacher that says its number, and the text's, of every text that it may be asked for. */
  private static LogitSource teacher(int number) {
    return new LogitSource() {
      @Override
      public TeacherKey key() {
        return new TeacherKey("teacher " + number, "", 0, LABELS);
      }

      @Override
      public boolean read(String text, float[] out, int offset) {
        if (text.equals("unscored")) {
          return false;
        }
        out[offset] = number;
        out[offset + 1] = text.length();
        out[offset + 2] = -number;
        return true;
      }
    };
  }

  private static List<CrossFit.Member> members(Folds folds) {
    List<CrossFit.Member> members = new ArrayList<>();
    for (int fold = 0; fold < folds.count(); fold++) {
      members.add(new CrossFit.Member(teacher(fold), folds, fold));
    }
    return members;
  }

  private static float answer(LogitSource source, String text) {
    float[] out = new float[4];
    assertTrue(source.read(text, out, 1), text);
    assertEquals(0, out[0]);
    assertEquals(text.length(), out[2]);
    assertEquals(0, out[1] + out[3]);
    return out[1];
  }

  @Test
  void onlyTeachersThatDidNotSeeTheLabelAnswer() {
    Folds folds = Folds.of(data(), 4, 7);
    Folds others = Folds.of(data(), 4, 8);
    List<CrossFit.Member> members = members(folds);
    LogitSource once = CrossFit.of(members);
    members.add(new CrossFit.Member(teacher(9), folds, CrossFit.NONE));
    LogitSource withOneThatSawAll = CrossFit.of(members);
    for (int fold = 0; fold < 4; fold++) {
      members.add(new CrossFit.Member(teacher(10 + fold), others, fold));
    }
    LogitSource twice = CrossFit.of(members);
    for (int i = 0; i < TEXTS; i++) {
      String text = "text " + i;
      assertEquals(folds.of(text), answer(once, text));
      assertEquals(folds.of(text), answer(withOneThatSawAll, text));
      assertEquals((folds.of(text) + 10 + others.of(text)) / 2f, answer(twice, text));
    }
    assertEquals((0 + 1 + 2 + 3) / 4f, answer(once, "unlabelled"));
    assertEquals((0 + 1 + 2 + 3 + 9) / 5f, answer(withOneThatSawAll, "unlabelled"));
    float[] out = {5, 5, 5};
    assertFalse(once.read("unscored", out, 0));
    LogitSource sawAll =
        CrossFit.of(List.of(new CrossFit.Member(teacher(1), folds, CrossFit.NONE)));
    assertFalse(sawAll.read("text 1", out, 0), "no teacher may answer for its own labels");
    assertArrayEquals(new float[] {5, 5, 5}, out);
  }

  @Test
  void theKeyIsThatOfAllMembersAndFolds() {
    Folds folds = Folds.of(data(), 4, 7);
    List<CrossFit.Member> members = members(folds);
    String key = CrossFit.of(members).key().teacher();
    List<CrossFit.Member> turned = new ArrayList<>(members);
    Collections.reverse(turned);
    assertEquals(key, CrossFit.of(turned).key().teacher());
    assertNotEquals(key, CrossFit.of(members(Folds.of(data(), 4, 8))).key().teacher());
    assertNotEquals(key, CrossFit.of(members.subList(0, 3)).key().teacher());
    assertThrows(InvalidInputException.class, () -> CrossFit.of(List.of()));
    assertThrows(InvalidInputException.class, () -> new CrossFit.Member(teacher(1), folds, 4));
  }

  @Test
  void whatTheySayTogetherIsCopiedOnce() {
    Folds folds = Folds.of(data(), 4, 7);
    LogitSource together = CrossFit.of(members(folds));
    try (LogitStore store = LogitStore.openForWriting(directory, together.key())) {
      assertEquals(TEXTS, SoftTargets.copy(store, together, data()));
      assertEquals(0, SoftTargets.copy(store, together, data()));
      for (int i = 0; i < TEXTS; i++) {
        assertEquals(answer(together, "text " + i), answer(store, "text " + i));
      }
      Texts unscored = Texts.of(List.of("new", "unscored"));
      String message =
          assertThrows(
                  InvalidInputException.class, () -> SoftTargets.copy(store, together, unscored))
              .getMessage();
      assertTrue(message.contains("text 2"), message);
    }
  }
}
