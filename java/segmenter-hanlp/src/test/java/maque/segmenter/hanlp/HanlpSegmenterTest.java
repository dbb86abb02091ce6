package maque.segmenter.hanlp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.hankcs.hanlp.HanLP;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import maque.runtime.MissingSegmenterException;
import maque.runtime.Segmenter;
import maque.runtime.Segmenters;
import maque.runtime.TextEncoder;
import maque.runtime.TextEncoders;
import org.junit.jupiter.api.Test;

class HanlpSegmenterTest {
  private final Segmenter segmenter = Segmenters.find("hanlp");

  @Test
  void chineseSentences() {
    assertEquals(
        List.of("今天", "天气", "很好", "，", "我们", "去", "公园", "散步", "吧", "！"),
        segmenter.segment("今天天气很好，我们去公园散步吧！"));
    assertEquals(
        List.of("小明", "买了", "3", "台", "iPhone", "15", "，", "花", "了", "2.5", "万元", "。"),
        segmenter.segment("小明买了3台iPhone 15，花了2.5万元。"));
    assertEquals(List.of("hello", "world"), segmenter.segment("  hello\u3000world\n"));
    assertEquals(List.of(), segmenter.segment(""));
  }

  @Test
  void nothingIsLostButSpaces() {
    Random random = new Random(5);
    for (int i = 0; i < 2000; i++) {
      StringBuilder text = new StringBuilder();
      for (int n = random.nextInt(30); n > 0; n--) {
        switch (random.nextInt(4)) {
          case 0 -> text.append((char) ('一' + random.nextInt(20_000)));
          case 1 -> text.append((char) random.nextInt(Character.MAX_VALUE));
          case 2 -> text.append((char) ('!' + random.nextInt(94)));
          default -> text.appendCodePoint(0x1F300 + random.nextInt(768));
        }
      }
      String words = String.join("", segmenter.segment(text));
      assertEquals(withoutSpaces(text.toString()), withoutSpaces(words));
    }
  }

  private static String withoutSpaces(String text) {
    StringBuilder kept = new StringBuilder();
    text.codePoints().filter(c -> !Character.isWhitespace(c)).forEach(kept::appendCodePoint);
    return kept.toString();
  }

  @Test
  void versionAndHashNameTheDictionaries() {
    assertEquals("portable-1.8.4", segmenter.version());
    assertEquals("a6b5ac0dd6398967ea9897c6276b8f6f", segmenter.hash());
    assertTrue(HanLP.Config.CoreDictionaryPath.startsWith("data/"), "not the jar's own");
  }

  @Test
  void aModelOfAnotherDictionaryIsRefused() {
    Map<String, Object> tokenizer = new HashMap<>();
    tokenizer.put("type", "words");
    tokenizer.put("segmenter", "hanlp");
    tokenizer.put("segmenter_version", segmenter.version());
    tokenizer.put("segmenter_hash", segmenter.hash());
    Map<String, Object> config = Map.of("model_type", "maque-document", "tokenizer", tokenizer);
    List<String> vocab = List.of("天气", "公园");
    TextEncoder encoder = TextEncoders.of(config, vocab);
    assertEquals(2, encoder.encode("今天天气很好，我们去公园散步吧！").ids().length);
    tokenizer.put("segmenter_hash", "0000");
    assertThrows(MissingSegmenterException.class, () -> TextEncoders.of(config, vocab));
  }

  @Test
  void nothingIsPrinted() {
    PrintStream out = System.out;
    PrintStream err = System.err;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    try (PrintStream stream = new PrintStream(printed, true, StandardCharsets.UTF_8)) {
      System.setOut(stream);
      System.setErr(stream);
      segmenter.segment("张伟和克里斯蒂安·罗纳尔多在北京大学图书馆学习");
      segmenter.hash();
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
    assertEquals("", printed.toString(StandardCharsets.UTF_8));
  }

  @Test
  void threadsShareASegmenter() throws Exception {
    List<String> texts = new ArrayList<>();
    List<List<String>> expected = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      texts.add("南京市长江大桥第" + i + "次检修，王小明在现场报道。");
      expected.add(segmenter.segment(texts.get(i)));
    }
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try {
      List<Future<?>> runs = new ArrayList<>();
      for (int thread = 0; thread < 4; thread++) {
        runs.add(
            threads.submit(
                () -> {
                  for (int i = 0; i < 1000; i++) {
                    assertEquals(expected.get(i % 50), segmenter.segment(texts.get(i % 50)));
                  }
                }));
      }
      for (Future<?> run : runs) {
        run.get();
      }
    } finally {
      threads.shutdownNow();
    }
  }
}
