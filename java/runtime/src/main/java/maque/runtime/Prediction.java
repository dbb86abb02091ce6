package maque.runtime;

/**
 * The answer to one text.
 *
 * @param label the most probable label; of equal ones the first
 * @param index its place in {@link TextClassifier#labels()}
 * @param probabilities softmax of the logits, one for each label, sum 1
 * @param truncated whether the text was cut at the model's {@code max_tokens}
 */
public record Prediction(String label, int index, float[] probabilities, boolean truncated) {}
