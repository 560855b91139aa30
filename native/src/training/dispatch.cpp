// Chooses the trainer's kernels for the machine at hand: the set the generator uses (cpu/dispatch.cpp).
#include <string_view>

#include "core/error.h"
#include "cpu/kernels.h"
#include "training/kernels.h"

namespace ardiff::training {

extern const Kernels kernels_baseline;
extern const OperandKernels<float> float_kernels_baseline;
#if defined(ARDIFF_X86)
extern const Kernels kernels_avx2, kernels_avx512, kernels_amx;
extern const OperandKernels<float> float_kernels_avx2, float_kernels_avx512, float_kernels_amx;
extern const OperandKernels<bf16> bf16_kernels_amx;
#endif

namespace {

struct Tables {
    const Kernels* common;
    const OperandKernels<float>* f32;
    const OperandKernels<bf16>* half;
};

const Tables& tables() {
    static const Tables chosen = [] {
#if defined(ARDIFF_X86)
        const std::string_view name = cpu::kernels().name;
        if (name == "amx") return Tables{&kernels_amx, &float_kernels_amx, &bf16_kernels_amx};
        if (name == "avx512") return Tables{&kernels_avx512, &float_kernels_avx512, nullptr};
        if (name == "avx2") return Tables{&kernels_avx2, &float_kernels_avx2, nullptr};
#endif
        return Tables{&kernels_baseline, &float_kernels_baseline, nullptr};
    }();
    return chosen;
}

}  // namespace

const Kernels& kernels() { return *tables().common; }

template <>
const OperandKernels<float>& operand_kernels<float>() {
    return *tables().f32;
}

template <>
const OperandKernels<bf16>& operand_kernels<bf16>() {
    if (!has_bf16()) throw Error(ARDIFF_UNSUPPORTED, "This CPU has no AMX for bfloat16 matmuls");
    return *tables().half;
}

bool has_bf16() { return tables().half != nullptr; }

}  // namespace ardiff::training
