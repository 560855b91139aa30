// Products in float32: register blocks of rows by two vectors of columns, over operands with strides.
#pragma once

#include "training/isa/vector.h"

namespace ardiff::training {
namespace {

constexpr int kBlockRows = W == 16 ? 12 : 6;

// c[r][0 .. VECTORS*W) = (or +=) sum over k of a(r,k) * b[k][..], a(r,k) = a[r * row + k * step].
template <int ROWS, int VECTORS>
inline void block(int inner, const float* a, ptrdiff_t row, ptrdiff_t step, const float* b, ptrdiff_t b_stride,
                  const float* bias, bool add, float* c, ptrdiff_t c_stride) {
    vec sums[ROWS][VECTORS];
    for (int r = 0; r < ROWS; ++r) {
        for (int v = 0; v < VECTORS; ++v) {
            sums[r][v] = add ? load(c + r * c_stride + v * W) : bias != nullptr ? load(bias + v * W) : vec{};
        }
    }
    for (int k = 0; k < inner; ++k) {
        vec right[VECTORS];
        for (int v = 0; v < VECTORS; ++v) right[v] = load(b + k * b_stride + v * W);
#pragma GCC unroll 16
        for (int r = 0; r < ROWS; ++r) {
            const float x = a[r * row + k * step];
#pragma GCC unroll 2
            for (int v = 0; v < VECTORS; ++v) sums[r][v] += x * right[v];
        }
    }
    for (int r = 0; r < ROWS; ++r) {
        for (int v = 0; v < VECTORS; ++v) store(c + r * c_stride + v * W, sums[r][v]);
    }
}

template <int VECTORS>
inline void rows_of_blocks(int rows, int inner, const float* a, ptrdiff_t row, ptrdiff_t step, const float* b,
                           ptrdiff_t b_stride, const float* bias, bool add, float* c, ptrdiff_t c_stride) {
    int r = 0;
    for (; r + kBlockRows <= rows; r += kBlockRows) {
        block<kBlockRows, VECTORS>(inner, a + r * row, row, step, b, b_stride, bias, add, c + r * c_stride, c_stride);
    }
    for (; r + 4 <= rows; r += 4) {
        block<4, VECTORS>(inner, a + r * row, row, step, b, b_stride, bias, add, c + r * c_stride, c_stride);
    }
    for (; r < rows; ++r) {
        block<1, VECTORS>(inner, a + r * row, row, step, b, b_stride, bias, add, c + r * c_stride, c_stride);
    }
}

// C [rows][columns] (+)= A * B for row-major B, columns rounded up to whole vectors.
inline void product(int rows, int columns, int inner, const float* a, ptrdiff_t row, ptrdiff_t step, const float* b,
                    ptrdiff_t b_stride, bool add, float* c, ptrdiff_t c_stride) {
    int j = 0;
    for (; j + W < columns; j += 2 * W) {
        rows_of_blocks<2>(rows, inner, a, row, step, b + j, b_stride, nullptr, add, c + j, c_stride);
    }
    if (j < columns) rows_of_blocks<1>(rows, inner, a, row, step, b + j, b_stride, nullptr, add, c + j, c_stride);
}

// ---- linear layers. Panels hold 32 columns of B for all k, one k after the other.

inline void pack_f32(const float* weights, int out, int in, float* forward, float* backward) {
    const int outs = padded(out), ins = padded(in);
    for (int o = 0; o < outs; ++o) {
        for (int i = 0; i < ins; ++i) {
            const float value = o < out && i < in ? weights[static_cast<ptrdiff_t>(o) * in + i] : 0.0f;
            forward[(static_cast<ptrdiff_t>(o / kPad) * ins + i) * kPad + o % kPad] = value;
            backward[(static_cast<ptrdiff_t>(i / kPad) * outs + o) * kPad + i % kPad] = value;
        }
    }
}

// One panel's 32 columns are two vectors or more.
inline void panel_product(int rows, int inner, const float* a, ptrdiff_t a_stride, const float* panel,
                          const float* bias, bool add, float* c, ptrdiff_t c_stride) {
    for (int j = 0; j < kPad; j += 2 * W) {
        rows_of_blocks<2>(rows, inner, a, a_stride, 1, panel + j, kPad, bias == nullptr ? nullptr : bias + j, add,
                          c + j, c_stride);
    }
}

inline void forward_f32(int rows, const float* x, int x_stride, const Matrix<float>& m, int first, int count, Onto onto,
                        float* y, int y_stride) {
    const ptrdiff_t panel_size = static_cast<ptrdiff_t>(padded(m.in)) * kPad;
    for (int o = 0; o < count; o += kPad) {
        panel_product(rows, m.in, x, x_stride, m.forward + (first + o) / kPad * panel_size,
                      onto == Onto::bias ? m.bias + first + o : nullptr, onto == Onto::result, y + o, y_stride);
    }
}

inline void backward_f32(int rows, const float* dy, int dy_stride, const Matrix<float>& m, int first, int count,
                         Onto onto, float* dx, int dx_stride) {
    const ptrdiff_t panel_size = static_cast<ptrdiff_t>(padded(m.out)) * kPad;
    const int inner = std::min(count, m.out - first);
    for (int i = 0; i < m.in; i += kPad) {
        panel_product(rows, inner, dy, dy_stride, m.backward + i / kPad * panel_size + static_cast<ptrdiff_t>(first) * kPad,
                      nullptr, onto == Onto::result, dx + i, dx_stride);
    }
}

inline void column_sums(int rows, int width, const float* x, int stride, float* sums) {
    for (int c = 0; c < width; c += W) {
        const int lanes = std::min(W, width - c);
        vec total = load_part(sums + c, lanes);
        for (int r = 0; r < rows; ++r) total += load(x + static_cast<ptrdiff_t>(r) * stride + c);
        store_part(sums + c, total, lanes);
    }
}

inline void to_operands_f32(int rows, int width, const float* dy, int dy_stride, float*, float*, float* sums) {
    if (sums != nullptr) column_sums(rows, width, dy, dy_stride, sums);
}

inline void outer_f32(int rows, int out, int in, const float* dy, int dy_stride, const float*, const float* x,
                      int x_stride, float*, float* dw, int dw_stride) {
    product(out, in, rows, dy, 1, dy_stride, x, x_stride, true, dw, dw_stride);
}

}  // namespace
}  // namespace ardiff::training
