package maque.runtime;

/**
 * A text as a model reads it.
 *
 * @param ids token ids, 0 to the vocabulary's size less 1; owned by the caller
 * @param truncated whether the text had more tokens than the model's maximum
 */
public record Encoded(int[] ids, boolean truncated) {}
