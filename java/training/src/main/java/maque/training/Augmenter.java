package maque.training;

import java.util.ArrayList;
import java.util.List;
import maque.runtime.PosTagger;

/**
 * Makes the synthetic texts of one text. For each word a number is drawn: below {@code replace} the
 * word gives way to another of its part of speech, below {@code replace + mask} it is masked; where
 * units are characters, those of a word that stays are masked each for itself. Then, with
 * probability {@code ngram}, an n-gram of the result is all that is kept. What lies between words
 * stays as it is. A pure function of seed, row and round: with more rounds, the first ones stay as
 * they are. Immutable.
 */
final class Augmenter {
  static final String MASKED = "mask";
  static final String REPLACED = "replace";
  static final String NGRAM = "ngram";

  private final AugmentOptions options;
  private final PosIndex index;

  Augmenter(AugmentOptions options, PosIndex index) {
    this.options = options;
    this.index = index;
  }

  /** A synthetic text and what was done, in the order of {@link #MASKED}, REPLACED, NGRAM. */
  record Synthetic(String text, int round, List<String> operations) {}

  /** A part of a text and what it becomes. */
  private record Piece(int begin, int end, String text) {}

  /**
   * The synthetic texts of a row in which something was done.
   *
   * @param words those of the tagger; empty where none is needed
   */
  List<Synthetic> synthetic(String text, List<PosTagger.Word> words, long row) {
    List<Synthetic> out = new ArrayList<>();
    for (int round = 0; round < options.rounds(); round++) {
      SeededRandom random = new SeededRandom(SeededRandom.mix(options.seed()) + row, round);
      List<String> done = new ArrayList<>();
      List<Piece> pieces = pieces(text, words, random, done);
      String made = ngram(text, pieces, random, done);
      if (!done.isEmpty() && !made.isBlank()) {
        out.add(new Synthetic(made, round, List.copyOf(done)));
      }
    }
    return out;
  }

  private List<Piece> pieces(
      String text, List<PosTagger.Word> words, SeededRandom random, List<String> done) {
    List<Piece> pieces = new ArrayList<>();
    boolean characters = options.level() == AugmentOptions.Level.CHARACTERS;
    int end = 0;
    for (PosTagger.Word word : words) {
      if (characters) {
        characters(text, end, word.begin(), random, pieces, done);
        end = word.end();
      }
      String own = text.substring(word.begin(), word.end());
      double drawn = random.nextDouble();
      if (drawn < options.replace()) {
        String other = index.replacement(own, word.tag(), random);
        note(done, REPLACED, !other.equals(own));
        pieces.add(new Piece(word.begin(), word.end(), other));
      } else if (characters) {
        characters(text, word.begin(), word.end(), random, pieces, done);
      } else {
        boolean masked = drawn < options.replace() + options.mask();
        note(done, MASKED, masked);
        pieces.add(new Piece(word.begin(), word.end(), masked ? options.maskText() : own));
      }
    }
    if (characters) {
      characters(text, end, text.length(), random, pieces, done);
    }
    return pieces;
  }

  private void characters(
      String text, int begin, int end, SeededRandom random, List<Piece> pieces, List<String> done) {
    for (int at = begin; at < end; ) {
      int point = text.codePointAt(at);
      int next = at + Character.charCount(point);
      if (!Character.isWhitespace(point)) {
        boolean masked = random.nextDouble() < options.mask();
        note(done, MASKED, masked);
        pieces.add(new Piece(at, next, masked ? options.maskText() : text.substring(at, next)));
      }
      at = next;
    }
  }

  private static void note(List<String> done, String operation, boolean happened) {
    if (happened && !done.contains(operation)) {
      done.add(operation.equals(MASKED) ? 0 : done.size(), operation);
    }
  }

  private String ngram(String text, List<Piece> pieces, SeededRandom random, List<String> done) {
    boolean sampled = random.nextDouble() < options.ngram();
    int n = 1 + random.nextInt(options.longest());
    if (!sampled || n >= pieces.size()) {
      return pieces.isEmpty() ? text : joined(text, pieces, 0, text.length());
    }
    int from = random.nextInt(pieces.size() - n + 1);
    List<Piece> kept = pieces.subList(from, from + n);
    done.add(NGRAM);
    return joined(text, kept, kept.get(0).begin(), kept.get(n - 1).end());
  }

  /** The pieces with what lies between them in the text. */
  private static String joined(String text, List<Piece> pieces, int begin, int end) {
    StringBuilder out = new StringBuilder(text.length());
    int at = begin;
    for (Piece piece : pieces) {
      out.append(text, at, piece.begin()).append(piece.text());
      at = piece.end();
    }
    return out.append(text, at, end).toString();
  }
}
