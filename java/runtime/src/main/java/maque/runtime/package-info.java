/** Inference: model files, text encoders, {@code Teacher} and {@code Student}. */
package maque.runtime;
