// A library with cuBLASLt's entries that computes on the host's memory and tells what it was called with
// (fake_cublaslt.h). Its arguments are checked as the real one's would be: against the layouts alone, column
// by column.
#include "tests/cuda/library/fake_cublaslt.h"

#include <string.h>

#include <memory>
#include <vector>

#include "kernels/bf16.h"

#ifdef MAQUE_FAKE_INCOMPLETE
#  define cublasLtMatmul cublasLtMatmulOfAnotherVersion
#endif

#define FAKE_ENTRY extern "C" __attribute__((visibility("default")))

namespace maque::test {
namespace {

constexpr int32_t kSuccess = 0, kNotInitialized = 1, kInvalidValue = 7, kNotSupported = 15;
constexpr int32_t kReal32F = 0, kReal16BF = 14, kCompute32F = 68, kComputeTf32 = 77;

struct Layout {
  int32_t type;
  uint64_t rows, columns;
  int64_t ld;
};
struct Description {
  int32_t compute, trans_a, trans_b, epilogue;
  const float* bias;
};
struct Preference {
  uint64_t workspace;
  uint32_t reduction_mask, alignments[4];
};
struct Heuristic {
  uint64_t algorithm[8];
  size_t workspace;
  int32_t state;
  float waves;
  int32_t reserved[4];
};

FakeState& fake() {
  static FakeState state;
  return state;
}
char handle;

/// One of the failures that a test asks for.
bool fails(FakeFailure failure) { return fake().failure == failure; }

void put(const Layout& layout, void* data, uint64_t row, uint64_t column, float x) {
  const uint64_t at = row + column * static_cast<uint64_t>(layout.ld);
  if (layout.type == kReal32F) {
    static_cast<float*>(data)[at] = x;
  } else {
    static_cast<uint16_t*>(data)[at] = to_bf16(x);
  }
}

float value(const Layout& layout, const void* data, uint64_t row, uint64_t column) {
  const uint64_t at = row + column * static_cast<uint64_t>(layout.ld);
  if (layout.type == kReal32F) return static_cast<const float*>(data)[at];
  const auto bits = static_cast<uint32_t>(static_cast<const uint16_t*>(data)[at]) << 16;
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

bool describes_a_product(const Description& t, const Layout& a, const Layout& b, const Layout& c,
                         const Layout& d) {
  const uint64_t rows = t.trans_a != 0 ? a.columns : a.rows, k = t.trans_a != 0 ? a.rows : a.columns;
  const uint64_t k_of_b = t.trans_b != 0 ? b.columns : b.rows, columns = t.trans_b != 0 ? b.rows : b.columns;
  for (const Layout* layout : {&a, &b, &c, &d}) {
    if (layout->ld < static_cast<int64_t>(layout->rows)) return false;
  }
  const bool known =
      (t.compute == kCompute32F || (t.compute == kComputeTf32 && a.type == kReal32F)) &&
      (a.type == kReal32F || a.type == kReal16BF) && a.type == b.type && c.type == d.type &&
      (d.type == kReal32F || (d.type == kReal16BF && a.type == kReal16BF && (t.epilogue & 4) == 0));
  return known && k == k_of_b && rows == d.rows && columns == d.columns && c.rows == d.rows &&
         c.columns == d.columns;
}

template <class T>
int32_t destroy(void* object) {
  if (object == nullptr) return kInvalidValue;
  delete static_cast<T*>(object);
  --fake().objects;
  return kSuccess;
}
template <class T>
int32_t create(void** object, const T& value) {
  *object = new T(value);
  ++fake().objects;
  return kSuccess;
}

template <class T>
int32_t set(T* field, const void* value, size_t bytes) {
  if (bytes != sizeof(T)) return kInvalidValue;
  memcpy(field, value, bytes);
  return kSuccess;
}

}  // namespace
}  // namespace maque::test

using namespace maque::test;

FAKE_ENTRY FakeState* fake_cublaslt_state() { return &fake(); }

FAKE_ENTRY size_t cublasLtGetVersion() { return fails(FakeFailure::old) ? 10200 : 130100; }

FAKE_ENTRY int32_t cublasLtCreate(void** created) {
  if (fails(FakeFailure::no_device)) return kNotInitialized;
  *created = &handle;
  ++fake().objects;
  return kSuccess;
}
FAKE_ENTRY int32_t cublasLtDestroy(void* destroyed) {
  if (destroyed != &handle) return kInvalidValue;
  --fake().objects;
  return kSuccess;
}

FAKE_ENTRY int32_t cublasLtMatmulDescCreate(void** desc, int32_t compute, int32_t scale) {
  if (scale != kReal32F) return kInvalidValue;
  return create(desc, Description{compute, 0, 0, 1, nullptr});
}
FAKE_ENTRY int32_t cublasLtMatmulDescDestroy(void* desc) { return destroy<Description>(desc); }
FAKE_ENTRY int32_t cublasLtMatmulDescSetAttribute(void* desc, int32_t attribute, const void* value,
                                                  size_t bytes) {
  auto* const d = static_cast<Description*>(desc);
  switch (attribute) {
    case 3:
      return set(&d->trans_a, value, bytes);
    case 4:
      return set(&d->trans_b, value, bytes);
    case 7:
      return set(&d->epilogue, value, bytes);
    case 8:
      return set(&d->bias, value, bytes);
    default:
      return kInvalidValue;
  }
}

FAKE_ENTRY int32_t cublasLtMatrixLayoutCreate(void** layout, int32_t type, uint64_t rows, uint64_t columns,
                                              int64_t ld) {
  return create(layout, Layout{type, rows, columns, ld});
}
FAKE_ENTRY int32_t cublasLtMatrixLayoutDestroy(void* layout) { return destroy<Layout>(layout); }

FAKE_ENTRY int32_t cublasLtMatmulPreferenceCreate(void** preference) {
  return create(preference, Preference{0, 7, {256, 256, 256, 256}});
}
FAKE_ENTRY int32_t cublasLtMatmulPreferenceDestroy(void* preference) {
  return destroy<Preference>(preference);
}
FAKE_ENTRY int32_t cublasLtMatmulPreferenceSetAttribute(void* preference, int32_t attribute,
                                                        const void* value, size_t bytes) {
  auto* const p = static_cast<Preference*>(preference);
  if (attribute == 1) return set(&p->workspace, value, bytes);
  if (attribute == 3) return set(&p->reduction_mask, value, bytes);
  if (attribute >= 5 && attribute <= 8) return set(&p->alignments[attribute - 5], value, bytes);
  return kInvalidValue;
}

FAKE_ENTRY int32_t cublasLtMatmulAlgoGetHeuristic(void* used, void* desc, void* a, void* b, void* c, void* d,
                                                  void* preference, int32_t wanted, Heuristic* results,
                                                  int32_t* found) {
  ++fake().heuristics;
  *found = 0;
  if (fails(FakeFailure::no_algorithm)) return kNotSupported;
  const bool right =
      used == &handle && wanted >= 1 &&
      describes_a_product(*static_cast<Description*>(desc), *static_cast<Layout*>(a),
                          *static_cast<Layout*>(b), *static_cast<Layout*>(c), *static_cast<Layout*>(d));
  if (!right) return kInvalidValue;
  if (fails(FakeFailure::nothing_found)) return kSuccess;
  const auto& p = *static_cast<Preference*>(preference);
  fake().workspace = p.workspace;
  fake().reduction_mask = p.reduction_mask;
  memcpy(fake().alignments, p.alignments, sizeof p.alignments);
  *found = 1;
  results[0] = {};
  results[0].algorithm[7] = 0xA160;
  return kSuccess;
}

FAKE_ENTRY int32_t cublasLtMatmul(void* used, void* desc, const float* alpha, const void* a, void* a_layout,
                                  const void* b, void* b_layout, const float* beta, const void* c,
                                  void* c_layout, void* d, void* d_layout, const uint64_t* algorithm,
                                  void* workspace, size_t workspace_bytes, void* stream) {
  FakeState& state = fake();
  ++state.products;
  if (state.failure == FakeFailure::execution) return 13;
  const auto& t = *static_cast<Description*>(desc);
  const auto &la = *static_cast<Layout*>(a_layout), &lb = *static_cast<Layout*>(b_layout),
             &lc = *static_cast<Layout*>(c_layout), &ld = *static_cast<Layout*>(d_layout);
  if (used != &handle || algorithm[7] != 0xA160 || !describes_a_product(t, la, lb, lc, ld))
    return kInvalidValue;
  if (c == d && lc.ld != ld.ld) return kInvalidValue;
  state.last = {t.compute, t.epilogue, la.type,         t.trans_a, t.trans_b,
                *beta,     workspace,  workspace_bytes, stream};
  const uint64_t depth = t.trans_a != 0 ? la.rows : la.columns;
  for (uint64_t column = 0; column < ld.columns; ++column) {
    for (uint64_t row = 0; row < ld.rows; ++row) {
      double sum = 0;
      for (uint64_t p = 0; p < depth; ++p) {
        const float x = t.trans_a != 0 ? value(la, a, p, row) : value(la, a, row, p);
        const float y = t.trans_b != 0 ? value(lb, b, column, p) : value(lb, b, p, column);
        sum += static_cast<double>(x) * static_cast<double>(y);
      }
      sum *= static_cast<double>(*alpha);
      if (*beta != 0) sum += static_cast<double>(*beta * value(lc, c, row, column));
      if ((t.epilogue & 4) != 0) sum += static_cast<double>(t.bias[row]);
      if ((t.epilogue & 2) != 0 && sum < 0) sum = 0;
      put(ld, d, row, column, static_cast<float>(sum));
    }
  }
  return kSuccess;
}
