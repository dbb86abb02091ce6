package maque.training;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import maque.runtime.Cleaning;
import maque.runtime.InvalidInputException;
import maque.runtime.ModelDirectory;
import maque.runtime.Segmenter;
import maque.runtime.Tensor;
import maque.runtime.Tokenizer;

/**
 * A student's vocabulary and the first values of its embeddings.
 *
 * @param matrix a row for each token of the vocabulary
 */
record StudentEmbeddings(StudentVocabulary vocabulary, EmbeddingMatrix matrix) {
  private static final String WORD_EMBEDDINGS = "embeddings.word_embeddings.weight";

  /**
   * Makes both as the options say.
   *
   * @param teacher null where neither its vocabulary nor its embeddings are used
   * @param vectors word2vec file, or null
   * @param known words or characters that the vocabulary is; null: those of the texts
   * @param texts that the student is trained on
   */
  static StudentEmbeddings make(
      StudentOptions options,
      ModelDirectory teacher,
      Path vectors,
      List<String> known,
      Texts texts,
      TrainingRecord record) {
    return new Maker(options, teacher, vectors, known, texts, record).make();
  }

  private record Maker(
      StudentOptions options,
      ModelDirectory teacher,
      Path file,
      List<String> known,
      Texts texts,
      TrainingRecord record) {
    StudentEmbeddings make() {
      if (options.kind() == StudentOptions.Kind.BAG) {
        StudentVocabulary read =
            options.readsTokens() ? vocabulary() : StudentVocabulary.characters();
        return new StudentEmbeddings(read, EmbeddingMatrix.empty(0, 1));
      }
      boolean wordPiece = options.tokens() == StudentOptions.Tokens.WORDPIECE;
      StudentEmbeddings made =
          switch (options.embeddings()) {
            case VECTORS -> wordPiece || known != null ? knownFromFile() : wordsFromFile();
            case TEACHER -> fromTeacher(vocabulary());
            case RANDOM -> {
              StudentVocabulary vocabulary = vocabulary();
              yield new StudentEmbeddings(vocabulary, empty(vocabulary));
            }
          };
      finish(made.matrix());
      return made;
    }

    /** Whether a text's tokens are a set to the student: no special ones, unknown ones left out. */
    private boolean document() {
      return options.kind() != StudentOptions.Kind.SEQUENCE;
    }

    private EmbeddingMatrix empty(StudentVocabulary vocabulary) {
      return EmbeddingMatrix.empty(vocabulary.tokens().size(), options.embeddingSize());
    }

    private List<String> counted(Segmenter segmenter) {
      return StudentVocabulary.count(
          segmenter, Cleaning.of(options.clean()), texts, options.minCount());
    }

    /** The vocabulary where no file of vectors bounds it. */
    private StudentVocabulary vocabulary() {
      if (options.tokens() == StudentOptions.Tokens.WORDPIECE) {
        return StudentVocabulary.wordPiece(teacher, !document());
      }
      Segmenter segmenter = StudentVocabulary.segmenter(options);
      if (known != null) {
        return StudentVocabulary.of(segmenter, known);
      }
      StudentVocabulary words =
          StudentVocabulary.ofWords(segmenter, counted(segmenter), options.maxVocabulary());
      return document() ? words.withoutUnknown() : words;
    }

    /** Where the file does not bound the vocabulary. */
    private StudentEmbeddings knownFromFile() {
      StudentVocabulary vocabulary = vocabulary();
      WordVectors vectors = WordVectors.read(file, Set.copyOf(vocabulary.tokens()), 0);
      return new StudentEmbeddings(vocabulary, filled(vocabulary, vectors));
    }

    private StudentEmbeddings wordsFromFile() {
      Segmenter segmenter = StudentVocabulary.segmenter(options);
      List<String> counted = counted(segmenter);
      WordVectors vectors =
          WordVectors.read(file, Set.copyOf(counted), document() ? options.maxVocabulary() : 0);
      StudentVocabulary vocabulary =
          document()
              ? StudentVocabulary.ofVectors(
                  segmenter, counted, vectors.words(), word -> vectors.indexOf(word) >= 0)
              : StudentVocabulary.ofWords(segmenter, counted, options.maxVocabulary());
      return new StudentEmbeddings(vocabulary, filled(vocabulary, vectors));
    }

    private EmbeddingMatrix filled(StudentVocabulary vocabulary, WordVectors vectors) {
      if (vectors.dimensions() != options.embeddingSize()) {
        throw new InvalidInputException(
            file
                + " has vectors of "
                + vectors.dimensions()
                + " dimensions, embedding_size is "
                + options.embeddingSize());
      }
      EmbeddingMatrix matrix = empty(vocabulary);
      for (int i = 0; i < matrix.rows(); i++) {
        int found = vectors.indexOf(vocabulary.tokens().get(i));
        if (found >= 0) {
          matrix.set(i, vectors.vector(found));
        }
      }
      return matrix;
    }

    /** The teacher's token embeddings by PCA; a word that is several pieces has their mean. */
    private StudentEmbeddings fromTeacher(StudentVocabulary vocabulary) {
      Tensor table = ModelIo.encoderTensors(teacher).get(WORD_EMBEDDINGS);
      int hidden = (int) table.shape()[1];
      if (options.embeddingSize() > hidden) {
        throw new InvalidInputException(
            "embedding_size " + options.embeddingSize() + " is above the teacher's " + hidden);
      }
      float[] values = ModelIo.finite(teacher, table);
      float[] reduced = Pca.fit(values, hidden, options.embeddingSize()).transform(values);
      EmbeddingMatrix matrix = empty(vocabulary);
      if (options.tokens() == StudentOptions.Tokens.WORDPIECE) {
        for (int i = 0; i < matrix.rows(); i++) {
          matrix.set(i, row(reduced, i));
        }
      } else {
        meanOfPieces(vocabulary, reduced, matrix);
      }
      return new StudentEmbeddings(vocabulary, matrix);
    }

    private float[] row(float[] table, int i) {
      int width = options.embeddingSize();
      return Arrays.copyOfRange(table, i * width, (i + 1) * width);
    }

    private void meanOfPieces(StudentVocabulary vocabulary, float[] table, EmbeddingMatrix matrix) {
      Tokenizer tokenizer = StudentVocabulary.tokenizer(teacher);
      int unknown = teacher.vocab().indexOf(StudentVocabulary.UNKNOWN);
      for (int i = 0; i < matrix.rows(); i++) {
        int[] pieces = tokenizer.encode(vocabulary.tokens().get(i), 64, false);
        float[] mean = new float[options.embeddingSize()];
        for (int piece : pieces) {
          for (int c = 0; c < mean.length; c++) {
            mean[c] += table[piece * mean.length + c] / pieces.length;
          }
        }
        boolean known = pieces.length > 0 && !(pieces.length == 1 && pieces[0] == unknown);
        if (known) {
          matrix.set(i, mean);
        }
      }
    }

    private void finish(EmbeddingMatrix matrix) {
      boolean given = options.embeddings() != StudentOptions.Embeddings.RANDOM;
      if (given && matrix.unknown() == matrix.rows()) {
        throw new InvalidInputException("no token of the vocabulary has a vector");
      }
      if (given && matrix.unknown() > 0) {
        record.note(matrix.unknown() + " of " + matrix.rows() + " tokens begin without a vector");
      }
      SeededRandom random = new SeededRandom(options.seed(), "embedding");
      if (!document()) {
        matrix.scaleTo(options.embeddingSd());
        matrix.fillUnknown(random, options.embeddingSd());
      } else if (!given) {
        matrix.fillUnknown(random, options.embeddingSd());
      } else if (options.standardizeVectors()) {
        matrix.standardize();
      }
    }
  }
}
