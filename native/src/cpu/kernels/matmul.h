// Matmul with an epilogue. Sums run over k in order, without splitting.
//
// A block of R rows by one panel stays in registers over all k; with AMX, a block is 32x32.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <vector>

#include "cpu/kernels/packing.h"
#include "cpu/kernels/row_blocks.h"

namespace ardiff::cpu {
namespace {

// Applies the epilogue to one row of a panel: `y` holds two vectors, bias included.
template <class Out>
inline void finish(Epilogue epilogue, vec y0, vec y1, Out* c) {
    switch (epilogue) {
        case Epilogue::store: break;
        case Epilogue::accumulate:
            if constexpr (std::is_same_v<Out, float>) {
                y0 += load(c);
                y1 += load(c + W);
            }
            break;
        case Epilogue::tanh:
            y0 = tanh(y0);
            y1 = tanh(y1);
            break;
        case Epilogue::gelu:
            y0 = gelu(y0);
            y1 = gelu(y1);
            break;
        case Epilogue::silu:
            y0 = silu(y0);
            y1 = silu(y1);
            break;
        case Epilogue::geglu: store(c, y0 * gelu(y1)); return;
    }
    store(c, y0);
    store(c + W, y1);
}

// One block of ROWS rows by one panel; `a` is read by broadcasting its elements.
template <int ROWS>
inline void block_product(int inner, const float* a, ptrdiff_t a_stride, const float* panel,
                          vec (&low)[ROWS], vec (&high)[ROWS]) {
    for (int r = 0; r < ROWS; ++r) low[r] = high[r] = vec{};
    for (int k = 0; k < inner; ++k) {
        const vec b0 = load(panel + static_cast<ptrdiff_t>(k) * kPanel);
        const vec b1 = load(panel + static_cast<ptrdiff_t>(k) * kPanel + W);
#pragma GCC unroll 16
        for (int r = 0; r < ROWS; ++r) {
            const float x = a[r * a_stride + k];
            low[r] += x * b0;
            high[r] += x * b1;
        }
    }
}

template <int ROWS, class Out>
void block(int inner, const float* a, ptrdiff_t a_stride, const float* panel, const float* bias,
           Epilogue epilogue, Out* c, ptrdiff_t c_stride) {
    vec low[ROWS], high[ROWS];
    block_product<ROWS>(inner, a, a_stride, panel, low, high);
    const vec bias0 = load(bias), bias1 = load(bias + W);
    for (int r = 0; r < ROWS; ++r)
        finish(epilogue, low[r] + bias0, high[r] + bias1, c + r * c_stride);
}

template <class Out>
void matmul_panels(int rows, const float* a, int a_stride, const PackedWeights& w,
                   Epilogue epilogue, Out* c, int c_stride) {
    const float* data = static_cast<const float*>(w.data);
    const int step = epilogue == Epilogue::geglu ? W : kPanel;
    for (int p = 0; p < w.columns / kPanel; ++p) {
        const float* panel = data + static_cast<ptrdiff_t>(p) * kPanel * w.in;
        const float* bias = w.bias + p * kPanel;
        Out* column = c + p * step;
        const auto rows_from = [&](auto count, int r) {
            block<count>(w.in, a + static_cast<ptrdiff_t>(r) * a_stride, a_stride, panel, bias,
                         epilogue, column + static_cast<ptrdiff_t>(r) * c_stride, c_stride);
        };
        for_row_blocks<kBlock>(rows, rows_from);
    }
}

#if defined(__AMX_BF16__)

template <class Out>
void matmul_tiles(int rows, const bf16* a, int a_stride, const PackedWeights& w, Epilogue epilogue,
                  Out* c, int c_stride) {
    const TileSession session;
    const int inner = round_up(w.in, kPad);
    const bf16* data = static_cast<const bf16*>(w.data);
    const int step = epilogue == Epilogue::geglu ? kTile : 2 * kTile;
    alignas(64) float result[2 * kTile][2 * kTile];
    for (int p = 0; p < w.columns / (2 * kTile); ++p) {
        const bf16* panel = data + static_cast<ptrdiff_t>(p) * 2 * kTile * inner;
        const vec bias0 = load(w.bias + p * 2 * kTile), bias1 = load(w.bias + p * 2 * kTile + W);
        for (int r = 0; r < rows; r += 2 * kTile) {
            const bf16* top = a + static_cast<ptrdiff_t>(r) * a_stride;
            const bf16* bottom = top + static_cast<ptrdiff_t>(kTile) * a_stride;
            _tile_zero(0);
            _tile_zero(1);
            _tile_zero(2);
            _tile_zero(3);
            for (int k = 0; k < inner; k += 32) {
                const bf16* tiles = panel + static_cast<ptrdiff_t>(k) * 2 * kTile;
                _tile_loadd(4, top + k, a_stride * 2);
                _tile_loadd(6, tiles, 64);
                _tile_dpbf16ps(0, 4, 6);
                _tile_loadd(7, tiles + 512, 64);
                _tile_dpbf16ps(1, 4, 7);
                _tile_loadd(5, bottom + k, a_stride * 2);
                _tile_dpbf16ps(2, 5, 6);
                _tile_dpbf16ps(3, 5, 7);
            }
            _tile_stored(0, &result[0][0], sizeof result[0]);
            _tile_stored(1, &result[0][kTile], sizeof result[0]);
            _tile_stored(2, &result[kTile][0], sizeof result[0]);
            _tile_stored(3, &result[kTile][kTile], sizeof result[0]);
            const int count = std::min(2 * kTile, rows - r);
            for (int i = 0; i < count; ++i) {
                finish(epilogue, load(result[i]) + bias0, load(result[i] + W) + bias1,
                       c + static_cast<ptrdiff_t>(r + i) * c_stride + p * step);
            }
        }
    }
}

#else

// Without AMX bfloat16 is a storage format: blocks of rows are widened and multiplied in float32.
template <class Out>
void matmul_tiles(int rows, const bf16* a, int a_stride, const PackedWeights& w, Epilogue epilogue,
                  Out* c, int c_stride) {
    constexpr int kRows = 4 * kBlock;
    std::vector<float> wide(static_cast<size_t>(kRows) * w.in);
    for (int r = 0; r < rows; r += kRows) {
        const int count = std::min(kRows, rows - r);
        for (int i = 0; i < count; ++i) {
            for (int k = 0; k < w.in; ++k) {
                wide[static_cast<size_t>(i) * w.in + k] =
                    from_half(a[static_cast<ptrdiff_t>(r + i) * a_stride + k]);
            }
        }
        matmul_panels(count, wide.data(), w.in, w, epilogue,
                      c + static_cast<ptrdiff_t>(r) * c_stride, c_stride);
    }
}

#endif

void matmul_bf16(int rows, const bf16* a, int a_stride, const PackedWeights& w, Epilogue epilogue,
                 float* c, int c_stride) {
    matmul_tiles(rows, a, a_stride, w, epilogue, c, c_stride);
}

void matmul_bf16_out(int rows, const bf16* a, int a_stride, const PackedWeights& w,
                     Epilogue epilogue, bf16* c, int c_stride) {
    matmul_tiles(rows, a, a_stride, w, epilogue, c, c_stride);
}

}  // namespace
}  // namespace ardiff::cpu
