// The head on the device against the CPU's: alone, and with n-grams beside the rows of a biLSTM.
#include "model/cuda/head.h"

#include "model/head.h"
#include "tests/cuda/device_case.h"

namespace maque::test {
namespace {

struct Case {
  const char* name;
  Geometry g;
  int64_t texts, rows;
  bool per_token;  // the rows of a text are several; else row i is text i
  double p;
};

Geometry sequence(Pooling pooling, std::vector<int64_t> head) {
  return with_ngrams(student_geometry(Kind::sequence, pooling, head));
}

std::vector<Case> cases() {
  return {
      {"bert", bert_geometry(Pooling::cls, {6, 9}), 7, 7, false, 0},
      {"bert, linear", bert_geometry(Pooling::cls, {}), 7, 7, false, 0},
      {"bag", bag_geometry({6}), 7, 7, false, 0.4},
      {"student", student_geometry(Kind::sequence, Pooling::max_logits, {6}), 5, 23, true, 0.4},
      {"n-grams beside texts", sequence(Pooling::mean, {9, 6}), 7, 7, false, 0.4},
      {"n-grams beside tokens", sequence(Pooling::max_logits, {6}), 5, 23, true, 0.4},
      {"n-grams beside tokens, linear", sequence(Pooling::max_logits, {}), 5, 23, true, 0},
  };
}

/// What both sides are given. The rows of the texts lie mixed up, as in the time-major layout of a student.
struct Inputs {
  std::vector<float> features, ngrams, d_logits;
  std::vector<int32_t> offsets{0}, rows, text_of;

  explicit Inputs(const Case& c) {
    Random random(11);
    const bool split = c.g.has_lstm() && c.g.has_ngrams();
    features = random.vector(c.rows * (split ? c.g.lstm_features() : c.g.features()));
    ngrams = random.vector(c.texts * c.g.ngram_width);
    d_logits = random.vector(c.rows * c.g.num_labels);
    text_of.resize(static_cast<size_t>(c.rows));
    for (int64_t i = 0; i < c.texts; ++i) {
      for (int64_t row = i; row < c.rows; row += c.texts) {
        rows.push_back(static_cast<int32_t>(row));
        text_of[static_cast<size_t>(row)] = static_cast<int32_t>(i);
      }
      offsets.push_back(static_cast<int32_t>(rows.size()));
    }
  }
};

/// Logits, gradients of features and n-grams, of the head's tensors.
struct Outputs {
  std::vector<float> logits, d_features, d_ngrams;
  std::vector<std::vector<float>> gradients;
  std::vector<float*> pointers;

  Outputs(const Case& c, const Inputs& in)
      : logits(in.d_logits.size()), d_features(in.features.size()), d_ngrams(in.ngrams.size()) {
    for (int64_t i = 0; i < 2 * (c.g.head_layers + 1); ++i)
      gradients.emplace_back(static_cast<size_t>(tensor_spec(c.g, head_tensor(c.g) + i).size()));
    for (auto& gradient : gradients) pointers.push_back(gradient.data());
  }
  std::vector<float> all() const {
    std::vector<float> x = logits;
    x.insert(x.end(), d_features.begin(), d_features.end());
    x.insert(x.end(), d_ngrams.begin(), d_ngrams.end());
    for (const auto& gradient : gradients) x.insert(x.end(), gradient.begin(), gradient.end());
    return x;
  }
};

const DropoutKey kKey = {5, 3};

Outputs on_cpu(const Case& c, const Inputs& in, Weights<float>& w, Precision precision) {
  Outputs out(c, in);
  Head<float> head;
  HeadBuffers<float> buffers;
  BesideRows<float> beside;
  Arithmetic arithmetic;
  if (precision == Precision::bf16) arithmetic = {precision, &bf16_kernels_ref};
  float* scratch = nullptr;
  std::vector<float> features = in.features, ngrams = in.ngrams;
  const auto plan = [&](Carver* carver) {
    head.plan(carver, c.g, arithmetic, true);
    buffers.plan(carver, c.g, c.rows, true);
    beside.sums = c.per_token ? carver->take<float>(c.texts * head.beside.out) : nullptr;
    beside.d_sums = c.per_token ? carver->take<float>(c.texts * head.beside.out) : nullptr;
    scratch = carver->take<float>(kGemmScratch);
  };
  DeviceBlock block = plan_on_device(plan);
  beside.texts = c.texts;
  beside.offsets = in.offsets.data();
  beside.rows = c.per_token ? in.rows.data() : nullptr;
  beside.x = ngrams.data(), beside.d_x = out.d_ngrams.data();
  const BesideRows<float>* b = head.beside.in > 0 ? &beside : nullptr;
  const Compute<float> compute{kernels_ref, serial_executor(), scratch};
  std::vector<float*> tensors;
  for (auto& tensor : w.tensors) tensors.push_back(tensor.data());
  head.pack(compute, c.g, tensors.data());
  const HeadDropout dropout{c.p > 0 ? &kKey : nullptr, c.p, 4};
  head_forward(compute, head, features.data(), c.rows, buffers, dropout, out.logits.data(), b);
  head_backward(compute, head, features.data(), c.rows, buffers, dropout, in.d_logits.data(),
                out.pointers.data(), out.d_features.data(), b);
  return out;
}

Outputs on_gpu(const Case& c, const Inputs& in, Weights<float>& w, Precision precision) {
  Outputs out(c, in);
  cuda::Head head;
  cuda::HeadBuffers buffers;
  cuda::BesideRows beside;
  cuda::Operand features;
  std::vector<float> d_logits = in.d_logits;
  const int64_t width = static_cast<int64_t>(in.features.size()) / c.rows;
  const auto plan = [&](Carver* carver) {
    head.plan(carver, c.g, precision);
    buffers.plan(carver, c.g, precision, c.rows, true);
    features = cuda::plan_operand(carver, precision, c.rows, width);
    if (head.beside.in == 0) return;
    beside.x = cuda::plan_operand(carver, precision, c.texts, head.beside.in);
    if (!c.per_token) return;
    beside.sums = carver->take<float>(c.texts * head.beside.out);
    beside.d_sums = cuda::plan_operand(carver, precision, c.texts, head.beside.out);
  };
  DeviceBlock block = plan_on_device(plan);
  beside.texts = c.texts;
  beside.offsets = in.offsets.data();
  beside.rows = c.per_token ? in.rows.data() : nullptr;
  beside.text_of = in.text_of.data();
  beside.d_x = out.d_ngrams.data();
  std::copy(in.features.begin(), in.features.end(), features.x);
  const bool split = head.beside.in > 0;
  if (split) std::copy(in.ngrams.begin(), in.ngrams.end(), beside.x.x);
  std::vector<float*> tensors;
  for (auto& tensor : w.tensors) tensors.push_back(tensor.data());
  head.set(c.g, tensors.data());

  cuda::DeviceCompute compute = device_compute(precision);
  head.refresh(compute);
  cuda::round_operand(compute, features, c.rows, width);
  if (split) cuda::round_operand(compute, beside.x, c.texts, head.beside.in);
  const cuda::HeadDropout dropout{c.p > 0 ? &kKey : nullptr, c.p, 4};
  const cuda::BesideRows* b = split ? &beside : nullptr;
  cuda::head_forward(compute, head, features, c.rows, buffers, dropout, out.logits.data(), b);
  cuda::head_backward(compute, head, features, c.rows, buffers, dropout, d_logits.data(), out.pointers.data(),
                      out.d_features.data(), b);
  check_pass(compute);
  return out;
}

TEST(head_has_the_cpus_bits) {
  for (const Case& c : cases()) {
    const Inputs in(c);
    Weights<float> w(c.g, 3);
    const std::vector<float> expected = on_cpu(c, in, w, Precision::fp32).all();
    const std::vector<float> got = on_gpu(c, in, w, Precision::fp32).all();
    CHECK_BITS(got.data(), expected.data(), static_cast<int64_t>(got.size()), c.name);
  }
}

/// The CPU rounds the same factors; a sum in another order may round a hidden value to its neighbour.
TEST(head_in_bf16) {
  for (const Case& c : cases()) {
    const Inputs in(c);
    Weights<float> w(c.g, 3);
    const std::vector<float> expected = on_cpu(c, in, w, Precision::bf16).all();
    const std::vector<float> exact = on_cpu(c, in, w, Precision::fp32).all();
    const std::vector<float> got = on_gpu(c, in, w, Precision::bf16).all();
    const auto n = static_cast<int64_t>(got.size());
    CHECK_LE(relative_error(got.data(), expected.data(), n), 1e-3);
    CHECK_LE(1e-4, relative_error(got.data(), exact.data(), n));  // it is bf16 indeed
    const std::vector<float> again = on_gpu(c, in, w, Precision::bf16).all();
    CHECK_BITS(again.data(), got.data(), n, c.name);
  }
}

}  // namespace
}  // namespace maque::test

TEST_MAIN
