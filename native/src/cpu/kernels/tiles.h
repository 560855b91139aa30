// Products of bfloat16 operands with AMX: blocks of 32x32 results in four tiles, sums in float32.
//
// A tile of the left operand is 16 rows by 32 values; one of the right operand 16 pairs of rows by
// 16 columns, the two values of a pair side by side. Both are 16 rows of 16 words, so a 16x16
// transpose of words turns one into the other.
#pragma once

#include "cpu/kernels/matmul.h"

#if defined(__AMX_BF16__)

namespace ardiff::cpu {
namespace {

constexpr int kTile = 16;
constexpr int kTileValues = 512;  // bfloat16 values in a tile

// All eight tiles 16 rows by 64 bytes. A constant in memory: compilers take the instruction to read
// only the first bytes of its operand, and would drop the stores that fill in the rest of a local
// one.
struct alignas(64) TileConfig {
    uint8_t palette = 1, start_row = 0, reserved[14] = {};
    uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {kTile, kTile, kTile, kTile, kTile, kTile, kTile, kTile};
};

inline void configure_tiles() {
    static const TileConfig config;
    _tile_loadconfig(&config);
}

inline void store_tile(bf16* tile, const __m512i (&r)[16]) {
    for (int i = 0; i < 16; ++i) _mm512_storeu_si512(tile + 32 * i, r[i]);
}

// Two rows of 16 values each as 16 pairs.
inline __m512i pairs(__m256i first, __m256i second) {
    return _mm512_or_si512(_mm512_cvtepu16_epi32(first),
                           _mm512_slli_epi32(_mm512_cvtepu16_epi32(second), 16));
}

inline __m256i half_row(const float* p, int lanes) {
    return (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(first_lanes(lanes), p));
}

// The 32x16 block of `x` at its first row and column as pairs of rows; rows from `rows` on are
// zeros.
inline void pair_rows(const bf16* x, int stride, int rows, __m512i (&r)[16]) {
    for (int i = 0; i < 16; ++i) {
        const __m256i zero = _mm256_setzero_si256();
        const bf16* p = x + static_cast<ptrdiff_t>(2 * i) * stride;
        const __m256i first =
            2 * i < rows ? _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)) : zero;
        const __m256i second =
            2 * i + 1 < rows ? _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + stride))
                             : zero;
        r[i] = pairs(first, second);
    }
}

// ---- packing. Panels of 32 columns: for each 32 of k two tiles side by side.

inline void pack(const float* weights, int out, int in, bf16* forward, bf16* backward) {
    const int outs = padded(out), ins = padded(in);
    for (int o = 0; o < outs; o += kTile) {
        for (int i = 0; i < ins; i += 2 * kTile) {  // 16 rows of 32 values: a left tile
            __m512i r[16];
            for (int row = 0; row < 16; ++row) {
                const float* p = weights + static_cast<ptrdiff_t>(o + row) * in + i;
                const int low = o + row < out ? std::clamp(in - i, 0, 16) : 0;
                const int high = o + row < out ? std::clamp(in - i - 16, 0, 16) : 0;
                r[row] = _mm512_inserti64x4(
                    _mm512_castsi256_si512(low > 0 ? half_row(p, low) : _mm256_setzero_si256()),
                    high > 0 ? half_row(p + 16, high) : _mm256_setzero_si256(), 1);
            }
            transpose_words(r);
            store_tile(forward + static_cast<ptrdiff_t>(o / kPad) * kPad * ins +
                           (i / kPad * 2 + o % kPad / kTile) * kTileValues,
                       r);
        }
    }
    if (backward == nullptr) return;
    for (int o = 0; o < outs; o += 2 * kTile) {
        for (int i = 0; i < ins; i += kTile) {  // 32 rows of 16 values: a right tile
            __m512i r[16];
            const int lanes = std::clamp(in - i, 0, 16);
            for (int row = 0; row < 16; ++row) {
                const float* p = weights + static_cast<ptrdiff_t>(o + 2 * row) * in + i;
                const __m256i zero = _mm256_setzero_si256();
                r[row] = pairs(o + 2 * row < out && lanes > 0 ? half_row(p, lanes) : zero,
                               o + 2 * row + 1 < out && lanes > 0 ? half_row(p + in, lanes) : zero);
            }
            store_tile(backward + static_cast<ptrdiff_t>(i / kPad) * kPad * outs +
                           (o / kPad * 2 + i % kPad / kTile) * kTileValues,
                       r);
        }
    }
}

// ---- products
//
// Blocks go along the rows of the result: written in order, it streams to the outer caches, while
// the panels stay in the nearest.

// c [32][32] = onto + a [32][inner] * panel.
inline void tile_block(int inner, const bf16* a, ptrdiff_t a_stride, const bf16* panel,
                       const float* bias, bool add, float* c, ptrdiff_t c_stride) {
    const ptrdiff_t c_bytes = c_stride * 4, a_bytes = a_stride * 2;
    float* lower = c + kTile * c_stride;
    if (add) {
        _tile_loadd(0, c, c_bytes);
        _tile_loadd(1, c + kTile, c_bytes);
        _tile_loadd(2, lower, c_bytes);
        _tile_loadd(3, lower + kTile, c_bytes);
    } else if (bias != nullptr) {  // stride 0: every row of the tile is the bias
        _tile_loadd(0, bias, 0);
        _tile_loadd(1, bias + kTile, 0);
        _tile_loadd(2, bias, 0);
        _tile_loadd(3, bias + kTile, 0);
    } else {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    }
    for (int k = 0; k < inner; k += kPad) {
        const bf16* tiles = panel + static_cast<ptrdiff_t>(k) * kPad;
        _tile_loadd(4, a + k, a_bytes);
        _tile_loadd(6, tiles, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(7, tiles + kTileValues, 64);
        _tile_dpbf16ps(1, 4, 7);
        _tile_loadd(5, a + k + kTile * a_stride, a_bytes);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, c, c_bytes);
    _tile_stored(1, c + kTile, c_bytes);
    _tile_stored(2, lower, c_bytes);
    _tile_stored(3, lower + kTile, c_bytes);
}

template <class Out>
inline void forward(int rows, const bf16* x, int x_stride, const Matrix<bf16>& m, int first,
                    int count, Epilogue epilogue, Out* y, int y_stride) {
    const int inner = padded(m.in);
    alignas(64) float result[kPad][kPad];
    for (int r = 0; r < rows; r += kPad) {
        const bf16* a = x + static_cast<ptrdiff_t>(r) * x_stride;
        Out* c = y + static_cast<ptrdiff_t>(r) * y_stride;
        for (int o = 0; o < count; o += kPad) {
            const bf16* panel = m.forward + static_cast<ptrdiff_t>(first + o) * inner;
            const float* bias = m.bias + first + o;
            if constexpr (std::is_same_v<Out, float>) {
                if (epilogue == Epilogue::store) {
                    tile_block(inner, a, x_stride, panel, bias, false, c + o, y_stride);
                    continue;
                }
            }
            tile_block(inner, a, x_stride, panel, bias, false, &result[0][0], kPad);
            const Activated end{epilogue, nullptr};
            for (int i = 0; i < std::min(kPad, rows - r); ++i) {
                store_activated(epilogue, load(result[i]), load(result[i] + W),
                                c + static_cast<ptrdiff_t>(i) * y_stride + end.columns(o));
            }
        }
    }
}

inline void backward(int rows, const bf16* dy, int dy_stride, const Matrix<bf16>& m, int first,
                     int count, Onto onto, float* dx, int dx_stride) {
    const int outs = padded(m.out), inner = std::min(padded(count), outs - first);
    for (int r = 0; r < rows; r += kPad) {
        const bf16* a = dy + static_cast<ptrdiff_t>(r) * dy_stride;
        float* c = dx + static_cast<ptrdiff_t>(r) * dx_stride;
        for (int i = 0; i < m.in; i += kPad) {
            tile_block(inner, a, dy_stride,
                       m.backward + static_cast<ptrdiff_t>(i) * outs +
                           static_cast<ptrdiff_t>(first) * kPad,
                       nullptr, onto == Onto::result, c + i, dx_stride);
        }
    }
}

// The transpose is stored as left tiles [width / 16][rows / 32].
inline void to_operands(int rows, int width, const float* dy, int dy_stride, bf16* operand,
                        bf16* transposed, float* sums) {
    const int columns = padded(width), stride = row_stride<bf16>(width),
              steps = padded(rows) / kPad;
    for (int s = 0; s < steps; ++s) {
        for (int c = 0; c < columns; c += kTile) {
            const __mmask16 mask = first_lanes(std::clamp(width - c, 0, 16));
            __m512 total =
                sums == nullptr ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(mask, sums + c);
            __m512i r[16];
            for (int i = 0; i < 16; ++i) {
                __m256i half[2];
                for (int j = 0; j < 2; ++j) {
                    const int row = s * kPad + 2 * i + j;
                    const __m512 value =
                        row < rows ? _mm512_maskz_loadu_ps(
                                         mask, dy + static_cast<ptrdiff_t>(row) * dy_stride + c)
                                   : _mm512_setzero_ps();
                    total = _mm512_add_ps(total, value);
                    half[j] = (__m256i)_mm512_cvtneps_pbh(value);
                    _mm256_storeu_si256(reinterpret_cast<__m256i*>(
                                            operand + static_cast<ptrdiff_t>(row) * stride + c),
                                        half[j]);
                }
                r[i] = pairs(half[0], half[1]);
            }
            transpose_words(r);
            store_tile(transposed + (static_cast<ptrdiff_t>(c / kTile) * steps + s) * kTileValues,
                       r);
            if (sums != nullptr) _mm512_mask_storeu_ps(sums + c, mask, total);
        }
    }
}

inline void outer(int rows, int out, int in, const bf16*, int, const bf16* transposed,
                  const bf16* x, int x_stride, bf16* x_scratch, float* dw, int dw_stride) {
    const int steps = padded(rows) / kPad;
    for (int i = 0; i < padded(in); i += kTile) {  // right tiles [in / 16][rows / 32]
        for (int s = 0; s < steps; ++s) {
            __m512i r[16];
            pair_rows(x + static_cast<ptrdiff_t>(s) * kPad * x_stride + i, x_stride,
                      rows - s * kPad, r);
            store_tile(x_scratch + (static_cast<ptrdiff_t>(i / kTile) * steps + s) * kTileValues,
                       r);
        }
    }
    const ptrdiff_t bytes = static_cast<ptrdiff_t>(dw_stride) * 4,
                    column = static_cast<ptrdiff_t>(steps) * kTileValues;
    for (int o = 0; o < out; o += kPad) {
        const bf16* left = transposed + o / kTile * column;
        for (int i = 0; i < in; i += kPad) {
            const bf16* right = x_scratch + i / kTile * column;
            float* c = dw + static_cast<ptrdiff_t>(o) * dw_stride + i;
            float* lower = c + static_cast<ptrdiff_t>(kTile) * dw_stride;
            _tile_loadd(0, c, bytes);
            _tile_loadd(1, c + kTile, bytes);
            _tile_loadd(2, lower, bytes);
            _tile_loadd(3, lower + kTile, bytes);
            for (ptrdiff_t at = 0; at < column; at += kTileValues) {
                _tile_loadd(4, left + at, 64);
                _tile_loadd(6, right + at, 64);
                _tile_dpbf16ps(0, 4, 6);
                _tile_loadd(7, right + column + at, 64);
                _tile_dpbf16ps(1, 4, 7);
                _tile_loadd(5, left + column + at, 64);
                _tile_dpbf16ps(2, 5, 6);
                _tile_dpbf16ps(3, 5, 7);
            }
            _tile_stored(0, c, bytes);
            _tile_stored(1, c + kTile, bytes);
            _tile_stored(2, lower, bytes);
            _tile_stored(3, lower + kTile, bytes);
        }
    }
}

}  // namespace
}  // namespace ardiff::cpu

#endif
