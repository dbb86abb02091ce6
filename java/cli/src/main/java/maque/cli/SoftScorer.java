package maque.cli;

import maque.runtime.ModelDirectory;
import maque.runtime.Teacher;
import maque.training.Device;
import maque.training.DeviceTeacher;
import maque.training.LogitStore;
import maque.training.RunControl;
import maque.training.SoftTargets;
import maque.training.Texts;

/** A teacher that writes soft targets, on the processor or on a GPU. */
final class SoftScorer implements AutoCloseable {
  private final Teacher teacher;
  private final DeviceTeacher onDevice;

  SoftScorer(ModelDirectory directory, Device device) {
    teacher = device.isCuda() ? null : Teacher.of(directory);
    onDevice = device.isCuda() ? DeviceTeacher.of(directory, device) : null;
  }

  /** Scores the texts that the store lacks; returns how many those were. */
  long write(LogitStore store, Texts texts, RunControl control) {
    return teacher == null
        ? SoftTargets.write(store, onDevice, texts, control)
        : SoftTargets.write(store, teacher, texts, control);
  }

  @Override
  public void close() {
    if (teacher == null) {
      onDevice.close();
    } else {
      teacher.close();
    }
  }
}
