/* clang-format off */
/* The C ABI of inference: all that Java sees of libmaque.
 *
 * Handles are 64-bit numbers: 0 is never valid; a closed or foreign one is answered by MAQUE_BAD_HANDLE, never by a crash.
 * Every function returns a code (0: success); maque_last_error gives the message of the last failure on the calling thread.
 * Strings are NUL-terminated UTF-8. Functions are thread-safe; one builder belongs to one thread at a time. Freeing a model while
 * others predict with it is safe: running calls end first, later ones get MAQUE_BAD_HANDLE. */
#ifndef MAQUE_H
#define MAQUE_H
#include <stdint.h>

#if defined(__cplusplus)
extern "C" {
#endif

#define MAQUE_ABI_VERSION 2

enum {
  MAQUE_OK = 0,
  MAQUE_INVALID_ARGUMENT = 1,
  MAQUE_BAD_HANDLE = 2,
  MAQUE_OUT_OF_MEMORY = 3,
  MAQUE_BAD_MODEL = 4,
  MAQUE_NOT_FINITE = 5,
  MAQUE_UNSUPPORTED = 6,
  MAQUE_BAD_STATE = 7
};

int32_t maque_abi_version(void);
/* An empty call: the cost of crossing into native code. */
int32_t maque_nothing(const int32_t* ids, float* out);
/* Copies text and its NUL, cut at capacity bytes. */
int32_t maque_last_error(char* out, int64_t capacity);
int32_t maque_isa(char* out, int64_t capacity);          /* "avx512", "avx2", "ref" */
int32_t maque_isa_bf16(char* out, int64_t capacity);     /* of products in bf16; "" where there are none */
int32_t maque_isa_int8(char* out, int64_t capacity);     /* of int8 models: "avx512vnni", "avx512", "avx2", "ref" */
int32_t maque_cpu_features(char* out, int64_t capacity); /* comma-separated */

/* Building a model.
 * Options, as text, all needed unless a default stands in brackets:
 *   kind            bert | sequence | document | bag
 *   num_labels      2 .. 65,536
 *   head            sizes of the hidden layers between features and classes, comma-separated; "" is one linear layer.
 *                   A ReLU follows each hidden layer.
 * bert:     vocab_size hidden_size num_hidden_layers num_attention_heads intermediate_size max_position_embeddings
 *           type_vocab_size layer_norm_eps; hidden_act gelu | gelu_new | gelu_pytorch_tanh | relu; pooling pooler | cls | mean;
 *           precision fp32 | bf16 | int8 [fp32]: of all products with weights (bf16: F32 tensors, rounded when packed;
 *           MAQUE_UNSUPPORTED without AVX512_BF16), or of those of the encoder's layers and the pooler (int8)
 * sequence: vocab_size embedding_size hidden_size; pooling max-logits | max | mean | last
 * document: vocab_size embedding_size hidden_size  (one time step on the mean of the texts' vectors; ids index the vectors)
 * bag:      none of these; it has n-grams alone
 * n-grams (sequence, document: both or neither; bag: needed): ngram_buckets 1 .. 2^31 - 1, ngram_width 1 .. 4,096. The mean of a text's
 *           rows of ngrams.weight stands after the biLSTM's features at the head's input (max-logits: at every token's).
 * students: folded true | false: the tensors are those of a serving form, below (a bag's is never folded); with it precision
 *           fp32 | bf16 | int8 [fp32]. Left out: the tensors are those of training
 *
 * Tensors (F32 unless another type stands there, row-major, PyTorch's shapes):
 *   bert:     Hugging Face's BertModel names (embeddings.word_embeddings.weight, ...,
 *             encoder.layer.0.attention.self.query.weight, ..., pooler.dense.weight where pooling is pooler; a pooler given
 *             but not used is ignored). In int8 the weights of these products, NAME.weight [out, in], are I8 with scales
 *             NAME.weight.scale [out] of at least 0: the weight is q * scale; two neighbours of a row (columns 0 and 1, 2 and
 *             3, ...) have magnitudes of at most 128 together, and none is -128
 *   sequence: embedding.weight [vocab, embedding], lstm.weight_ih_l0 [4h, embedding], lstm.weight_hh_l0 [4h, h],
 *             lstm.bias_ih_l0 [4h], lstm.bias_hh_l0 [4h], and the same four with suffix _reverse
 *   document: vectors.weight [vocab, embedding], and lstm.* as above
 *   n-grams:  ngrams.weight [buckets, width]
 *   head:     head.0.weight [out, in], head.0.bias, then head.2.*, head.4.* (the ReLUs count, as in nn.Sequential)
 *   serving form of students, weights in F32, BF16 or I8 as the precision says; with G gates, sequence 4 (i f g o),
 *   document 3 (i g o):
 *     folded:  gates.weight [rows, 2 G h], the forward direction's first: the input projection of each row, with the biases for a
 *              sequence, without for a document, which has gates.bias [2 G h]
 *     not:     embedding.weight or vectors.weight [rows, embedding], lstm.weight_ih_l0 [G h, embedding], lstm.bias_l0 [G h] (the sum
 *              of both), and these two with suffix _reverse
 *     both:    lstm.weight_hh_l0 [4h, h] and _reverse (sequence); ids.map I32 [vocab], the row of each id: without it
 *              rows = vocab and every id has its own
 *     all:     ngrams.weight [buckets, width] where there are n-grams; head.* as above
 *     A weight NAME in I8 has F32 scales of at least 0, NAME.scale, one for each row: it is q * scale, q from -127 to 127;
 *     gates.scale is [rows, 2], one for each row and direction. */
int32_t maque_builder_new(int64_t* builder);
int32_t maque_builder_option(int64_t builder, const char* key, const char* value);
/* Copies the tensor. dtype "F32", "I8", "BF16" or "I32"; bytes must be the type's size * product(dims). NaN and infinity are refused. */
int32_t maque_builder_tensor(int64_t builder, const char* name, const char* dtype, int32_t rank, const int64_t* dims,
                             const void* data, int64_t bytes);
/* Makes an immutable model. The builder is spent, whether this succeeds or not, and must still be freed. */
int32_t maque_builder_build(int64_t builder, int64_t* model);
int32_t maque_builder_free(int64_t builder);

int32_t maque_model_free(int64_t model);
/* Bytes of native memory that the model holds, its scratch included. */
int32_t maque_model_bytes(int64_t model, int64_t* bytes);

/* Logits of n texts: text i has ids[offsets[i] .. offsets[i + 1]); offsets[0] = 0, offsets[n] <= ids_len, all non-decreasing.
 * Of a model with n-grams, text i has the buckets bag_ids[bag_offsets[i] .. bag_offsets[i + 1]), with the same rules; for another bag_ids
 * and bag_offsets are null. For kind bag ids, offsets and type_ids are null.
 * out has n * num_labels floats (out_len at least that). type_ids: null (all 0) or as long as ids (bert only).
 * A text may be empty for the students, of tokens and of n-grams (their features are then zeros), not for bert; a bert text is at most
 * max_position_embeddings long. Runs on the caller's thread, allocates nothing once as many scratch spaces exist as there are callers. */
int32_t maque_predict(int64_t model, const int32_t* ids, int64_t ids_len, const int32_t* offsets, int32_t n,
                      const int32_t* type_ids, const int32_t* bag_ids, int64_t bag_len, const int32_t* bag_offsets,
                      float* out, int64_t out_len);
/* bert only: the last hidden states, [offsets[n], hidden_size]. */
int32_t maque_hidden_states(int64_t model, const int32_t* ids, int64_t ids_len, const int32_t* offsets, int32_t n,
                            const int32_t* type_ids, float* out, int64_t out_len);

#if defined(__cplusplus)
}
#endif
#endif
