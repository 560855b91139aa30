// Chooses the trainer's kernels for the machine at hand: the set the generator uses (cpu/dispatch.cpp).
#include <string_view>

#include "core/error.h"
#include "cpu/kernels/kernels.h"
#include "cpu/train/kernels.h"

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

Tables tables() {
#if defined(ARDIFF_X86)
    const std::string_view name = cpu::kernels().name;
    if (name == "amx") return {&kernels_amx, &float_kernels_amx, &bf16_kernels_amx};
    if (name == "avx512") return {&kernels_avx512, &float_kernels_avx512, nullptr};
    if (name == "avx2") return {&kernels_avx2, &float_kernels_avx2, nullptr};
#endif
    return {&kernels_baseline, &float_kernels_baseline, nullptr};
}

}  // namespace

template <>
KernelSet<float> kernel_set() {
    const Tables chosen = tables();
    return {*chosen.common, *chosen.f32};
}

template <>
KernelSet<bf16> kernel_set() {
    const Tables chosen = tables();
    if (chosen.half == nullptr)
        throw Error(ARDIFF_UNSUPPORTED, "This CPU has no AMX for bfloat16 matmuls");
    return {*chosen.common, *chosen.half};
}

bool has_bf16() { return tables().half != nullptr; }

}  // namespace ardiff::training
