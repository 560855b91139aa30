#include "core/philox.h"
#include "torch/cuda/noise_kernels.h"

namespace ardiff::cuda {
namespace {

constexpr int kThreads = 256;

unsigned blocks_for(int64_t items) {
    return static_cast<unsigned>((items + kThreads - 1) / kThreads);
}

__device__ int64_t global_index() {
    return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

// Box-Muller: four words to four standard normal values.
__device__ void normal_values(const uint32_t words[4], float values[4]) {
    for (int i = 0; i < 4; i += 2) {
        const float radius = sqrtf(-2.0f * logf(unit_interval(words[i])));
        float sine, cosine;
        sincospif(2.0f * unit_interval(words[i + 1]), &sine, &cosine);
        values[i] = radius * cosine;
        values[i + 1] = radius * sine;
    }
}

__global__ void generation_noise(const int64_t* low, const int64_t* high, const int64_t* candidate,
                                 uint32_t step, int64_t rows, int64_t slots, int64_t channels,
                                 float* out) {
    const int64_t quads = (channels + 3) / 4, index = global_index();
    if (index >= rows * slots * quads) return;
    const int64_t quad = index % quads, slot = index / quads % slots, row = index / quads / slots;
    const uint32_t counter[4] = {static_cast<uint32_t>(quad), static_cast<uint32_t>(slot), step,
                                 static_cast<uint32_t>(candidate[row])};
    const uint32_t key[2] = {static_cast<uint32_t>(low[row]), static_cast<uint32_t>(high[row])};
    uint32_t words[4];
    philox4x32_10(counter, key, words);
    float values[4];
    normal_values(words, values);
    float* slot_out = out + (row * slots + slot) * channels;
    for (int64_t i = 0; i < 4 && quad * 4 + i < channels; ++i) slot_out[quad * 4 + i] = values[i];
}

__device__ void site_words(const Site& site, int64_t group, uint32_t words[4]) {
    const uint32_t counter[4] = {static_cast<uint32_t>(group), site.site, site.step,
                                 site.micro_batch};
    const uint32_t key[2] = {site.key_low, site.key_high};
    philox4x32_10(counter, key, words);
}

__global__ void normal(Site site, int64_t count, float* out) {
    const int64_t quad = global_index();
    if (quad * 4 >= count) return;
    uint32_t words[4];
    site_words(site, quad, words);
    float values[4];
    normal_values(words, values);
    for (int64_t i = 0; i < 4 && quad * 4 + i < count; ++i) out[quad * 4 + i] = values[i];
}

__global__ void mask(Site site, uint32_t threshold, float scale, int64_t count, float* out) {
    const int64_t group = global_index();
    if (group * 8 >= count) return;
    uint32_t words[4];
    site_words(site, group, words);
    for (int64_t i = 0; i < 8 && group * 8 + i < count; ++i) {
        const uint32_t half = i % 2 == 0 ? words[i / 2] & 0xffffu : words[i / 2] >> 16;
        out[group * 8 + i] = half >= threshold ? scale : 0.0f;
    }
}

}  // namespace

void launch_generation_noise(const int64_t* low, const int64_t* high, const int64_t* candidate,
                             uint32_t step, int64_t rows, int64_t slots, int64_t channels,
                             float* out, cudaStream_t stream) {
    const int64_t items = rows * slots * ((channels + 3) / 4);
    if (items == 0) return;
    generation_noise<<<blocks_for(items), kThreads, 0, stream>>>(low, high, candidate, step, rows,
                                                                 slots, channels, out);
}

void launch_normal(const Site& site, int64_t count, float* out, cudaStream_t stream) {
    if (count == 0) return;
    normal<<<blocks_for((count + 3) / 4), kThreads, 0, stream>>>(site, count, out);
}

void launch_mask(const Site& site, uint32_t threshold, float scale, int64_t count, float* out,
                 cudaStream_t stream) {
    if (count == 0) return;
    mask<<<blocks_for((count + 7) / 8), kThreads, 0, stream>>>(site, threshold, scale, count, out);
}

}  // namespace ardiff::cuda
