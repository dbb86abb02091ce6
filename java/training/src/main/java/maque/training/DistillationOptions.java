package maque.training;

import java.util.Map;
import maque.runtime.InvalidInputException;

/**
 * How a student is trained: its losses and its dropout.
 *
 * @param <T> the class itself
 */
public abstract class DistillationOptions<T extends DistillationOptions<T>>
    extends TrainingOptions<T> {
  private Ramp ceWeight = Ramp.constant(1);
  private Ramp softWeight = Ramp.constant(0);
  private String softLoss = "mse";
  private Ramp temperature = Ramp.constant(1);
  private double tokenDropout;
  private double embeddingDropout;
  private double outputDropout;
  private double headDropout;
  private double ngramDropout;
  private double wholeNgramDropout;

  DistillationOptions() {}

  /** Weight of the cross entropy with labels. */
  public Ramp ceWeight() {
    return ceWeight;
  }

  /** Weight of the loss with soft targets. */
  public Ramp softWeight() {
    return softWeight;
  }

  /** Whether soft targets are read at all: whether their weight is ever above 0. */
  public boolean usesSoftTargets() {
    return softWeight.max() > 0;
  }

  /**
   * Weights of the two losses, each 0..1e6 and not both 0 throughout.
   *
   * @param ce of the cross entropy with labels; 1 where not set
   * @param soft of the loss with soft targets; 0 where not set: none are read
   * @throws InvalidInputException for any other value
   */
  public T weights(Ramp ce, Ramp soft) {
    ceWeight = ce.within("ce_weight", 0, 1e6);
    softWeight = soft.within("soft_weight", 0, 1e6);
    if (ce.max() == 0 && soft.max() == 0) {
      throw new InvalidInputException("ce_weight and soft_weight are both 0: nothing to train by");
    }
    return self();
  }

  /** {@link #weights(Ramp, Ramp)} that stay the same. */
  public T weights(double ce, double soft) {
    return weights(Ramp.constant(ce), Ramp.constant(soft));
  }

  /**
   * Weights a and 1 - a.
   *
   * @param a 0..1
   * @throws InvalidInputException for any other value
   */
  public T alpha(Ramp a) {
    a.within("alpha", 0, 1);
    return weights(a, a.complement());
  }

  /** Labels only: weights 1 and 0. */
  public T alone() {
    return weights(1, 0);
  }

  /**
   * a · CE + (1 − a) · MSE: Tang et al. (arXiv 1903.12136).
   *
   * @param a 0..1
   * @throws InvalidInputException for any other value
   */
  public T distilledMse(double a) {
    softLoss = "mse";
    temperature = Ramp.constant(1);
    return alpha(Ramp.constant(a));
  }

  /**
   * a · CE + (1 − a) · T² KL: Hinton et al. (arXiv 1503.02531).
   *
   * @param a 0..1
   * @param t the temperature, 1e-3..1e3
   * @throws InvalidInputException for any other value
   */
  public T distilledKl(double a, double t) {
    softLoss = "kl";
    return temperature(t).alpha(Ramp.constant(a));
  }

  /** The loss with soft targets: {@code mse} or {@code kl}. */
  public String softLoss() {
    return softLoss;
  }

  /**
   * The loss with soft targets: {@code mse} of logits, as where not set, or {@code kl}, T² times
   * the divergence of the softmax at the {@link #temperature}.
   *
   * @throws InvalidInputException for any other value
   */
  public T softLoss(String value) {
    if (!value.equals("mse") && !value.equals("kl")) {
      throw new InvalidInputException("soft_loss must be mse or kl, not '" + value + "'");
    }
    softLoss = value;
    return self();
  }

  /** Temperature of {@code kl}. */
  public Ramp temperature() {
    return temperature;
  }

  /**
   * Temperature of {@code kl}, 1e-3..1e3; 1 where not set. {@code mse} does not read it.
   *
   * @throws InvalidInputException for any other value
   */
  public T temperature(Ramp value) {
    temperature = value.within("temperature", 1e-3, 1e3);
    return self();
  }

  /** A {@link #temperature(Ramp)} that stays the same. */
  public T temperature(double value) {
    return temperature(Ramp.constant(value));
  }

  /** Probability that a whole token is dropped in training. */
  public double tokenDropout() {
    return tokenDropout;
  }

  /**
   * Probability that a whole token is dropped in training, 0..0.95; 0 where not set. To a sequence
   * student it is [UNK] then; from a document student's mean it is left out.
   *
   * @throws InvalidInputException for any other value
   */
  public T tokenDropout(double value) {
    tokenDropout = check("token_dropout", value, 0, 0.95);
    return self();
  }

  /** Dropout on embeddings, or on a document student's mean vector. */
  public double embeddingDropout() {
    return embeddingDropout;
  }

  /** Dropout on the biLSTM's output. */
  public double outputDropout() {
    return outputDropout;
  }

  /** Dropout in the head. */
  public double headDropout() {
    return headDropout;
  }

  /**
   * Probabilities of dropout, each 0..0.95; {@link StudentOptions#sequence} and {@link
   * StudentOptions#document} say theirs.
   *
   * @param embedding on embeddings, or on a document student's mean vector
   * @param output on the biLSTM's output, after pooling where pooling comes before the head
   * @param hidden on the head's hidden layers
   * @throws InvalidInputException for any other value
   */
  public T dropout(double embedding, double output, double hidden) {
    embeddingDropout = check("embedding_dropout", embedding, 0, 0.95);
    outputDropout = check("output_dropout", output, 0, 0.95);
    headDropout = check("head_dropout", hidden, 0, 0.95);
    return self();
  }

  /** Dropout on the mean of a text's n-grams. */
  public double ngramDropout() {
    return ngramDropout;
  }

  /**
   * Dropout on the mean of a text's n-grams, 0..0.95; 0 where not set.
   *
   * @throws InvalidInputException for any other value
   */
  public T ngramDropout(double value) {
    ngramDropout = check("ngram_dropout", value, 0, 0.95);
    return self();
  }

  /** Probability that a whole n-gram is left out of its text's mean in training. */
  public double wholeNgramDropout() {
    return wholeNgramDropout;
  }

  /**
   * Probability that a whole n-gram is left out of its text's mean in training, 0..0.95; 0 where
   * not set.
   *
   * @throws InvalidInputException for any other value
   */
  public T wholeNgramDropout(double value) {
    wholeNgramDropout = check("whole_ngram_dropout", value, 0, 0.95);
    return self();
  }

  @Override
  public Map<String, Object> toMap() {
    Map<String, Object> map = super.toMap();
    map.put("ce_weight", ceWeight.record());
    map.put("soft_weight", softWeight.record());
    map.put("soft_loss", softLoss);
    map.put("temperature", temperature.record());
    map.put("token_dropout", tokenDropout);
    map.put("embedding_dropout", embeddingDropout);
    map.put("output_dropout", outputDropout);
    map.put("head_dropout", headDropout);
    return map;
  }

  @Override
  void apply(Trainer.Builder builder) {
    super.apply(builder);
    builder.option("head_dropout", headDropout).option("soft_loss", softLoss);
  }

  /** The objective of a step: a schedule is a function of its number, so that a run can resume. */
  @Override
  void beforeStep(Trainer trainer, long step, long total) {
    trainer.option("ce_weight", ceWeight.at(step, total));
    trainer.option("soft_weight", softWeight.at(step, total));
    trainer.option("temperature", temperature.at(step, total));
  }
}
