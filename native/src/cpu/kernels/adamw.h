// The optimiser over flat buffers.
#pragma once

#include "cpu/kernels/vector.h"

namespace ardiff::cpu {
namespace {

// Sums of blocks in float32, their total in float64.
inline double sum_of_squares(int64_t count, const float* x) {
    constexpr int64_t block = 1024;
    double total = 0;
    for (int64_t start = 0; start < count; start += block) {
        const int64_t end = std::min(count, start + block);
        vec part{};
        int64_t i = start;
        for (; i + W <= end; i += W) {
            const vec v = load(x + i);
            part += v * v;
        }
        total += sum(part);
        for (; i < end; ++i) total += x[i] * x[i];
    }
    return total;
}

// Buffers are padded to 16 floats, the widest vector.
inline void adamw(int64_t count, const AdamW& o, float* weights, float* gradients, float* first,
                  float* second, float* average) {
    for (int64_t i = 0; i < count; i += W) {
        const vec g = load(gradients + i) * o.gradient_scale;
        const vec m = load(first + i) * o.beta1 + g * o.one_minus_beta1;
        const vec v = load(second + i) * o.beta2 + g * g * o.one_minus_beta2;
        const vec w = load(weights + i) * o.shrink -
                      o.step_size * m / (square_root(v) * o.inverse_root_correction2 + o.epsilon);
        store(first + i, m);
        store(second + i, v);
        store(weights + i, w);
        store(average + i, load(average + i) * o.average_decay + w * o.one_minus_average_decay);
        store(gradients + i, vec{});
    }
}

}  // namespace
}  // namespace ardiff::cpu
