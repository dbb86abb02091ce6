// The ABI of inference over the model code. Nothing here allocates in a call but through core/memory.h, and
// nothing throws.
#include "abi/maque.h"

#include <new>

#include "core/error.h"
#include "core/handle_table.h"
#include "core/workspace_pool.h"
#include "kernels/dispatch.h"
#include "model/check.h"
#include "model/serving.h"
#include "model/tensor_store.h"

namespace maque {
namespace {

struct Builder {
  static constexpr HandleType kHandleType = 1;

  Geometry geometry = empty_geometry();
  TensorStore tensors;
  bool spent = false;
};

/// A model that is served: packed weights, and of the tensors those that are not packed.
struct ServedModel {
  static constexpr HandleType kHandleType = 2;

  Model<float> model{};
  // In place of the model where the geometry's form is a serving one.
  FloatStudent float_student{};
  Int8Student int8_student{};
  TensorStore tensors;
  Buffer<char> packed;
  WorkspacePool<Scratch> scratch;

  explicit ServedModel(Builder* builder) : tensors(static_cast<TensorStore&&>(builder->tensors)) {}

  Status pack(const Geometry& g);
  Status pack_serving(const Geometry& g);
  template <class Student, class Table>
  Status pack_student(Student* student, const ServingTensors& given, const Table& table);
  Status serve(Scratch* space, const Texts& texts, float* out) const;
  int64_t bytes() const {
    return static_cast<int64_t>(sizeof(ServedModel)) + tensors.bytes() + packed.bytes() + scratch.bytes();
  }
};

/// Constructs a W in memory that may fail; null where it does.
template <class W, class... Arguments>
W* make(Arguments... arguments) {
  void* block = allocate(static_cast<int64_t>(sizeof(W)));
  return block == nullptr ? nullptr : new (block) W(arguments...);
}

template <class W>
void destroy(void* object) {
  static_cast<W*>(object)->~W();
  release(object);
}

Status out_of_memory() { return fail(kOutOfMemory, "out of memory"); }

/// Drops the weights whose packed form is used instead, and the biases that were copied or added up.
void drop_packed_bert_layer(TensorStore* store, float* const* tensors, int64_t layer) {
  constexpr BertLayerTensor kPacked[] = {kQueryWeight, kQueryBias, kKeyWeight, kKeyBias,   kValueWeight,
                                         kValueBias,   kOutWeight, kUpWeight,  kDownWeight};
  for (BertLayerTensor which : kPacked) {
    store->drop(tensors[bert_tensor(layer, which)]);
  }
}

/// int8: scales and factors are packed too.
void drop_scales(const Geometry& g, TensorStore* store, float* const* tensors) {
  for (int64_t i = scale_tensor(g, 0, 0); i < tensor_count(g); ++i) store->drop(tensors[i]);
}

void drop_packed_rest(const Geometry& g, TensorStore* store, float* const* tensors) {
  if (g.pooling == Pooling::pooler) store->drop(tensors[pooler_tensor(g)]);
  for (int64_t i = 1; i < head_tensor(g) && !g.is_bert(); ++i) store->drop(tensors[i]);
  for (int64_t i = head_tensor(g); i < ngram_tensor(g); i += 2) store->drop(tensors[i]);
  if (has_int8_bert(g)) drop_scales(g, store, tensors);
}

Status weights_out_of_range(const char* where, int64_t layer) {
  return fail(
      kBadModel,
      "int8 weights of %s %lld: two neighbours of a row (0 and 1, 2 and 3, ...) may have magnitudes of "
      "128 together, and none is -128",
      where, static_cast<long long>(layer));
}

/// Packs layer by layer and drops what has been packed, so that never much more than one copy of the weights
/// exists.
Status ServedModel::pack(const Geometry& g) {
  Buffer<float*> pointers;
  if (Status s = tensors.resolve(g, &pointers)) return s;
  model.geometry = g;
  if (Status s = choose_arithmetic(g.precision, &model.arithmetic)) return s;
  const int64_t no_backward = g.is_bert() ? g.layers + 1 : 1;
  Carver measure(nullptr);
  model.plan(&measure, model.geometry, no_backward);
  if (!packed.allocate(measure.used())) return out_of_memory();
  Carver carver(packed.data());
  model.plan(&carver, model.geometry, no_backward);
  const Compute<float> compute{kernels(), serial_executor(), nullptr};
  for (int64_t l = 0; l < g.layers; ++l) {
    if (!model.bert.pack_layer(compute, pointers.data(), l)) return weights_out_of_range("layer", l);
    drop_packed_bert_layer(&tensors, pointers.data(), l);
  }
  if (!model.pack_rest(compute, pointers.data())) return weights_out_of_range("pooler", 0);
  drop_packed_rest(g, &tensors, pointers.data());
  return kOk;
}

template <class Student, class Table>
Status ServedModel::pack_student(Student* student, const ServingTensors& given, const Table& table) {
  const bool mapped = given.map != nullptr;
  Carver measure(nullptr);
  student->plan(&measure, model.geometry, given.rows, mapped);
  if (!packed.allocate(measure.used())) return out_of_memory();
  Carver carver(packed.data());
  student->plan(&carver, model.geometry, given.rows, mapped);
  return student->pack(given, table) ? kOk : out_of_memory();
}

Status ServedModel::pack_serving(const Geometry& g) {
  ServingTensors given;
  if (Status s = find_serving_tensors(g, &tensors, &given)) return s;
  model.geometry = g;
  const bool int8 = g.precision == Precision::int8;
  if (Status s = int8 ? pack_student(&int8_student, given, int8_kernels())
                      : pack_student(&float_student, given, kernels()))
    return s;
  tensors.clear();
  return kOk;
}

Status ServedModel::serve(Scratch* space, const Texts& texts, float* out) const {
  if (model.geometry.precision == Precision::int8)
    return serve_int8(int8_student, int8_kernels(), kernels(), space, texts, out);
  return serve_float(float_student, kernels(), bf16_kernels(), space, texts, out);
}

Status build(Builder* builder, int64_t* handle) {
  if (builder->spent) return fail(kBadState, "this builder has made its model already");
  builder->spent = true;
  if (Status s = check_geometry(builder->geometry)) return s;
  const Geometry& g = builder->geometry;
  if (g.precision == Precision::bf16 && !g.is_bert() && g.form == Form::training)
    return fail(kUnsupported, "option precision: a student serves in bf16 with option folded");
  ServedModel* model = make<ServedModel>(builder);
  if (model == nullptr) return out_of_memory();
  Status status = g.form == Form::training ? model->pack(g) : model->pack_serving(g);
  if (status == kOk) {
    *handle = handles().create(ServedModel::kHandleType, model, destroy<ServedModel>);
    if (*handle == 0) status = out_of_memory();
  }
  if (status != kOk) destroy<ServedModel>(model);
  return status;
}

Status run(ServedModel* model, const Texts& texts, BertPoint to, float* out) {
  Borrowed<Scratch> scratch(model->scratch);
  if (!scratch) return out_of_memory();
  if (model->model.geometry.form != Form::training) return model->serve(&*scratch, texts, out);
  return forward(model->model, kernels(), serial_executor(), &*scratch,
                 ForwardRequest<float>{texts, nullptr, kFromIds, to, out});
}

}  // namespace
}  // namespace maque

using namespace maque;

int32_t maque_abi_version(void) { return MAQUE_ABI_VERSION; }

int32_t maque_nothing(const int32_t*, float*) { return MAQUE_OK; }

int32_t maque_last_error(char* out, int64_t capacity) { return copy_text(last_error(), out, capacity); }

int32_t maque_isa(char* out, int64_t capacity) { return copy_text(kernels().isa, out, capacity); }

int32_t maque_isa_bf16(char* out, int64_t capacity) {
  const Bf16Kernels* kernels = bf16_kernels();
  return copy_text(kernels == nullptr ? "" : kernels->isa, out, capacity);
}

int32_t maque_isa_int8(char* out, int64_t capacity) { return copy_text(int8_kernels().isa, out, capacity); }

int32_t maque_cpu_features(char* out, int64_t capacity) { return copy_text(cpu_features(), out, capacity); }

int32_t maque_builder_new(int64_t* builder) {
  if (builder == nullptr) return fail(kInvalidArgument, "builder is null");
  *builder = 0;
  Builder* made = make<Builder>();
  if (made == nullptr) return out_of_memory();
  *builder = handles().create(Builder::kHandleType, made, destroy<Builder>);
  if (*builder != 0) return kOk;
  destroy<Builder>(made);
  return out_of_memory();
}

int32_t maque_builder_option(int64_t builder, const char* key, const char* value) {
  Pinned<Builder> b;
  if (Status s = b.acquire_exclusive(builder)) return s;
  if (b->spent) return fail(kBadState, "this builder has made its model already");
  if (key == nullptr || value == nullptr) return fail(kInvalidArgument, "option: key or value is null");
  bool known = false;
  if (Status s = set_geometry_option(&b->geometry, key, value, &known)) return s;
  return known ? kOk : fail(kInvalidArgument, "option %.100s is not known", key);
}

int32_t maque_builder_tensor(int64_t builder, const char* name, const char* dtype, int32_t rank,
                             const int64_t* dims, const void* data, int64_t bytes) {
  Pinned<Builder> b;
  if (Status s = b.acquire_exclusive(builder)) return s;
  if (b->spent) return fail(kBadState, "this builder has made its model already");
  return b->tensors.add(name, dtype, rank, dims, data, bytes);
}

int32_t maque_builder_build(int64_t builder, int64_t* model) {
  if (model == nullptr) return fail(kInvalidArgument, "model is null");
  *model = 0;
  Pinned<Builder> b;
  if (Status s = b.acquire_exclusive(builder)) return s;
  return build(&*b, model);
}

int32_t maque_builder_free(int64_t builder) { return handles().close(builder, Builder::kHandleType); }

int32_t maque_model_free(int64_t model) { return handles().close(model, ServedModel::kHandleType); }

int32_t maque_model_bytes(int64_t model, int64_t* bytes) {
  if (bytes == nullptr) return fail(kInvalidArgument, "bytes is null");
  Pinned<ServedModel> m;
  if (Status s = m.acquire(model)) return s;
  *bytes = m->bytes();
  return kOk;
}

int32_t maque_predict(int64_t model, const int32_t* ids, int64_t ids_len, const int32_t* offsets, int32_t n,
                      const int32_t* type_ids, const int32_t* bag_ids, int64_t bag_len,
                      const int32_t* bag_offsets, float* out, int64_t out_len) {
  Pinned<ServedModel> m;
  if (Status s = m.acquire(model)) return s;
  const Geometry& g = m->model.geometry;
  const TextArguments in{ids, ids_len, offsets, n, type_ids, bag_ids, bag_len, bag_offsets};
  Texts texts;
  if (Status s = check_texts(g, in, true, &texts)) return s;
  if (Status s = check_output(out, out_len, n, g.num_labels)) return s;
  return run(&*m, texts, logits_point(g), out);
}

int32_t maque_hidden_states(int64_t model, const int32_t* ids, int64_t ids_len, const int32_t* offsets,
                            int32_t n, const int32_t* type_ids, float* out, int64_t out_len) {
  Pinned<ServedModel> m;
  if (Status s = m.acquire(model)) return s;
  const Geometry& g = m->model.geometry;
  if (!g.is_bert()) return fail(kUnsupported, "hidden states: only a bert model has them");
  Texts texts;
  if (Status s = check_texts(g, {ids, ids_len, offsets, n, type_ids}, true, &texts)) return s;
  if (Status s = check_output(out, out_len, texts.tokens(), g.hidden)) return s;
  return run(&*m, texts, last_hidden_point(g), out);
}
