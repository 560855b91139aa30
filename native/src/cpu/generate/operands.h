// What encoder and decoder share on the CPU: matmuls, LayerNorms and attention over float or bfloat16
// operands A, and the layout of keys and values.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "cpu/kernels/kernels.h"
#include "cpu/generate/weights.h"

namespace ardiff::cpu {

constexpr float kMasked = -1e30f;
constexpr float kNormEps = 1e-12f;  // BERT's, in encoder and decoder

template <class A>
A* as(const AlignedFloats& buffer) {
    return reinterpret_cast<A*>(buffer.get());
}

inline void matmul(const Kernels& k, int rows, const float* a, int stride, const Linear& layer,
                   Epilogue epilogue, float* c, int c_stride) {
    k.matmul_f32(rows, a, stride, layer.packed(), epilogue, c, c_stride);
}
inline void matmul(const Kernels& k, int rows, const bf16* a, int stride, const Linear& layer,
                   Epilogue epilogue, float* c, int c_stride) {
    k.matmul_bf16(rows, a, stride, layer.packed(), epilogue, c, c_stride);
}
inline void matmul(const Kernels& k, int rows, const bf16* a, int stride, const Linear& layer,
                   Epilogue epilogue, bf16* c, int c_stride) {
    k.matmul_bf16_out(rows, a, stride, layer.packed(), epilogue, c, c_stride);
}

// LayerNorm of the residual stream into a matmul operand; `keep`: into the stream itself as well.
template <class A>
void normalise(const Kernels& k, int rows, int width, const Norm& norm, float* hidden, A* out,
               bool keep) {
    const int stride = padded(width);
    if constexpr (std::is_same_v<A, bf16>) {
        k.layer_norm(rows, width, hidden, stride, norm.weight, norm.bias, kNormEps,
                     keep ? hidden : nullptr, stride, out, stride);
    } else {
        k.layer_norm(rows, width, hidden, stride, norm.weight, norm.bias, kNormEps, out, stride,
                     nullptr, 0);
        if (keep) std::memcpy(hidden, out, static_cast<size_t>(rows) * stride * sizeof(float));
    }
}

inline void convert(const Kernels& k, int64_t count, const float* x, float* y) {
    std::memcpy(y, x, static_cast<size_t>(count) * sizeof(float));
}
inline void convert(const Kernels& k, int64_t count, const float* x, bf16* y) {
    k.to_bf16(count, x, y);
}

// One head's attention into its columns of a matmul operand.
inline void attend(const Kernels& k, int queries, const float* q, int q_stride, int head_size,
                   const HeadKeys& keys, float* scratch, float* out, int out_stride) {
    k.attend(queries, q, q_stride, head_size, 1.0f / std::sqrt(static_cast<float>(head_size)), keys,
             scratch, out, nullptr, out_stride);
}
inline void attend(const Kernels& k, int queries, const float* q, int q_stride, int head_size,
                   const HeadKeys& keys, float* scratch, bf16* out, int out_stride) {
    k.attend(queries, q, q_stride, head_size, 1.0f / std::sqrt(static_cast<float>(head_size)), keys,
             scratch, nullptr, out, out_stride);
}

// Transposes the keys of one head into [head_size][key_stride], zeros beyond the last key.
inline void transpose_keys(const float* k, int stride, int count, int head_size, float* out,
                           int out_stride) {
    for (int c = 0; c < head_size; ++c) {
        float* row = out + static_cast<ptrdiff_t>(c) * out_stride;
        for (int j = 0; j < count; ++j) row[j] = k[static_cast<ptrdiff_t>(j) * stride + c];
        std::fill(row + count, row + out_stride, 0.0f);
    }
}

inline void copy_values(const float* v, int stride, int count, int head_size, float* out,
                        int out_stride) {
    for (int j = 0; j < count; ++j) {
        float* row = out + static_cast<ptrdiff_t>(j) * out_stride;
        std::memcpy(row, v + static_cast<ptrdiff_t>(j) * stride,
                    static_cast<size_t>(head_size) * 4);
        std::fill(row + head_size, row + out_stride, 0.0f);
    }
}

// Rotates interleaved pairs of `x` by the halves [cos, sin] of `key`.
inline void rotate(const float* x, const float* key, int head_size, float* out) {
    const int half = head_size / 2;
    for (int j = 0; j < half; ++j) {
        const float cosine = key[j], sine = key[half + j];
        out[2 * j] = x[2 * j] * cosine - x[2 * j + 1] * sine;
        out[2 * j + 1] = x[2 * j + 1] * cosine + x[2 * j] * sine;
    }
}

}  // namespace ardiff::cpu
