// Training: the objective's gradient with respect to the trained tensors, clipping, and the optimisers. One
// caller at a time.
//
// The optimisers are dense, as PyTorch's are: every element of a trained tensor is updated at every step.
// Where that is exact, rows of a table that no text of the batch has are passed over: in zeroing their
// gradient (it is zero), in the norm (they add 0), and in SGD without momentum and decay (w - lr * 0 = w).
//
// The table of n-grams is the exception: it is large, and a batch has few of its rows. Its gradient holds
// those rows alone, and an update changes only them and their state (PyTorch's SparseAdam; the corrections of
// Adam follow the step, not the row). It has no weight decay.
#pragma once
#include "kernels/objective.h"
#include "model/model.h"

namespace maque {

enum class TrainMode : int32_t { all, last_layers, last_tensors, head };
enum class Optimizer : int32_t { sgd, adamw };

/// Factor on the rate of the tensors whose names begin with a prefix.
struct RateScale {
  char prefix[96];
  double scale;
};
constexpr int32_t kMaxRateScales = 64;

/// What stands for the length of a training run.
struct TrainerOptions {
  Arithmetic arithmetic;  // of all products with weights
  uint64_t seed = 0;
  TrainMode mode = TrainMode::all;
  int64_t last_layers = 0;
  Optimizer optimizer = Optimizer::adamw;
  double momentum = 0, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0, clip_norm = 0;
  double hidden_dropout = 0, attention_dropout = 0, head_dropout = 0, embedding_dropout = 0,
         output_dropout = 0, ngram_dropout = 0;
  bool train_vectors = false;
  const double* class_weights = nullptr;  // [num_labels] or null (all 1)
  int32_t rate_scale_count = 0;
  RateScale rate_scales[kMaxRateScales];
};

/// What may change from step to step.
struct StepOptions {
  double ce_weight = 1, soft_weight = 0, temperature = 1;
  SoftLoss soft_loss = SoftLoss::mse;
  int64_t step = 0;
};

/// One batch. trunk: rows of the trunk's output, or null. labels, soft, has_soft may be null (see
/// kernels/objective.h).
template <class T>
struct TrainBatch {
  Texts texts;
  const T* trunk;
  const int32_t* labels;
  const T* soft;
  const int32_t* has_soft;
};

/// Values, gradient and state of one tensor.
template <class T>
struct TrainTensor {
  TensorSpec spec;
  T* value;
  T *gradient, *first,
      *second;  // null where not trained; first: momentum or m, second: v; null where the optimiser has none
  double rate_scale, weight_decay;
  bool trained, by_rows;  // by_rows: the gradient is a RowGradient, and `gradient` null
};

/// The rows of a table's gradient that are not zero; ids ascend.
template <class T>
struct RowGradient {
  const int32_t* ids = nullptr;  // [count]
  const T* values = nullptr;     // [count, width]
  int64_t count = 0;
};

// What follows from geometry and options alone, on every device.

/// Where the trunk ends; kFromIds where there is none.
BertPoint find_trunk_point(const Geometry& g, const TrainerOptions& options);
/// As in the ABI: 0 none, 1 a row for each token, 2 a row for each text.
int32_t find_trunk_kind(const Geometry& g, BertPoint trunk_point);
/// First encoder layer that a backward pass goes through.
int64_t first_trained_layer(const Geometry& g, BertPoint trunk_point);
/// Everything of a tensor but its arrays.
template <class T>
TrainTensor<T> describe_tensor(const Geometry& g, const TrainerOptions& options, int64_t tensor);

/// Adam's corrections of the update that follows `step` others.
struct Corrections {
  double first, sqrt_second;
};
Corrections corrections_after(const TrainerOptions& options, int64_t step);

/// Fills report [9] of the ABI (or null). kNotFinite where the loss or the norm is not finite.
template <class T>
Status report_step(const ObjectiveReport<T>& objective, double norm, double* report);

/// Elements of Trainer::ranges.
inline int64_t range_count(const Geometry& g) { return g.layers * (3 * g.hidden + g.intermediate); }

template <class T>
class Trainer {
 public:
  /// values: initial tensors by number, copied. kernels and executor must outlive the trainer.
  Status create(const Geometry& g, const TrainerOptions& options, const Kernels<T>& kernels,
                const Executor& executor, const T* const* values);

  const Geometry& geometry() const { return model_.geometry; }
  StepOptions& step_options() { return step_options_; }

  BertPoint trunk_point() const { return trunk_point_; }
  int32_t trunk_kind() const { return find_trunk_kind(model_.geometry, trunk_point_); }
  Status trunk(const Texts& texts, T* out);

  Status gradients(const TrainBatch<T>& batch, double* report);
  Status update(double rate);
  /// Logits without dropout; rows: the trunk's output or null.
  Status forward(const Texts& texts, const T* rows, T* out);
  /// bert: the largest magnitudes of the columns that each layer's products read, see the ABI; range_count
  /// elements.
  Status ranges(const Texts& texts, T* out);

  int64_t tensor_count() const { return count_; }
  const TrainTensor<T>& tensor(int64_t i) const { return tensors_[i]; }
  /// Copies the whole gradient of a trained tensor.
  void read_gradient(int64_t tensor, T* out) const;
  /// Replaces it.
  Status write_gradient(int64_t tensor, const T* in);
  /// To be called after a tensor's value, or by its pointer its gradient, has been written from outside.
  void value_written() { all_stale_ = true; }
  void gradient_written(int64_t tensor);

 private:
  struct Unit {  // of an update: a piece of one tensor
    int32_t tensor;
    int64_t begin, end, chunk;  // chunk: number of its first partial sum
  };
  struct Update {
    double rate, scale, correction1, sqrt_correction2;
  };

  Status allocate_tensors(const T* const* values);
  Status allocate_units();
  Status allocate_weights();
  void refresh_weights();

  Status run_batch(const TrainBatch<T>& batch, const T* trunk_rows, ObjectiveReport<T>* report);
  int64_t bert_pass(const TrainBatch<T>& batch, const T* rows, char* memory, ObjectiveReport<T>* report);
  int64_t ranges_pass(const Texts& texts, char* memory, T* out);
  int64_t student_pass(const TrainBatch<T>& batch, char* memory, ObjectiveReport<T>* report);
  void objective(const Compute<T>& compute, const TrainBatch<T>& batch, const T* logits, T* d_logits,
                 ObjectiveReport<T>* report);
  void clear_gradients();
  Status touch_rows(const Texts& texts);
  bool is_untouched(const Unit& unit, int64_t begin) const;
  double gradient_norm();
  void update_unit(const Unit& unit, const Update& update);
  void update_rows(const Update& update);
  void update_piece(const TrainTensor<T>& t, int64_t begin, const T* gradient, int64_t n,
                    const Update& update);

  Model<T> model_;
  TrainerOptions options_;
  StepOptions step_options_;
  const Kernels<T>* kernels_ = nullptr;
  Executor executor_{};
  BertPoint trunk_point_ = kFromIds;

  int64_t count_ = 0;
  Buffer<TrainTensor<T>> tensors_;
  Buffer<T*> value_pointers_, gradient_pointers_;
  Buffer<T> storage_;  // values, gradients and state
  Buffer<char> packed_;
  Buffer<T> class_weights_, gemm_scratch_, trunk_rows_;
  Buffer<Unit> units_;
  Buffer<T> partial_sums_;
  Buffer<uint8_t> touched_;  // of the table: chunks of kSumChunk elements whose gradient may not be zero
  Buffer<int32_t> touched_rows_;
  int64_t touched_row_count_ = 0;
  RowGradient<T> ngram_rows_;  // in the arena, or in the two buffers that follow
  Buffer<int32_t> written_ids_;
  Buffer<T> written_rows_, row_sums_;
  bool gradients_written_ = false;
  double norm_ = -1;  // of the present gradients; negative: they were written from outside since
  Scratch arena_, forward_scratch_;
  bool all_stale_ = true, trained_stale_ = false, has_gradients_ = false;
};

}  // namespace maque
