/*
 * ardiff.h — the C ABI of ardiff's native shim: AR-Diffusion's denoiser on CPU and CUDA.
 *
 * Usage (error handling left out):
 *
 *     ardiff_model* model;
 *     ardiff_model_create(&config, &model, error, sizeof error);
 *     for (i = 0; i < ardiff_model_tensor_count(model); ++i)          // fill in the weights
 *         ardiff_model_write_tensor(model, i, data[i], count[i], error, sizeof error);
 *     ardiff_model_prepare(model, ARDIFF_DEVICE_CPU, 0, ARDIFF_DTYPE_F32, threads, error,
 *                          sizeof error);
 *
 *     ardiff_generation* batch;                                       // encode the sources once
 *     ardiff_generation_create(model, ids, mask, sources, length, candidates, first_candidate,
 *                              slots, seed, noise_scale, &batch, error, sizeof error);
 *     for (step = 0; step < steps; ++step)                            // latents stay on the device
 *         ardiff_generation_step(batch, step, rows, timesteps, input_scale, coefficients,
 *                                at_rest, ARDIFF_STEP_ROUND, NULL, NULL, error, sizeof error);
 *     ardiff_generation_tokens(batch, ARDIFF_STATE_Z, tokens, NULL, error, sizeof error);
 *     ardiff_generation_free(batch);
 *     ardiff_model_free(model);
 *
 * Conventions
 *   - Handles are opaque. Every `_create` has its `_free`; freeing NULL does nothing.
 *   - Functions return ARDIFF_OK or another ardiff_status. On failure they write one sentence, cut
 *     to `error_capacity` bytes and terminated by 0, into the caller's `error` (which may be NULL),
 *     and leave their other outputs untouched. No exception and no libtorch type crosses this ABI.
 *   - All buffers belong to the caller, are dense and row-major, and are only used during the call.
 *   - Any thread may call any function. Calls on one model or batch must not overlap; calls on
 *     different batches of one model may. Nothing depends on thread-local state of libtorch.
 *   - The shim opens no file, reads no environment variable and writes to no stream.
 *   - Symbols of shapes: S sources, L source positions, K candidates a source, R = S*K rows,
 *     N target slots, C embedding size, d hidden size, V vocabulary size.
 */
#ifndef ARDIFF_H
#define ARDIFF_H

#include <stdint.h>

#if defined(_WIN32)
#define ARDIFF_API __declspec(dllexport)
#else
#define ARDIFF_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Raised whenever a signature, a struct or a constant below changes its meaning. */
#define ARDIFF_ABI_VERSION 4

typedef enum ardiff_status {
    ARDIFF_OK = 0,
    ARDIFF_INVALID_ARGUMENT =
        1,                    /* a pointer, size, index or value is out of its documented range */
    ARDIFF_INVALID_STATE = 2, /* the call is valid, but not now (weights missing, not prepared) */
    ARDIFF_OUT_OF_MEMORY = 3, /* host or device memory is exhausted */
    ARDIFF_UNSUPPORTED = 4,   /* this build or machine lacks the device or data type */
    ARDIFF_NON_FINITE = 5,    /* a weight, loss or gradient is NaN or infinite */
    ARDIFF_INTERNAL = 6       /* an error of libtorch or of the shim; the text says which */
} ardiff_status;

typedef enum ardiff_device { ARDIFF_DEVICE_CPU = 0, ARDIFF_DEVICE_CUDA = 1 } ardiff_device;

/*
 * Data type of the network's arithmetic. Latents, losses and optimiser state are float32 in both.
 */
typedef enum ardiff_dtype { ARDIFF_DTYPE_F32 = 0, ARDIFF_DTYPE_BF16 = 1 } ardiff_dtype;

/* How the per-slot timestep reaches the decoder (SPEC section 4). */
typedef enum ardiff_time_conditioning {
    ARDIFF_TIME_TXL = 0, /* an extra key per slot with Transformer-XL biases (the paper's model) */
    ARDIFF_TIME_ROTARY = 1,   /* rotates q, k and v of self-attention */
    ARDIFF_TIME_ADDITIVE = 2, /* added to the input, as in Diffusion-LM and GENIE */
    ARDIFF_TIME_NONE = 3      /* not at all: a slot's vector says whether it has settled */
} ardiff_time_conditioning;

typedef struct ardiff_model ardiff_model;
typedef struct ardiff_generation ardiff_generation;

/*
 * The two layouts of target slots. In the paper's, the slot at position p holds a latent of token
 * y_p and predicts y_p. In the shifted one (`shifted`), a settled slot at position p holds the
 * embedding of y_(p-1) (of a start token at p = 0), predicts y_p and attends to settled slots up to
 * itself only; slots that wait hold one learned vector (`waiting_embedding`) where they would be
 * pure noise, predict the token of their own position and attend to what the caller's mask allows
 * them. The prediction of a slot that waits may be made to fit the token chosen left of it by a
 * chain head: x0_hat + W2 gelu(W1 [x0_hat ; embedding of y_(p-1)]).
 */

/* Sizes of the network (SPEC section 4). All fields are int32_t; there is no padding. */
typedef struct ardiff_network_config {
    int32_t struct_size;       /* sizeof(ardiff_network_config), checked */
    int32_t vocabulary_size;   /* V, 1 or more */
    int32_t embedding_size;    /* C, width of a latent */
    int32_t hidden_size;       /* d, a multiple of attention_heads */
    int32_t encoder_layers;    /* 0 or more */
    int32_t decoder_layers;    /* 1 or more */
    int32_t attention_heads;   /* of encoder and decoder */
    int32_t encoder_ffn_size;  /* inner width of the encoder's feed-forward; the decoder's is 4d */
    int32_t time_channels;     /* width of the sinusoidal time embedding */
    int32_t max_positions;     /* rows of both learned position tables; L and N may not exceed it */
    int32_t time_conditioning; /* ardiff_time_conditioning */
    int32_t self_conditioning; /* 1: the previous x0_hat is concatenated before z */
    int32_t embedding_layer_norm; /* 1: target embeddings pass a LayerNorm (Difformer) */
    int32_t
        input_projection; /* 1: input_up_proj is there; may be 0 only where the input is d wide */
    int32_t shifted;      /* 1: settled slots predict their right neighbour, see below */
    int32_t token_chain;  /* inner width of the chain head, 0: none; needs `shifted` */
    int32_t shared_embeddings; /* 1: the encoder reads the target embeddings; needs C = d */
} ardiff_network_config;

/* ------------------------------------------------------------------ library and devices ------ */

/* The version this library was built with; callers compare it with ARDIFF_ABI_VERSION at load. */
ARDIFF_API int32_t ardiff_abi_version(void);

/*
 * Describes the build and the machine as one JSON object: libtorch version, instruction set the
 * CPU kernels use, floats in a vector register, hardware threads, by what libtorch records
 * generation steps as graphs on CUDA (null without), how many were recorded and replayed so far and
 * why one was not, CUDA devices with name and memory in bytes. Writes at most `capacity` bytes,
 * terminated by 0.
 */
ARDIFF_API int32_t ardiff_describe(char* json, int32_t capacity, char* error,
                                   int32_t error_capacity);

/* ------------------------------------------------------------------ model --------------------- */

/* Creates a model with all weights unset. Allocates 4 bytes per parameter of host memory. */
ARDIFF_API int32_t ardiff_model_create(const ardiff_network_config* config, ardiff_model** model,
                                       char* error, int32_t error_capacity);

/* Frees a model. Batches and trainers made from it keep what they need and stay valid. */
ARDIFF_API void ardiff_model_free(ardiff_model* model);

/* Number of weight tensors, or -1 for NULL. */
ARDIFF_API int32_t ardiff_model_tensor_count(const ardiff_model* model);

/*
 * Name (as in published checkpoints) and shape of tensor `index`. `shape` has room for 4 sizes;
 * `dimensions` receives how many are set.
 */
ARDIFF_API int32_t ardiff_model_tensor_info(const ardiff_model* model, int32_t index, char* name,
                                            int32_t name_capacity, int32_t* shape,
                                            int32_t* dimensions, char* error,
                                            int32_t error_capacity);

/* Copies `count` float32 values into tensor `index`. A NaN or infinity gives ARDIFF_NON_FINITE. */
ARDIFF_API int32_t ardiff_model_write_tensor(ardiff_model* model, int32_t index, const float* data,
                                             int32_t count, char* error, int32_t error_capacity);

/* Copies tensor `index` out as `count` float32 values. */
ARDIFF_API int32_t ardiff_model_read_tensor(const ardiff_model* model, int32_t index, float* data,
                                            int32_t count, char* error, int32_t error_capacity);

/*
 * Makes the model ready to generate: checks that every weight is set, moves or packs the weights
 * for `device` (`device_index` counts CUDA devices) and `dtype`. `threads` is the number of CPU
 * threads (0: one per hardware thread). May be called again, with other weights or another device;
 * batches that exist keep the old ones.
 */
ARDIFF_API int32_t ardiff_model_prepare(ardiff_model* model, int32_t device, int32_t device_index,
                                        int32_t dtype, int32_t threads, char* error,
                                        int32_t error_capacity);

/* ------------------------------------------------------------------ generation ---------------- */

/* Flags of ardiff_generation_create. */
/* Take the portable path even where there are CPU kernels (the path CUDA takes; for tests). */
#define ARDIFF_GENERATION_PORTABLE 1

/*
 * Encodes S sources and starts K candidates of each from noise (SPEC section 5). Row r = s*K + k.
 *
 *   ids, mask    [S,L] int32 token ids, 0 <= id < V, and uint8 mask (0: padding, ignored; the
 *                position of a token is its column). Every source needs at least one unmasked id.
 *   first_candidate  number of the first candidate: rows are candidates first_candidate+k, so a
 *                large K can be spread over batches without changing any text
 *   slots        N, 1..max_positions
 *   seed         64 bits. Noise comes from Philox4x32-10 keyed by (seed, hash of the source's
 *                unmasked ids), counted by candidate, step, slot and channel: a row's noise does
 *                not depend on the batch it is in.
 *   noise_scale  z starts as noise_scale * N(0,1)
 */
ARDIFF_API int32_t ardiff_generation_create(ardiff_model* model, const int32_t* ids,
                                            const uint8_t* mask, int32_t sources, int32_t length,
                                            int32_t candidates, int32_t first_candidate,
                                            int32_t slots, uint64_t seed, float noise_scale,
                                            int32_t flags, ardiff_generation** generation,
                                            char* error, int32_t error_capacity);

/* Frees a batch and its device memory. */
ARDIFF_API void ardiff_generation_free(ardiff_generation* generation);

/* Flags of ardiff_generation_step. */
#define ARDIFF_STEP_ROUND 1   /* x0_hat := nearest embedding (L2), for slots not at rest */
#define ARDIFF_STEP_PREDICT 2 /* only compute x0_hat (rounded if asked); leave z as it is */
#define ARDIFF_STEP_ALL 4     /* round slots at rest too, so that traces show every slot */
#define ARDIFF_STEP_LOGITS 8 /* round to the most likely token by logits(x0_hat), not the nearest */

/*
 * One network evaluation and one sampler update for all rows:
 *
 *     x0_hat = denoiser(input_scale * z, timesteps, source [, previous x0_hat])
 *     x0_hat = nearest embedding of x0_hat                     with ARDIFF_STEP_ROUND
 *     z      = a*z + b*x0_hat + c*noise + e*previous x0_hat    with (a,b,c,e) = coefficients
 *
 *   step          index of this step, part of the noise counter, 0 or more
 *   plan_rows     1: the arrays below are [N] and hold for all rows; R: they are [R,N]
 *   timesteps     float32, scaled timesteps as the network expects them (t * 1000/T)
 *   input_scale   float32 factors on z at the network's input (1 unless a noise factor is used)
 *   coefficients  [..,4] float32 in the order a, b, c, e
 *   at_rest       uint8: 1 where the update leaves the slot as it is, so rounding may skip it
 *   noise         [R,N,C] float32 standard normal values in place of the generator's; may be NULL
 *   nearest       [R,N] int32, receives the id each x0_hat was rounded to, -1 where it was not
 *                 rounded or took no part; may be NULL
 *   log_probability [R,N] float32; where a slot is rounded and not at rest it receives the
 *                 log-softmax of that id under the logits of x0_hat as it was before, elsewhere it
 *                 is left as it is: after a run, what each slot was last decided by. May be NULL
 */
ARDIFF_API int32_t ardiff_generation_step(ardiff_generation* generation, int32_t step,
                                          int32_t plan_rows, const float* timesteps,
                                          const float* input_scale, const float* coefficients,
                                          const uint8_t* at_rest, int32_t flags, const float* noise,
                                          int32_t* nearest, float* log_probability, char* error,
                                          int32_t error_capacity);

/*
 * Restricts row r to its first active[r] slots, 1 <= active[r] <= its present number; slots to the
 * right leave the computation for good. Reading state or tokens gives 0 and -1 for them.
 */
ARDIFF_API int32_t ardiff_generation_shrink(ardiff_generation* generation, const int32_t* active,
                                            char* error, int32_t error_capacity);

/*
 * From now on only the first `slots` slots of a row, 1 to N, take part in a step (N at the start):
 * the others keep their latents and are attended to by none. The number may fall and rise again.
 * Slots that are still pure noise and do not move in a step need not be there, if the model was
 * trained so.
 */
ARDIFF_API int32_t ardiff_generation_present(ardiff_generation* generation, int32_t slots,
                                             char* error, int32_t error_capacity);

/* What ardiff_generation_tokens, _read and _write refer to. */
typedef enum ardiff_state {
    ARDIFF_STATE_Z = 0,       /* [R,N,C] latents */
    ARDIFF_STATE_X0 = 1,      /* [R,N,C] last x0_hat (rounded if the step rounded); zeros before */
    ARDIFF_STATE_ENCODER = 2, /* [S,L,d] encoder output, zeros at padding; read only */
    ARDIFF_STATE_LOGITS = 3   /* [R,N,V] logits of x0_hat; read only, for tests */
} ardiff_state;

/*
 * Token of every slot: argmax over V of state . embedding + lm_head.bias (SPEC section 4), `state`
 * being ARDIFF_STATE_Z or ARDIFF_STATE_X0. `ids` is [R,N] int32, -1 for slots that were dropped.
 * `log_probability` ([R,N] float32, may be NULL) receives the log-softmax of the chosen token.
 */
ARDIFF_API int32_t ardiff_generation_tokens(ardiff_generation* generation, int32_t state,
                                            int32_t* ids, float* log_probability, char* error,
                                            int32_t error_capacity);

/* Copies a state out as `count` float32 values; `count` must be exactly its size. */
ARDIFF_API int32_t ardiff_generation_read(ardiff_generation* generation, int32_t state, float* data,
                                          int64_t count, char* error, int32_t error_capacity);

/* Replaces Z or X0 (the latter is also the self-conditioning input of the next step). */
ARDIFF_API int32_t ardiff_generation_write(ardiff_generation* generation, int32_t state,
                                           const float* data, int64_t count, char* error,
                                           int32_t error_capacity);

/*
 * Seconds spent so far in this batch: [0] encoder, [1] network, [2] rounding and token choice,
 * [3] noise and update; summed over threads and divided by their number. `seconds` has 4 values.
 */
ARDIFF_API int32_t ardiff_generation_seconds(const ardiff_generation* generation, double* seconds,
                                             char* error, int32_t error_capacity);

/* ------------------------------------------------------------------ decoding ------------------ */

/*
 * Texts of `shifted` networks (without time conditioning), many rows at a time, each at a place of
 * its own. Usage (error handling left out):
 *
 *     ardiff_decoding_create(model, ids, mask, sources, length, rows, source_of_row, positions, 0,
 *                            &decoding, error, sizeof error);
 *     stream of row r: start token                                // first, then `left`, `draft`
 *     while (some row has not ended) {
 *         ardiff_decoding_step(decoding, A, row, stream_count, stream_ids, k, block, 1, predicted,
 *                              NULL, NULL, NULL, error, sizeof error);
 *         for every row: keep = 1 + how many of its drafted tokens were predicted in front of them
 *                        left = what the last kept slot predicted
 *         ardiff_decoding_keep(decoding, A, row, keep, left, draft, NULL, error, sizeof error);
 *     }
 *     ardiff_decoding_free(decoding);
 *
 * A row is a line of settled slots at positions 0, 1, ..., whose keys and values are kept. A step
 * appends slots to it (the stream); `keep` takes those back whose tokens turned out wrong. What a
 * settled slot predicts depends on the settled slots up to it and on its source, on nothing else:
 * on the CPU kernels the results of a row are the same bits alone and in any batch, with
 * any number of threads and however its tokens are spread over steps.
 */
typedef struct ardiff_decoding ardiff_decoding;

/* Flags of ardiff_decoding_create. */
/* Take the portable path even where there are CPU kernels (the path CUDA takes; for tests). */
#define ARDIFF_DECODING_PORTABLE 1

/*
 * Encodes S sources, once, and starts R empty rows. Memory for a row's keys and values is taken
 * when the row is first used.
 *
 *   ids, mask      [S,L], as in ardiff_generation_create
 *   source_of_row  [R] int32, the source of each row, 0 to S - 1
 *   positions      N, the most settled slots a row may have, 1 to max_positions
 */
ARDIFF_API int32_t ardiff_decoding_create(ardiff_model* model, const int32_t* ids,
                                          const uint8_t* mask, int32_t sources, int32_t length,
                                          int32_t rows, const int32_t* source_of_row,
                                          int32_t positions, int32_t flags,
                                          ardiff_decoding** decoding, char* error,
                                          int32_t error_capacity);

/* Frees a decoding and its device memory. */
ARDIFF_API void ardiff_decoding_free(ardiff_decoding* decoding);

/*
 * One network call for A rows: appends slots to each row and runs blocks of waiting slots beside
 * them. M is the sum of stream_count; slots of all rows lie one behind the other. Slots that an
 * earlier step appended and ardiff_decoding_keep did not take back stay.
 *
 *   row           [A] int32, different rows
 *   stream_count  [A] int32, how many slots are appended, 1 or more, N in all at most
 *   stream_ids    [M] int32, the token that each new slot holds: that left of its position
 *   width         k, slots of a block, 0 to max_positions
 *   block         [M] uint8, 1: a block begins after this slot, if k > 0. Its slots wait at the
 *                 positions behind the slot's (at the last one of max_positions where there is
 *                 none), attend to the settled slots up to it and to each other, and are attended
 *                 to by none else. What they predict is what ardiff_decoding_keep drafts from
 *   top           T, 1 to V
 *   ids           [M,T] int32, receives the T most likely tokens of each appended slot, the
 *                 likeliest first and the lower id first among equals
 *   log_probability         [M,T] float32, receives their log-softmax; NULL spares computing it
 *   wanted, wanted_log_probability   [M] int32 ids and [M] float32, which receives the log-softmax
 *                 of those ids; both may be NULL
 */
ARDIFF_API int32_t ardiff_decoding_step(ardiff_decoding* decoding, int32_t rows, const int32_t* row,
                                        const int32_t* stream_count, const int32_t* stream_ids,
                                        int32_t width, const uint8_t* block, int32_t top,
                                        int32_t* ids, float* log_probability, const int32_t* wanted,
                                        float* wanted_log_probability, char* error,
                                        int32_t error_capacity);

/*
 * Of the slots that the last step of A rows appended, keeps the first, and drafts what follows
 * them.
 *
 *   row    [A] int32, different rows that have had a step
 *   keep   [A] int32, how many of the slots that the row's last step appended stay, 1 to all that
 *          are left of them
 *   left   [A] int32, the token chosen for the position of the last kept slot; may be NULL with
 *          draft
 *   draft  [A,k] int32, k being the last step's width, receives a token for each of the positions
 *          behind it: the greedy choice from the block that begins there, each token chained to the
 *          one before. Where the step ran no block there, it is run now, which is another network
 *          call. NULL: nothing is drafted
 *   draft_log_probability  [A,k] float32, receives the log-softmax of the drafted tokens; may be
 *                          NULL
 *
 * The CPU kernels chain among the some 60 tokens that a slot finds likeliest without the
 * chain, and count the others as without it in the log-softmax: a draft decides about calls, not
 * about text.
 */
ARDIFF_API int32_t ardiff_decoding_keep(ardiff_decoding* decoding, int32_t rows, const int32_t* row,
                                        const int32_t* keep, const int32_t* left, int32_t* draft,
                                        float* draft_log_probability, char* error,
                                        int32_t error_capacity);

/*
 * Makes rows `to_row` what rows `from_row` are, [count] int32 each: their settled slots and their
 * source. All rows are read before any is written; a row may be read more often than once, and
 * `to_row` are different rows. A copy has no last step: it can be stepped, not kept.
 */
ARDIFF_API int32_t ardiff_decoding_copy(ardiff_decoding* decoding, int32_t count,
                                        const int32_t* from_row, const int32_t* to_row, char* error,
                                        int32_t error_capacity);

/* Seconds spent so far: encoder, network, choosing tokens, drafting. `seconds` has 4. */
ARDIFF_API int32_t ardiff_decoding_seconds(const ardiff_decoding* decoding, double* seconds,
                                           char* error, int32_t error_capacity);

/* ----------------------------------------------------------------- parts, for tests and benches */

/* Philox4x32-10 (Salmon et al. 2011): counter [4] and key [2] to output [4], all uint32. */
ARDIFF_API int32_t ardiff_philox(const uint32_t* counter, const uint32_t* key, uint32_t* output,
                                 char* error, int32_t error_capacity);

/*
 * The generator's key for a source: 64 bits from the seed and a hash of `count` token ids, as two
 * uint32 (low, high).
 */
ARDIFF_API int32_t ardiff_noise_key(uint64_t seed, const int32_t* ids, int32_t count, uint32_t* key,
                                    char* error, int32_t error_capacity);

/*
 * Models prepared from now on use the CPU kernels of this instruction set: "baseline", "avx2",
 * "avx512", "amx" or "neon". ARDIFF_UNSUPPORTED where the machine lacks it. Without this call the
 * best is used.
 */
ARDIFF_API int32_t ardiff_choose_kernels(const char* name, char* error, int32_t error_capacity);

/*
 * Times the packed matmul [rows,inner] x [inner,columns] that the CPU network uses, in seconds per
 * call (best of `repeats`), on one thread. For benches.
 */
ARDIFF_API int32_t ardiff_time_matmul(int32_t rows, int32_t columns, int32_t inner, int32_t dtype,
                                      int32_t repeats, double* seconds, char* error,
                                      int32_t error_capacity);

/* ------------------------------------------------------------------ training ------------------ */

/*
 * Usage (error handling left out):
 *
 *     ardiff_trainer_create(model, &config, schedule, &trainer, error, sizeof error);
 *     for (step = 0; step < steps; ++step) {
 *         for (m = 0; m < micro_batches; ++m)                         // accumulates gradients
 *             ardiff_trainer_batch(trainer, &options, ids, mask, rows, length, targets, NULL,
 *                                  timesteps, weights, slots, NULL, NULL, terms, NULL, ...);
 *         ardiff_trainer_update(trainer, &update, &norm, &applied, error, sizeof error);
 *     }
 *     ardiff_trainer_export(trainer, ARDIFF_TRAINING_AVERAGE, model, error, sizeof error);
 *
 * A trainer holds, as flat float32 buffers on its device, the weights, their gradients, AdamW's two
 * moments and an exponential moving average of the weights. With ARDIFF_DTYPE_BF16 the network's
 * matmuls take bfloat16 operands; weights, gradients, losses and everything else stay float32.
 *
 * Every random number is a function of (seed, step, micro_batch) and its place in the batch, so a
 * run continues exactly where a checkpoint left it. On one device with one number of threads,
 * float32 results are the same bit for bit.
 *
 * Source dropout (for guidance) needs no option: a source reduced to its first token, by clearing
 * the rest of its mask, is encoded exactly as that token alone.
 */
typedef struct ardiff_trainer ardiff_trainer;

/* Fixed for the life of a trainer. All fields are 4 bytes wide; there is no padding. */
typedef struct ardiff_trainer_config {
    int32_t struct_size;     /* sizeof(ardiff_trainer_config), checked */
    int32_t device;          /* ardiff_device */
    int32_t device_index;    /* counts CUDA devices; 0 on the CPU */
    int32_t dtype;           /* ardiff_dtype */
    int32_t threads;         /* CPU threads, 0: one per hardware thread */
    int32_t portable;        /* 1: the portable path even where there are CPU kernels (for tests) */
    int32_t chain_only;      /* 1: only the chain head is trained, everything else stays as it is */
    int32_t diffusion_steps; /* T, rows of the schedule */
    float embedding_noise;   /* sqrt(1 - alpha_bar[0]), the noise between embedding and x0 */
    float prior_scale;       /* sqrt(alpha_bar[T-1]), the factor on x0 in the prior loss */
} ardiff_trainer_config;

/* What the rounding loss (nll) is taken of (SPEC section 3). */
typedef enum ardiff_rounding_loss {
    ARDIFF_ROUNDING_LOSS_X0 = 0,        /* the noised embedding: the paper */
    ARDIFF_ROUNDING_LOSS_PREDICTION = 1 /* x0_hat: Difformer's anchor loss */
} ardiff_rounding_loss;

/* Options of one micro-batch. All fields are 4 bytes wide; there is no padding. */
typedef struct ardiff_training_options {
    int32_t struct_size;    /* sizeof(ardiff_training_options), checked */
    int32_t backward;       /* 1: accumulate gradients; 0: only evaluate the loss */
    int32_t averaged;       /* 1: use the averaged weights; only without backward */
    int32_t self_condition; /* 1: a first pass without gradient gives the self-conditioning input */
    int32_t rounding_loss;  /* ardiff_rounding_loss */
    uint32_t seed_low, seed_high; /* 64 bits of seed */
    uint32_t step;                /* number of the update this batch belongs to */
    uint32_t micro_batch;         /* number of the batch within the update, below 65536 */
    float dropout;                /* 0 <= rate < 1, on the hidden states (SPEC section 4) */
    float attention_dropout;      /* the same, on attention probabilities */
    float label_smoothing;        /* share of the target's probability spread over the vocabulary */
    float squared_error; /* weight of mse and prior beside nll in the loss: 1 in the paper */
    float
        self_condition_noise; /* standard deviation of noise added to the self-conditioning input */
    float normaliser; /* what losses and gradients are divided by: the number of slots, or the
                                sum of their weights, in all micro-batches of the update */
} ardiff_training_options;

/*
 * Creates a trainer that starts from the weights of `model`, which must all be set; moments are
 * zero and the average equals the weights. The model is only read during the call.
 *
 *   schedule   [T,4] float32, row t: scaled timestep (t * 1000/T), factor on x0 (sqrt(alpha_bar)),
 *              factor on the noise (F * sqrt(1 - alpha_bar)), factor on z at the network's input
 *              (1, or 1/sqrt(alpha_bar + F^2 (1 - alpha_bar)) with a noise factor F)
 */
ARDIFF_API int32_t ardiff_trainer_create(const ardiff_model* model,
                                         const ardiff_trainer_config* config, const float* schedule,
                                         ardiff_trainer** trainer, char* error,
                                         int32_t error_capacity);

/* Frees a trainer and its device memory. */
ARDIFF_API void ardiff_trainer_free(ardiff_trainer* trainer);

/*
 * Forward pass, loss and, if asked, backward pass of one micro-batch of B rows (SPEC section 3).
 * Gradients are added to those already there.
 *
 *   ids, mask        [B,L] source, as in ardiff_generation_create
 *   target_ids       [B,N] int32 token ids, padding included
 *   left_ids         [B,N] int32, the token left of each slot's position in its target (a start
 *                    token at position 0): what a settled slot of a `shifted` network holds, and
 *                    what the chain head is given. NULL for other networks
 *   key_mask         [B,N] uint8, 0: no slot attends to this one (padding after the end token,
 *                    where training has slots of varying number); NULL: all slots are seen, as in
 *                    the paper. A row needs at least one 1
 *   attention_mask   [N,N] uint8, 0: in no sentence does the slot of the row attend to that of the
 *                    column; NULL: all attend to all, but for what key_mask forbids. The two must
 *                    leave every slot one to attend to
 *   positions        [N] int32, which of the decoder's learned positions each slot has; NULL: slot
 *                    n has position n. Slots may then be up to 4 times as many as positions
 *   timesteps        [B,N] int32, 0..T-1, the token-level timesteps
 *   weights          [B,N] float32 weight of each slot's loss, 0 or more; NULL: all 1
 *   embedding_noise, diffusion_noise   [B,N,C] float32 in place of the generator's; may be NULL
 *   terms            4 float32: sum over slots of weight * (loss, mse, nll, prior), each divided by
 *                    `normaliser`. A non-finite loss is not an error here: ardiff_trainer_update
 *                    refuses the gradients it led to
 *   slot_terms       [6,B,N] float32, may be NULL: loss, mse, nll, prior, mean_C (x0 - x0_hat)^2
 *                    and mean_C (embedding - x0_hat)^2, neither weighted nor divided; mse is the
 *                    last of them where the timestep is 0 and the last but one elsewhere. With
 *                    backward, nll may be 0 where the weight is 0
 */
ARDIFF_API int32_t ardiff_trainer_batch(
    ardiff_trainer* trainer, const ardiff_training_options* options, const int32_t* ids,
    const uint8_t* mask, int32_t rows, int32_t length, const int32_t* target_ids,
    const int32_t* left_ids, const uint8_t* key_mask, const uint8_t* attention_mask,
    const int32_t* positions, const int32_t* timesteps, const float* weights, int32_t slots,
    const float* embedding_noise, const float* diffusion_noise, float* terms, float* slot_terms,
    char* error, int32_t error_capacity);

/*
 * One step of AdamW (Loshchilov and Hutter 2019). Doubles follow two int32, so there is no padding.
 */
typedef struct ardiff_update_options {
    int32_t struct_size; /* sizeof(ardiff_update_options), checked */
    int32_t update;      /* number of this update, 1 for the first (for bias correction) */
    double learning_rate;
    double beta1, beta2;
    double epsilon;
    double weight_decay;  /* decoupled, on every weight */
    double clip_norm;     /* gradients are scaled down to this norm; 0: never */
    double average_decay; /* average := decay * average + (1 - decay) * weights; 0: no average */
} ardiff_update_options;

/*
 * Clips the accumulated gradients, updates weights, moments and average in one pass, and sets the
 * gradients to zero. `gradient_norm` receives their L2 norm before clipping. Where it is not
 * finite, `applied` receives 0 and nothing but the gradients changes; otherwise 1.
 */
ARDIFF_API int32_t ardiff_trainer_update(ardiff_trainer* trainer,
                                         const ardiff_update_options* options,
                                         double* gradient_norm, int32_t* applied, char* error,
                                         int32_t error_capacity);

/* The flat buffers of a trainer. */
typedef enum ardiff_training_state {
    ARDIFF_TRAINING_WEIGHTS = 0,
    ARDIFF_TRAINING_GRADIENTS = 1,
    ARDIFF_TRAINING_FIRST_MOMENT = 2,
    ARDIFF_TRAINING_SECOND_MOMENT = 3,
    ARDIFF_TRAINING_AVERAGE = 4
} ardiff_training_state;

/*
 * Number of float32 values in each flat buffer, or -1 for NULL. Tensors lie in the order of
 * ardiff_model_tensor_info, each starting at a multiple of 16 values; the gaps are zeros.
 */
ARDIFF_API int64_t ardiff_trainer_size(const ardiff_trainer* trainer);

/*
 * Copies a flat buffer out or in; `count` must be exactly its size. Written values must be finite,
 * but for gradients, of which ardiff_trainer_update judges.
 */
ARDIFF_API int32_t ardiff_trainer_read(const ardiff_trainer* trainer, int32_t state, float* data,
                                       int64_t count, char* error, int32_t error_capacity);
ARDIFF_API int32_t ardiff_trainer_write(ardiff_trainer* trainer, int32_t state, const float* data,
                                        int64_t count, char* error, int32_t error_capacity);

/*
 * Copies the gradients out and sets them to zero. Processes that train together take those of one
 * batch after the other, add them up, and write the sum.
 */
ARDIFF_API int32_t ardiff_trainer_take_gradients(ardiff_trainer* trainer, float* data,
                                                 int64_t count, char* error,
                                                 int32_t error_capacity);

/*
 * Copies ARDIFF_TRAINING_WEIGHTS or ARDIFF_TRAINING_AVERAGE into a model of the same configuration,
 * which ardiff_model_prepare then makes ready to generate.
 */
ARDIFF_API int32_t ardiff_trainer_export(const ardiff_trainer* trainer, int32_t state,
                                         ardiff_model* model, char* error, int32_t error_capacity);

/* What a trainer has used so far. All fields are 8 bytes wide; there is no padding. */
typedef struct ardiff_trainer_usage {
    double forward_seconds, backward_seconds, update_seconds; /* wall clock inside the shim */
    int64_t
        peak_bytes; /* CPU: peak resident set of the process; CUDA: peak of libtorch's allocator */
} ardiff_trainer_usage;

ARDIFF_API int32_t ardiff_trainer_usage_read(const ardiff_trainer* trainer,
                                             ardiff_trainer_usage* usage, char* error,
                                             int32_t error_capacity);

#ifdef __cplusplus
}
#endif
#endif
