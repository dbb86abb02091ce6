/**
 * Reading other programs' models: BERT encoders from ONNX files and from Hugging Face's
 * directories.
 */
package maque.training.imports;
