// The kernels of the CUDA path: random numbers, and what libtorch would take several kernels for.
// kernels.ptx is made of this file by scripts/check_cuda.sh and travels with the sources, so that
// nobody else needs a CUDA compiler; kernels.cpp hands it to the driver and knows the parameters.
// native/tests/unit/cuda_test.cpp runs this file on the CPU. Values are of the compute type, float
// or bfloat16, or float where nothing is said.
#include "core/philox.h"

namespace {

using ardiff::philox4x32_10;
using ardiff::unit_interval;

constexpr int kLanes = 32;

struct Half {
    uint16_t bits;
};

__device__ int64_t global_index() {
    return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

__device__ float read(float x) { return x; }
__device__ float read(Half x) { return __uint_as_float(static_cast<uint32_t>(x.bits) << 16); }

__device__ void write(float& to, float x) { to = x; }
// To the nearest, to the even one of two.
__device__ void write(Half& to, float x) {
    const uint32_t bits = __float_as_uint(x);
    to.bits = (bits & 0x7fffffffu) > 0x7f800000u  // NaN
                  ? 0x7fc0
                  : static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

__device__ float warp_sum(float x) {
    for (int distance = kLanes / 2; distance > 0; distance /= 2)
        x += __shfl_xor_sync(0xffffffffu, x, distance);
    return x;
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

// The noise of generation: `keys` holds of each row the low and the high word of its key and its
// candidate's number, each [rows] int64.
struct Quad {
    int64_t row, slot, channel;
    float values[4];
};

__device__ void draw(const int64_t* keys, uint32_t step, int64_t rows, int64_t slots, int64_t quads,
                     int64_t index, Quad& quad) {
    quad.row = index / quads / slots;
    quad.slot = index / quads % slots;
    quad.channel = index % quads * 4;
    const uint32_t counter[4] = {static_cast<uint32_t>(index % quads),
                                 static_cast<uint32_t>(quad.slot), step,
                                 static_cast<uint32_t>(keys[2 * rows + quad.row])};
    const uint32_t key[2] = {static_cast<uint32_t>(keys[quad.row]),
                             static_cast<uint32_t>(keys[rows + quad.row])};
    uint32_t words[4];
    philox4x32_10(counter, key, words);
    normal_values(words, quad.values);
}

// hidden += delta (which may be null); out = LayerNorm(hidden). A row to a warp.
template <class T>
__device__ void add_norm(float* hidden, const T* delta, const float* weight, const float* bias,
                         float epsilon, int64_t rows, int64_t width, T* out) {
    const int64_t row = global_index() / kLanes;
    if (row >= rows) return;  // with the whole warp
    float* const x = hidden + row * width;
    float sum = 0;
    for (int64_t c = threadIdx.x % kLanes; c < width; c += kLanes) {
        if (delta != nullptr) x[c] += read(delta[row * width + c]);
        sum += x[c];
    }
    const float mean = warp_sum(sum) / static_cast<float>(width);
    float squares = 0;
    for (int64_t c = threadIdx.x % kLanes; c < width; c += kLanes)
        squares += (x[c] - mean) * (x[c] - mean);
    const float scale = 1.0f / sqrtf(warp_sum(squares) / static_cast<float>(width) + epsilon);
    for (int64_t c = threadIdx.x % kLanes; c < width; c += kLanes)
        write(out[row * width + c], (x[c] - mean) * scale * weight[c] + bias[c]);
}

// out [rows,width] = first half of in [rows,2 width] * gelu(second half).
template <class T>
__device__ void geglu(const T* in, int64_t rows, int64_t width, T* out) {
    const int64_t index = global_index();
    if (index >= rows * width) return;
    const T* const row = in + index / width * 2 * width;
    const float gate = read(row[width + index % width]);
    const float gelu = 0.5f * gate * (1.0f + erff(gate * 0.70710678f));
    write(out[index], read(row[index % width]) * gelu);
}

__device__ void site_words(uint32_t key_low, uint32_t key_high, uint32_t site, uint32_t step,
                           uint32_t micro_batch, int64_t group, uint32_t words[4]) {
    const uint32_t counter[4] = {static_cast<uint32_t>(group), site, step, micro_batch};
    const uint32_t key[2] = {key_low, key_high};
    philox4x32_10(counter, key, words);
}

}  // namespace

// out [rows,slots,channels], a thread for four channels of a slot.
extern "C" __global__ void ardiff_generation_noise(const int64_t* keys, uint32_t step, int64_t rows,
                                                   int64_t slots, int64_t channels, float* out) {
    const int64_t quads = (channels + 3) / 4, index = global_index();
    if (index >= rows * slots * quads) return;
    Quad quad;
    draw(keys, step, rows, slots, quads, index, quad);
    float* const to = out + (quad.row * slots + quad.slot) * channels + quad.channel;
    for (int64_t i = 0; i < 4 && quad.channel + i < channels; ++i) to[i] = quad.values[i];
}

// out = a z + b x0 + c noise + e previous, with the noise of `*step`. z, previous: the first
// `slots` slots of rows that are `stride` slots long; x0, out: [rows,slots,channels]; coefficients
// [..,4], those of row r begin at 4 * plan_stride * r. A thread for four channels of a slot.
extern "C" __global__ void ardiff_update(const int64_t* keys, const int64_t* step, int64_t rows,
                                         int64_t slots, int64_t channels, int64_t stride,
                                         const float* coefficients, int64_t plan_stride,
                                         const float* z, const float* x0, const float* previous,
                                         float* out) {
    const int64_t quads = (channels + 3) / 4, index = global_index();
    if (index >= rows * slots * quads) return;
    Quad quad;
    draw(keys, static_cast<uint32_t>(*step), rows, slots, quads, index, quad);
    const float* const k = coefficients + 4 * (plan_stride * quad.row + quad.slot);
    const int64_t from = (quad.row * stride + quad.slot) * channels + quad.channel;
    const int64_t to = (quad.row * slots + quad.slot) * channels + quad.channel;
    for (int64_t i = 0; i < 4 && quad.channel + i < channels; ++i) {
        out[to + i] = k[0] * z[from + i] + k[1] * x0[to + i] + k[2] * quad.values[i] +
                      k[3] * previous[from + i];
    }
}

// out [count] standard normal values; counter (index / 4, site, step, micro-batch). A thread for
// four.
extern "C" __global__ void ardiff_training_normal(uint32_t key_low, uint32_t key_high,
                                                  uint32_t site, uint32_t step,
                                                  uint32_t micro_batch, int64_t count, float* out) {
    const int64_t first = global_index() * 4;
    if (first >= count) return;
    uint32_t words[4];
    site_words(key_low, key_high, site, step, micro_batch, first / 4, words);
    float values[4];
    normal_values(words, values);
    for (int64_t i = 0; i < 4 && first + i < count; ++i) out[first + i] = values[i];
}

// out [count] = scale where a 16-bit number is at least `threshold`, else 0; counter (index / 8,
// ...). A thread for eight.
extern "C" __global__ void ardiff_training_mask(uint32_t key_low, uint32_t key_high, uint32_t site,
                                                uint32_t step, uint32_t micro_batch,
                                                uint32_t threshold, float scale, int64_t count,
                                                float* out) {
    const int64_t first = global_index() * 8;
    if (first >= count) return;
    uint32_t words[4];
    site_words(key_low, key_high, site, step, micro_batch, first / 8, words);
    for (int64_t i = 0; i < 8 && first + i < count; ++i) {
        const uint32_t half = i % 2 == 0 ? words[i / 2] & 0xffffu : words[i / 2] >> 16;
        out[first + i] = half >= threshold ? scale : 0.0f;
    }
}

// 32 threads a row.
extern "C" __global__ void ardiff_add_norm_f32(float* hidden, const float* delta,
                                               const float* weight, const float* bias,
                                               float epsilon, int64_t rows, int64_t width,
                                               float* out) {
    add_norm(hidden, delta, weight, bias, epsilon, rows, width, out);
}

extern "C" __global__ void ardiff_add_norm_bf16(float* hidden, const Half* delta,
                                                const float* weight, const float* bias,
                                                float epsilon, int64_t rows, int64_t width,
                                                Half* out) {
    add_norm(hidden, delta, weight, bias, epsilon, rows, width, out);
}

// A thread for each value of `out`.
extern "C" __global__ void ardiff_geglu_f32(const float* in, int64_t rows, int64_t width,
                                            float* out) {
    geglu(in, rows, width, out);
}

extern "C" __global__ void ardiff_geglu_bf16(const Half* in, int64_t rows, int64_t width,
                                             Half* out) {
    geglu(in, rows, width, out);
}
