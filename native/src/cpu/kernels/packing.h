// Weights in the order that matmul reads them.
//
// float32: panels of P columns, panel[k][P]. bfloat16 with AMX: panels of two tiles of 16x16 pairs.
#pragma once

#include <cstdint>

#include "cpu/kernels/half.h"
#include "cpu/kernels/tiles.h"

namespace ardiff::cpu {
namespace {

constexpr int kPanel = 2 * W;             // columns of a float32 panel
constexpr int kBlock = W == 16 ? 12 : 6;  // rows of a register block

int round_up(int n, int multiple) { return (n + multiple - 1) / multiple * multiple; }

int panel_width([[maybe_unused]] bool half) {
#if defined(__AMX_BF16__)
    if (half) return 2 * kTile;
#endif
    return kPanel;
}

int packed_columns(int out, bool half, bool geglu) {
    const int panel = panel_width(half);
    // A geglu panel holds panel/2 values and their panel/2 gates.
    return geglu ? round_up(out / 2, panel / 2) * 2 : round_up(out, panel);
}

int padded_inner(int in, [[maybe_unused]] bool half) {
#if defined(__AMX_BF16__)
    if (half) return round_up(in, kPad);
#endif
    return in;
}

int64_t packed_bytes(int out, int in, bool half, bool geglu) {
    const int64_t values =
        static_cast<int64_t>(packed_columns(out, half, geglu)) * padded_inner(in, half);
#if defined(__AMX_BF16__)
    if (half) return values * 2;
#endif
    return values * 4;
}

// The row of the weight matrix that packed column `column` comes from, or -1 for padding.
int source_row(int column, int out, int panel, bool geglu) {
    if (!geglu) return column < out ? column : -1;
    const int inner = out / 2, half_panel = panel / 2;
    const int within = column % panel;
    const int index = column / panel * half_panel + within % half_panel;
    if (index >= inner) return -1;
    return within < half_panel ? index : inner + index;
}

void pack(const float* weights, const float* bias, int out, int in, bool half, bool geglu,
          void* data, float* packed_bias) {
    const int panel = panel_width(half), columns = packed_columns(out, half, geglu);
    const int inner = padded_inner(in, half);
    for (int column = 0; column < columns; ++column) {
        const int row = source_row(column, out, panel, geglu);
        packed_bias[column] = row >= 0 && bias != nullptr ? bias[row] : 0.0f;
        const int64_t base = static_cast<int64_t>(column / panel) * panel * inner;
        const int within = column % panel;
        for (int k = 0; k < inner; ++k) {
            float value = row >= 0 && k < in ? weights[static_cast<int64_t>(row) * in + k] : 0.0f;
#if defined(__AMX_BF16__)
            if (half) {  // tiles [k / 32][column / 16] of 16 pairs of k by 16 columns
                const int64_t tile = (k / 32) * 2 + within / kTile;
                const int64_t at =
                    base + tile * 512 + (k % 32) / 2 * 32 + within % kTile * 2 + k % 2;
                static_cast<bf16*>(data)[at] = to_half(value);
                continue;
            }
#endif
            if (half) value = from_half(to_half(value));
            static_cast<float*>(data)[base + static_cast<int64_t>(k) * panel + within] = value;
        }
    }
}

}  // namespace
}  // namespace ardiff::cpu
