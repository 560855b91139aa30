// CUDA twins of the Philox code in torch/random.cpp and cpu/kernels.cpp: same counters, same words,
// same formulas. Free of libtorch, so that nvcc compiles it in a second; noise.cpp adds tensors.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace ardiff::cuda {

// Key and the three fixed words of a counter; the first word counts groups of values.
struct Site {
    uint32_t key_low, key_high;
    uint32_t site, step, micro_batch;
};

// out[rows][slots][channels] standard normal values; counter (channel / 4, slot, step, candidate).
// `low`, `high`, `candidate` hold one uint32 a row in int64.
void launch_generation_noise(const int64_t* low, const int64_t* high, const int64_t* candidate,
                             uint32_t step, int64_t rows, int64_t slots, int64_t channels,
                             float* out, cudaStream_t stream);

// out[count] standard normal values; counter (index / 4, site, step, micro_batch).
void launch_normal(const Site& site, int64_t count, float* out, cudaStream_t stream);

// out[count] = scale where a 16-bit number is at least `threshold`, else 0; counter (index / 8,
// ...).
void launch_mask(const Site& site, uint32_t threshold, float scale, int64_t count, float* out,
                 cudaStream_t stream);

}  // namespace ardiff::cuda
