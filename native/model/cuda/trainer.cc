// Creation of a device's trainer: its memory, its tables, what computes its products.
#include "model/cuda/trainer.h"

#include <string.h>

#include "core/error.h"
#include "kernels/optimizer.h"

namespace maque::cuda {
namespace {

Status no_host_memory(int64_t bytes) {
  return fail(kOutOfMemory, "out of memory: %lld bytes", static_cast<long long>(bytes));
}

int64_t pieces_of(int64_t n) { return (n + kSumChunk - 1) / kSumChunk; }

}  // namespace

DeviceTrainer::~DeviceTrainer() {
  if (!session_.is_open()) return;
  session_.enter();
  const Runtime& api = session_.api();
  api.synchronize(session_.stream());
  if (graph_ != nullptr) api.destroy_graph(graph_);
  for (Slot& slot : slots_) {
    if (slot.done != nullptr) api.destroy_event(slot.done);
  }
}

Status DeviceTrainer::create(const Geometry& g, const TrainerOptions& options, const DeviceOptions& device,
                             const float* const* values) {
  geometry_ = g;
  options_ = options;
  trunk_point_ = find_trunk_point(g, options);
  if (g.is_bert()) {
    if (Status s = check_bert(g, g.precision)) return s;
  }
  if (Status s = session_.open(*device.runtime, device.number, g.precision)) return s;
  if (Status s = describe_tensors()) return s;
  if (Status s = allocate_arrays()) return s;
  if (Status s = upload_tensors(values)) return s;
  if (Status s = upload_tables()) return s;
  if (Status s = open_products(device.products)) return s;
  return allocate_slots();
}

Status DeviceTrainer::enter_alone() {
  if (Status s = session_.enter()) return s;
  return under_way_ == 0 ? kOk : fail(kBadState, "a step is under way: it has to be finished first");
}

Status DeviceTrainer::describe_tensors() {
  count_ = maque::tensor_count(geometry_);
  if (!tensors_.allocate(count_) || !values_.allocate(count_) || !gradients_.allocate(count_) ||
      !firsts_.allocate(count_) || !seconds_.allocate(count_)) {
    return no_host_memory(count_ * static_cast<int64_t>(sizeof(TrainTensor<float>)));
  }
  for (int64_t i = 0; i < count_; ++i) {
    const TrainTensor<float>& t = tensors_[i] = describe_tensor<float>(geometry_, options_, i);
    if (t.trained && !t.by_rows) piece_count_ += pieces_of(t.spec.size());
  }
  return kOk;
}

/// Cuts all that stays; what is not trained has no gradient and no state.
void DeviceTrainer::place_arrays(Carver* host, Carver* device) {
  const Geometry& g = geometry_;
  report_ = device->take<Report>(1);
  scalars_ = device->take<StepScalars>(1);
  tensor_table_ = device->take<TrainedTensor>(count_);
  piece_table_ = device->take<TensorPiece>(piece_count_);
  class_weights_ = options_.class_weights == nullptr ? nullptr : device->take<float>(g.num_labels);
  const bool second = options_.optimizer == Optimizer::adamw, first = second || options_.momentum != 0;
  const auto place = [&](Buffer<float*>* arrays, const auto& is_wanted) {
    Buffer<bool> wanted;
    if (!wanted.allocate(count_)) return;
    for (int64_t i = 0; i < count_; ++i) wanted[i] = is_wanted(tensors_[i]);
    place_tensors(device, g, wanted.data(), arrays->data());
  };
  place(&values_, [](const TrainTensor<float>&) { return true; });
  const int64_t before = device->used();
  gradient_block_ = device->take<float>(0);
  place(&gradients_, [](const TrainTensor<float>& t) { return t.trained && !t.by_rows; });
  gradient_floats_ = (device->used() - before) / static_cast<int64_t>(sizeof(float));
  place(&firsts_, [&](const TrainTensor<float>& t) { return t.trained && first; });
  place(&seconds_, [&](const TrainTensor<float>& t) { return t.trained && second; });
  if (g.is_bert()) {
    bert_.plan(host, device, g, g.precision);
  } else {
    student_.plan(device, g, g.precision);
  }
}

Status DeviceTrainer::allocate_arrays() {
  Carver measure_host(nullptr), measure(nullptr);
  place_arrays(&measure_host, &measure);
  if (!weight_lists_.allocate(measure_host.used())) return no_host_memory(measure_host.used());
  if (Status s = persistent_.reserve(&session_, Where::device, measure.used())) return s;
  Carver host(weight_lists_.data()), device(persistent_.data());
  place_arrays(&host, &device);
  for (int64_t i = 0; i < count_; ++i) {
    TrainTensor<float>& t = tensors_[i];
    t.value = values_[i];
    t.gradient = gradients_[i];
    t.first = firsts_[i];
    t.second = seconds_[i];
  }
  if (!geometry_.is_bert()) {
    student_.set(values_.data());
  } else if (!bert_.set(values_.data())) {
    return no_host_memory(measure_host.used());
  }
  DeviceCompute c{*session_.api().kernels, session_.stream()};
  run(c, c.kernels.zero, reinterpret_cast<float*>(persistent_.data()),
      persistent_.bytes() / static_cast<int64_t>(sizeof(float)));
  return session_.check(c.code, "clearing memory");
}

Status DeviceTrainer::upload_tensors(const float* const* values) {
  for (int64_t i = 0; i < count_; ++i) {
    const int64_t bytes = tensors_[i].spec.size() * static_cast<int64_t>(sizeof(float));
    if (Status s = session_.write(values_[i], values[i], bytes)) return s;
  }
  if (options_.class_weights == nullptr) return kOk;
  Buffer<float> weights;
  if (!weights.allocate(geometry_.num_labels)) return no_host_memory(geometry_.num_labels);
  for (int64_t i = 0; i < geometry_.num_labels; ++i)
    weights[i] = static_cast<float>(options_.class_weights[i]);
  return session_.write(class_weights_, weights.data(), weights.bytes());
}

/// What the norm and the update walk over.
Status DeviceTrainer::upload_tables() {
  Buffer<TrainedTensor> tensors;
  Buffer<TensorPiece> pieces;
  if (!tensors.allocate(count_) || !pieces.allocate(piece_count_)) return no_host_memory(piece_count_);
  int64_t next = 0;
  for (int64_t i = 0; i < count_; ++i) {
    const TrainTensor<float>& t = tensors_[i];
    tensors[i] = {t.value, t.gradient, t.first, t.second, t.rate_scale, static_cast<float>(t.weight_decay)};
    const int64_t n = t.spec.size();
    for (int64_t begin = 0; begin < n && t.gradient != nullptr; begin += kSumChunk) {
      const int64_t length = n - begin < kSumChunk ? n - begin : kSumChunk;
      pieces[next++] = {static_cast<int32_t>(i), static_cast<int32_t>(length), begin};
    }
  }
  if (Status s = session_.write(tensor_table_, tensors.data(), tensors.bytes())) return s;
  return session_.write(piece_table_, pieces.data(), pieces.bytes());
}

Status DeviceTrainer::open_products(const ProductOptions& options) {
  products_.emplace(*session_.api().kernels);
  if (options.library == ProductLibrary::own) return products_->open(options, nullptr);
  if (Status s = workspace_.reserve(&session_, Where::device, kProductWorkspaceBytes)) return s;
  if (Status s = products_->open(options, workspace_.data())) return s;
  if (!products_->has_cublaslt()) workspace_.release();
  return kOk;
}

Status DeviceTrainer::allocate_slots() {
  constexpr int64_t kReportBytes = (sizeof(Report) + 63) / 64 * 64;
  if (Status s = report_memory_.reserve(&session_, Where::pinned, 2 * kReportBytes)) return s;
  for (int32_t i = 0; i < 2; ++i) {
    slots_[i].report = reinterpret_cast<Report*>(report_memory_.data() + i * kReportBytes);
    if (Status s = session_.check(session_.api().create_event(&slots_[i].done), "creating an event"))
      return s;
  }
  return kOk;
}

DeviceCompute DeviceTrainer::compute() {
  return {*session_.api().kernels, session_.stream(), geometry_.precision, kSuccess, &*products_};
}

/// Works out again what is worked out of tensors that have changed: of everything, or of what an update
/// changes.
void DeviceTrainer::refresh(DeviceCompute* compute) {
  if (!all_stale_ && !trained_stale_) return;
  if (geometry_.is_bert()) {
    bert_.refresh_rest(*compute);
    const int64_t first = all_stale_ ? 0 : first_trained_layer(geometry_, trunk_point_);
    for (int64_t l = first; l < geometry_.layers; ++l) bert_.refresh_layer(*compute, l);
  } else {
    student_.refresh(*compute);
  }
  all_stale_ = trained_stale_ = false;
}

}  // namespace maque::cuda
