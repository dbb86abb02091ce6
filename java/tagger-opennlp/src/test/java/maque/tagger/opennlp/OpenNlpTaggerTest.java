package maque.tagger.opennlp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.ServiceLoader;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import maque.runtime.PosTagger;
import org.junit.jupiter.api.Test;

class OpenNlpTaggerTest {
  private static final String TEXT = "The small bird is singing,  and it flies quickly.";

  private final PosTagger tagger = new OpenNlpTagger();

  @Test
  void isFoundAndSaysWhatItIs() {
    assertTrue(
        ServiceLoader.load(PosTagger.class).stream()
            .anyMatch(provider -> provider.type() == OpenNlpTagger.class));
    assertEquals("opennlp", tagger.name());
    assertEquals("en", tagger.language());
    assertTrue(tagger.version().matches("\\d+\\.\\d+\\.\\d+ .*\\.bin"), tagger.version());
  }

  @Test
  void wordsAndTags() {
    String said =
        tagger.tag(TEXT).stream()
            .map(word -> TEXT.substring(word.begin(), word.end()) + "/" + word.tag())
            .collect(Collectors.joining(" "));
    assertEquals(
        "The/DET small/ADJ bird/NOUN is/AUX singing/VERB ,/PUNCT and/CCONJ it/PRON flies/VERB"
            + " quickly/ADV ./PUNCT",
        said);
  }

  @Test
  void anyTextHasAnAnswer() {
    assertEquals(List.of(), tagger.tag(""));
    assertEquals(List.of(), tagger.tag(" \n\t "));
    String odd = "\uD800 \uD83D\uDE00\u0000x 鸟";
    int end = 0;
    for (PosTagger.Word word : tagger.tag(odd)) {
      assertTrue(word.begin() >= end && word.end() > word.begin(), odd);
      end = word.end();
    }
    assertTrue(end <= odd.length());
  }

  @Test
  void threadsGetTheSame() throws Exception {
    List<PosTagger.Word> expected = tagger.tag(TEXT);
    ExecutorService pool = Executors.newFixedThreadPool(4);
    try {
      List<Callable<List<PosTagger.Word>>> calls =
          IntStream.range(0, 200)
              .<Callable<List<PosTagger.Word>>>mapToObj(i -> () -> tagger.tag(TEXT))
              .toList();
      for (var result : pool.invokeAll(calls)) {
        assertEquals(expected, result.get());
      }
    } finally {
      pool.shutdownNow();
    }
  }
}
