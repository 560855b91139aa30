// The kernels of kernels.h for the instruction set ARDIFF_ISA names.
#include "cpu/kernels/adamw.h"
#include "cpu/kernels/attention.h"
#include "cpu/kernels/logits.h"
#include "cpu/kernels/matmul.h"
#include "cpu/kernels/past_attention.h"
#include "cpu/kernels/random.h"
#include "cpu/kernels/rows.h"
#include "cpu/kernels/tiles.h"
#if defined(__AMX_BF16__)
#include "cpu/kernels/nearest_tiles.h"
#else
#include "cpu/kernels/nearest_panels.h"
#endif

namespace ardiff::cpu {
namespace {

#if defined(ARDIFF_NEON)
unsigned long floating_point_control() {
    unsigned long state;
    asm volatile("mrs %0, fpcr" : "=r"(state));
    return state;
}
void set_floating_point_control(unsigned long state) {
    asm volatile("msr fpcr, %0" : : "r"(state));
}
#endif

unsigned begin_work() {
    unsigned state = 0;
#if defined(ARDIFF_NEON)
    state = static_cast<unsigned>(floating_point_control());
    set_floating_point_control(state | 1u << 24);  // flush denormals to zero, as inputs too
#endif
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
#if defined(ARDIFF_NEON)
    set_floating_point_control(state);
#endif
    (void)state;
}

// The whole matrix.
template <class A>
void forward_to_operand(int rows, const A* x, int x_stride, const Matrix<A>& matrix,
                        Epilogue epilogue, A* y, int y_stride) {
    forward(rows, x, x_stride, matrix, 0, matrix.out, epilogue, y, y_stride);
}

}  // namespace

#define ARDIFF_TEXT_OF(x) #x
#define ARDIFF_TEXT(x) ARDIFF_TEXT_OF(x)
#define ARDIFF_JOIN_OF(a, b) a##b
#define ARDIFF_JOIN(a, b) ARDIFF_JOIN_OF(a, b)

#if defined(__AMX_BF16__)
#define ARDIFF_OF_BF16(function) function
constexpr bool kMultipliesBf16 = true;
#else
#define ARDIFF_OF_BF16(function) nullptr
constexpr bool kMultipliesBf16 = false;
#endif

extern const Kernels ARDIFF_JOIN(kernels_, ARDIFF_ISA);
const Kernels ARDIFF_JOIN(kernels_, ARDIFF_ISA) = {
    ARDIFF_TEXT(ARDIFF_ISA),
    W,
    kMultipliesBf16,
    {pack, forward<float>, forward_to_operand<float>, backward, to_operands, outer,
     layer_norm<float>, activate<float>, geglu<float>, to_operand<float>, attend<float>,
     attend_head<float>},
    {pack, forward<float>, forward_to_operand<bf16>, ARDIFF_OF_BF16(backward),
     ARDIFF_OF_BF16(to_operands), ARDIFF_OF_BF16(outer), layer_norm<bf16>, activate<bf16>,
     geglu<bf16>, to_operand<bf16>, attend<bf16>, attend_head<bf16>},
    begin_work,
    end_work,
    add_dropped,
    layer_norm_backward,
    activate_backward,
    geglu_backward,
    attention_scratch,
    attend_backward,
    attend_past,
    keep_keys,
    screen_floats,
    pack_screen,
    best_tokens_scratch,
    best_tokens,
    log_total,
    shortlist,
    best_among,
    vocabulary_bytes,
    pack_vocabulary,
    nearest_scratch,
    nearest,
    log_sum_exp,
    accumulate_exp,
    softmax_gradient,
    keep,
    normal,
    sum_of_squares,
    adamw,
};

}  // namespace ardiff::cpu
