// The arithmetic of the CPU backend as a table of functions, one table per instruction set.
//
// kernels.cpp (with isa/) is compiled several times with different flags; dispatch.cpp picks a table at
// run time. Every kernel treats rows independently and sums in an order that depends on nothing but
// the inner size, so a row's result never depends on which rows surround it (batch invariance).
#pragma once

#include <cstdint>

namespace ardiff::cpu {

// Activations that feed a matmul: float in float32 mode, this in bfloat16 mode.
using bf16 = uint16_t;

// Row strides of all internal buffers are multiples of this, so kernels may store whole vectors.
constexpr int kPad = 32;
// Buffers have room for this many rows beyond their last, which tiled kernels may read or write.
constexpr int kSpareRows = 32;
constexpr int padded(int n) { return (n + kPad - 1) / kPad * kPad; }

// What happens to a matmul's result y (bias included) before it is stored.
enum class Epilogue {
    store,       // c = y
    accumulate,  // c += y, the residual connection
    tanh,        // c = tanh(y)
    gelu,        // c = y * (1 + erf(y / sqrt 2)) / 2
    silu,        // c = y / (1 + exp(-y))
    geglu        // c = value * gelu(gate); weights packed by pack(..., geglu = true)
};

// A weight matrix [out,in] (torch.nn.Linear's layout) rearranged into panels for matmul.
struct PackedWeights {
    void* data = nullptr;
    const float* bias = nullptr;  // one per packed column, zeros where the layer has none
    int in = 0;                   // K
    int columns = 0;              // packed columns: out rounded up to whole panels
};

// Keys and values of one attention head, prepared by the caller.
struct HeadKeys {
    const float* keys;    // [head_size][key_stride], transposed
    const float* bias;    // [key_stride] added to scaled scores; -1e30 beyond the last key
    const float* values;  // [keys][value_stride]
    int count;            // keys
    int key_stride;       // multiple of kPad, at least count
    int value_stride;     // multiple of kPad, at least head_size; zeros beyond head_size
};

// Slots in a group of kept keys, on every instruction set.
constexpr int kKeyGroup = 16;

// Keys and values of slots, all heads side by side, in groups of kKeyGroup.
struct KeyGroups {
    const float* const* keys;  // of each group: [heads * head_size][kKeyGroup]
    const float* const*
        values;  // of each group: [kKeyGroup][value_stride], a vector of room behind it
    int value_stride;
    int count;  // keys
};

// The target embeddings prepared for argmax over the vocabulary of x . e_v + bias_v.
struct Vocabulary {
    int size = 0;                  // V
    int width = 0;                 // C
    const float* table = nullptr;  // [V][stride] float32, zeros beyond C
    int stride = 0;                // padded(C)
    float largest_norm = 0;        // max over v of |e_v|
    // Set by pack_vocabulary:
    const void* packed = nullptr;  // the table as the screening pass of `nearest` wants it
    float largest_loss = 0;        // max over v of what rounding took from e_v in `packed`
};

struct Kernels {
    const char* name;
    int vector_width;  // floats

    // ---- matmul: C[rows][c_stride] = epilogue(A[rows][a_stride] * W^T + bias)
    // Bytes that `pack` needs, in either type.
    int64_t (*packed_bytes)(int out, int in, bool half, bool geglu);
    // Packs weights [out,in]; geglu expects [2*inner,in] = [value, gate] rows interleaved by panel.
    void (*pack)(const float* weights, const float* bias, int out, int in, bool half, bool geglu,
                 void* data, float* packed_bias);
    int (*packed_columns)(int out, bool half, bool geglu);
    void (*matmul_f32)(int rows, const float* a, int a_stride, const PackedWeights& w,
                       Epilogue epilogue, float* c, int c_stride);
    // bfloat16 operands, float32 sums; the result as float32 or bfloat16.
    void (*matmul_bf16)(int rows, const bf16* a, int a_stride, const PackedWeights& w,
                        Epilogue epilogue, float* c, int c_stride);
    void (*matmul_bf16_out)(int rows, const bf16* a, int a_stride, const PackedWeights& w,
                            Epilogue epilogue, bf16* c, int c_stride);

    // ---- rows
    // y = (x - mean) / sqrt(variance + eps) * weight + bias over `width`; y may be x. `half` (may be
    // null) receives the same as bfloat16, `y` may be null.
    void (*layer_norm)(int rows, int width, const float* x, int x_stride, const float* weight,
                       const float* bias, float eps, float* y, int y_stride, bf16* half,
                       int half_stride);
    void (*to_bf16)(int64_t count, const float* x, bf16* y);

    // ---- attention of one head: out[q] = softmax(scale * q . keys + bias) * values
    // `scratch` holds 8 * key_stride floats. The output goes to `out` or `out_half`.
    void (*attend)(int queries, const float* q, int q_stride, int head_size, float scale,
                   const HeadKeys& keys, float* scratch, float* out, bf16* out_half,
                   int out_stride);

    // ---- attention of one slot, all its heads side by side in `q` and `out`, over the keys of `past` and
    // those of `beside`. `scratch` holds a float for every key of whole groups. Keys beyond their count
    // weigh exactly nothing.
    void (*attend_past)(int heads, int head_size, const float* q, float scale,
                        const KeyGroups& past, const KeyGroups& beside, float* scratch, float* out);
    // Writes the key k [width] to place `lane` of a group.
    void (*keep_keys)(int width, const float* k, int lane, float* keys);

    // ---- logits. `table` is the vocabulary packed as a layer, its bias -infinity in columns beyond it
    // index[r] = argmax of the logits of x_r, as matmul_f32 computes them; the lowest among equals.
    void (*best_tokens)(int rows, const float* x, int stride, const PackedWeights& table,
                        int32_t* index);
    // log sum exp of scores; `size` is a multiple of the vector width.
    float (*log_total)(const float* scores, int size);
    // About the 60 best of `size` scores, all of them where there are fewer: ids in rising order,
    // `capacity` at most; returns how many.
    int (*shortlist)(const float* scores, int size, int capacity, int32_t* ids);
    // argmax of x . table_v + bias_v among `count` ids in rising order, the lowest among equals, and its
    // log-softmax among them and others, whose log sum exp is given.
    int32_t (*best_among)(const float* x, const float* table, int stride, const float* bias,
                          int count, const int32_t* ids, float others, float* log_probability);

    // ---- vocabulary
    int64_t (*vocabulary_bytes)(int size, int width);
    void (*pack_vocabulary)(Vocabulary& vocabulary, void* packed);
    // Scratch floats that `nearest` needs for `rows` rows.
    int64_t (*nearest_scratch)(int rows, const Vocabulary& vocabulary);
    // index[r] = argmax_v x_r . e_v + bias_v, exact in float32; the lowest v among equals.
    // `x` has stride vocabulary.stride and zeros beyond C, `bias` -infinity up to padded(V).
    void (*nearest)(int rows, const float* x, const Vocabulary& vocabulary, const float* bias,
                    float* scratch, int32_t* index);
    // log sum_v exp(x . e_v + bias_v) for one row.
    float (*log_sum_exp)(const float* x, const Vocabulary& vocabulary, const float* bias);

    // ---- noise
    // `channels` standard normal values for (key; slot, step, candidate); `out` has room for
    // padded(channels) floats. See core/philox.h.
    void (*normal)(uint32_t key_low, uint32_t key_high, uint32_t candidate, uint32_t step,
                   uint32_t slot, int channels, float* out);
};

// The table in use: the best this machine can run, unless another was chosen.
const Kernels& kernels();
// The named table, or null where it does not exist or this machine cannot run it.
const Kernels* kernels_named(const char* name);
// Makes kernels() return the named table; false where kernels_named() finds none.
bool choose_kernels(const char* name);

}  // namespace ardiff::cpu
