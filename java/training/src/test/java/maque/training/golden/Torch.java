package maque.training.golden;

import java.util.Arrays;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** The little of LibTorch's Java binding that these tests need. One thread. */
final class Torch {
  static {
    torch.set_num_threads(1);
  }

  private Torch() {}

  /** Runs a block and frees every native object that it made. */
  @SuppressWarnings("try") // the scope works by being open
  static void scoped(Runnable block) {
    try (PointerScope scope = new PointerScope()) {
      block.run();
    }
  }

  static Tensor floats(float[] values, ScalarType type, long... shape) {
    try (FloatPointer data = new FloatPointer(values)) {
      return torch.from_blob(data, shape).to(type).clone();
    }
  }

  static Tensor longs(int[] values) {
    try (LongPointer data = new LongPointer(Arrays.stream(values).asLongStream().toArray())) {
      long[] shape = {values.length};
      return torch.from_blob(data, shape, new TensorOptions(ScalarType.Long)).clone();
    }
  }

  static double[] doubles(Tensor tensor) {
    double[] out = new double[(int) tensor.numel()];
    if (out.length > 0) {
      DoublePointer data = tensor.detach().to(ScalarType.Double).contiguous().data_ptr_double();
      data.get(out);
    }
    return out;
  }

  static Tensor times(Tensor tensor, double factor) {
    return tensor.mul(new Scalar(factor));
  }

  static Tensor stack(Tensor... tensors) {
    return torch.stack(new TensorVector(tensors), 0);
  }
}
