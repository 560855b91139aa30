// What kernels and their callers exchange.
//
// Every buffer has room for padded(width) columns in a row, and kSpareRows rows beyond its last
// one: kernels may read and write whole blocks. Columns beyond the width hold finite values.
#pragma once

#include <cstdint>

#include "core/philox.h"

namespace ardiff::cpu {

using bf16 = uint16_t;

constexpr int kPad = 32;
constexpr int kSpareRows = 32;
constexpr int round_up(int n, int multiple) { return (n + multiple - 1) / multiple * multiple; }
constexpr int padded(int n) { return round_up(n, kPad); }

// Elements from one row to the next: room for padded(width) in an odd number of cache lines, so
// that rows do not compete for the same places of a cache.
template <class T>
constexpr int row_stride(int width) {
    const int line = 64 / static_cast<int>(sizeof(T)), lines = (padded(width) + line - 1) / line;
    return (lines + 1 - lines % 2) * line;
}

// A weight matrix [out,in] (torch.nn.Linear's layout), or several that share their input one below
// the other, packed for the products of a linear layer.
template <class A>
struct Matrix {
    A* forward = nullptr;         // panels of W^T
    A* backward = nullptr;        // panels of W; null where no gradients are asked for
    const float* bias = nullptr;  // [padded(out)], zeros where the layer has none
    int out = 0, in = 0;
    // The panels of `forward` once more where every weight is a bfloat16, or null: a row alone
    // waits for memory, which these are half of, and comes to the same bits. A word holds two of a
    // panel's columns, that of its second vector in the upper half.
    const uint32_t* narrow = nullptr;

    static int64_t packed_values(int out, int in) {
        return static_cast<int64_t>(padded(out)) * padded(in);
    }
};

// What happens to a product y (bias included) before it is stored.
enum class Epilogue {
    store,       // c = y
    accumulate,  // c += y, the residual connection
    tanh,        // c = tanh(y)
    gelu,        // c = y * (1 + erf(y / sqrt 2)) / 2
    silu,        // c = y / (1 + exp(-y))
    geglu  // c = value * gelu(gate), of rows W values, W gates, W values, .. (W: vector width)
};

// What a product is added to.
enum class Onto { zero, result };

enum class Activation { tanh, silu, gelu };

// Keys and values of one attention head, prepared by the caller.
struct HeadKeys {
    const float* keys;    // [head_size][key_stride], transposed; zeros beyond the last key
    const float* bias;    // [count] added to scaled scores, or null
    const float* values;  // [count][value_stride]
    int count;            // keys
    int key_stride;       // a multiple of the vector width, at least count
    int value_stride;     // a multiple of the vector width, at least head_size
};

// Floats of scratch for HeadKeys of so many queries and keys.
constexpr int64_t head_scratch(int queries, int key_stride, int head_size) {
    return static_cast<int64_t>(queries) * (key_stride + padded(head_size));
}

// Slots in a group of kept keys, on every instruction set.
constexpr int kKeyGroup = 16;

// Keys and values of slots, all heads side by side, in groups of kKeyGroup.
struct KeyGroups {
    const float* const* keys;    // of each group: [heads * head_size][kKeyGroup]
    const float* const* values;  // of each: [kKeyGroup][value_stride], a vector of room behind it
    int value_stride;
    int count;  // keys
};

// How the time key enters self-attention (SPEC section 4).
enum class TimeKey { none, txl, rotary };

// Attention of the slots of one sentence. Pointers of the inputs and of their gradients address the
// sentence's first row; heads are side by side in a row.
struct AttentionInputs {
    int queries, keys, heads, head_size;
    const float *q, *k, *v;
    int q_stride, kv_stride;
    const float* key_bias;   // [keys] added to the scores, or null
    const float* pair_bias;  // [queries][padded(keys)] added to them as well, or null
    TimeKey time_key;
    const float* time;  // [keys][time_stride], or null
    int time_stride;
    const float *r_w, *r_r;  // [heads][head_size], txl
    // Dropout of probabilities: keep[h * keep_head + q * keep_stride + k], or null.
    const uint8_t* keep;
    int keep_head, keep_stride;
    float keep_scale;
    float* probabilities;  // [heads][queries][padded(keys)], before dropout; out, later in
    float* scratch;        // attention_scratch() floats
};

struct AttentionGradients {
    const float* output;  // of the attention's output
    int output_stride;
    float *q, *k, *v;  // set
    int q_stride, kv_stride;
    float* time;       // set, with strides of AttentionInputs::time
    float *r_w, *r_r;  // added to
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

// Target embeddings as a layer from predictions to logits, for argmax.
struct TokenTable {
    Matrix<float> exact;  // its bias is -infinity up to padded(V)
    // Set by pack_screen:
    const float* screen = nullptr;
    int reach = 0;  // the greatest component of a row in steps
};

// Random numbers: counter (index, site, step, branch), hashed under the key. Generation counts
// (channel / 4, slot, step, candidate), see core/philox.h; training as core/training_random.h says.
struct Stream {
    NoiseKey key;
    uint32_t site, step, branch;
};

struct AdamW {
    float gradient_scale;  // of clipping
    float beta1, beta2, one_minus_beta1, one_minus_beta2;
    float shrink;                    // 1 - learning rate * weight decay
    float step_size;                 // learning rate / (1 - beta1^t)
    float inverse_root_correction2;  // 1 / sqrt(1 - beta2^t)
    float epsilon;
    float average_decay, one_minus_average_decay;
};

}  // namespace ardiff::cpu
