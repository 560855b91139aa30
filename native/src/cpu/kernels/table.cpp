// The table of kernels.h for the instruction set ARDIFF_ISA names; the kernels are in isa/.

#include "cpu/kernels/kernels.h"

#include "cpu/kernels/attention.h"
#include "cpu/kernels/few_rows.h"
#include "cpu/kernels/logits.h"
#include "cpu/kernels/matmul.h"
#include "cpu/kernels/noise.h"
#include "cpu/kernels/past_attention.h"
#include "cpu/kernels/rows.h"
#if defined(__AMX_BF16__)
#include "cpu/kernels/nearest_tiles.h"
#else
#include "cpu/kernels/nearest_panels.h"
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
    matmul_rows,
    matmul_bf16,
    matmul_bf16_out,
    layer_norm,
    to_bf16,
    attend,
    attend_past,
    keep_keys,
    best_tokens,
    log_total,
    shortlist,
    best_among,
    vocabulary_bytes,
    pack_vocabulary,
    nearest_scratch,
    nearest,
    log_sum_exp,
    normal,
};

}  // namespace ardiff::cpu
