package maque.runtime;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/**
 * A vocabulary as a double-array trie over UTF-16 units (J. Aoe, An efficient digital search
 * algorithm by using a double-array structure, 1989), for the greedy longest match of WordPiece.
 * Immutable.
 *
 * <p>A node is a cell of two ints: twice the base of its children, plus 1 where a token ends, and
 * its parent. The child by a unit is at base + the unit's code; codes are from 1, the most frequent
 * unit first. Since a vocabulary has whole code points, so has every match.
 */
final class WordPieceTrie {
  private static final String CONTINUATION = "##";
  private static final int ROOT = 0;
  private static final int FREE = -1;

  private final char[] codes = new char[Character.MAX_VALUE + 1];
  private int[] cells = new int[0];
  private int[] ids = new int[0];

  /** Where pieces after the first begin; -1 in a vocabulary without any. */
  private final int continuation;

  /** Makes the trie; of equal tokens the last counts. */
  WordPieceTrie(List<String> vocab) {
    Integer[] order = new Integer[vocab.size()];
    Arrays.setAll(order, i -> i);
    // A stable sort: of equal tokens the last stays last.
    Arrays.sort(order, (a, b) -> vocab.get(a).compareTo(vocab.get(b)));
    int alphabet = assignCodes(vocab);
    new Builder(vocab, order, alphabet).build();
    continuation = child(child(ROOT, CONTINUATION.charAt(0)), CONTINUATION.charAt(1));
  }

  /**
   * Cuts a word into the longest pieces from the left and writes their ids, one for each code point
   * at most. Returns their number, or -1 if some part of the word is in no piece.
   */
  int split(char[] word, int length, int[] pieces) {
    int count = 0;
    int start = 0;
    int from = ROOT;
    while (start < length) {
      int node = from;
      int best = FREE;
      int bestEnd = start;
      for (int at = start; at < length; at++) {
        node = child(node, word[at]);
        if (node < 0) {
          break;
        }
        if ((cells[2 * node] & 1) != 0) {
          best = node;
          bestEnd = at + 1;
        }
      }
      if (best < 0) {
        return -1;
      }
      pieces[count++] = ids[best];
      start = bestEnd;
      from = continuation;
    }
    return count;
  }

  /** The id of the token that is this part of a text, or -1. */
  int find(CharSequence text, int from, int to) {
    int node = ROOT;
    for (int at = from; at < to && node >= 0; at++) {
      node = child(node, text.charAt(at));
    }
    return node >= 0 && (cells[2 * node] & 1) != 0 ? ids[node] : -1;
  }

  private int child(int node, char unit) {
    int code = codes[unit];
    if (node < 0 || code == 0) {
      return FREE;
    }
    int at = (cells[2 * node] >>> 1) + code;
    return cells[2 * at + 1] == node ? at : FREE;
  }

  private int assignCodes(List<String> vocab) {
    int[] counts = new int[codes.length];
    for (String token : vocab) {
      for (int i = 0; i < token.length(); i++) {
        counts[token.charAt(i)]++;
      }
    }
    List<Integer> units = new ArrayList<>();
    for (int unit = 0; unit < counts.length; unit++) {
      if (counts[unit] > 0) {
        units.add(unit);
      }
    }
    units.sort((a, b) -> Integer.compare(counts[b], counts[a]));
    if (units.size() > Character.MAX_VALUE) {
      throw new InvalidInputException("the vocabulary has " + units.size() + " different units");
    }
    for (int i = 0; i < units.size(); i++) {
      codes[units.get(i)] = (char) (i + 1);
    }
    return units.size();
  }

  private final class Builder {
    /** The tokens with the same first {@code depth} units, which lead to the node. */
    private record Range(int node, int from, int to, int depth) {}

    /** So many children have no gaps to fit into: looking for some took most of the time. */
    private static final int MANY = 256;

    private final List<String> vocab;
    private final Integer[] order;
    private final int alphabet;
    private final BitSet used = new BitSet();

    /**
     * Where the search for room begins, by the number of children in powers of two. Only forwards,
     * so that building takes time in proportion to the size; single children fill what is left.
     */
    private final int[] searchFrom = new int[Integer.SIZE];

    Builder(List<String> vocab, Integer[] order, int alphabet) {
      this.vocab = vocab;
      this.order = order;
      this.alphabet = alphabet;
    }

    void build() {
      used.set(ROOT);
      // Behind the first alphabet no base can be negative.
      Arrays.fill(searchFrom, alphabet + 1);
      ArrayDeque<Range> open = new ArrayDeque<>();
      open.add(new Range(ROOT, 0, order.length, 0));
      reserve(alphabet + 1);
      while (!open.isEmpty()) {
        expand(open.remove(), open);
      }
      // A look-up may go one alphabet beyond the last node.
      int size = used.length() + alphabet + 1;
      reserve(size);
      cells = Arrays.copyOf(cells, 2 * size);
      ids = Arrays.copyOf(ids, used.length());
    }

    private void expand(Range range, ArrayDeque<Range> open) {
      int from = range.from;
      int terminal = 0;
      while (from < range.to && token(from).length() == range.depth) {
        ids[range.node] = order[from++];
        terminal = 1;
      }
      List<Range> children = new ArrayList<>();
      while (from < range.to) {
        char unit = token(from).charAt(range.depth);
        int first = from;
        while (from < range.to && token(from).charAt(range.depth) == unit) {
          from++;
        }
        children.add(new Range(codes[unit], first, from, range.depth + 1));
      }
      int base = children.isEmpty() ? 0 : place(children);
      cells[2 * range.node] = 2 * base + terminal;
      for (Range child : children) {
        int at = base + child.node;
        cells[2 * at + 1] = range.node;
        open.add(new Range(at, child.from, child.to, child.depth));
      }
    }

    /** Takes free cells for all children, whose ranges carry their codes; returns the base. */
    private int place(List<Range> children) {
      int[] childCodes = children.stream().mapToInt(Range::node).sorted().toArray();
      int lowest = childCodes[0];
      int size = Integer.SIZE - 1 - Integer.numberOfLeadingZeros(childCodes.length);
      int at = childCodes.length < MANY ? used.nextClearBit(searchFrom[size]) : used.length();
      while (!fits(childCodes, at - lowest)) {
        at = used.nextClearBit(at + 1);
      }
      searchFrom[size] = at;
      int base = at - lowest;
      for (int code : childCodes) {
        used.set(base + code);
      }
      reserve(used.length() + alphabet + 1);
      return base;
    }

    private boolean fits(int[] childCodes, int base) {
      for (int code : childCodes) {
        if (used.get(base + code)) {
          return false;
        }
      }
      return true;
    }

    private void reserve(int size) {
      int old = ids.length;
      if (size > old) {
        int larger = Math.max(size, old + old / 2);
        cells = Arrays.copyOf(cells, 2 * larger);
        ids = Arrays.copyOf(ids, larger);
        for (int at = old; at < larger; at++) {
          cells[2 * at + 1] = FREE;
        }
      }
    }

    private String token(int at) {
      return vocab.get(order[at]);
    }
  }
}
