// The wing of CPU kernels, which a build may lack (CMake: ARDIFF_CPU_KERNELS): cpu/ is it, and
// no_cpu/ stands in for it with the portable path.
#pragma once

#include <memory>

#include "core/generator.h"
#include "core/trainer.h"

namespace ardiff {

// The kernels in use: the best of this machine unless another was chosen.
struct CpuKernels {
    const char* name;  // an instruction set
    int vector_width;  // floats
};
CpuKernels cpu_kernels();
// False where the named kernels do not exist or this machine cannot run them.
bool choose_cpu_kernels(const char* name);
// Seconds of the fastest of `repeats` products [rows,inner] * [inner,columns] on one thread.
double time_cpu_matmul(int rows, int columns, int inner, ardiff_dtype dtype, int repeats);

// `threads` >= 1.
std::shared_ptr<const Backend> make_cpu_backend(const Parameters& parameters, ardiff_dtype dtype,
                                                int threads);

// Without instructions for it bfloat16 brings nothing, and float32 is used for it.
std::unique_ptr<Trainer> make_cpu_trainer(const TrainerSetup& setup);

}  // namespace ardiff
