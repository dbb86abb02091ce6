/** Data sets, fine-tuning, soft targets, distillation, evaluation and reports. */
package maque.training;
