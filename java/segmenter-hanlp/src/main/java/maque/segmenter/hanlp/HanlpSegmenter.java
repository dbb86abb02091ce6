package maque.segmenter.hanlp;

import com.hankcs.hanlp.HanLP;
import com.hankcs.hanlp.corpus.io.IIOAdapter;
import com.hankcs.hanlp.seg.Segment;
import com.hankcs.hanlp.seg.common.Term;
import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Properties;
import maque.runtime.MaqueException;
import maque.runtime.Segmenter;

/**
 * Chinese words by HanLP's standard segmenter (shortest path through a lattice of words by a bigram
 * model) without part-of-speech tags, on the dictionaries that its configuration names: those
 * inside HanLP's jar unless a {@code hanlp.properties} says otherwise. Words of white space only
 * are left out. Nothing is read before the first text; nothing is fetched or printed. Thread-safe.
 */
public final class HanlpSegmenter implements Segmenter {
  private static final String PROPERTIES = "/META-INF/maven/com.hankcs/hanlp/pom.properties";

  /** For {@link java.util.ServiceLoader}. */
  public HanlpSegmenter() {}

  @Override
  public String name() {
    return "hanlp";
  }

  /** HanLP's version; {@code unknown} in a jar that has lost it. */
  @Override
  public String version() {
    try (InputStream in = HanLP.class.getResourceAsStream(PROPERTIES)) {
      Properties properties = new Properties();
      if (in != null) {
        properties.load(in);
      }
      return properties.getProperty("version", "unknown");
    } catch (IOException e) {
      throw new MaqueException("cannot read the version of HanLP", e);
    }
  }

  /** 32 hexadecimal digits of the SHA-256 of all dictionaries that segmentation reads. */
  @Override
  public String hash() {
    return Dictionaries.HASH;
  }

  @Override
  public List<String> segment(CharSequence text) {
    List<String> words = new ArrayList<>();
    for (Term term : Model.SEGMENT.seg(text.toString())) {
      if (!term.word.isBlank()) {
        words.add(term.word);
      }
    }
    return words;
  }

  /** Loads the dictionaries, about half a second, when the first text comes. */
  private static final class Model {
    static final Segment SEGMENT = HanLP.newSegment().enablePartOfSpeechTagging(false);
  }

  private static final class Dictionaries {
    private static final int HASH_BYTES = 16;

    static final String HASH = hash();

    /** The compiled forms, which are what HanLP reads; a text without one is read itself. */
    private static List<List<String>> files() {
      List<List<String>> files = new ArrayList<>();
      add(files, HanLP.Config.CoreDictionaryPath, ".bin");
      add(files, HanLP.Config.BiGramDictionaryPath, ".table.bin");
      add(files, HanLP.Config.CoreDictionaryTransformMatrixDictionaryPath, "");
      for (String path : HanLP.Config.CustomDictionaryPath) {
        add(files, path, ".bin");
      }
      add(files, HanLP.Config.PersonDictionaryPath, ".bin");
      add(files, HanLP.Config.PersonDictionaryTrPath, "");
      add(files, HanLP.Config.TranslatedPersonDictionaryPath, ".trie.dat");
      add(files, HanLP.Config.CharTypePath, "");
      return files;
    }

    private static void add(List<List<String>> files, String path, String compiled) {
      files.add(compiled.isEmpty() ? List.of(path) : List.of(path + compiled, path));
    }

    private static String hash() {
      try {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        for (List<String> choices : files()) {
          update(digest, choices);
        }
        return HexFormat.of().formatHex(digest.digest(), 0, HASH_BYTES);
      } catch (NoSuchAlgorithmException e) {
        throw new IllegalStateException("every JDK has SHA-256", e);
      }
    }

    private static void update(MessageDigest digest, List<String> choices) {
      IIOAdapter files = HanLP.Config.IOAdapter;
      IOException last = null;
      for (String path : choices) {
        try (InputStream in = files.open(path)) {
          byte[] buffer = new byte[1 << 16];
          for (int n = in.read(buffer); n > 0; n = in.read(buffer)) {
            digest.update(buffer, 0, n);
          }
          return;
        } catch (IOException e) {
          last = e;
        }
      }
      throw new MaqueException("cannot read HanLP's dictionary " + choices, last);
    }
  }
}
