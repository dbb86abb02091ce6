/* clang-format off */
/* The C ABI of training: all that Java sees of libmaque_train. Codes, handles and strings as in maque.h; the codes' messages
 * come from maque_train_last_error. A trainer belongs to one thread at a time (a second call meanwhile gets MAQUE_BAD_STATE). */
#ifndef MAQUE_TRAIN_H
#define MAQUE_TRAIN_H
#include <stdint.h>

#if defined(__cplusplus)
extern "C" {
#endif

int32_t maque_train_abi_version(void);
int32_t maque_train_last_error(char* out, int64_t capacity);
int32_t maque_train_isa(char* out, int64_t capacity);

/* Whether a GPU can be used: MAQUE_OK, and a line for each device ("cuda:0 NAME, compute capability 9.0, ..."); else
 * MAQUE_UNSUPPORTED, and maque_train_last_error says why not. path as the option cuda_library, or null. */
int32_t maque_train_device_info(const char* path, char* out, int64_t capacity);

int32_t maque_trainer_new(int64_t* trainer);
/* Before maque_trainer_build: the options of maque_builder_option, and
 *   threads [1]            size of the pool
 *   seed [0]               key of dropout
 *   train [all]            all | last-layers:K | last-tensors:4 | head  (bert; for students: all)
 *   optimizer [adamw]      sgd | adamw
 *   momentum [0], beta1 [0.9], beta2 [0.999], eps [1e-8], weight_decay [0]  (for adamw none on biases and LayerNorm)
 *   clip_norm [0]          0: no clipping
 *   hidden_dropout [0], attention_dropout [0], head_dropout [0]           bert (head_dropout: on the pooled vector)
 *   embedding_dropout [0], output_dropout [0], head_dropout [0]           students: on embeddings (document: on the mean
 *                          vector), on the biLSTM's output (after pooling where pooling comes before the head), on the
 *                          hidden layer of the head
 *   ngram_dropout [0]      students with n-grams: on the mean of a text's n-grams
 *   train_vectors [0]      document: 1 trains the vectors too
 *   precision [fp32]       fp32 | bf16: of all products with weights, forward, input and weight gradients; sums, weights,
 *                          optimiser and everything else stay fp32. MAQUE_UNSUPPORTED without AVX512_BF16
 *   class_weights []       num_labels numbers, comma-separated
 *   device [cpu]           cpu | cuda | cuda:N (cuda is cuda:0): where the trainer's tensors lie and its passes run. Everything else
 *                          is the same, results within the bounds of model/cuda's headers. MAQUE_UNSUPPORTED, and why, at
 *                          maque_trainer_build where there is no library, no driver, no device, or one too old (bf16: below
 *                          compute capability 8.0); MAQUE_OUT_OF_MEMORY says what was wanted, what was free and, for a batch,
 *                          how many texts fit. An error of the device ends the trainer, not the process: every later call gives
 *                          MAQUE_BAD_STATE and the first error, but for maque_trainer_free
 *   cuda_library []        path of libmaque_cuda.so; "": libmaque_cuda.so, where the loader finds it.
 *                          (libmaque_cuda_emulated.so, target maque_cuda_emulated_library in the build's folder, takes its place
 *                          in tests: it runs the same kernels on the CPU; see tests/cuda_emulation/runtime_emulated.h)
 *   cuda_products [auto]   auto | own | cublaslt: what computes products on a GPU. auto: cuBLASLt, where it can be opened, for large
 *                          ones; own: Maque's kernels, which in fp32 have the CPU's bits
 *   cublaslt []            path of cuBLASLt, or of a directory that holds it; "": where the loader finds it
 *   lr_scale.PREFIX [1]    factor on lr for the tensors whose names begin with PREFIX; the longest prefix wins
 * ngrams.weight is updated row by row: an update changes only the rows that the batch has, and their m and v (or momentum), as
 * PyTorch's SparseAdam does with the corrections of the step; it has no weight decay.
 * At any time:
 *   ce_weight [1], soft_weight [0], soft_loss [mse] mse | kl, temperature [1]
 *   step                   number of updates made so far (keys dropout; Adam's t) */
int32_t maque_trainer_option(int64_t trainer, const char* key, const char* value);
/* Initial weights (copied), before build; later maque_trainer_write changes them. */
int32_t maque_trainer_tensor(int64_t trainer, const char* name, const char* dtype, int32_t rank, const int64_t* dims,
                             const void* data, int64_t bytes);
int32_t maque_trainer_build(int64_t trainer);
int32_t maque_trainer_free(int64_t trainer);

/* What computes the large products of a trainer on a GPU, and why: "cuBLASLt, version N (PATH)" or "own kernels: WHY"; "" on the
 * CPU. */
int32_t maque_trainer_products(int64_t trainer, char* out, int64_t capacity);

/* The trunk: what is frozen below the first trained tensor, run without dropout.
 * kind: 0 no trunk (train = all, students); 1 a row of width floats for each token (last-layers:K; last-tensors:4 and head with pooling mean);
 * 2 a row for each text (last-tensors:4 and head with pooling cls or pooler: the input of the last LayerNorm, or the pooled vector). */
int32_t maque_trainer_trunk_shape(int64_t trainer, int32_t* kind, int32_t* width);

/* Gives the batch that gradients, step, start, forward, trunk and ranges work on, until the next one: it is checked and copied, the
 * arrays stay the caller's. After a refused one there is none (MAQUE_BAD_STATE). Its memory grows, and is kept.
 * ids to bag_offsets: as in maque_predict.
 * trunk: null, or the output of maque_trainer_trunk for this batch (then ids and type_ids may be null): the same bits.
 * labels [n] (-1: none) or null; soft [n * num_labels] teacher logits or null; has_soft [n] 0/1 or null (all). */
int32_t maque_trainer_batch(int64_t trainer, const int32_t* ids, int64_t ids_len, const int32_t* offsets, int32_t n,
                            const int32_t* type_ids, const int32_t* bag_ids, int64_t bag_len,
                            const int32_t* bag_offsets, const float* trunk, int64_t trunk_len, const int32_t* labels,
                            const float* soft, const int32_t* has_soft);
/* Computes the trunk's output of the batch: [rows, width]. */
int32_t maque_trainer_trunk(int64_t trainer, float* out, int64_t out_len);
/* Forward, objective, backward; at least one text. Gradients overwrite those of the call before.
 * report [9] (doubles): loss, ce, soft, ce gradient norm, soft gradient norm, labelled, with_soft, correct, gradient norm before
 * clipping (over all trained tensors). A loss that is not finite gives MAQUE_NOT_FINITE and no update. */
int32_t maque_trainer_gradients(int64_t trainer, double* report);
/* One update from the gradients of the last call, at rate lr (warm-up and decay are the caller's); step += 1. */
int32_t maque_trainer_update(int64_t trainer, double lr);
/* gradients, then update. */
int32_t maque_trainer_step(int64_t trainer, double lr, double* report);
/* A step in two halves, so that the next batch can be prepared while a GPU works on this one: after start the next batch may be
 * given, finish waits for the first step that was started and not finished, and gives what step does. At most two may be under
 * way; meanwhile only batch, start, finish and free are called, and the steps' options set.
 * After MAQUE_NOT_FINITE of a finish, a second step under way is passed over and gives it too; the option `step` is then the
 * first one's. On the CPU start does the step. */
int32_t maque_trainer_start(int64_t trainer, double lr);
int32_t maque_trainer_finish(int64_t trainer, double* report);
/* Logits without dropout: [n, num_labels]. The bits of maque_predict. */
int32_t maque_trainer_forward(int64_t trainer, float* out, int64_t out_len);
/* What int8 weights are made from: for each encoder layer the largest magnitude of every column that its products read, over a batch
 * without dropout: of queries, keys and values [hidden], of the attention's output [hidden], of the feed-forward part [hidden] and of
 * its second product [intermediate]. out [layers * (3 * hidden + intermediate)]; NaN counts as larger than all numbers. bert only. */
int32_t maque_trainer_ranges(int64_t trainer, float* out, int64_t out_len);

/* Tensors by number, in the model's order. trained: 1 or 0. dims has room for 4. */
int32_t maque_trainer_tensor_count(int64_t trainer, int32_t* count);
int32_t maque_trainer_tensor_info(int64_t trainer, int32_t index, char* name, int64_t capacity, int32_t* rank,
                                  int64_t* dims, int32_t* trained);
/* what: value | gradient | m | v (Adam) | momentum (SGD). gradient and state exist for trained tensors only.
 * A gradient of ngrams.weight that is written: its rows of zeros count as not in the batch. */
int32_t maque_trainer_read(int64_t trainer, const char* name, const char* what, float* out, int64_t len);
int32_t maque_trainer_write(int64_t trainer, const char* name, const char* what, const float* in, int64_t len);

#if defined(__cplusplus)
}
#endif
#endif
