// The arithmetic on the CPU as a table of functions, one table per instruction set.
//
// table.cpp, with the headers beside it, is compiled several times with different compiler flags;
// dispatch.cpp picks a table at run time. Every kernel treats rows independently and sums in an
// order that depends on nothing but the inner size, so a row's result never depends on which rows
// surround it (batch invariance).
#pragma once

#include <cstdint>
#include <type_traits>

#include "cpu/kernels/types.h"

namespace ardiff::cpu {

// Functions of matmul operands A: float or bfloat16. Results, and everything that is not a matmul
// operand, are float32.
template <class A>
struct OperandKernels {
    // Packs weights [out,in].
    void (*pack)(const float* weights, int out, int in, A* forward, A* backward);

    // y [rows][count] = epilogue(x * W[first .. first+count)^T + bias). `first` is a multiple of
    // kPad.
    void (*forward)(int rows, const A* x, int x_stride, const Matrix<A>& matrix, int first,
                    int count, Epilogue epilogue, float* y, int y_stride);
    // The same for the whole matrix and an activation, as the operand of the next product.
    void (*forward_to_operand)(int rows, const A* x, int x_stride, const Matrix<A>& matrix,
                               Epilogue epilogue, A* y, int y_stride);

    // ---- gradients: null for bfloat16 where Kernels::multiplies_bf16 is false
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

    // ---- rows
    // LayerNorm of x to `y`, which may be x, and to `operand`. Each of these and `statistics`,
    // which receives mean and 1/deviation of every row, may be null.
    void (*layer_norm)(int rows, int width, const float* x, int x_stride, const float* weight,
                       const float* bias, float epsilon, float* y, int y_stride, A* operand,
                       int operand_stride, float* statistics);
    void (*activate)(Activation activation, int rows, int width, const float* x, int x_stride, A* y,
                     int y_stride);
    // value * gelu(gate) * keep * scale.
    void (*geglu)(int rows, int inner, const float* halves, int halves_stride, const uint8_t* keep,
                  float scale, A* y, int y_stride);
    // y = x * keep * scale as operand; `keep` [rows][width], without padding, may be null. For
    // float this is dropout, and y may be x.
    void (*to_operand)(int rows, int width, const float* x, int x_stride, const uint8_t* keep,
                       float scale, A* y, int y_stride);

    // ---- attention
    // All heads of a sentence, remembering what attend_backward needs.
    void (*attend)(const AttentionInputs& inputs, A* output, int output_stride);
    // One head: out[q] = softmax(q . keys / sqrt(head_size) + bias) * values.
    void (*attend_head)(int queries, const float* q, int q_stride, int head_size,
                        const HeadKeys& keys, float* scratch, A* out, int out_stride);
};

struct Kernels {
    const char* name;
    int vector_width;      // floats
    bool multiplies_bf16;  // by instructions of its own (AMX); else bfloat16 is a storage format

    OperandKernels<float> of_float;
    OperandKernels<bf16> of_bf16;

    // Around the work of a thread, see Work.
    unsigned (*begin)();
    void (*end)(unsigned state);

    // ---- rows
    // y = x + keep * scale * y' for y' [rows][width]; `keep` is [rows][width] without padding, or
    // null.
    void (*add_dropped)(int rows, int width, const float* x, int x_stride, const float* dropped,
                        int dropped_stride, const uint8_t* keep, float scale, float* y,
                        int y_stride);
    // Gradient of LayerNorm: dx = (or +=, `add`), and dweight, dbias += sums over rows.
    // `statistics` holds mean and 1/deviation of every row, as layer_norm left them.
    void (*layer_norm_backward)(int rows, int width, const float* dy, int dy_stride, const float* x,
                                int x_stride, const float* statistics, const float* weight,
                                bool add, float* dx, int dx_stride, float* dweight, float* dbias);
    // dy := dy * activation'(x).
    void (*activate_backward)(Activation activation, int rows, int width, const float* x,
                              int x_stride, float* dy, int dy_stride);
    // `halves` [rows][2*inner] = [value, gate] := gradient, given that of value * gelu(gate) *
    // keep.
    void (*geglu_backward)(int rows, int inner, const float* dy, int dy_stride, const uint8_t* keep,
                           float scale, float* halves, int halves_stride);

    // ---- attention
    int64_t (*attention_scratch)(int queries, int keys, int head_size);
    void (*attend_backward)(const AttentionInputs& inputs, const AttentionGradients& gradients);
    // One slot, all its heads side by side in `q` and `out`, over the keys of `past` and those of
    // `beside`. `scratch` holds a float for every key of whole groups. Keys beyond their count
    // weigh exactly nothing.
    void (*attend_past)(int heads, int head_size, const float* q, float scale,
                        const KeyGroups& past, const KeyGroups& beside, float* scratch, float* out);
    // Writes the key k [width] to place `lane` of a group.
    void (*keep_keys)(int width, const float* k, int lane, float* keys);

    // ---- logits
    // Floats that pack_screen fills for a table of so many tokens and channels; 0 where nothing is
    // screened.
    int64_t (*screen_floats)(int out, int in);
    // Prepares a table for best_tokens; `rows` [V][stride] are the embeddings in it.
    void (*pack_screen)(const float* rows, int stride, TokenTable& table, float* packed);
    // Scratch floats that best_tokens needs for `rows` rows.
    int64_t (*best_tokens_scratch)(int rows, const TokenTable& table);
    // index[r] = argmax of the logits of x_r, exactly as `forward` computes them; the lowest among
    // equals.
    void (*best_tokens)(int rows, const float* x, int stride, const TokenTable& table,
                        float* scratch, int32_t* index);
    // log sum exp of scores; `size` is a multiple of the vector width.
    float (*log_total)(const float* scores, int size);
    // About the 60 best of `size` scores, all of them where there are fewer: ids in rising order,
    // `capacity` at most; returns how many.
    int (*shortlist)(const float* scores, int size, int capacity, int32_t* ids);
    // argmax of x . table_v + bias_v among `count` ids in rising order, the lowest among equals,
    // and its log-softmax among them and others, whose log sum exp is given.
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
    // Takes the logits of `count` more tokens into each row's running maximum and sum of
    // exponentials.
    void (*accumulate_exp)(int rows, int count, const float* logits, int stride, float* maximum,
                           double* sum);
    // logits := coefficient[row] * (exp(logit - log_total[row]) - even); columns from `count` up to
    // `columns` := 0.
    void (*softmax_gradient)(int rows, int count, int columns, const float* log_total,
                             const float* coefficient, float even, float* logits, int stride);

    // ---- random numbers
    // Element i of a stream, first <= i < first + count: whether dropout keeps it (0 or 1).
    void (*keep)(const Stream& stream, int64_t first, int64_t count, uint32_t threshold,
                 uint8_t* out);
    // The same for standard normal values.
    void (*normal)(const Stream& stream, int64_t first, int64_t count, float* out);

    // ---- optimiser
    double (*sum_of_squares)(int64_t count, const float* x);
    // Updates weights, moments and average, and sets the gradients to zero.
    void (*adamw)(int64_t count, const AdamW& options, float* weights, float* gradients,
                  float* first, float* second, float* average);

    template <class A>
    const OperandKernels<A>& operands() const {
        if constexpr (std::is_same_v<A, float>) {
            return of_float;
        } else {
            return of_bf16;
        }
    }
};

// While it lives, the thread that made it does a kernel's work: AMX tiles are configured, and
// denormals count as zeros. Gradients of probable tokens, for one, are full of denormals, each of
// which would cost a hundred operations. At its end, however that comes, the thread is as before.
class Work {
  public:
    explicit Work(const Kernels& kernels) : kernels_(kernels), state_(kernels.begin()) {}
    ~Work() { kernels_.end(state_); }
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;

  private:
    const Kernels& kernels_;
    const unsigned state_;
};

// The table in use: the best this machine can run, unless another was chosen.
const Kernels& kernels();
// Makes kernels() return another table.
void choose_kernels(const Kernels& table);
// The same for the named table; false where it does not exist or this machine cannot run
// it.
bool choose_kernels(const char* name);

}  // namespace ardiff::cpu
