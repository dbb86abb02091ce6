// Geometry options as text: parsing and checks.
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "kernels/gemm_int8.h"
#include "model/geometry.h"

namespace maque {
namespace {

constexpr int64_t kMaxWidth = 1 << 20;  // so that no product of sizes leaves 64 bits
/// Of an int8 student's layers: the features are padded to whole blocks of units.
constexpr int64_t kServingMaxWidth = kInt8MaxK - 32;

struct IntOption {
  const char* key;
  int64_t Geometry::*field;
  int64_t low, high;
};

constexpr IntOption kIntOptions[] = {
    {"num_labels", &Geometry::num_labels, 2, 65536},
    {"vocab_size", &Geometry::vocab, 1, INT32_MAX},
    {"hidden_size", &Geometry::hidden, 1, kMaxWidth},
    {"num_hidden_layers", &Geometry::layers, 1, 1024},
    {"num_attention_heads", &Geometry::heads, 1, kMaxWidth},
    {"intermediate_size", &Geometry::intermediate, 1, kMaxWidth},
    {"max_position_embeddings", &Geometry::positions, 1, kMaxWidth},
    {"type_vocab_size", &Geometry::types, 1, kMaxWidth},
    {"embedding_size", &Geometry::embedding, 1, kMaxWidth},
    {"ngram_buckets", &Geometry::ngram_buckets, 1, INT32_MAX},
    {"ngram_width", &Geometry::ngram_width, 1, kMaxNgramWidth},
};

struct Word {
  const char* text;
  int32_t value;
};

constexpr Word kKinds[] = {{"bert", static_cast<int32_t>(Kind::bert)},
                           {"sequence", static_cast<int32_t>(Kind::sequence)},
                           {"document", static_cast<int32_t>(Kind::document)},
                           {"bag", static_cast<int32_t>(Kind::bag)}};
constexpr Word kPoolings[] = {{"pooler", static_cast<int32_t>(Pooling::pooler)},
                              {"cls", static_cast<int32_t>(Pooling::cls)},
                              {"mean", static_cast<int32_t>(Pooling::mean)},
                              {"max-logits", static_cast<int32_t>(Pooling::max_logits)},
                              {"max", static_cast<int32_t>(Pooling::max)},
                              {"last", static_cast<int32_t>(Pooling::last)}};
constexpr Word kActivations[] = {{"gelu", static_cast<int32_t>(Activation::gelu_erf)},
                                 {"gelu_new", static_cast<int32_t>(Activation::gelu_tanh)},
                                 {"gelu_pytorch_tanh", static_cast<int32_t>(Activation::gelu_tanh)},
                                 {"relu", static_cast<int32_t>(Activation::relu)}};

constexpr Word kPrecisions[] = {{"fp32", static_cast<int32_t>(Precision::fp32)},
                                {"bf16", static_cast<int32_t>(Precision::bf16)},
                                {"int8", static_cast<int32_t>(Precision::int8)}};

constexpr Word kFolded[] = {{"false", static_cast<int32_t>(Form::factors)},
                            {"true", static_cast<int32_t>(Form::folded)}};

template <size_t N>
Status choose(const Word (&words)[N], const char* key, const char* value, int32_t* out) {
  char expected[128] = "";
  size_t used = 0;
  for (const Word& w : words) {
    if (strcmp(w.text, value) == 0) {
      *out = w.value;
      return kOk;
    }
    used += static_cast<size_t>(
        snprintf(expected + used, sizeof expected - used, "%s%s", used == 0 ? "" : " | ", w.text));
  }
  return fail(kInvalidArgument, "option %s: expected %s, got '%.100s'", key, expected, value);
}

Status set_head(Geometry* g, const char* value) {
  g->head_layers = 0;
  if (*value == 0) return kOk;
  for (const char* p = value;;) {
    char number[24];
    const size_t n = strcspn(p, ",");
    if (g->head_layers == kMaxHeadLayers) {
      return fail(kInvalidArgument, "option head: expected at most %d hidden layers, got '%.100s'",
                  kMaxHeadLayers, value);
    }
    int64_t size = 0;
    const bool fits = n < sizeof number;
    if (fits) {
      memcpy(number, p, n);
      number[n] = 0;
    }
    if (!fits || !parse_int(number, 1, kMaxWidth, &size)) {
      return fail(kInvalidArgument,
                  "option head: expected sizes from 1 to %lld separated by commas, got '%.100s'",
                  static_cast<long long>(kMaxWidth), value);
    }
    g->head[g->head_layers++] = size;
    if (p[n] == 0) return kOk;
    p += n + 1;
  }
}

Status set_eps(Geometry* g, const char* value) {
  double eps = 0;
  if (!parse_double(value, &eps) || !(eps > 0) || eps > 1) {
    return fail(kInvalidArgument,
                "option layer_norm_eps: expected a number above 0 and at most 1, got '%.100s'", value);
  }
  g->eps = eps;
  return kOk;
}

Status missing(const char* key) { return fail(kInvalidArgument, "option %s is missing", key); }

Status check_bert(const Geometry& g) {
  if (g.ngram_buckets != 0 || g.ngram_width != 0)
    return fail(kInvalidArgument, "options ngram_buckets and ngram_width: for students only");
  if (g.layers == 0) return missing("num_hidden_layers");
  if (g.heads == 0) return missing("num_attention_heads");
  if (g.intermediate == 0) return missing("intermediate_size");
  if (g.positions == 0) return missing("max_position_embeddings");
  if (g.types == 0) return missing("type_vocab_size");
  if (g.eps == 0) return missing("layer_norm_eps");
  if (g.activation == Activation::none) return missing("hidden_act");
  if (g.pooling == Pooling::none) return missing("pooling");
  if (g.pooling != Pooling::pooler && g.pooling != Pooling::cls && g.pooling != Pooling::mean) {
    return fail(kInvalidArgument, "option pooling: kind bert has pooler | cls | mean");
  }
  if (g.hidden % g.heads != 0) {
    return fail(kInvalidArgument, "hidden_size %lld is not a multiple of num_attention_heads %lld",
                static_cast<long long>(g.hidden), static_cast<long long>(g.heads));
  }
  if (g.precision == Precision::int8 && (g.hidden > kInt8MaxK || g.intermediate > kInt8MaxK)) {
    return fail(kUnsupported,
                "precision int8: hidden_size and intermediate_size up to %lld, not %lld and %lld",
                static_cast<long long>(kInt8MaxK), static_cast<long long>(g.hidden),
                static_cast<long long>(g.intermediate));
  }
  return kOk;
}

Status check_bag(const Geometry& g) {
  if (g.vocab == 0 && g.hidden == 0 && g.embedding == 0 && g.pooling == Pooling::none) return kOk;
  return fail(kInvalidArgument,
              "kind bag has no vocab_size, embedding_size, hidden_size and pooling: it reads n-grams alone");
}

Status check_student(const Geometry& g) {
  if (g.has_ngrams() != (g.ngram_buckets > 0) || (g.kind == Kind::bag && !g.has_ngrams()))
    return missing(g.has_ngrams() ? "ngram_buckets" : "ngram_width");
  if (g.kind == Kind::bag) return check_bag(g);
  if (g.embedding == 0) return missing("embedding_size");
  if (g.kind == Kind::document) return kOk;
  if (g.pooling == Pooling::none) return missing("pooling");
  if (g.pooling == Pooling::pooler || g.pooling == Pooling::cls) {
    return fail(kInvalidArgument, "option pooling: kind sequence has max-logits | max | mean | last");
  }
  return kOk;
}

Status check_serving(const Geometry& g) {
  if (g.is_bert()) return fail(kUnsupported, "option folded: kind bert has no serving form");
  if (Status s = check_student(g)) return s;
  if (g.kind == Kind::bag && g.form == Form::folded)
    return fail(kInvalidArgument, "option folded: false expected, a bag has no projection to fold");
  int64_t widest = g.embedding > 2 * g.hidden ? g.embedding : 2 * g.hidden;
  for (int32_t i = 0; i < g.head_layers; ++i) widest = g.head[i] > widest ? g.head[i] : widest;
  if (g.precision == Precision::int8 && widest > kServingMaxWidth) {
    return fail(kUnsupported, "precision int8: layers of at most %lld inputs, not %lld",
                static_cast<long long>(kServingMaxWidth), static_cast<long long>(widest));
  }
  return kOk;
}

}  // namespace

Geometry empty_geometry() {
  Geometry g{};
  g.head_layers = -1;
  return g;
}

Status set_geometry_option(Geometry* g, const char* key, const char* value, bool* known) {
  *known = true;
  for (const IntOption& option : kIntOptions) {
    if (strcmp(option.key, key) != 0) continue;
    if (parse_int(value, option.low, option.high, &(g->*option.field))) return kOk;
    return fail(kInvalidArgument, "option %s: expected a whole number from %lld to %lld, got '%.100s'", key,
                static_cast<long long>(option.low), static_cast<long long>(option.high), value);
  }
  int32_t chosen = 0;
  if (strcmp(key, "kind") == 0) {
    if (Status s = choose(kKinds, key, value, &chosen)) return s;
    g->kind = static_cast<Kind>(chosen);
  } else if (strcmp(key, "pooling") == 0) {
    if (Status s = choose(kPoolings, key, value, &chosen)) return s;
    g->pooling = static_cast<Pooling>(chosen);
  } else if (strcmp(key, "hidden_act") == 0) {
    if (Status s = choose(kActivations, key, value, &chosen)) return s;
    g->activation = static_cast<Activation>(chosen);
  } else if (strcmp(key, "precision") == 0) {
    if (Status s = choose(kPrecisions, key, value, &chosen)) return s;
    g->precision = static_cast<Precision>(chosen);
  } else if (strcmp(key, "folded") == 0) {
    if (Status s = choose(kFolded, key, value, &chosen)) return s;
    g->form = static_cast<Form>(chosen);
  } else if (strcmp(key, "head") == 0) {
    return set_head(g, value);
  } else if (strcmp(key, "layer_norm_eps") == 0) {
    return set_eps(g, value);
  } else {
    *known = false;
  }
  return kOk;
}

Status check_geometry(const Geometry& g) {
  if (g.kind == Kind::none) return missing("kind");
  if (g.num_labels == 0) return missing("num_labels");
  if (g.head_layers < 0) return missing("head");
  if (g.kind != Kind::bag && g.vocab == 0) return missing("vocab_size");
  if (g.kind != Kind::bag && g.hidden == 0) return missing("hidden_size");
  if (g.form != Form::training) return check_serving(g);
  if (g.precision == Precision::int8 && !g.is_bert()) {
    return fail(
        kUnsupported,
        "option precision: int8 is of kind bert, or needs option folded for a student's serving form");
  }
  return g.is_bert() ? check_bert(g) : check_student(g);
}

bool parse_int(const char* text, int64_t low, int64_t high, int64_t* out) {
  const bool negative = *text == '-';
  const char* p = text + (negative ? 1 : 0);
  int64_t value = 0;
  int32_t digits = 0;
  for (; *p >= '0' && *p <= '9'; ++p, ++digits) {
    if (digits == 18) return false;
    value = 10 * value + (*p - '0');
  }
  if (digits == 0 || *p != 0) return false;
  if (negative) value = -value;
  if (value < low || value > high) return false;
  *out = value;
  return true;
}

bool parse_double(const char* text, double* out) {
  const char* p = text;
  const bool negative = *p == '-';
  if (*p == '-' || *p == '+') ++p;
  uint64_t mantissa = 0;
  int64_t exponent = 0, digits = 0;
  bool point = false;
  for (;; ++p) {
    if (*p == '.' && !point) {
      point = true;
    } else if (*p >= '0' && *p <= '9') {
      ++digits;
      if (mantissa < 1000000000000000000u) {  // 18 digits decide; more only scale
        mantissa = 10 * mantissa + static_cast<uint64_t>(*p - '0');
        exponent -= point ? 1 : 0;
      } else {
        exponent += point ? 0 : 1;
      }
    } else {
      break;
    }
  }
  if (digits == 0) return false;
  if (*p == 'e' || *p == 'E') {
    int64_t e = 0;
    if (!parse_int(p[1] == '+' ? p + 2 : p + 1, -400, 400, &e)) return false;
    exponent += e;
  } else if (*p != 0) {
    return false;
  }
  long double value = static_cast<long double>(mantissa), power = 1;
  const int64_t steps = exponent < 0 ? -exponent : exponent;
  if (steps > 1000) return false;
  for (int64_t i = 0; i < steps; ++i) power *= 10;
  value = exponent < 0 ? value / power : value * power;
  const double result = static_cast<double>(negative ? -value : value);
  if (!(result - result == 0)) return false;
  *out = result;
  return true;
}

}  // namespace maque
