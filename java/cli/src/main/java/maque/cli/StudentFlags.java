package maque.cli;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import maque.runtime.Ngrams;
import maque.training.Ramp;
import maque.training.StudentOptions;
import picocli.CommandLine.Option;

/** The student's own options. What is not given keeps the preset's value. */
final class StudentFlags {
  private static final Pattern NGRAM_RANGE = Pattern.compile("([1-9])-([1-9])");

  @Option(
      names = "--kind",
      paramLabel = "NAME",
      defaultValue = "sequence",
      description =
          "sequence (token embeddings, biLSTM over the text, head), document (mean of word vectors,"
              + " one biLSTM step, head) or bag (hashed n-grams, linear: what fastText is)"
              + " (default: ${DEFAULT-VALUE}).")
  private String kind;

  @Option(
      names = "--preset",
      paramLabel = "NAME",
      defaultValue = "default",
      description =
          "default, or seed: SGD 0.05, batches of 64 in the file's order, 50 tokens, 1 CE + 2 MSE,"
              + " stop after 1,000 batches without gain (sequence only).")
  private String preset;

  @Option(
      names = "--tokens",
      paramLabel = "NAME",
      description = "What a token is: wordpiece (the teacher's), words, or characters.")
  private String tokens;

  @Option(
      names = "--segmenter",
      paramLabel = "NAME",
      description = "What makes words of a text: spaces, characters, or hanlp (with its module).")
  private String segmenter;

  @Option(names = "--embedding-size", paramLabel = "N", description = "Size of a token's vector.")
  private Integer embeddingSize;

  @Option(names = "--hidden-size", paramLabel = "N", description = "Hidden size, each direction.")
  private Integer hiddenSize;

  @Option(
      names = "--pooling",
      paramLabel = "NAME",
      description =
          "sequence: max-logits (head on every token, then the maximum over time), max, mean, or"
              + " last (both directions' final states).")
  private String pooling;

  @Option(
      names = "--embeddings",
      paramLabel = "NAME",
      description =
          "Where embeddings begin: random, teacher (its token embeddings, reduced by PCA), or"
              + " vectors (a word2vec file, --vectors).")
  private String embeddings;

  @Option(
      names = "--embedding-sd",
      paramLabel = "X",
      description = "Standard deviation of the first embeddings (document: of random ones).")
  private Double embeddingSd;

  @Option(
      names = "--train-vectors",
      description = "document: train the vectors too (the sequence student always does).")
  private boolean trainVectors;

  @Option(
      names = "--min-count",
      paramLabel = "N",
      description = "words, characters: how often one must occur to be in the vocabulary.")
  private Integer minCount;

  @Option(
      names = "--max-vocabulary",
      paramLabel = "N",
      description =
          "words, characters: the most that are kept; vectors: how many of the file's first words"
              + " are kept beside those of the texts.")
  private Integer maxVocabulary;

  @Option(
      names = "--dropout",
      arity = "1",
      split = ",",
      paramLabel = "X",
      description = "Dropout on embeddings, on the biLSTM's output, in the head: X,X,X.")
  private double[] dropout;

  @Option(
      names = "--token-dropout",
      paramLabel = "X",
      description =
          "Probability that a whole token is dropped in training: [UNK] to a sequence student, left"
              + " out of a document student's mean.")
  private Double tokenDropout;

  @Option(
      names = "--ngrams",
      paramLabel = "MIN-MAX",
      description =
          "Hashed n-grams of MIN to MAX units beside the biLSTM's features, or none (default: bag"
              + " 1-3, others none).")
  private String ngrams;

  @Option(
      names = "--ngram-unit",
      paramLabel = "NAME",
      description =
          "What n-grams are made of: characters (default) or tokens (a bag then needs --tokens).")
  private String ngramUnit;

  @Option(
      names = "--ngram-buckets",
      paramLabel = "N",
      description = "Rows of the n-grams' table, a power of two (default: 131072).")
  private Integer ngramBuckets;

  @Option(
      names = "--ngram-width",
      paramLabel = "N",
      description = "Size of an n-gram's vector (default: 64).")
  private Integer ngramWidth;

  @Option(
      names = "--ngram-dropout",
      paramLabel = "X",
      description = "Dropout on the mean of a text's n-grams (default: 0).")
  private Double ngramDropout;

  @Option(
      names = "--whole-ngram-dropout",
      paramLabel = "X",
      description =
          "Probability that a whole n-gram is left out of its text's mean in training (default:"
              + " 0).")
  private Double wholeNgramDropout;

  @Option(
      names = "--soft-loss",
      paramLabel = "NAME",
      description = "Loss with soft targets: mse (on logits) or kl (at --temperature).")
  private String softLoss;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      description = "Temperature of kl; FROM:TO[:cosine] changes it over the run.")
  private String temperature;

  @Option(
      names = "--alpha",
      paramLabel = "A",
      description =
          "Loss = A x CE with labels + (1 - A) x soft loss; 0 with soft targets by default. FROM:TO"
              + " goes from one to the other over the run on a line, FROM:TO:cosine on half a"
              + " cosine.")
  private String alpha;

  @Option(
      names = "--ce-weight",
      paramLabel = "X",
      description = "Weight of CE, instead of --alpha; a number or FROM:TO[:cosine].")
  private String ceWeight;

  @Option(
      names = "--soft-weight",
      paramLabel = "X",
      description = "Weight of the soft loss, instead of --alpha; a number or FROM:TO[:cosine].")
  private String softWeight;

  /**
   * The preset with what was given.
   *
   * @param distilled whether there are soft targets
   * @param vectors whether there is a file of word vectors
   */
  StudentOptions options(boolean distilled, boolean vectors) {
    StudentOptions options = preset();
    applyShape(options);
    applyNgrams(options);
    applyEmbeddings(options, vectors);
    applyVocabulary(options);
    if (dropout != null) {
      Usage.require(dropout.length == 3, "--dropout takes three numbers, comma-separated");
      options.dropout(dropout[0], dropout[1], dropout[2]);
    }
    if (tokenDropout != null) {
      options.tokenDropout(tokenDropout);
    }
    applyObjective(options, distilled);
    return options;
  }

  private StudentOptions preset() {
    StudentOptions.Kind parsed = Names.parse("--kind", StudentOptions.Kind.class, kind);
    boolean sequence = parsed == StudentOptions.Kind.SEQUENCE;
    return switch (preset) {
      case "default" ->
          switch (parsed) {
            case SEQUENCE -> StudentOptions.sequence();
            case DOCUMENT -> StudentOptions.document();
            case BAG -> StudentOptions.bag();
          };
      case "seed" -> {
        Usage.require(sequence, "--preset seed is a sequence student");
        yield StudentOptions.seedPreset();
      }
      default -> throw Usage.error("--preset must be default or seed, not '" + preset + "'");
    };
  }

  private void applyNgrams(StudentOptions options) {
    if ("none".equals(ngrams)) {
      Usage.require(noNgramFlags(), "--ngrams none has no unit, buckets, width and dropout");
      options.ngrams(null);
      return;
    }
    if (ngrams != null || options.ngrams() != null) {
      options.ngrams(ngrams(options.ngrams()));
    }
    Usage.require(
        options.ngrams() != null || noNgramFlags(),
        "--ngram-unit, --ngram-buckets, --ngram-width, --ngram-dropout and --whole-ngram-dropout"
            + " need --ngrams");
    if (ngramDropout != null) {
      options.ngramDropout(ngramDropout);
    }
    if (wholeNgramDropout != null) {
      options.wholeNgramDropout(wholeNgramDropout);
    }
    boolean ofTokens = options.ngrams() != null && options.ngrams().unit() == Ngrams.Unit.TOKENS;
    Usage.require(
        options.kind() != StudentOptions.Kind.BAG || (tokens != null) == ofTokens,
        "--kind bag: --ngram-unit tokens and --tokens NAME go together");
  }

  private boolean noNgramFlags() {
    return ngramUnit == null
        && ngramBuckets == null
        && ngramWidth == null
        && ngramDropout == null
        && wholeNgramDropout == null;
  }

  private Ngrams ngrams(Ngrams preset) {
    Ngrams base = preset == null ? StudentOptions.bag().ngrams() : preset;
    int min = base.min();
    int max = base.max();
    if (ngrams != null) {
      Matcher range = NGRAM_RANGE.matcher(ngrams);
      Usage.require(
          range.matches(), "--ngrams is MIN-MAX, such as 1-3, or none, not '" + ngrams + "'");
      min = Integer.parseInt(range.group(1));
      max = Integer.parseInt(range.group(2));
    }
    Ngrams.Unit unit =
        ngramUnit == null ? base.unit() : Names.parse("--ngram-unit", Ngrams.Unit.class, ngramUnit);
    return new Ngrams(
        unit,
        min,
        max,
        ngramBuckets == null ? base.buckets() : ngramBuckets,
        ngramWidth == null ? base.width() : ngramWidth);
  }

  private void applyShape(StudentOptions options) {
    if (embeddingSize != null) {
      options.embeddingSize(embeddingSize);
    }
    if (hiddenSize != null) {
      options.hiddenSize(hiddenSize);
    }
    if (pooling != null) {
      options.pooling(pooling.toLowerCase(Locale.ROOT));
    }
  }

  private void applyEmbeddings(StudentOptions options, boolean vectors) {
    boolean bag = options.kind() == StudentOptions.Kind.BAG;
    Usage.require(
        !bag
            || embeddingSize == null
                && hiddenSize == null
                && embeddingSd == null
                && !vectors
                && !trainVectors
                && (embeddings == null || embeddings.equals("random")),
        "--kind bag has n-grams alone: no embeddings, vectors or hidden size");
    if (embeddings != null) {
      options.embeddings(Names.parse("--embeddings", StudentOptions.Embeddings.class, embeddings));
      Usage.require(
          vectors == (options.embeddings() == StudentOptions.Embeddings.VECTORS),
          "--embeddings vectors and --vectors FILE go together");
    } else if (vectors) {
      options.embeddings(StudentOptions.Embeddings.VECTORS);
    }
    boolean sequence = options.kind() == StudentOptions.Kind.SEQUENCE;
    if (embeddingSd != null) {
      Usage.require(
          sequence || options.embeddings() == StudentOptions.Embeddings.RANDOM,
          "--embedding-sd of a document student needs --embeddings random");
      options.embeddingSd(embeddingSd);
    }
    if (trainVectors) {
      Usage.require(
          !sequence, "--train-vectors is for --kind document: sequence always trains them");
      options.trainVectors(true);
    }
  }

  private void applyVocabulary(StudentOptions options) {
    if (tokens != null) {
      options.tokens(Names.parse("--tokens", StudentOptions.Tokens.class, tokens));
    }
    if (segmenter != null) {
      Usage.require(
          options.tokens() == StudentOptions.Tokens.WORDS, "--segmenter needs --tokens words");
      options.segmenter(segmenter);
    }
    Usage.require(
        minCount == null || options.tokens() != StudentOptions.Tokens.WORDPIECE,
        "--min-count needs --tokens words or characters");
    if (minCount != null || maxVocabulary != null) {
      options.vocabulary(
          minCount == null ? options.minCount() : minCount,
          maxVocabulary == null ? options.maxVocabulary() : maxVocabulary);
    }
  }

  private void applyObjective(StudentOptions options, boolean distilled) {
    checkObjective(distilled);
    if (softLoss != null) {
      options.softLoss(softLoss);
    }
    Usage.require(
        temperature == null || options.softLoss().equals("kl"),
        "--temperature needs --soft-loss kl");
    if (temperature != null) {
      options.temperature(Ramp.parse("--temperature", temperature));
    }
    if (!distilled) {
      options.alone();
      return;
    }
    if (!options.usesSoftTargets()) {
      options.weights(0, 1); // a preset without soft targets in its mind
    }
    if (alpha != null) {
      options.alpha(Ramp.parse("--alpha", alpha));
    } else {
      options.weights(
          ceWeight == null ? options.ceWeight() : Ramp.parse("--ce-weight", ceWeight),
          softWeight == null ? options.softWeight() : Ramp.parse("--soft-weight", softWeight));
    }
  }

  private void checkObjective(boolean distilled) {
    Usage.require(
        alpha == null || ceWeight == null && softWeight == null,
        "give either --alpha, or --ce-weight and --soft-weight");
    if (!distilled) {
      needsSoftTargets("--alpha", alpha);
      needsSoftTargets("--ce-weight", ceWeight);
      needsSoftTargets("--soft-weight", softWeight);
      needsSoftTargets("--soft-loss", softLoss);
      needsSoftTargets("--temperature", temperature);
    }
  }

  private static void needsSoftTargets(String option, Object value) {
    Usage.require(value == null, option + " needs --soft-targets or --logits");
  }
}
