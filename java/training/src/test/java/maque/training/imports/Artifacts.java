package maque.training.imports;

import java.io.IOException;
import java.net.JarURLConnection;
import java.net.URL;
import java.nio.file.Path;

/** Jars with real weights, found through the class path. */
final class Artifacts {
  static final String MINILM = "all-minilm-l6-v2";
  static final String BGE = "bge-small-zh-v1.5";

  private Artifacts() {}

  /** The jar that holds a model's ONNX file. */
  static Path jar(String model) throws IOException {
    URL url = Artifacts.class.getResource("/" + model + ".onnx");
    if (url == null) {
      throw new IOException("no jar with " + model + ".onnx on the class path");
    }
    return Path.of(((JarURLConnection) url.openConnection()).getJarFile().getName());
  }
}
