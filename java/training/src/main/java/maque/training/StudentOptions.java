package maque.training;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import maque.runtime.InvalidInputException;
import maque.runtime.Ngrams;

/** Options of {@link StudentTraining}: what a student is, and how its weights begin. */
public final class StudentOptions extends DistillationOptions<StudentOptions> {
  /** The two students. */
  public enum Kind {
    /** Mean of the words' vectors, one biLSTM step, head. */
    DOCUMENT,
    /** Token embeddings, biLSTM over the text, head. */
    SEQUENCE,
    /** Mean of hashed n-grams, head: what fastText is. */
    BAG;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** What a token is. */
  public enum Tokens {
    /** The teacher's word pieces. */
    WORDPIECE,
    /** Words of a segmenter. */
    WORDS,
    /** Code points. */
    CHARACTERS;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** Where embeddings begin. */
  public enum Embeddings {
    /** Normal numbers. */
    RANDOM,
    /** A word2vec file. */
    VECTORS,
    /** The teacher's token embeddings, reduced by PCA. */
    TEACHER;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** How the other weights begin. */
  public enum Init {
    /**
     * PyTorch's defaults: uniform within 1/sqrt(hidden) in the LSTM, within 1/sqrt(inputs) in
     * linear layers.
     */
    PYTORCH,
    /**
     * Orthogonal recurrent weights, Xavier input weights, forget bias 1; linear layers as PyTorch.
     */
    ORTHOGONAL;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private static final String NGRAM_TABLE = "ngrams.weight";
  private static final String NGRAM_PREFIX = "ngrams.";

  /** An n-gram is met in few batches, so that its row may go further in each. */
  private static final double NGRAM_RATE = 3;

  private final Kind kind;
  private Tokens tokens = Tokens.WORDPIECE;
  private String segmenter = "spaces";
  private int embeddingSize = 300;
  private int hiddenSize = 300;
  private String pooling = "max-logits";
  private Embeddings embeddings = Embeddings.RANDOM;
  private double embeddingSd = 0.1;
  private Init init = Init.ORTHOGONAL;
  private int minCount = 1;
  private int maxVocabulary = 50_000;
  private boolean trainVectors;
  private boolean standardizeVectors = true;
  private Ngrams ngrams;

  private StudentOptions(Kind kind) {
    this.kind = kind;
  }

  /**
   * The sequence student on the teacher's word pieces: embedding 300, hidden 300, head [192],
   * maximum over time; AdamW 1e-3 without decay, 5 epochs of batches of 64, clipping at 5, dropout
   * .3.
   */
  public static StudentOptions sequence() {
    return new StudentOptions(Kind.SEQUENCE)
        .pooling("max")
        .head(List.of(192))
        .lr(1e-3)
        .warmup(0.05)
        .epochs(5)
        .batchSize(64)
        .clipNorm(5)
        .dropout(0.3, 0.3, 0.3);
  }

  /**
   * The document student: vectors of 300, hidden 256, head [128]; AdamW 2e-3 without decay, 10
   * epochs of batches of 128, clipping at 5, dropout .2 on the mean vector and in the head.
   */
  public static StudentOptions document() {
    StudentOptions options = new StudentOptions(Kind.DOCUMENT);
    options.hiddenSize = 256;
    options.pooling = "";
    options.embeddings = Embeddings.VECTORS;
    return options
        .head(List.of(128))
        .embeddingSd(1)
        .lr(2e-3)
        .warmup(0.02)
        .epochs(10)
        .batchSize(128)
        .clipNorm(5)
        .dropout(0.2, 0, 0.2);
  }

  /**
   * The bag: n-grams of 1 to 3 characters in 2^17 buckets of 64, a linear layer; AdamW 1e-3 (3e-3
   * on the table) without decay, 8 epochs of batches of 64, texts cut after 512 characters.
   */
  public static StudentOptions bag() {
    StudentOptions options = new StudentOptions(Kind.BAG);
    options.tokens = Tokens.CHARACTERS;
    options.pooling = "";
    return options
        .ngrams(new Ngrams(Ngrams.Unit.CHARACTERS, 1, 3, 1 << 17, 64))
        .lr(1e-3)
        .epochs(8)
        .batchSize(64)
        .clipNorm(5)
        .maxTokens(512);
  }

  /**
   * The seed repository's student: vocabulary 21,128 of bert-base-chinese, 300, 2 × 300, head [192]
   * on every token and then the maximum; SGD at 0.05, batches of 64 in the file's order, 50 tokens,
   * 3 epochs, loss 1 · CE + 2 · MSE, evaluated every 50 batches by loss, stopped after 1,000
   * batches without gain, PyTorch's initial weights.
   *
   * <p>It differs where the repository's way would mislead: the best weights are chosen on dev, not
   * on the test set, and kept; padding is not read as text.
   */
  public static StudentOptions seedPreset() {
    return new StudentOptions(Kind.SEQUENCE)
        .pooling("max-logits")
        .head(List.of(192))
        .optimizer(Optimizer.SGD)
        .lr(0.05)
        .decay(Schedule.Decay.CONSTANT)
        .batchSize(64)
        .shuffle(false)
        .maxTokens(50)
        .clean("seed")
        .epochs(3)
        .evaluateEvery(50)
        .patience(1000)
        .selection(Selection.LOSS)
        .embeddingSd(1)
        .init(Init.PYTORCH)
        .weights(1, 2);
  }

  @Override
  StudentOptions self() {
    return this;
  }

  /** Which of the two students. */
  public Kind kind() {
    return kind;
  }

  /** What a token is. */
  public Tokens tokens() {
    return tokens;
  }

  /**
   * What a token is: {@link Tokens#WORDPIECE} where not set.
   *
   * @throws NullPointerException for null
   */
  public StudentOptions tokens(Tokens value) {
    tokens = Objects.requireNonNull(value);
    return this;
  }

  /** Name of the segmenter that makes words. */
  public String segmenter() {
    return segmenter;
  }

  /**
   * Name of the segmenter that makes words, for {@link Tokens#WORDS}; {@code spaces} where not set.
   * A run refuses one that is not installed.
   *
   * @throws NullPointerException for null
   */
  public StudentOptions segmenter(String value) {
    segmenter = Objects.requireNonNull(value);
    return this;
  }

  /** Size of a token's vector. */
  public int embeddingSize() {
    return embeddingSize;
  }

  /**
   * Size of a token's vector, 1..65,536; 300 where not set. Vectors of a file have just this size,
   * a teacher's embeddings at least this one.
   *
   * @throws InvalidInputException for any other value
   */
  public StudentOptions embeddingSize(int value) {
    embeddingSize = (int) check("embedding_size", value, 1, 65_536);
    return this;
  }

  /** Hidden size of each direction. */
  public int hiddenSize() {
    return hiddenSize;
  }

  /**
   * Hidden size of each direction, so that the features are twice as many, 1..65,536; 300 where not
   * set, 256 for a document student.
   *
   * @throws InvalidInputException for any other value
   */
  public StudentOptions hiddenSize(int value) {
    hiddenSize = (int) check("hidden_size", value, 1, 65_536);
    return this;
  }

  /** What is made of a text's time steps; empty for a document student. */
  public String pooling() {
    return pooling;
  }

  /**
   * What is made of a sequence student's time steps: {@code max}, as {@link #sequence} sets; {@code
   * mean} of the biLSTM's outputs; {@code last}, both directions' final states; {@code max-logits},
   * the head on every token and then the maximum of each class.
   *
   * @throws InvalidInputException for any other value, and for a document student
   */
  public StudentOptions pooling(String value) {
    if (kind != Kind.SEQUENCE) {
      throw new InvalidInputException("a " + kind + " student has no time steps and no pooling");
    }
    if (!List.of("max-logits", "max", "mean", "last").contains(value)) {
      throw new InvalidInputException(
          "pooling must be max-logits, max, mean or last, not '" + value + "'");
    }
    pooling = value;
    return this;
  }

  /** Where embeddings begin. */
  public Embeddings embeddings() {
    return embeddings;
  }

  /**
   * Where embeddings begin: {@link Embeddings#RANDOM} where not set, {@link Embeddings#VECTORS} for
   * a document student.
   *
   * @throws NullPointerException for null
   */
  public StudentOptions embeddings(Embeddings value) {
    embeddings = Objects.requireNonNull(value);
    return this;
  }

  /** Standard deviation of a sequence student's first embeddings. */
  public double embeddingSd() {
    return embeddingSd;
  }

  /**
   * Standard deviation of a sequence student's first embeddings, whichever way they are made, and
   * of a document student's where they are random, 1e-6..100; not set, 0.1 for the first and 1 for
   * the second (PyTorch's default is 1).
   *
   * @throws InvalidInputException for any other value
   */
  public StudentOptions embeddingSd(double value) {
    embeddingSd = check("embedding_sd", value, 1e-6, 100);
    return this;
  }

  /** How the other weights begin. */
  public Init init() {
    return init;
  }

  /**
   * How the other weights begin: {@link Init#ORTHOGONAL} where not set.
   *
   * @throws NullPointerException for null
   */
  public StudentOptions init(Init value) {
    init = Objects.requireNonNull(value);
    return this;
  }

  /** How often a word or character must occur. */
  public int minCount() {
    return minCount;
  }

  /** How many words or characters are kept at most. */
  public int maxVocabulary() {
    return maxVocabulary;
  }

  /**
   * The vocabulary of words and characters.
   *
   * @param least how often one must occur in the texts, 1..2^30; 1 where not set
   * @param most how many are kept, 1..2^24; for vectors, how many of the file's first words are
   *     kept beside those of the texts; 50,000 where not set
   * @throws InvalidInputException for any other value
   */
  public StudentOptions vocabulary(int least, int most) {
    minCount = (int) check("min_count", least, 1, 1 << 30);
    maxVocabulary = (int) check("max_vocabulary", most, 1, 1 << 24);
    return this;
  }

  /** Whether a document student's vectors are trained too. */
  public boolean trainVectors() {
    return trainVectors;
  }

  /**
   * Whether a document student's vectors are trained too; where not set, they are not. A sequence
   * student's embeddings always are.
   */
  public StudentOptions trainVectors(boolean value) {
    trainVectors = value;
    return this;
  }

  /** Whether a document student's vectors are brought to mean 0 and variance 1 per dimension. */
  public boolean standardizeVectors() {
    return standardizeVectors;
  }

  /**
   * Whether a document student's vectors are brought to mean 0 and variance 1 per dimension, as
   * where not set.
   */
  public StudentOptions standardizeVectors(boolean value) {
    standardizeVectors = value;
    return this;
  }

  /** The hashed n-grams that are read beside the tokens; null for none. */
  public Ngrams ngrams() {
    return ngrams;
  }

  /**
   * The hashed n-grams that are read beside the tokens, or by a bag alone; null, as where not set
   * but for a bag: none. Their table is trained row by row, at 3 times the learning rate where
   * {@link #lrScale} says nothing else of {@code ngrams.}, and begins as zeros.
   *
   * @throws InvalidInputException for null to a bag
   */
  public StudentOptions ngrams(Ngrams value) {
    if (value == null && kind == Kind.BAG) {
      throw new InvalidInputException("a bag student has nothing but n-grams");
    }
    ngrams = value;
    return this;
  }

  /** Whether a vocabulary is needed: not for a bag of characters. */
  boolean readsTokens() {
    return kind != Kind.BAG || ngrams.unit() == Ngrams.Unit.TOKENS;
  }

  private boolean ruledByScale(String tensor) {
    return lrScales().keySet().stream().anyMatch(tensor::startsWith);
  }

  @Override
  public Map<String, Object> toMap() {
    Map<String, Object> map = super.toMap();
    map.put("kind", kind.toString());
    if (ngrams != null) {
      map.put("ngrams", ngrams.toMap());
      map.put("ngram_dropout", ngramDropout());
      map.put("whole_ngram_dropout", wholeNgramDropout());
      Map<String, Double> scales = new TreeMap<>(lrScales());
      if (!ruledByScale(NGRAM_TABLE)) {
        scales.put(NGRAM_PREFIX, NGRAM_RATE);
      }
      map.put("lr_scale", scales);
    }
    map.put("tokens", tokens.toString());
    map.put("segmenter", tokens == Tokens.WORDS ? segmenter : null);
    map.put("embedding_size", (long) embeddingSize);
    map.put("hidden_size", (long) hiddenSize);
    map.put("pooling", pooling);
    map.put("embeddings", embeddings.toString());
    map.put("embedding_sd", embeddingSd);
    map.put("init", init.toString());
    map.put("min_count", (long) minCount);
    map.put("max_vocabulary", (long) maxVocabulary);
    map.put("train_vectors", trainVectors);
    map.put("standardize_vectors", standardizeVectors);
    return map;
  }

  @Override
  void apply(Trainer.Builder builder) {
    super.apply(builder);
    if (kind != Kind.BAG) {
      builder
          .option("embedding_dropout", embeddingDropout())
          .option("output_dropout", outputDropout());
    }
    if (ngrams != null) {
      builder
          .option("ngram_buckets", ngrams.buckets())
          .option("ngram_width", ngrams.width())
          .option("ngram_dropout", ngramDropout());
      if (!ruledByScale(NGRAM_TABLE)) {
        builder.option("lr_scale." + NGRAM_PREFIX, NGRAM_RATE);
      }
    }
    if (kind == Kind.DOCUMENT) {
      builder.option("train_vectors", trainVectors ? 1 : 0);
    }
  }
}
