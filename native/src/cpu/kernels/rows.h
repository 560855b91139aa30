// What happens to every row by itself.
#pragma once

#include <cmath>
#include <cstddef>

#include "cpu/kernels/half.h"

namespace ardiff::cpu {
namespace {

void layer_norm(int rows, int width, const float* x, int x_stride, const float* weight,
                const float* bias, float eps, float* y, int y_stride, bf16* half, int half_stride) {
    const int whole = width / W * W;
    for (int r = 0; r < rows; ++r) {
        const float* row = x + static_cast<ptrdiff_t>(r) * x_stride;
        vec total{};
        for (int c = 0; c < whole; c += W) total += load(row + c);
        float mean = sum(total);
        for (int c = whole; c < width; ++c) mean += row[c];
        mean /= static_cast<float>(width);
        vec squares{};
        for (int c = 0; c < whole; c += W) {
            const vec centred = load(row + c) - mean;
            squares += centred * centred;
        }
        float variance = sum(squares);
        for (int c = whole; c < width; ++c) variance += (row[c] - mean) * (row[c] - mean);
        const float scale = 1.0f / std::sqrt(variance / static_cast<float>(width) + eps);
        float* out = y == nullptr ? nullptr : y + static_cast<ptrdiff_t>(r) * y_stride;
        bf16* out_half = half == nullptr ? nullptr : half + static_cast<ptrdiff_t>(r) * half_stride;
        for (int c = 0; c < whole; c += W) {
            const vec value = (load(row + c) - mean) * scale * load(weight + c) + load(bias + c);
            if (out != nullptr) store(out + c, value);
            if (out_half != nullptr) store(out_half + c, value);
        }
        for (int c = whole; c < width; ++c) {
            const float value = (row[c] - mean) * scale * weight[c] + bias[c];
            if (out != nullptr) out[c] = value;
            if (out_half != nullptr) out_half[c] = to_half(value);
        }
    }
}

void to_bf16(int64_t count, const float* x, bf16* y) {
    for (int64_t i = 0; i < count; ++i) y[i] = to_half(x[i]);
}

}  // namespace
}  // namespace ardiff::cpu
