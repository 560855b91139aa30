// Transposes of 32-bit words.
#pragma once

#include "training/isa/vector.h"

namespace ardiff::training {
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
        t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);           // lanes 0, 2
        t[i + 4] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
        t[i + 8] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);       // lanes 1, 3
        t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
    }
    for (int i = 0; i < 4; ++i) {
        r[i] = _mm512_shuffle_i32x4(t[i], t[i + 4], 0x88);
        r[i + 4] = _mm512_shuffle_i32x4(t[i + 8], t[i + 12], 0x88);
        r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 4], 0xdd);
        r[i + 12] = _mm512_shuffle_i32x4(t[i + 8], t[i + 12], 0xdd);
    }
}

#endif

// y [columns][y_stride] = transpose of x [rows][x_stride].
inline void transpose(int rows, int columns, const float* x, ptrdiff_t x_stride, float* y, ptrdiff_t y_stride) {
    int whole_rows = 0, whole_columns = 0;
#if defined(__AVX512F__)
    whole_rows = rows / 16 * 16;
    whole_columns = columns / 16 * 16;
    for (int r = 0; r < whole_rows; r += 16) {
        for (int c = 0; c < whole_columns; c += 16) {
            __m512i block[16];
            for (int i = 0; i < 16; ++i) block[i] = _mm512_loadu_si512(x + (r + i) * x_stride + c);
            transpose_words(block);
            for (int i = 0; i < 16; ++i) _mm512_storeu_si512(y + (c + i) * y_stride + r, block[i]);
        }
    }
#endif
    for (int r = 0; r < rows; ++r) {
        for (int c = r < whole_rows ? whole_columns : 0; c < columns; ++c) y[c * y_stride + r] = x[r * x_stride + c];
    }
}

}  // namespace
}  // namespace ardiff::training
