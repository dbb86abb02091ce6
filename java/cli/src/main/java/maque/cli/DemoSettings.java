package maque.cli;

import java.util.List;
import maque.runtime.Ngrams;
import maque.training.StudentOptions;
import maque.training.TeacherOptions;

/**
 * Sizes and options of the demo. Nothing is chosen by a development set: a few hundred texts would
 * tell less than the recipe knows, and all labelled glosses are for training. The last weights are
 * kept.
 *
 * @param sizes glosses of each of the ten classes
 */
record DemoSettings(WordNetGlosses.Sizes sizes, TeacherOptions teacher, List<DemoModel> students) {
  /** Longest text in tokens; 1 % of the glosses are longer. */
  private static final int MAX_TOKENS = 48;

  /** More than WordNet has of any class. */
  private static final int ALL = 1_000_000;

  /** n-grams of word pieces: 8 points better here than those of characters. */
  private static final Ngrams NGRAMS = new Ngrams(Ngrams.Unit.TOKENS, 1, 3, 1 << 17, 64);

  /** Dimensions of the word vectors: the article's. */
  static final int VECTOR_SIZE = 300;

  /**
   * The demo as the README shows it.
   *
   * @param all whether the transfer set is every gloss that is left, not 2,000 of each class
   */
  static DemoSettings full(long seed, boolean all) {
    return new DemoSettings(
        new WordNetGlosses.Sizes(300, 400, all ? ALL : 2000),
        teacher(4, seed),
        students(12, 6, seed));
  }

  /** Fewer texts and epochs: a few points less accurate, a third of the time. */
  static DemoSettings quick(long seed) {
    return new DemoSettings(
        new WordNetGlosses.Sizes(300, 400, 700), teacher(1, seed), students(10, 3, seed));
  }

  /** For tests of the demo itself. */
  static DemoSettings tiny(long seed) {
    return new DemoSettings(
        new WordNetGlosses.Sizes(8, 4, 8), teacher(1, seed), students(1, 1, seed));
  }

  /**
   * All layers are trained, the embeddings stay as they are: their gradients would cost a tenth and
   * gain nothing.
   */
  private static TeacherOptions teacher(int epochs, long seed) {
    return TeacherOptions.defaults()
        .train("last-layers:6")
        .pooling("mean")
        .epochs(epochs)
        .maxTokens(MAX_TOKENS)
        .devFraction(0)
        .seed(seed);
  }

  private static List<DemoModel> students(int documentEpochs, int sequenceEpochs, long seed) {
    StudentOptions ownVectors =
        document(10, seed)
            .embeddings(StudentOptions.Embeddings.RANDOM)
            .embeddingSd(0.02)
            .trainVectors(true)
            .lr(3e-3)
            .dropout(0.5, 0, 0.3)
            .batchSize(32)
            .alone();
    StudentOptions bag =
        StudentOptions.bag()
            .ngrams(NGRAMS)
            .tokens(StudentOptions.Tokens.WORDPIECE)
            .maxTokens(MAX_TOKENS)
            .epochs(5 * sequenceEpochs)
            .devFraction(0)
            .seed(seed)
            .alone();
    return List.of(
        new DemoModel("bag-alone", "bag of n-grams on labels", bag, false, false),
        new DemoModel(
            "sequence-alone",
            "sequence student on labels",
            sequence(3 * sequenceEpochs, seed).alone(),
            false,
            false),
        new DemoModel("document-alone", "document student on labels", ownVectors, false, false),
        new DemoModel(
            "document-vectors",
            "document student on labels and teacher's vectors",
            document(3 * documentEpochs, seed).alone(),
            false,
            true),
        new DemoModel(
            "document-distilled",
            "distilled document student",
            withNgrams(document(documentEpochs, seed).lr(1e-3).batchSize(64)).distilledKl(0, 2),
            true,
            true),
        new DemoModel(
            "sequence-distilled",
            "distilled sequence student",
            withNgrams(sequence(sequenceEpochs, seed))
                .embeddings(StudentOptions.Embeddings.TEACHER)
                .distilledKl(0, 2),
            true,
            true));
  }

  /**
   * With seed 1 they are worth two points to the document student here, 0.3 to the sequence
   * student.
   */
  private static StudentOptions withNgrams(StudentOptions options) {
    return options.ngrams(NGRAMS).ngramDropout(0.2);
  }

  private static StudentOptions document(int epochs, long seed) {
    return StudentOptions.document()
        .embeddingSize(VECTOR_SIZE)
        .epochs(epochs)
        .maxTokens(MAX_TOKENS)
        .devFraction(0)
        .seed(seed);
  }

  private static StudentOptions sequence(int epochs, long seed) {
    return StudentOptions.sequence()
        .embeddingSize(VECTOR_SIZE)
        .hiddenSize(128)
        .poolBatches(20)
        .epochs(epochs)
        .maxTokens(MAX_TOKENS)
        .devFraction(0)
        .seed(seed);
  }
}
