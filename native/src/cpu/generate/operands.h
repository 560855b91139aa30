// What encoder and decoder share on the CPU: matmuls, LayerNorms and attention over float or
// bfloat16 operands A, and the layout of keys and values.
#pragma once

#include <algorithm>
#include <cstring>

#include "cpu/kernels/kernels.h"
#include "cpu/generate/weights.h"

namespace ardiff::cpu {

constexpr float kNormEps = 1e-12f;  // BERT's, in encoder and decoder

// y = epilogue(x * W^T + bias).
template <class A>
void matmul(const Kernels& k, int rows, const A* x, int stride, const Linear& layer,
            Epilogue epilogue, float* y, int y_stride) {
    const Matrix<A> matrix = layer.matrix<A>();
    k.operands<A>().forward(rows, x, stride, matrix, 0, matrix.out, epilogue, y, y_stride);
}
inline void matmul(const Kernels& k, int rows, const bf16* x, int stride, const Linear& layer,
                   Epilogue epilogue, bf16* y, int y_stride) {
    k.of_bf16.forward_to_operand(rows, x, stride, layer.matrix<bf16>(), epilogue, y, y_stride);
}

// LayerNorm of the residual stream into a matmul operand; `keep`: into the stream itself as well.
template <class A>
void normalise(const Kernels& k, int rows, int width, const Norm& norm, float* hidden, A* out,
               bool keep) {
    const int stride = padded(width);
    k.operands<A>().layer_norm(rows, width, hidden, stride, norm.weight, norm.bias, kNormEps,
                               keep ? hidden : nullptr, stride, out, stride, nullptr);
}

// Rows of floats as matmul operands.
template <class A>
void convert(const Kernels& k, int rows, int stride, const float* x, A* y) {
    k.operands<A>().to_operand(rows, stride, x, stride, nullptr, 1.0f, y, stride);
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
