// Products in float32: register blocks of rows by two vectors of columns, over operands with strides.
#pragma once

#include "cpu/train/isa/transpose.h"

namespace ardiff::training {
namespace {

constexpr int kBlockRows = W == 16 ? 12 : 6;
constexpr int kNearValues = 6144;  // of a left operand: half of the nearest cache
constexpr int kAhead = 16;         // how many k before its use a row is fetched

// Where a(r,k) of a left operand lies: a[r * row + k * step]; steps that are compile-time constants save registers in
// the innermost loop. `far`: the product is too large for the nearest cache, so operands are fetched before their use.
struct ByRows {  // k runs along memory
    ptrdiff_t row;
    static constexpr ptrdiff_t step = 1;
    static constexpr bool far = false;
};
struct ByColumns {  // rows run along memory
    ptrdiff_t step;
    static constexpr ptrdiff_t row = 1;
    static constexpr bool far = false;
};
struct FarRows : ByRows {
    static constexpr bool far = true;
};
struct FarColumns : ByColumns {
    static constexpr bool far = true;
};

// c[r][0 .. VECTORS*W) = onto + sum over k of a(r,k) * b[k][..]; `bias` is read where onto is Onto::bias.
// What the sum is added to comes last, so that nothing but zeros waits for memory before the first product.
template <int ROWS, int VECTORS, class Left>
inline void block(int inner, const float* a, Left left, const float* b, ptrdiff_t b_stride,
                  Onto onto, const float* bias, float* c, ptrdiff_t c_stride) {
    if constexpr (Left::far) {
#pragma GCC unroll 16
        for (int r = 0; r < ROWS; ++r) {
            // The result is fetched while the sums are made: it is often far away.
            __builtin_prefetch(c + r * c_stride, 1);
            if constexpr (VECTORS * W > 16)
                __builtin_prefetch(c + r * c_stride + VECTORS * W - 1, 1);
        }
    }
    vec sums[ROWS][VECTORS];
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; ++r) {
#pragma GCC unroll 2
        for (int v = 0; v < VECTORS; ++v) sums[r][v] = vec{};
    }
    for (int k = 0; k < inner; ++k) {
        if constexpr (Left::far) {
            // Processors foresee neither steps beyond 2 KiB, as between long rows, nor the next panel.
            if constexpr (std::is_same_v<Left, FarColumns>)
                __builtin_prefetch(a + (k + kAhead) * left.step);
            __builtin_prefetch(b + (k + kAhead) * b_stride);
            if constexpr (VECTORS * W > 16)
                __builtin_prefetch(b + (k + kAhead) * b_stride + VECTORS * W - 1);
        }
        vec right[VECTORS];
#pragma GCC unroll 2
        for (int v = 0; v < VECTORS; ++v) right[v] = load(b + k * b_stride + v * W);
#pragma GCC unroll 16
        for (int r = 0; r < ROWS; ++r) {
            const float x = a[r * left.row + k * left.step];
#pragma GCC unroll 2
            for (int v = 0; v < VECTORS; ++v) sums[r][v] += x * right[v];
        }
    }
    if (onto == Onto::bias) {
#pragma GCC unroll 2
        for (int v = 0; v < VECTORS; ++v) {
            const vec start = load(bias + v * W);
#pragma GCC unroll 16
            for (int r = 0; r < ROWS; ++r) sums[r][v] += start;
        }
    } else if (onto == Onto::result) {
#pragma GCC unroll 16
        for (int r = 0; r < ROWS; ++r) {
#pragma GCC unroll 2
            for (int v = 0; v < VECTORS; ++v) sums[r][v] += load(c + r * c_stride + v * W);
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; ++r) {
#pragma GCC unroll 2
        for (int v = 0; v < VECTORS; ++v) store(c + r * c_stride + v * W, sums[r][v]);
    }
}

// The same for 0 < rows <= kBlockRows.
template <int VECTORS, class Left>
inline void some_rows(int rows, int inner, const float* a, Left left, const float* b,
                      ptrdiff_t b_stride, Onto onto, const float* bias, float* c,
                      ptrdiff_t c_stride) {
    if (rows == kBlockRows) {
        block<kBlockRows, VECTORS>(inner, a, left, b, b_stride, onto, bias, c, c_stride);
        return;
    }
    int r = 0;
    const auto go = [&](auto count) {
        for (; r + count() <= rows; r += count()) {
            block<count(), VECTORS>(inner, a + r * left.row, left, b, b_stride, onto, bias,
                                    c + r * c_stride, c_stride);
        }
    };
    if constexpr (kBlockRows > 8) go(std::integral_constant<int, 8>{});
    go(std::integral_constant<int, 4>{});
    go(std::integral_constant<int, 2>{});
    go(std::integral_constant<int, 1>{});
}

// The same for any number of rows.
template <int VECTORS, class Left>
inline void rows_of_blocks(int rows, int inner, const float* a, Left left, const float* b,
                           ptrdiff_t b_stride, Onto onto, const float* bias, float* c,
                           ptrdiff_t c_stride) {
    for (int r = 0; r < rows; r += kBlockRows) {
        some_rows<VECTORS>(std::min(kBlockRows, rows - r), inner, a + r * left.row, left, b,
                           b_stride, onto, bias, c + r * c_stride, c_stride);
    }
}

// C [rows][columns] = A * B for row-major B, columns rounded up to whole vectors.
template <class Left>
inline void product(int rows, int columns, int inner, const float* a, Left left, const float* b,
                    ptrdiff_t b_stride, float* c, ptrdiff_t c_stride) {
    int j = 0;
    for (; j + W < columns; j += 2 * W) {
        rows_of_blocks<2>(rows, inner, a, left, b + j, b_stride, Onto::zero, nullptr, c + j,
                          c_stride);
    }
    if (j < columns)
        rows_of_blocks<1>(rows, inner, a, left, b + j, b_stride, Onto::zero, nullptr, c + j,
                          c_stride);
}

// ---- linear layers. Panels hold 32 columns of B for all k, one k after the other.

inline void pack_f32(const float* weights, int out, int in, float* forward, float* backward) {
    const int outs = padded(out), ins = padded(in);
#if defined(__AVX512F__)
    for (int o = 0; o < outs; o += 16) {
        for (int i = 0; i < ins; i += 16) {
            __m512i block[16];
            load_block(out - o, std::max(0, in - i), weights + static_cast<ptrdiff_t>(o) * in + i,
                       in, block);
            float* to = backward + (static_cast<ptrdiff_t>(i / kPad) * outs + o) * kPad + i % kPad;
            for (int k = 0; k < 16; ++k) _mm512_storeu_si512(to + k * kPad, block[k]);
            transpose_words(block);
            to = forward + (static_cast<ptrdiff_t>(o / kPad) * ins + i) * kPad + o % kPad;
            for (int k = 0; k < 16; ++k) _mm512_storeu_si512(to + k * kPad, block[k]);
        }
    }
#else
    for (int o = 0; o < outs; ++o) {
        for (int i = 0; i < ins; ++i) {
            const float value =
                o < out && i < in ? weights[static_cast<ptrdiff_t>(o) * in + i] : 0.0f;
            forward[(static_cast<ptrdiff_t>(o / kPad) * ins + i) * kPad + o % kPad] = value;
            backward[(static_cast<ptrdiff_t>(i / kPad) * outs + o) * kPad + i % kPad] = value;
        }
    }
#endif
}

// Y [rows][columns] = onto + X * panels; a panel begins `panel_size` values after the one before. As many rows as
// stay in the nearest cache beside a panel go along the panels together: the result, written nearly in order, streams
// to the outer caches, and few rows wait for a panel from the second.
inline void panel_product(int rows, int columns, int inner, const float* x, ptrdiff_t x_stride,
                          const float* panels, ptrdiff_t panel_size, Onto onto, const float* bias,
                          float* y, ptrdiff_t y_stride) {
    const int group = std::max(1, kNearValues / (inner * kBlockRows)) * kBlockRows;
    for (int r = 0; r < rows; r += group) {
        for (int j = 0; j < columns; j += 2 * W) {
            rows_of_blocks<2>(std::min(group, rows - r), inner, x + r * x_stride,
                              FarRows{{x_stride}}, panels + j / kPad * panel_size + j % kPad, kPad,
                              onto, onto == Onto::bias ? bias + j : nullptr, y + r * y_stride + j,
                              y_stride);
        }
    }
}

inline void forward_f32(int rows, const float* x, int x_stride, const Matrix<float>& m, int first,
                        int count, Onto onto, float* y, int y_stride) {
    const ptrdiff_t panel_size = static_cast<ptrdiff_t>(padded(m.in)) * kPad;
    panel_product(rows, padded(count), m.in, x, x_stride, m.forward + first / kPad * panel_size,
                  panel_size, onto, m.bias + first, y, y_stride);
}

inline void backward_f32(int rows, const float* dy, int dy_stride, const Matrix<float>& m,
                         int first, int count, Onto onto, float* dx, int dx_stride) {
    panel_product(rows, padded(m.in), std::min(count, m.out - first), dy, dy_stride,
                  m.backward + static_cast<ptrdiff_t>(first) * kPad,
                  static_cast<ptrdiff_t>(padded(m.out)) * kPad, onto, nullptr, dx, dx_stride);
}

inline void column_sums(int rows, int width, const float* x, int stride, float* sums) {
    for (int c = 0; c < width; c += W) {
        const int lanes = std::min(W, width - c);
        vec total = load_part(sums + c, lanes);
        for (int r = 0; r < rows; ++r) total += load(x + static_cast<ptrdiff_t>(r) * stride + c);
        store_part(sums + c, total, lanes);
    }
}

inline void to_operands_f32(int rows, int width, const float* dy, int dy_stride, float*, float*,
                            float* sums) {
    if (sums != nullptr) column_sums(rows, width, dy, dy_stride, sums);
}

inline void outer_f32(int rows, int out, int in, const float* dy, int dy_stride, const float*,
                      const float* x, int x_stride, float*, float* dw, int dw_stride) {
    for (int i = 0; i < in; i += 2 * W) {
        rows_of_blocks<2>(out, rows, dy, FarColumns{{dy_stride}}, x + i, x_stride, Onto::result,
                          nullptr, dw + i, dw_stride);
    }
}

}  // namespace
}  // namespace ardiff::training
