package maque.runtime;

import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32C;

/** Where a model's files come from: a directory, or one file that holds them all. */
interface ModelSource {
  /** The directory or the file; a resource's name where there is none. */
  Path path();

  /** {@code directory}, {@code file} or {@code stream}. */
  String form();

  /** What an error calls the file of that name. */
  Path file(String name);

  boolean has(String name);

  /**
   * A small file's content.
   *
   * @throws ModelFormatException where there is none, or it has more than limit bytes
   */
  byte[] bytes(String name, int limit);

  Weights weights();

  /**
   * The tensors, and what maque.json must say of their file.
   *
   * @param stamp null where they have no file of their own
   */
  record Weights(Map<String, Tensor> tensors, ModelManifest.Stamp stamp) {}

  static ModelSource of(Path path) {
    Path present = ModelWriter.present(path);
    if (Files.isDirectory(present)) {
      return new Directory(present);
    }
    if (Files.isRegularFile(present)) {
      return SingleFile.of(present, "file", Safetensors.read(present));
    }
    throw new ModelFormatException(path + ": expected a model, found none");
  }

  /** A model in one file, from a stream that holds nothing else; the caller closes it. */
  static ModelSource of(InputStream in, String name) {
    return SingleFile.of(Path.of(name), "stream", Safetensors.read(in, name));
  }

  /** One file for each. */
  record Directory(Path path) implements ModelSource {
    @Override
    public String form() {
      return "directory";
    }

    @Override
    public Path file(String name) {
      return path.resolve(name);
    }

    @Override
    public boolean has(String name) {
      return Files.exists(file(name));
    }

    @Override
    public byte[] bytes(String name, int limit) {
      return ModelFiles.bytes(file(name), limit);
    }

    @Override
    public Weights weights() {
      Path file = file(ModelDirectory.WEIGHTS);
      CRC32C crc = new CRC32C();
      Map<String, Tensor> tensors = Safetensors.read(file, crc).tensors();
      return new Weights(
          tensors, new ModelManifest.Stamp(ModelFiles.size(file), Checksums.text(crc)));
    }
  }

  /** A safetensors file whose byte tensors {@code maque/NAME} are the other files. */
  record SingleFile(Path path, String form, Map<String, Tensor> tensors, Map<String, byte[]> files)
      implements ModelSource {
    static final String PREFIX = "maque/";

    static SingleFile of(Path path, String form, Safetensors.Tensors all) {
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      Map<String, byte[]> files = new LinkedHashMap<>();
      for (Tensor tensor : all.tensors().values()) {
        if (tensor.name().startsWith(PREFIX) && tensor.dtype().equals("U8")) {
          byte[] content = new byte[tensor.data().remaining()];
          tensor.data().get(content);
          files.put(tensor.name().substring(PREFIX.length()), content);
        } else {
          tensors.put(tensor.name(), tensor);
        }
      }
      if (!files.containsKey(ModelManifest.NAME)) {
        throw new ModelFormatException(
            path + ": expected a model directory or a .maque file, found neither");
      }
      return new SingleFile(path, form, tensors, files);
    }

    @Override
    public Path file(String name) {
      return path.resolve(name);
    }

    @Override
    public boolean has(String name) {
      return files.containsKey(name);
    }

    @Override
    public byte[] bytes(String name, int limit) {
      byte[] content = files.get(name);
      if (content == null) {
        throw new ModelFormatException(file(name) + ": expected a file, found none");
      }
      if (content.length > limit) {
        throw new ModelFormatException(file(name) + ": more than " + limit + " bytes");
      }
      return content;
    }

    @Override
    public Weights weights() {
      return new Weights(tensors, null);
    }
  }
}
