// In place of cpu/ in a build without it: generation and training on the CPU take the portable
// path.
#include <cstring>

#include "core/cpu.h"
#include "core/error.h"

namespace ardiff {

CpuKernels cpu_kernels() { return {"portable", 1}; }

bool choose_cpu_kernels(const char* name) { return std::strcmp(name, cpu_kernels().name) == 0; }

double time_cpu_matmul(int, int, int, ardiff_dtype, int) {
    throw Error(ARDIFF_UNSUPPORTED, "This library was built without CPU kernels");
}

std::shared_ptr<const Backend> make_cpu_backend(const Parameters& parameters, ardiff_dtype dtype,
                                                int threads) {
    return make_portable_backend(parameters, ARDIFF_DEVICE_CPU, 0, dtype, threads);
}

std::unique_ptr<Trainer> make_cpu_trainer(const TrainerSetup& setup) {
    return make_portable_trainer(setup);
}

}  // namespace ardiff
