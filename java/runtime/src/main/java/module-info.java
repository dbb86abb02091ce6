/**
 * Inference: model files, text encoders, students and teachers.
 *
 * <p>JavaCPP makes the JNI code at build time and is not needed at run time. Flight Recorder events
 * are made where jdk.jfr is among the modules.
 */
module maque.runtime {
  requires static jdk.jfr;
  requires static org.bytedeco.javacpp;

  exports maque.runtime;

  uses maque.runtime.Segmenter;
}
