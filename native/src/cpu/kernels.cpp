// The table of kernels.h for the instruction set ARDIFF_ISA names; the kernels are in isa/.

#include "cpu/kernels.h"

#include "cpu/isa/attention.h"
#include "cpu/isa/matmul.h"
#include "cpu/isa/noise.h"
#include "cpu/isa/rows.h"
#if defined(__AMX_BF16__)
#include "cpu/isa/nearest_tiles.h"
#else
#include "cpu/isa/nearest_panels.h"
#endif

namespace ardiff::cpu {

#define ARDIFF_TEXT_OF(x) #x
#define ARDIFF_TEXT(x) ARDIFF_TEXT_OF(x)
#define ARDIFF_JOIN_OF(a, b) a##b
#define ARDIFF_JOIN(a, b) ARDIFF_JOIN_OF(a, b)

extern const Kernels ARDIFF_JOIN(kernels_, ARDIFF_ISA);
const Kernels ARDIFF_JOIN(kernels_, ARDIFF_ISA) = {
    ARDIFF_TEXT(ARDIFF_ISA),
    W,
    packed_bytes,
    pack,
    packed_columns,
    matmul_f32,
    matmul_bf16,
    matmul_bf16_out,
    layer_norm,
    to_bf16,
    attend,
    vocabulary_bytes,
    pack_vocabulary,
    nearest_scratch,
    nearest,
    log_sum_exp,
    normal,
};

}  // namespace ardiff::cpu
