// Transposes of 32-bit words.
#pragma once

#include "cpu/kernels/vector.h"

namespace ardiff::cpu {
namespace {

#if defined(__AVX512F__)

inline void transpose_words(__m512i (&r)[16]) {
    __m512i t[16];
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    // r[i] holds, of rows 4(i/4) .. +3, word i % 4 of every 128-bit lane.
    for (int i = 0; i < 16; i += 4) {
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (int i = 0; i < 4; ++i) {
        t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);  // lanes 0, 2
        t[i + 4] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
        t[i + 8] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);  // lanes 1, 3
        t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
    }
    for (int i = 0; i < 4; ++i) {
        r[i] = _mm512_shuffle_i32x4(t[i], t[i + 4], 0x88);
        r[i + 4] = _mm512_shuffle_i32x4(t[i + 8], t[i + 12], 0x88);
        r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 4], 0xdd);
        r[i + 12] = _mm512_shuffle_i32x4(t[i + 8], t[i + 12], 0xdd);
    }
}

// The 16x16 block at the first of `rows` rows of `lanes` values, zeros beyond them.
inline void load_block(int rows, int lanes, const float* x, ptrdiff_t stride, __m512i (&r)[16]) {
    const __mmask16 mask = first_lanes(std::min(16, lanes));
    for (int i = 0; i < 16; ++i) {
        r[i] = i < rows ? _mm512_maskz_loadu_epi32(mask, x + i * stride) : _mm512_setzero_si512();
    }
}

#endif

// y [columns][y_stride] = transpose of x [rows][x_stride], zeros from `rows` up to `y_rows`, which
// is a multiple of W.
inline void transpose(int rows, int y_rows, int columns, const float* x, ptrdiff_t x_stride,
                      float* y, ptrdiff_t y_stride) {
#if defined(__AVX512F__)
    for (int r = 0; r < y_rows; r += 16) {
        for (int c = 0; c < columns; c += 16) {
            __m512i block[16];
            load_block(rows - r, columns - c, x + r * x_stride + c, x_stride, block);
            transpose_words(block);
            const int count = std::min(16, columns - c);
            for (int i = 0; i < count; ++i)
                _mm512_storeu_si512(y + (c + i) * y_stride + r, block[i]);
        }
    }
#else
    for (int c = 0; c < columns; ++c) {
        for (int r = 0; r < y_rows; ++r)
            y[c * y_stride + r] = r < rows ? x[r * x_stride + c] : 0.0f;
    }
#endif
}

}  // namespace
}  // namespace ardiff::cpu
