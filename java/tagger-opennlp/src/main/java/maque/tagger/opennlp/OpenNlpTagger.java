package maque.tagger.opennlp;

import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import maque.runtime.MaqueException;
import maque.runtime.PosTagger;
import opennlp.tools.postag.POSModel;
import opennlp.tools.postag.POSTaggerME;
import opennlp.tools.tokenize.SimpleTokenizer;
import opennlp.tools.util.Span;
import opennlp.tools.util.Version;

/**
 * English parts of speech by OpenNLP's maximum-entropy tagger with the model that the OpenNLP
 * project publishes for the English Web Treebank of Universal Dependencies; the tags are the
 * universal ones ({@code NOUN}, {@code VERB}, ...). A word is a run of letters, of digits or of
 * other signs. Nothing is read before the first text. Thread-safe.
 */
public final class OpenNlpTagger implements PosTagger {
  private static final String MODEL = "opennlp-en-ud-ewt-pos-1.3-2.5.4.bin";

  private final Queue<POSTaggerME> idle = new ConcurrentLinkedQueue<>();

  /** For {@link java.util.ServiceLoader}. */
  public OpenNlpTagger() {}

  @Override
  public String name() {
    return "opennlp";
  }

  @Override
  public String language() {
    return "en";
  }

  @Override
  public String version() {
    return Version.currentVersion() + " " + MODEL;
  }

  @Override
  public List<Word> tag(String text) {
    Span[] spans = SimpleTokenizer.INSTANCE.tokenizePos(text);
    String[] tokens = Span.spansToStrings(spans, text);
    POSTaggerME tagger = idle.poll();
    if (tagger == null) {
      tagger = new POSTaggerME(Model.MODEL);
    }
    String[] tags = tagger.tag(tokens);
    idle.add(tagger);
    List<Word> words = new ArrayList<>(spans.length);
    for (int i = 0; i < spans.length; i++) {
      words.add(new Word(spans[i].getStart(), spans[i].getEnd(), tags[i]));
    }
    return words;
  }

  private static final class Model {
    static final POSModel MODEL = load();

    private static POSModel load() {
      try (InputStream in = OpenNlpTagger.class.getResourceAsStream("/" + OpenNlpTagger.MODEL)) {
        if (in == null) {
          throw new MaqueException(
              OpenNlpTagger.MODEL + " is missing: add org.apache.opennlp:opennlp-models-pos-en");
        }
        return new POSModel(in);
      } catch (IOException e) {
        throw new MaqueException("cannot read " + OpenNlpTagger.MODEL, e);
      }
    }
  }
}
