// Matmul of any number of rows, few ones included: what a call of decoding has.
//
// Every sum runs over k in order, as in matmul.h, so that a row has the same bits whatever block it
// falls into. Blocks are of nearly equal size, and blocks of few rows take several panels at once: a
// multiply-add takes four cycles and two can start in each, so that fewer than eight sums under way
// would leave the multipliers idle.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "cpu/kernels/matmul.h"

namespace ardiff::cpu {
namespace {

// Panels that a block of so many rows takes at once.
constexpr int panels_at_once(int rows) { return rows == 1 ? 4 : rows < 4 ? 2 : 1; }

// Calls work(count, first) for blocks of at most `largest` rows of nearly equal size; count is a
// compile-time number.
template <int largest, class Work>
inline void for_even_blocks(int rows, const Work& work) {
    const int blocks = (rows + largest - 1) / largest;
    const auto dispatch = [&](auto self, auto count, int wanted, int first) -> void {
        if (wanted == count) return work(count, first);
        if constexpr (count > 1) {
            self(self, std::integral_constant<int, count - 1>{}, wanted, first);
        }
    };
    int first = 0;
    for (int b = 0; b < blocks; ++b) {
        const int count = (rows - first) / (blocks - b);
        dispatch(dispatch, std::integral_constant<int, largest>{}, count, first);
        first += count;
    }
}

// ROWS rows by PANELS panels that lie one behind the other.
template <int ROWS, int PANELS>
inline void panel_products(int inner, const float* a, ptrdiff_t a_stride, const float* panels,
                           vec (&low)[PANELS][ROWS], vec (&high)[PANELS][ROWS]) {
    const ptrdiff_t size = static_cast<ptrdiff_t>(kPanel) * inner;
    for (int p = 0; p < PANELS; ++p) {
        for (int r = 0; r < ROWS; ++r) low[p][r] = high[p][r] = vec{};
    }
    for (int k = 0; k < inner; ++k) {
        vec b0[PANELS], b1[PANELS];
        for (int p = 0; p < PANELS; ++p) {
            b0[p] = load(panels + p * size + static_cast<ptrdiff_t>(k) * kPanel);
            b1[p] = load(panels + p * size + static_cast<ptrdiff_t>(k) * kPanel + W);
        }
#pragma GCC unroll 16
        for (int r = 0; r < ROWS; ++r) {
            const float x = a[r * a_stride + k];
            for (int p = 0; p < PANELS; ++p) {
                low[p][r] += x * b0[p];
                high[p][r] += x * b1[p];
            }
        }
    }
}

// Calls visit(rows, panels, first row, first panel, low, high) with the sums of every block of rows and
// panels; panels are passed once, from the first to the last.
template <class Visit>
inline void for_panel_blocks(int rows, const float* a, int a_stride, const PackedWeights& w,
                             const Visit& visit) {
    const float* data = static_cast<const float*>(w.data);
    const ptrdiff_t size = static_cast<ptrdiff_t>(kPanel) * w.in;
    const int panels = w.columns / kPanel;
    const auto products = [&](auto count, auto taken, int row, int panel) {
        vec low[taken][count], high[taken][count];
        panel_products<count, taken>(w.in, a + static_cast<ptrdiff_t>(row) * a_stride, a_stride,
                                     data + panel * size, low, high);
        visit(count, taken, row, panel, low, high);
    };
    // As many panels at once as the smallest block asks for: all blocks then read them from the cache.
    const int blocks = (rows + kBlock - 1) / kBlock;
    const int step = blocks == 0 ? 1 : panels_at_once(rows / blocks);
    for (int p = 0; p < panels; p += step) {
        const int last = std::min(panels, p + step);
        for_even_blocks<kBlock>(rows, [&](auto count, int row) {
            constexpr int most = panels_at_once(count);
            int panel = p;
            for (; panel + most <= last; panel += most) {
                products(count, std::integral_constant<int, most>{}, row, panel);
            }
            for (; panel < last; ++panel) {
                products(count, std::integral_constant<int, 1>{}, row, panel);
            }
        });
    }
}

void matmul_rows(int rows, const float* a, int a_stride, const PackedWeights& w, Epilogue epilogue,
                 float* c, int c_stride) {
    const int width = epilogue == Epilogue::geglu ? W : kPanel;
    for_panel_blocks(rows, a, a_stride, w,
                     [&](auto count, auto panels, int row, int panel, auto& low, auto& high) {
                         for (int p = 0; p < panels; ++p) {
                             const float* bias = w.bias + (panel + p) * kPanel;
                             const vec bias0 = load(bias), bias1 = load(bias + W);
                             float* column = c + static_cast<ptrdiff_t>(row) * c_stride +
                                             static_cast<ptrdiff_t>(panel + p) * width;
                             for (int r = 0; r < count; ++r) {
                                 finish(epilogue, low[p][r] + bias0, high[p][r] + bias1,
                                        column + static_cast<ptrdiff_t>(r) * c_stride);
                             }
                         }
                     });
}

}  // namespace
}  // namespace ardiff::cpu
