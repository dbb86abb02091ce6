package maque.segmenter.hanlp;

import com.hankcs.hanlp.HanLP;
import com.hankcs.hanlp.seg.Segment;
import com.hankcs.hanlp.seg.common.Term;
import java.util.ArrayList;
import java.util.List;
import maque.runtime.PosTagger;

/**
 * Chinese parts of speech by HanLP's standard segmenter and tagger, a hidden Markov model on the
 * dictionaries inside HanLP's jar; the tags are those of the Institute of Computing Technology
 * ({@code n}, {@code v}, {@code nr}, ...). Nothing is read before the first text. Thread-safe.
 */
public final class HanlpTagger implements PosTagger {
  /** For {@link java.util.ServiceLoader}. */
  public HanlpTagger() {}

  @Override
  public String name() {
    return "hanlp";
  }

  @Override
  public String language() {
    return "zh";
  }

  /** That of HanLP and of its dictionaries. */
  @Override
  public String version() {
    HanlpSegmenter segmenter = new HanlpSegmenter();
    return segmenter.version() + " " + segmenter.hash();
  }

  @Override
  public List<Word> tag(String text) {
    List<Word> words = new ArrayList<>();
    int from = 0;
    for (Term term : Model.SEGMENT.seg(text)) {
      int begin = text.indexOf(term.word, from);
      if (begin < 0 || term.word.isBlank()) {
        continue; // white space, or a form that the text does not have
      }
      from = begin + term.word.length();
      words.add(new Word(begin, from, String.valueOf(term.nature)));
    }
    return words;
  }

  /** Loads the dictionaries, about a second, when the first text comes. */
  private static final class Model {
    static final Segment SEGMENT = HanLP.newSegment().enablePartOfSpeechTagging(true);
  }
}
