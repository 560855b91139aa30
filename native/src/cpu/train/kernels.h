// The arithmetic of the CPU trainer as tables of functions, one set per instruction set.
//
// isa/table.cpp is compiled several times with different compiler flags; kernel_set() picks tables at
// run time. A is the type of matmul operands: float, or bfloat16 where the machine has AMX. All
// results, and everything that is not a matmul operand, are float32.
//
// Every buffer has room for padded(width) columns in a row, and kSpareRows rows beyond its last one:
// kernels may read and write whole blocks. Columns beyond the width hold finite values.
#pragma once

#include <cstdint>

#include "core/philox.h"

namespace ardiff::training {

using bf16 = uint16_t;

constexpr int kPad = 32;
constexpr int kSpareRows = 32;
constexpr int padded(int n) { return (n + kPad - 1) / kPad * kPad; }

// Elements from one row to the next: room for padded(width) in an odd number of cache lines, so that
// rows do not compete for the same places of a cache.
template <class T>
constexpr int row_stride(int width) {
    const int line = 64 / static_cast<int>(sizeof(T)), lines = (padded(width) + line - 1) / line;
    return (lines + 1 - lines % 2) * line;
}

// A weight matrix [out,in], or several that share their input one below the other, packed for both
// directions of a linear layer.
template <class A>
struct Matrix {
    A* forward = nullptr;         // panels of W^T
    A* backward = nullptr;        // panels of W
    const float* bias = nullptr;  // [padded(out)], zeros where the layer has none
    int out = 0, in = 0;

    static int64_t packed_values(int out, int in) {
        return static_cast<int64_t>(padded(out)) * padded(in);
    }
};

// What a product is added to.
enum class Onto { zero, bias, result };

enum class Activation { tanh, silu, gelu };

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
    const uint8_t*
        keep;  // dropout of probabilities: keep[h * keep_head + q * keep_stride + k], or null
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

// Identifies the random numbers of a training step (see torch/random.h for what is counted how).
struct Stream {
    NoiseKey key;
    uint32_t site, step, micro_batch;
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

// Functions that do not depend on A.
struct Kernels {
    const char* name;

    // Around the work of a thread: denormals count as zeros, and AMX tiles are configured.
    unsigned (*begin)();
    void (*end)(unsigned state);

    // y = x + keep * scale * y' for y' [rows][width]; `keep` is [rows][width] without padding, or null.
    void (*add_dropped)(int rows, int width, const float* x, int x_stride, const float* dropped,
                        int dropped_stride, const uint8_t* keep, float scale, float* y,
                        int y_stride);
    // y = keep * scale * x; y may be x.
    void (*drop)(int rows, int width, const float* x, int x_stride, const uint8_t* keep,
                 float scale, float* y, int y_stride);
    // Gradient of LayerNorm: dx = (or +=, `add`), and dweight, dbias += sums over rows.
    // `statistics` holds mean and 1/deviation of every row, as layer_norm left them.
    void (*layer_norm_backward)(int rows, int width, const float* dy, int dy_stride, const float* x,
                                int x_stride, const float* statistics, const float* weight,
                                bool add, float* dx, int dx_stride, float* dweight, float* dbias);
    // dy := dy * activation'(x).
    void (*activate_backward)(Activation activation, int rows, int width, const float* x,
                              int x_stride, float* dy, int dy_stride);
    // `halves` [rows][2*inner] = [value, gate] := gradient, given that of value * gelu(gate) * keep.
    void (*geglu_backward)(int rows, int inner, const float* dy, int dy_stride, const uint8_t* keep,
                           float scale, float* halves, int halves_stride);

    int64_t (*attention_scratch)(int queries, int keys, int head_size);
    void (*attend_backward)(const AttentionInputs& inputs, const AttentionGradients& gradients);

    // Takes the logits of `count` more tokens into each row's running maximum and sum of exponentials.
    void (*accumulate_exp)(int rows, int count, const float* logits, int stride, float* maximum,
                           double* sum);
    // logits := coefficient[row] * (exp(logit - log_total[row]) - even); columns from `count` up to
    // `columns` := 0.
    void (*softmax_gradient)(int rows, int count, int columns, const float* log_total,
                             const float* coefficient, float even, float* logits, int stride);

    // Element i of a stream, first <= i < first + count: whether dropout keeps it (0 or 1).
    void (*keep)(const Stream& stream, int64_t first, int64_t count, uint32_t threshold,
                 uint8_t* out);
    // The same for standard normal values.
    void (*normal)(const Stream& stream, int64_t first, int64_t count, float* out);

    double (*sum_of_squares)(int64_t count, const float* x);
    // Updates weights, moments and average, and sets the gradients to zero.
    void (*adamw)(int64_t count, const AdamW& options, float* weights, float* gradients,
                  float* first, float* second, float* average);
};

template <class A>
struct OperandKernels {
    // Packs weights [out,in].
    void (*pack)(const float* weights, int out, int in, A* forward, A* backward);

    // y [rows][count] = onto + x * W[first .. first+count)^T. `first` is a multiple of kPad.
    void (*forward)(int rows, const A* x, int x_stride, const Matrix<A>& matrix, int first,
                    int count, Onto onto, float* y, int y_stride);
    // dx [rows][in] = onto + dy [rows][count] * W[first .. first+count).
    void (*backward)(int rows, const A* dy, int dy_stride, const Matrix<A>& matrix, int first,
                     int count, Onto onto, float* dx, int dx_stride);

    // A gradient as matmul operand, with rows of row_stride<A>(width), and its transpose, both for
    // `rows` rounded up to kPad; column_sums += (may be null). For float `operand` and `transposed`
    // are unused: the gradient itself serves.
    void (*to_operands)(int rows, int width, const float* dy, int dy_stride, A* operand,
                        A* transposed, float* column_sums);
    // dw [out][dw_stride] += dy^T * x. `x_scratch` is as large as x.
    void (*outer)(int rows, int out, int in, const A* dy, int dy_stride, const A* transposed,
                  const A* x, int x_stride, A* x_scratch, float* dw, int dw_stride);

    // LayerNorm of x to `y` and to `operand`, each of which may be null.
    void (*layer_norm)(int rows, int width, const float* x, int x_stride, const float* weight,
                       const float* bias, float epsilon, float* y, int y_stride, A* operand,
                       int operand_stride, float* statistics);
    void (*activate)(Activation activation, int rows, int width, const float* x, int x_stride, A* y,
                     int y_stride);
    // value * gelu(gate) * keep * scale.
    void (*geglu)(int rows, int inner, const float* halves, int halves_stride, const uint8_t* keep,
                  float scale, A* y, int y_stride);
    void (*attend)(const AttentionInputs& inputs, A* output, int output_stride);
    // y = x * keep * scale as operand; `keep` may be null.
    void (*to_operand)(int rows, int width, const float* x, int x_stride, const uint8_t* keep,
                       float scale, A* y, int y_stride);
};

// The tables of one instruction set.
template <class A>
struct KernelSet {
    const Kernels& common;
    const OperandKernels<A>& operands;
};

// Those of the instruction set that cpu::kernels() was chosen for last (ardiff_choose_kernels).
template <class A>
KernelSet<A> kernel_set();
// Whether kernel_set<bf16>() exists.
bool has_bf16();

}  // namespace ardiff::training
