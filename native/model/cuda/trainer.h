// Training on a GPU: the face of model/trainer.h's Trainer<float>, its options, numbers and formulas;
// tensors, gradients and optimiser state stay on the device.
//
// A step is one captured graph: rounded weights, forward, objective, backward, norm, update. It allocates
// nothing once a batch as large has been seen, and waits for nothing: whether an update happens is decided on
// the device, and its report comes back with start's event. Two steps may be under way: the host prepares the
// second's batch in a block of its own while the first runs.
//
// Equal to the CPU's training where the headers of the kernels promise its bits: students in fp32, but for
// sums over more than kChainRows rows; elsewhere within their bounds. Run to run the bits are the same. One
// caller at a time.
#pragma once
#include <optional>

#include "model/cuda/bert.h"
#include "model/cuda/product.h"
#include "model/cuda/session.h"
#include "model/cuda/student.h"
#include "model/trainer.h"

namespace maque::cuda {

/// Which device, and what computes its products.
struct DeviceOptions {
  const Runtime* runtime = nullptr;
  int32_t number = 0;
  ProductOptions products;
};

class DeviceTrainer {
 public:
  DeviceTrainer() = default;
  ~DeviceTrainer();
  DeviceTrainer(const DeviceTrainer&) = delete;
  DeviceTrainer& operator=(const DeviceTrainer&) = delete;

  /// values: initial tensors by number, copied. options.arithmetic is not looked at: g.precision is.
  Status create(const Geometry& g, const TrainerOptions& options, const DeviceOptions& device,
                const float* const* values);

  const Geometry& geometry() const { return geometry_; }
  StepOptions& step_options() { return step_options_; }
  BertPoint trunk_point() const { return trunk_point_; }
  int32_t trunk_kind() const { return find_trunk_kind(geometry_, trunk_point_); }

  Status trunk(const Texts& texts, float* out);
  Status gradients(const TrainBatch<float>& batch, double* report);
  Status update(double rate);
  /// Logits without dropout; rows: the trunk's output or null.
  Status forward(const Texts& texts, const float* rows, float* out);

  /// gradients and update in one.
  Status step(const TrainBatch<float>& batch, double rate, double* report);
  /// The same in two halves: start answers as soon as the step has been given to the device, and
  /// step_options().step is the next one's; finish waits for the first that was started and not finished.
  /// After a loss that is not finite, steps are passed over up to and with the last that was under way, and
  /// step_options().step is that of the first. At most two may be under way, and nothing else is called
  /// meanwhile.
  Status start(const TrainBatch<float>& batch, double rate);
  Status finish(double* report);

  /// See Products::reason.
  const char* products() const { return products_->reason(); }

  int64_t tensor_count() const { return count_; }
  /// Its arrays lie on the device.
  const TrainTensor<float>& tensor(int64_t i) const { return tensors_[i]; }
  /// An array of tensor(i): its value or state.
  Status read(const float* array, int64_t n, float* out);
  Status write(float* array, int64_t n, const float* in);
  /// The whole gradient of a trained tensor, copied or replaced.
  Status read_gradient(int64_t tensor, float* out);
  /// Of a table by rows, a row of zeros counts as one that the batch has not.
  Status write_gradient(int64_t tensor, const float* in);
  /// To be called after a tensor's value has been written.
  void value_written() { all_stale_ = true; }

 private:
  /// What comes back of a step.
  struct Report {
    ObjectiveReport<float> objective;
    ClipReport clip;
  };
  /// One step under way.
  struct Slot {
    DeviceMemory staging;  // pinned
    Report* report = nullptr;
    Event done = nullptr;
    int64_t step = 0;
  };
  /// A batch: what was staged, and the arrays that a pass fills.
  struct Batch {
    TrainBatch<float> given;
    BertBatch bert, trunk_bert;
    BertBuffers bert_buffers, trunk_buffers;
    StudentBatch student;
    StudentBuffers student_buffers;
    StudentPass student_pass;
    const float* trunk_rows;  // staged, or null
    const int32_t *labels, *has_soft;
    const float* soft;
    Staged<StepScalars> scalars;
    float *logits, *d_logits, *partial_sums;
  };
  /// Bytes that a batch wants.
  struct Sizes {
    int64_t staging, device, host;
  };
  /// A pass without dropout over some texts; rows, where it does not begin at the ids: all that are given.
  struct Inference {
    Texts texts;
    const float* rows;
    BertSpan span;
    float* out;
  };

  Status describe_tensors();
  void place_arrays(Carver* host, Carver* device);
  Status allocate_arrays();
  Status upload_tensors(const float* const* values);
  Status upload_tables();
  Status open_products(const ProductOptions& options);
  Status allocate_slots();
  /// Of every call but start and finish.
  Status enter_alone();

  DeviceCompute compute();
  void refresh(DeviceCompute* compute);
  BertSpan training_span() const { return {trunk_point_, logits_point(geometry_), true}; }
  BertSpan trunk_span() const { return {kFromIds, trunk_point_, false}; }
  bool runs_trunk(const Batch& b) const { return trunk_point_ != kFromIds && b.given.trunk == nullptr; }
  StudentDropout student_dropout(const DropoutKey* key) const;

  void stage(StagingCarver* staging, Batch* batch);
  void stage_bert(StagingCarver* staging, Batch* batch);
  void plan(Carver* host, Carver* device, Batch* batch);
  Sizes measure(const TrainBatch<float>& given);
  int64_t texts_that_fit(const TrainBatch<float>& given, int64_t bytes);
  Status reserve(const TrainBatch<float>& given, Slot* slot, Sizes* sizes);
  Status prepare(const TrainBatch<float>& given, double rate, Slot* slot, Batch* batch);

  void issue_pass(DeviceCompute* compute, const Batch& batch);
  void issue_bert(DeviceCompute* compute, const Batch& batch, const DropoutKey& key);
  void issue_trunk_rows(DeviceCompute* compute, const Batch& batch);
  void issue_objective(DeviceCompute* compute, const Batch& batch);
  void issue_update(DeviceCompute* compute, const StepScalars* scalars);
  Status capture_step(const Batch& batch);
  Status download_report(Slot* slot);
  Status finish_slot(const Slot& slot, double* report);
  StepScalars scalars_at(double rate) const;
  TrainedPieces pieces() const { return {tensor_table_, piece_table_, piece_count_, rows_}; }
  Status refresh_norm();
  Status write_rows(int64_t tensor, const float* in);

  Status infer(const Texts& texts, const float* rows, const BertSpan& span, float* out);
  Status infer_chunk(const Inference& inference, int64_t* in_rows, int64_t* out_rows);
  Texts next_texts(const Texts& texts, int64_t begin) const;
  void stage_inference(StagingCarver* staging, const Inference& inference, Batch* batch);
  void plan_inference(Carver* host, Carver* device, const Inference& inference, Batch* batch);
  Status reserve_inference(const Inference& inference, Sizes* sizes);
  const float* issue_inference(DeviceCompute* compute, const Inference& inference, const Batch& batch);

  Geometry geometry_;
  TrainerOptions options_;
  StepOptions step_options_;
  BertPoint trunk_point_ = kFromIds;
  int64_t count_ = 0;
  Buffer<TrainTensor<float>> tensors_;
  Buffer<float*> values_, gradients_, firsts_, seconds_;  // by number; null where there is none

  DeviceSession session_;
  std::optional<Products> products_;
  DeviceMemory workspace_;   // of products_
  DeviceMemory persistent_;  // tensors, gradients, state, rounded weights, tables
  DeviceMemory batch_memory_, inference_memory_;
  DeviceMemory written_, sums_;  // a gradient by rows from outside; scratch of a norm of its own
  DeviceMemory inference_staging_, report_memory_;  // pinned
  Buffer<char> weight_lists_, batch_lists_, inference_lists_;
  BertWeights bert_;
  StudentWeights student_;

  Report* report_ = nullptr;  // on the device, as what follows
  StepScalars* scalars_ = nullptr;
  TrainedTensor* tensor_table_ = nullptr;
  TensorPiece* piece_table_ = nullptr;
  float *class_weights_ = nullptr, *gradient_block_ = nullptr;
  int64_t piece_count_ = 0, gradient_floats_ = 0;
  RowPieces rows_ = {};  // of the present gradients

  Slot slots_[2];
  int32_t next_slot_ = 0, under_way_ = 0;
  Graph graph_ = nullptr;
  int64_t chunk_tokens_ = int64_t{1} << 14;  // of a pass without dropout; halved where it does not fit
  bool all_stale_ = true, trained_stale_ = false, has_gradients_ = false, norm_stale_ = false;
};

}  // namespace maque::cuda
