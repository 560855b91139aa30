// What the rest of the shim asks of the CPU kernels (core/cpu.h), beside generation and training.
#include <algorithm>
#include <limits>
#include <vector>

#include "core/cpu.h"
#include "core/stopwatch.h"
#include "cpu/generate/operands.h"

namespace ardiff {
namespace cpu {
namespace {

template <class A>
double time_matmul(int rows, int columns, int inner, int repeats) {
    const Kernels& k = kernels();
    const int x_stride = padded(inner), y_stride = padded(columns);
    const std::vector<float> weights(static_cast<size_t>(columns) * static_cast<size_t>(inner),
                                     0.5f);
    const Linear layer(k, weights.data(), nullptr, columns, inner, sizeof(A) == sizeof(bf16));
    const AlignedFloats x = allocate_floats(int64_t{rows + kSpareRows} * x_stride);
    const AlignedFloats y = allocate_floats(int64_t{rows + kSpareRows} * y_stride);
    const Work work(k);
    double best = std::numeric_limits<double>::infinity();
    for (int i = 0; i < repeats; ++i) {
        double seconds = 0;
        timed(seconds, [&] {
            matmul(k, rows, as<A>(x), x_stride, layer, Epilogue::store, y.get(), y_stride);
        });
        best = std::min(best, seconds);
    }
    return best;
}

}  // namespace
}  // namespace cpu

CpuKernels cpu_kernels() { return {cpu::kernels().name, cpu::kernels().vector_width}; }

bool choose_cpu_kernels(const char* name) { return cpu::choose_kernels(name); }

double time_cpu_matmul(int rows, int columns, int inner, ardiff_dtype dtype, int repeats) {
    return dtype == ARDIFF_DTYPE_BF16 ? cpu::time_matmul<cpu::bf16>(rows, columns, inner, repeats)
                                      : cpu::time_matmul<float>(rows, columns, inner, repeats);
}

}  // namespace ardiff
