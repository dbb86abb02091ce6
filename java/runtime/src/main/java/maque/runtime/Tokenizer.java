package maque.runtime;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;

/**
 * BERT's tokenizer: normalisation, splitting at spaces and punctuation, and WordPiece (Devlin et
 * al., BERT, 2019; Wu et al., Google's Neural Machine Translation System, 2016). It gives the ids
 * that the Hugging Face tokenizer gives (BertNormalizer with clean_text, BertPreTokenizer,
 * WordPiece with "##" and 100 code points a word), token for token, on any JDK.
 *
 * <p>Text never yields a control token: "[CLS]" or "[MASK]" written in a text is split at its
 * brackets as any other text is. (A Hugging Face tokenizer that lists them as added tokens reads
 * them as control tokens, which lets a text forge the frame of its own sentence.) "[UNK]" comes
 * from unknown words only. A lone surrogate is read as U+FFFD, which is removed, as U+0000 and
 * other control characters are.
 *
 * <p>Immutable and safe for any number of threads. {@link #encode(CharSequence, int[], boolean)}
 * allocates nothing as long as no two threads are in it at once; a {@link Session}, one for each
 * thread, never does.
 */
public final class Tokenizer {
  private static final String UNKNOWN = "[UNK]";
  private static final String FIRST = "[CLS]";
  private static final String LAST = "[SEP]";

  private final List<String> vocab;
  private final WordPieceTrie trie;
  private final CharMap map;
  private final int unknown;
  private final int first;
  private final int last;
  private final AtomicReference<Session> spare = new AtomicReference<>();

  private Tokenizer(List<String> vocab, CharMap map) {
    this.vocab = List.copyOf(vocab);
    this.map = map;
    trie = new WordPieceTrie(this.vocab);
    unknown = this.vocab.lastIndexOf(UNKNOWN);
    first = this.vocab.lastIndexOf(FIRST);
    last = this.vocab.lastIndexOf(LAST);
    if (unknown < 0) {
      throw new InvalidInputException("the vocabulary has no " + UNKNOWN);
    }
  }

  /**
   * A tokenizer over a vocabulary.
   *
   * @param vocab the tokens, each at its id; of equal ones the last counts; must hold "[UNK]"
   * @param lowercase whether letters are made lower case
   * @param stripAccents whether accents are removed; null means as {@code lowercase}
   * @param chineseChars whether each Chinese character is a word of its own
   * @throws InvalidInputException if the vocabulary has no "[UNK]"
   */
  public static Tokenizer of(
      List<String> vocab, boolean lowercase, Boolean stripAccents, boolean chineseChars) {
    boolean strip = stripAccents == null ? lowercase : stripAccents;
    return new Tokenizer(vocab, CharMap.of(lowercase, strip, chineseChars));
  }

  /** The number of ids, which are 0 to this less 1. */
  public int vocabSize() {
    return vocab.size();
  }

  /** The token of an id. */
  public String token(int id) {
    return vocab.get(id);
  }

  /** A session for one thread's calls. */
  public Session session() {
    return new Session(this);
  }

  /**
   * Writes the ids of a text and returns their number. Text that needs more room is cut (see {@link
   * Session#truncated()} to know).
   *
   * @param out receives the ids; with special tokens at least 2 long
   * @param specialTokens whether [CLS] goes before and [SEP] after; both are there after a cut too
   * @throws InvalidInputException if {@code out} is too short, or the vocabulary has no special
   *     tokens
   */
  public int encode(CharSequence text, int[] out, boolean specialTokens) {
    Session session = borrow();
    int count = session.encode(text, out, specialTokens);
    spare.set(session);
    return count;
  }

  /**
   * The ids of a text, cut to {@code maxTokens}; see {@link #encode(CharSequence, int[], boolean)}.
   */
  public int[] encode(CharSequence text, int maxTokens, boolean specialTokens) {
    return encoded(text, maxTokens, specialTokens).ids();
  }

  /** As {@link #encode(CharSequence, int, boolean)}, saying too whether the text was cut. */
  public Encoded encoded(CharSequence text, int maxTokens, boolean specialTokens) {
    Session session = borrow();
    Encoded encoded = session.encode(text, maxTokens, specialTokens);
    spare.set(session);
    return encoded;
  }

  /** The tokens of a text, all of them, without special tokens. */
  public List<String> tokens(CharSequence text) {
    List<String> tokens = new ArrayList<>();
    for (int id : encode(text, Integer.MAX_VALUE, false)) {
      tokens.add(vocab.get(id));
    }
    return tokens;
  }

  private Session borrow() {
    Session session = spare.getAndSet(null);
    return session == null ? new Session(this) : session;
  }

  /** The scratch memory of one thread's calls, about 1 KB. Not safe for two threads at once. */
  public static final class Session {
    private static final int[] NONE = {};
    private static final int INITIAL_TOKENS = 64;

    private final Tokenizer tokenizer;
    private final WordScanner scanner;
    private final int[] pieces = new int[WordScanner.MAX_CODE_POINTS];
    private int[] out = NONE;
    private int count;
    private int end;
    private boolean truncated;

    private Session(Tokenizer tokenizer) {
      this.tokenizer = tokenizer;
      scanner = new WordScanner(tokenizer.map);
    }

    /** As {@link Tokenizer#encode(CharSequence, int[], boolean)}; allocates nothing. */
    public int encode(CharSequence text, int[] ids, boolean specialTokens) {
      return encode(text, ids, ids.length, specialTokens);
    }

    /** Writes {@code limit} ids at most, which is the array's length or less. */
    int encode(CharSequence text, int[] ids, int limit, boolean specialTokens) {
      out = ids;
      fill(text, limit, specialTokens);
      out = NONE;
      return count;
    }

    /** Whether the last text had more tokens than fitted. */
    public boolean truncated() {
      return truncated;
    }

    /** Where the first word begins of the last text that was not read whole; else its length. */
    int end() {
      return end;
    }

    private Encoded encode(CharSequence text, int maxTokens, boolean specialTokens) {
      if (maxTokens < 0) {
        throw new InvalidInputException("cannot cut a text to " + maxTokens + " tokens");
      }
      out = new int[Math.min(maxTokens, INITIAL_TOKENS)];
      fill(text, maxTokens, specialTokens);
      int[] ids = out.length == count ? out : Arrays.copyOf(out, count);
      out = NONE;
      return new Encoded(ids, truncated);
    }

    private void fill(CharSequence text, int maxTokens, boolean specialTokens) {
      count = 0;
      truncated = false;
      if (specialTokens) {
        checkSpecialTokens(maxTokens);
        append(tokenizer.first, maxTokens);
        words(text, maxTokens - 1);
        append(tokenizer.last, maxTokens);
      } else {
        words(text, maxTokens);
      }
    }

    private void checkSpecialTokens(int maxTokens) {
      if (tokenizer.first < 0 || tokenizer.last < 0) {
        throw new InvalidInputException("the vocabulary has no " + FIRST + " or no " + LAST);
      }
      if (maxTokens < 2) {
        throw new InvalidInputException(
            FIRST + " and " + LAST + " need room for 2 tokens, not " + maxTokens);
      }
    }

    private void words(CharSequence text, int limit) {
      scanner.start(text);
      end = 0;
      while (!truncated && scanner.next()) {
        int found =
            scanner.tooLong() ? -1 : tokenizer.trie.split(scanner.word(), scanner.length(), pieces);
        if (found < 0) {
          pieces[0] = tokenizer.unknown;
          found = 1;
        }
        for (int i = 0; i < found && !truncated; i++) {
          if (count == limit) {
            truncated = true;
          } else {
            append(pieces[i], limit);
          }
        }
        end = truncated ? end : scanner.position();
      }
      end = truncated ? end : text.length();
      scanner.finish();
    }

    /** Adds an id; {@code out} grows where it is shorter than the limit. */
    private void append(int id, int limit) {
      if (count == out.length) {
        out = Arrays.copyOf(out, (int) Math.min(limit, 2L * count + 2));
      }
      out[count++] = id;
    }
  }
}
