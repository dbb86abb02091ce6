/** Writing models for other programs: ONNX. */
package maque.training.onnx;
