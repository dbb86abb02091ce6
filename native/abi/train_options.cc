#include "abi/train_options.h"

#include <stdio.h>
#include <string.h>

#include "core/error.h"

namespace maque {
namespace {

constexpr double kHuge = 1e300;

/// Options that are one number.
struct NumberOption {
  const char* key;
  double TrainerOptions::*field;
  double low, below;  // low <= value < below
};

constexpr NumberOption kNumbers[] = {
    {"momentum", &TrainerOptions::momentum, 0, 1},
    {"beta1", &TrainerOptions::beta1, 0, 1},
    {"beta2", &TrainerOptions::beta2, 0, 1},
    {"eps", &TrainerOptions::eps, 1e-300, 1},
    {"weight_decay", &TrainerOptions::weight_decay, 0, kHuge},
    {"clip_norm", &TrainerOptions::clip_norm, 0, kHuge},
    {"hidden_dropout", &TrainerOptions::hidden_dropout, 0, 1},
    {"attention_dropout", &TrainerOptions::attention_dropout, 0, 1},
    {"head_dropout", &TrainerOptions::head_dropout, 0, 1},
    {"embedding_dropout", &TrainerOptions::embedding_dropout, 0, 1},
    {"output_dropout", &TrainerOptions::output_dropout, 0, 1},
    {"ngram_dropout", &TrainerOptions::ngram_dropout, 0, 1},
};

Status set_number(const char* key, const char* value, double low, double below, double* out) {
  double number = 0;
  if (!parse_double(value, &number) || !(number >= low) || !(number < below)) {
    return fail(kInvalidArgument, "option %.100s: expected a number from %g to below %g, got '%.100s'", key,
                low, below, value);
  }
  *out = number;
  return kOk;
}

Status set_integer(const char* key, const char* value, int64_t low, int64_t high, int64_t* out) {
  if (parse_int(value, low, high, out)) return kOk;
  return fail(kInvalidArgument, "option %s: expected a whole number from %lld to %lld, got '%.100s'", key,
              static_cast<long long>(low), static_cast<long long>(high), value);
}

Status expected(const char* key, const char* what, const char* value) {
  return fail(kInvalidArgument, "option %s: expected %s, got '%.100s'", key, what, value);
}

Status set_train_mode(TrainerOptions* o, const char* value) {
  constexpr const char kLast[] = "last-layers:";
  if (strcmp(value, "all") == 0) {
    o->mode = TrainMode::all;
  } else if (strcmp(value, "head") == 0) {
    o->mode = TrainMode::head;
  } else if (strcmp(value, "last-tensors:4") == 0) {
    o->mode = TrainMode::last_tensors;
  } else if (strncmp(value, kLast, sizeof kLast - 1) == 0 &&
             parse_int(value + sizeof kLast - 1, 1, 1024, &o->last_layers)) {
    o->mode = TrainMode::last_layers;
  } else {
    return expected("train", "all | last-layers:K | last-tensors:4 | head", value);
  }
  return kOk;
}

Status set_rate_scale(TrainerOptions* o, const char* key, const char* prefix, const char* value) {
  double scale = 0;
  if (Status s = set_number(key, value, 0, kHuge, &scale)) return s;
  const size_t n = strlen(prefix);
  if (n == 0 || n >= sizeof o->rate_scales[0].prefix) {
    return fail(kInvalidArgument, "option %.100s: expected a prefix of 1 to %d bytes", key,
                static_cast<int>(sizeof o->rate_scales[0].prefix) - 1);
  }
  int32_t i = 0;
  while (i < o->rate_scale_count && strcmp(o->rate_scales[i].prefix, prefix) != 0) ++i;
  if (i == kMaxRateScales)
    return fail(kInvalidArgument, "option %.100s: at most %d lr_scale options", key, kMaxRateScales);
  snprintf(o->rate_scales[i].prefix, sizeof o->rate_scales[i].prefix, "%s", prefix);
  o->rate_scales[i].scale = scale;
  if (i == o->rate_scale_count) ++o->rate_scale_count;
  return kOk;
}

Status keep_class_weights(TrainSettings* settings, const char* value) {
  const size_t bytes = strlen(value) + 1;
  if (bytes > (1 << 22)) return fail(kInvalidArgument, "option class_weights: the text is longer than 4 MiB");
  if (!settings->class_weights_text.allocate(static_cast<int64_t>(bytes)))
    return fail(kOutOfMemory, "out of memory");
  memcpy(settings->class_weights_text.data(), value, bytes);
  return kOk;
}

Status set_device(TrainSettings* settings, const char* value) {
  constexpr const char kNumbered[] = "cuda:";
  int64_t number = 0;
  if (strcmp(value, "cpu") == 0) {
    settings->device = -1;
    return kOk;
  }
  const bool numbered = strncmp(value, kNumbered, sizeof kNumbered - 1) == 0;
  if (numbered ? !parse_int(value + sizeof kNumbered - 1, 0, 1023, &number) : strcmp(value, "cuda") != 0)
    return expected("device", "cpu | cuda | cuda:N", value);
  settings->device = static_cast<int32_t>(number);
  return kOk;
}

Status set_path(const char* key, const char* value, char (&path)[1024]) {
  if (strlen(value) >= sizeof path)
    return fail(kInvalidArgument, "option %s: a path of at most %d bytes expected", key,
                static_cast<int>(sizeof path) - 1);
  snprintf(path, sizeof path, "%s", value);
  return kOk;
}

/// Where a trainer runs. *known tells whether the key is one of these.
Status set_device_option(TrainSettings* settings, const char* key, const char* value, bool* known) {
  *known = true;
  if (strcmp(key, "device") == 0) return set_device(settings, value);
  if (strcmp(key, "cuda_library") == 0) return set_path(key, value, settings->cuda_library);
  if (strcmp(key, "cublaslt") == 0) return set_path(key, value, settings->cublaslt);
  if (strcmp(key, "cuda_products") == 0) {
    if (strcmp(value, "auto") == 0) {
      settings->products = cuda::ProductLibrary::automatic;
    } else if (strcmp(value, "own") == 0) {
      settings->products = cuda::ProductLibrary::own;
    } else if (strcmp(value, "cublaslt") == 0) {
      settings->products = cuda::ProductLibrary::cublaslt;
    } else {
      return expected(key, "auto | own | cublaslt", value);
    }
    return kOk;
  }
  *known = false;
  return kOk;
}

/// What may change between steps. *known tells whether the key is one of them.
Status set_step_option(TrainSettings* settings, const char* key, const char* value, bool* known) {
  StepOptions* step = &settings->step;
  *known = true;
  if (strcmp(key, "ce_weight") == 0) return set_number(key, value, 0, kHuge, &step->ce_weight);
  if (strcmp(key, "soft_weight") == 0) return set_number(key, value, 0, kHuge, &step->soft_weight);
  if (strcmp(key, "temperature") == 0) return set_number(key, value, 1e-6, 1e6, &step->temperature);
  if (strcmp(key, "step") == 0) return set_integer(key, value, 0, INT32_MAX, &step->step);
  if (strcmp(key, "soft_loss") == 0) {
    if (strcmp(value, "mse") != 0 && strcmp(value, "kl") != 0) return expected(key, "mse | kl", value);
    step->soft_loss = *value == 'm' ? SoftLoss::mse : SoftLoss::kl;
    return kOk;
  }
  *known = false;
  return kOk;
}

Status set_fixed_option(TrainSettings* settings, const char* key, const char* value) {
  TrainerOptions* o = &settings->trainer;
  for (const NumberOption& option : kNumbers) {
    if (strcmp(option.key, key) == 0)
      return set_number(key, value, option.low, option.below, &(o->*option.field));
  }
  constexpr const char kScale[] = "lr_scale.";
  int64_t number = 0;
  if (strcmp(key, "threads") == 0) return set_integer(key, value, 1, 1024, &settings->threads);
  if (strcmp(key, "train") == 0) return set_train_mode(o, value);
  if (strcmp(key, "class_weights") == 0) return keep_class_weights(settings, value);
  if (strncmp(key, kScale, sizeof kScale - 1) == 0)
    return set_rate_scale(o, key, key + sizeof kScale - 1, value);
  if (strcmp(key, "seed") == 0) {
    if (Status s = set_integer(key, value, -999999999999999999, 999999999999999999, &number)) return s;
    o->seed = static_cast<uint64_t>(number);
    return kOk;
  }
  if (strcmp(key, "train_vectors") == 0) {
    if (Status s = set_integer(key, value, 0, 1, &number)) return s;
    o->train_vectors = number == 1;
    return kOk;
  }
  if (strcmp(key, "optimizer") == 0) {
    if (strcmp(value, "sgd") != 0 && strcmp(value, "adamw") != 0) return expected(key, "sgd | adamw", value);
    o->optimizer = *value == 's' ? Optimizer::sgd : Optimizer::adamw;
    return kOk;
  }
  return fail(kInvalidArgument, "option %.100s is not known", key);
}

Status parse_class_weights(TrainSettings* settings) {
  const char* p = settings->class_weights_text.data();
  if (p == nullptr || *p == 0) return kOk;
  const int64_t labels = settings->geometry.num_labels;
  if (!settings->class_weights.allocate(labels)) return fail(kOutOfMemory, "out of memory");
  double sum = 0;
  for (int64_t i = 0;; ++i) {
    char number[64];
    const size_t n = strcspn(p, ",");
    double weight = -1;
    if (n < sizeof number) {
      memcpy(number, p, n);
      number[n] = 0;
      if (!parse_double(number, &weight)) weight = -1;
    }
    if (weight < 0 || i == labels || (p[n] == 0 && i != labels - 1)) {
      return fail(
          kInvalidArgument,
          "option class_weights: expected %lld numbers of 0 or more separated by commas, got '%.200s'",
          static_cast<long long>(labels), settings->class_weights_text.data());
    }
    settings->class_weights[i] = weight;
    sum += weight;
    if (p[n] == 0) break;
    p += n + 1;
  }
  if (!(sum > 0)) return fail(kInvalidArgument, "option class_weights: at least one weight above 0 expected");
  settings->trainer.class_weights = settings->class_weights.data();
  return kOk;
}

Status check_kind(const TrainSettings& settings) {
  const Geometry& g = settings.geometry;
  const TrainerOptions& o = settings.trainer;
  if (g.form != Form::training)
    return fail(kUnsupported, "option folded: a serving form serves, it does not train");
  if (g.precision == Precision::int8)
    return fail(kUnsupported, "option precision: int8 serves, it does not train");
  if (g.is_bert()) {
    if (o.embedding_dropout != 0)
      return fail(kInvalidArgument, "option embedding_dropout: for students only");
    if (o.output_dropout != 0) return fail(kInvalidArgument, "option output_dropout: for students only");
    if (o.mode == TrainMode::last_layers && o.last_layers > g.layers) {
      return fail(kInvalidArgument, "option train: last-layers:%lld of %lld layers",
                  static_cast<long long>(o.last_layers), static_cast<long long>(g.layers));
    }
  } else {
    if (o.hidden_dropout != 0) return fail(kInvalidArgument, "option hidden_dropout: for bert only");
    if (o.attention_dropout != 0) return fail(kInvalidArgument, "option attention_dropout: for bert only");
    if (o.mode != TrainMode::all) return fail(kInvalidArgument, "option train: a student has all only");
  }
  if (o.ngram_dropout != 0 && !g.has_ngrams())
    return fail(kInvalidArgument, "option ngram_dropout: for students with n-grams only");
  if (g.kind == Kind::bag && (o.embedding_dropout != 0 || o.output_dropout != 0)) {
    return fail(
        kInvalidArgument,
        "options embedding_dropout and output_dropout: a bag has ngram_dropout and head_dropout only");
  }
  if (o.train_vectors && g.kind != Kind::document) {
    return fail(kInvalidArgument, "option train_vectors: for document only");
  }
  return kOk;
}

}  // namespace

Status set_train_option(TrainSettings* settings, const char* key, const char* value, bool built) {
  if (key == nullptr || value == nullptr) return fail(kInvalidArgument, "option: key or value is null");
  bool known = false;
  if (Status s = set_step_option(settings, key, value, &known)) return s;
  if (known) return kOk;
  if (built) return fail(kBadState, "option %.100s must be set before the trainer is built", key);
  if (Status s = set_geometry_option(&settings->geometry, key, value, &known)) return s;
  if (known) return kOk;
  if (Status s = set_device_option(settings, key, value, &known)) return s;
  return known ? kOk : set_fixed_option(settings, key, value);
}

Status check_train_settings(TrainSettings* settings) {
  if (Status s = check_geometry(settings->geometry)) return s;
  if (Status s = check_kind(*settings)) return s;
  return parse_class_weights(settings);
}

}  // namespace maque
