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

__device__ void site_words(uint32_t key_low, uint32_t key_high, uint32_t site, uint32_t step,
                           uint32_t micro_batch, int64_t group, uint32_t words[4]) {
    const uint32_t counter[4] = {static_cast<uint32_t>(group), site, step, micro_batch};
    const uint32_t key[2] = {key_low, key_high};
    philox4x32_10(counter, key, words);
}

// A dropout: cuda::Drop of kernels.h. A threshold of 0 keeps all.
struct Drop {
    uint32_t key_low, key_high, site, step, micro_batch, threshold;
    float scale;
};

// Half-word `index` % 8 of four words against a threshold. No array is indexed by a variable, which
// would put it into memory.
__device__ float kept(const uint32_t words[4], int64_t index, uint32_t threshold, float scale) {
    const uint32_t front = (index & 2) == 0 ? words[0] : words[1];
    const uint32_t back = (index & 2) == 0 ? words[2] : words[3];
    const uint32_t word = (index & 4) == 0 ? front : back;
    return ((index & 1) == 0 ? word & 0xffffu : word >> 16) >= threshold ? scale : 0.0f;
}

// What value `index` of a tensor is multiplied by. The seven others of its counter are drawn for
// nothing, which is cheaper than a mask in memory.
__device__ float kept(const Drop& drop, int64_t index) {
    if (drop.threshold == 0) return 1.0f;
    uint32_t words[4];
    site_words(drop.key_low, drop.key_high, drop.site, drop.step, drop.micro_batch, index / 8,
               words);
    return kept(words, index, drop.threshold, drop.scale);
}

// sum = hidden + delta (which may be null), dropped out; out = LayerNorm(sum), and so is `normal`.
// `sum` may be `hidden`; statistics [2,rows]: mean and 1 / deviation. Both and `normal` may be
// null, `sum` where delta is. A row to a warp.
template <class T>
__device__ void add_norm(const float* hidden, const T* delta, const Drop& drop, const float* weight,
                         const float* bias, float epsilon, int64_t rows, int64_t width, float* sum,
                         float* statistics, T* out, float* normal) {
    const int64_t row = global_index() / kLanes, first = row * width;
    if (row >= rows) return;  // with the whole warp
    float total = 0;
    for (int64_t c = threadIdx.x % kLanes; c < width; c += kLanes) {
        float x = hidden[first + c];
        if (delta != nullptr) {
            x += read(delta[first + c]) * kept(drop, first + c);
            sum[first + c] = x;
        }
        total += x;
    }
    const float* const x = (delta != nullptr ? sum : hidden) + first;
    const float mean = warp_sum(total) / static_cast<float>(width);
    float squares = 0;
    for (int64_t c = threadIdx.x % kLanes; c < width; c += kLanes)
        squares += (x[c] - mean) * (x[c] - mean);
    const float scale = 1.0f / sqrtf(warp_sum(squares) / static_cast<float>(width) + epsilon);
    if (statistics != nullptr && threadIdx.x % kLanes == 0) {
        statistics[row] = mean;
        statistics[rows + row] = scale;
    }
    for (int64_t c = threadIdx.x % kLanes; c < width; c += kLanes) {
        const float y = (x[c] - mean) * scale * weight[c] + bias[c];
        write(out[first + c], y);
        if (normal != nullptr) normal[first + c] = y;
    }
}

// The way back through it: of gradients of out, normal and sum, each of which may be null, those of
// hidden and delta; `of_values` [rows,width], which may be null, gets the first two together. A row
// to a warp.
template <class T>
__device__ void norm_gradient(const T* of_out, const float* of_normal, const float* of_sum,
                              const float* sum, const float* statistics, const float* weight,
                              const Drop& drop, int64_t rows, int64_t width, float* of_values,
                              float* of_hidden, T* of_delta) {
    const int64_t row = global_index() / kLanes, first = row * width;
    if (row >= rows) return;  // with the whole warp
    const float mean = statistics[row], scale = statistics[rows + row];
    const auto gradient = [&](int64_t i) {
        return (of_out != nullptr ? read(of_out[i]) : 0.0f) +
               (of_normal != nullptr ? of_normal[i] : 0.0f);
    };
    float total = 0, along = 0;
    for (int64_t c = threadIdx.x % kLanes; c < width; c += kLanes) {
        const float g = gradient(first + c);
        if (of_values != nullptr) of_values[first + c] = g;
        total += g * weight[c];
        along += g * weight[c] * (sum[first + c] - mean) * scale;
    }
    total = warp_sum(total) / static_cast<float>(width);
    along = warp_sum(along) / static_cast<float>(width);
    for (int64_t c = threadIdx.x % kLanes; c < width; c += kLanes) {
        const int64_t i = first + c;
        const float normal = (sum[i] - mean) * scale;
        const float g = scale * (gradient(i) * weight[c] - total - normal * along) +
                        (of_sum != nullptr ? of_sum[i] : 0.0f);
        of_hidden[i] = g;
        if (of_delta != nullptr) write(of_delta[i], g * kept(drop, i));
    }
}

__device__ float normal_share(float x) { return 0.5f * (1.0f + erff(x * 0.70710678f)); }

// out [rows,width] = first half of in [rows,2 width] * gelu(second half), dropped out.
template <class T>
__device__ void geglu(const T* in, const Drop& drop, int64_t rows, int64_t width, T* out) {
    const int64_t index = global_index();
    if (index >= rows * width) return;
    const T* const row = in + index / width * 2 * width;
    const float gate = read(row[width + index % width]);
    write(out[index], read(row[index % width]) * gate * normal_share(gate) * kept(drop, index));
}

// The way back through it.
template <class T>
__device__ void geglu_gradient(const T* of_out, const T* in, const Drop& drop, int64_t rows,
                               int64_t width, T* of_in) {
    const int64_t index = global_index();
    if (index >= rows * width) return;
    const int64_t value = index / width * 2 * width + index % width;
    const float g = read(of_out[index]) * kept(drop, index), gate = read(in[value + width]);
    const float share = normal_share(gate);
    const float slope = share + gate * 0.39894228f * expf(-0.5f * gate * gate);
    write(of_in[value], g * gate * share);
    write(of_in[value + width], g * read(in[value]) * slope);
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
    for (int64_t i = 0; i < 8 && first + i < count; ++i)
        out[first + i] = kept(words, i, threshold, scale);
}

// 32 threads a row.
extern "C" __global__ void ardiff_add_norm_f32(const float* hidden, const float* delta, Drop drop,
                                               const float* weight, const float* bias,
                                               float epsilon, int64_t rows, int64_t width,
                                               float* sum, float* statistics, float* out,
                                               float* normal) {
    add_norm(hidden, delta, drop, weight, bias, epsilon, rows, width, sum, statistics, out, normal);
}

extern "C" __global__ void ardiff_norm_gradient_f32(const float* of_out, const float* of_normal,
                                                    const float* of_sum, const float* sum,
                                                    const float* statistics, const float* weight,
                                                    Drop drop, int64_t rows, int64_t width,
                                                    float* of_values, float* of_hidden,
                                                    float* of_delta) {
    norm_gradient(of_out, of_normal, of_sum, sum, statistics, weight, drop, rows, width, of_values,
                  of_hidden, of_delta);
}

extern "C" __global__ void ardiff_add_norm_bf16(const float* hidden, const Half* delta, Drop drop,
                                                const float* weight, const float* bias,
                                                float epsilon, int64_t rows, int64_t width,
                                                float* sum, float* statistics, Half* out,
                                                float* normal) {
    add_norm(hidden, delta, drop, weight, bias, epsilon, rows, width, sum, statistics, out, normal);
}

extern "C" __global__ void ardiff_norm_gradient_bf16(const Half* of_out, const float* of_normal,
                                                     const float* of_sum, const float* sum,
                                                     const float* statistics, const float* weight,
                                                     Drop drop, int64_t rows, int64_t width,
                                                     float* of_values, float* of_hidden,
                                                     Half* of_delta) {
    norm_gradient(of_out, of_normal, of_sum, sum, statistics, weight, drop, rows, width, of_values,
                  of_hidden, of_delta);
}

// A thread for each value of `out`.
extern "C" __global__ void ardiff_geglu_f32(const float* in, Drop drop, int64_t rows, int64_t width,
                                            float* out) {
    geglu(in, drop, rows, width, out);
}

extern "C" __global__ void ardiff_geglu_gradient_f32(const float* of_out, const float* in,
                                                     Drop drop, int64_t rows, int64_t width,
                                                     float* of_in) {
    geglu_gradient(of_out, in, drop, rows, width, of_in);
}

extern "C" __global__ void ardiff_geglu_bf16(const Half* in, Drop drop, int64_t rows, int64_t width,
                                             Half* out) {
    geglu(in, drop, rows, width, out);
}

extern "C" __global__ void ardiff_geglu_gradient_bf16(const Half* of_out, const Half* in, Drop drop,
                                                      int64_t rows, int64_t width, Half* of_in) {
    geglu_gradient(of_out, in, drop, rows, width, of_in);
}
