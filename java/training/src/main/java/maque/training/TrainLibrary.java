package maque.training;

import maque.runtime.NativeLibrary;
import maque.runtime.NativeLibraryException;

/** The native library of training, loaded when it is first needed. */
final class TrainLibrary {
  private static final int ABI_VERSION = 3;
  private static final NativeLibrary LIBRARY =
      new NativeLibrary("jnimaque_train", TrainNative.class);

  private TrainLibrary() {}

  static void load() {
    LIBRARY.load(
        path -> {
          System.load(path);
          int found = TrainNative.abiVersion();
          if (found != ABI_VERSION) {
            throw new NativeLibraryException(
                path + ": interface version " + found + ", expected " + ABI_VERSION);
          }
        });
  }
}
