/**
 * Whole models against LibTorch: logits, losses, gradients and training steps of the same weights.
 */
package maque.training.golden;
