// The kernels of kernels.h for the instruction set ARDIFF_ISA names.
#include "cpu/train/isa/adamw.h"
#include "cpu/train/isa/attention.h"
#include "cpu/train/isa/matmul.h"
#include "cpu/train/isa/random.h"
#include "cpu/train/isa/rows.h"
#include "cpu/train/isa/tiles.h"

namespace ardiff::training {
namespace {

// Gradients of probable tokens are full of denormals, each of which would cost a hundred operations.
unsigned begin_work() {
    unsigned state = 0;
#if defined(__x86_64__)
    state = _mm_getcsr();
    _mm_setcsr(state | 0x8040u);  // flush to zero, denormals are zeros
#endif
#if defined(__AMX_BF16__)
    configure_tiles();
#endif
    return state;
}

void end_work(unsigned state) {
#if defined(__AMX_BF16__)
    _tile_release();
#endif
#if defined(__x86_64__)
    _mm_setcsr(state);
#endif
    (void)state;
}

void adamw(int64_t count, const AdamW& o, float* weights, float* gradients, float* first,
           float* second, float* average) {
    // Buffers are padded to 16 floats, the widest vector.
    adamw_vectors(count, o, weights, gradients, first, second, average);
}

}  // namespace

#define ARDIFF_TEXT_OF(x) #x
#define ARDIFF_TEXT(x) ARDIFF_TEXT_OF(x)
#define ARDIFF_JOIN_OF(a, b) a##b
#define ARDIFF_JOIN(a, b) ARDIFF_JOIN_OF(a, b)

extern const Kernels ARDIFF_JOIN(kernels_, ARDIFF_ISA);
const Kernels ARDIFF_JOIN(kernels_, ARDIFF_ISA) = {
    ARDIFF_TEXT(ARDIFF_ISA),
    begin_work,
    end_work,
    add_dropped,
    to_operand<float>,
    layer_norm_backward,
    activate_backward,
    geglu_backward,
    attention_scratch,
    attend_backward,
    accumulate_exp,
    softmax_gradient,
    keep,
    normal,
    sum_of_squares,
    adamw,
};

extern const OperandKernels<float> ARDIFF_JOIN(float_kernels_, ARDIFF_ISA);
const OperandKernels<float> ARDIFF_JOIN(float_kernels_, ARDIFF_ISA) = {
    pack_f32,          forward_f32,     backward_f32, to_operands_f32, outer_f32,
    layer_norm<float>, activate<float>, geglu<float>, attend<float>,   to_operand<float>,
};

#if defined(__AMX_BF16__)
extern const OperandKernels<bf16> ARDIFF_JOIN(bf16_kernels_, ARDIFF_ISA);
const OperandKernels<bf16> ARDIFF_JOIN(bf16_kernels_, ARDIFF_ISA) = {
    pack_bf16,        forward_bf16,   backward_bf16, to_operands_bf16, outer_bf16,
    layer_norm<bf16>, activate<bf16>, geglu<bf16>,   attend<bf16>,     to_operand<bf16>,
};
#endif

}  // namespace ardiff::training
