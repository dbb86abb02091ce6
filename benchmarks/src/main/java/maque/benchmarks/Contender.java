package maque.benchmarks;

import java.util.LinkedHashMap;
import java.util.Map;

/** Who does a piece of work, and how. A name is one of these, or the base of one, as in a row. */
final class Contender {
  static final String MAQUE = "maque";
  static final String MAQUE_FOLDED = "maque-folded";
  static final String MAQUE_BF16 = "maque-bf16";
  static final String MAQUE_INT8 = "maque-int8";
  static final String ORT = "onnxruntime";
  static final String ORT_FUSED = "onnxruntime-fused";
  static final String ORT_INT8 = "onnxruntime-int8";
  static final String ORT_INT8_FUSED = "onnxruntime-int8-fused";
  static final String TORCH = "libtorch";
  static final String TORCH_PLAIN = "libtorch-without-onednn";
  static final String TORCH_BF16 = "libtorch-bf16";
  static final String TORCH_PADDED = "libtorch-padded";
  static final String TORCH_PADDED_PLAIN = "libtorch-padded-without-onednn";
  static final String TORCH_PACKED = "libtorch-packed";
  static final String TORCH_PACKED_PLAIN = "libtorch-packed-without-onednn";
  static final String HUGGING_FACE = "huggingface-tokenizers";
  static final String TOKENIZERS_AND_ORT = "huggingface-tokenizers+onnxruntime";
  static final String MAQUE_TEACHER = "maque-teacher";

  private static final Map<String, String> SHOWN = new LinkedHashMap<>();

  static {
    SHOWN.put(MAQUE, "Maque");
    SHOWN.put(MAQUE_FOLDED, "Maque, folded");
    SHOWN.put(MAQUE_BF16, "Maque bf16");
    SHOWN.put(MAQUE_INT8, "Maque int8");
    SHOWN.put(ORT, "ONNX Runtime");
    SHOWN.put(ORT_FUSED, "ONNX Runtime, fused attention");
    SHOWN.put(ORT_INT8, "ONNX Runtime int8");
    SHOWN.put(ORT_INT8_FUSED, "ONNX Runtime int8, fused attention");
    SHOWN.put(TORCH, "LibTorch");
    SHOWN.put(TORCH_PLAIN, "LibTorch without oneDNN");
    SHOWN.put(TORCH_BF16, "LibTorch bf16");
    SHOWN.put(TORCH_PADDED, "LibTorch, padded");
    SHOWN.put(TORCH_PADDED_PLAIN, "LibTorch, padded, without oneDNN");
    SHOWN.put(TORCH_PACKED, "LibTorch, packed");
    SHOWN.put(TORCH_PACKED_PLAIN, "LibTorch, packed, without oneDNN");
    SHOWN.put(HUGGING_FACE, "Hugging Face tokenizers");
    SHOWN.put(TOKENIZERS_AND_ORT, "Hugging Face tokenizers and ONNX Runtime");
    SHOWN.put(MAQUE_TEACHER, "Maque's teacher");
  }

  private Contender() {}

  /** For people. */
  static String shown(String contender) {
    return SHOWN.getOrDefault(contender, contender);
  }

  static boolean isMaque(String contender) {
    return contender.equals(MAQUE)
        || contender.equals(MAQUE_FOLDED)
        || contender.equals(MAQUE_BF16)
        || contender.equals(MAQUE_INT8);
  }

  /** Of the weights. */
  static String precision(String contender) {
    if (contender.contains("int8")) {
      return "int8";
    }
    return contender.contains("bf16") ? "bf16" : "fp32";
  }

  static boolean isTorch(String contender) {
    return contender.startsWith(TORCH);
  }

  static boolean isPacked(String contender) {
    return contender.startsWith(TORCH_PACKED);
  }

  /**
   * How far, relative to the largest number, a contender's numbers may be from Maque's in fp32. A
   * biLSTM that pads begins its backward direction in the padding, and so gives other numbers.
   */
  static double agreement(String contender, double exact) {
    if (contender.startsWith(TORCH_PADDED)) {
      return 0.3;
    }
    return switch (precision(contender)) {
      case "int8" -> 0.15;
      case "bf16" -> 0.03;
      default -> exact;
    };
  }
}
