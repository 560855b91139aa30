// argmax over the vocabulary, screened in float32 with the matmul's register block; its sums differ
// from dot()'s by rounding.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "cpu/kernels/matmul.h"
#include "cpu/kernels/vocabulary.h"

namespace ardiff::cpu {
namespace {

int64_t vocabulary_bytes(int size, int width) {
    return static_cast<int64_t>(round_up(size, kGroup)) * width * 4;
}

void pack_vocabulary(Vocabulary& vocabulary, void* packed) {
    float* out = static_cast<float*>(packed);
    for (int v = 0; v < round_up(vocabulary.size, kGroup); ++v) {
        for (int k = 0; k < vocabulary.width; ++k) {
            const ptrdiff_t at = static_cast<ptrdiff_t>(v / kPanel) * kPanel * vocabulary.width +
                                 static_cast<ptrdiff_t>(k) * kPanel + v % kPanel;
            out[at] = v < vocabulary.size
                          ? vocabulary.table[static_cast<ptrdiff_t>(v) * vocabulary.stride + k]
                          : 0.0f;
        }
    }
    vocabulary.packed = packed;
}

int64_t nearest_scratch(int rows, const Vocabulary& vocabulary) {
    return static_cast<int64_t>(rows) * groups_of(vocabulary);
}

// Approximate maxima of one group for ROWS rows.
template <int ROWS>
void screen_rows(const float* x, const Vocabulary& vocabulary, const float* bias, int group,
                 float* maxima, ptrdiff_t maxima_stride) {
    vec top[ROWS];
    for (int r = 0; r < ROWS; ++r) top[r] = splat(-std::numeric_limits<float>::infinity());
    for (int v = group * kGroup; v < (group + 1) * kGroup; v += kPanel) {
        vec sums[1][ROWS][2];
        const float* panel = static_cast<const float*>(vocabulary.packed) +
                             static_cast<ptrdiff_t>(v) * vocabulary.width;
        multiply<1, ROWS, 2>(vocabulary.width, x, ByRows{vocabulary.stride}, panel, kPanel, 0,
                             sums);
        const vec bias0 = load(bias + v), bias1 = load(bias + v + W);
        for (int r = 0; r < ROWS; ++r) {
            top[r] = maximum(top[r], maximum(sums[0][r][0] + bias0, sums[0][r][1] + bias1));
        }
    }
    for (int r = 0; r < ROWS; ++r) maxima[r * maxima_stride] = largest(top[r]);
}

void nearest(int rows, const float* x, const Vocabulary& vocabulary, const float* bias,
             float* scratch, int32_t* index) {
    const int groups = groups_of(vocabulary);
    for (int g = 0; g < groups; ++g) {
        for_row_blocks(rows, [&](auto count, int first) {
            screen_rows<count()>(x + static_cast<ptrdiff_t>(first) * vocabulary.stride, vocabulary,
                                 bias, g, scratch + static_cast<ptrdiff_t>(first) * groups + g,
                                 groups);
        });
    }
    for (int r = 0; r < rows; ++r) {
        const float* row = x + static_cast<ptrdiff_t>(r) * vocabulary.stride;
        const float* maxima = scratch + static_cast<ptrdiff_t>(r) * groups;
        const float top = *std::max_element(maxima, maxima + groups);
        const float norm = std::sqrt(dot(row, row, vocabulary.stride));
        const float product =
            norm * vocabulary.largest_norm * static_cast<float>(vocabulary.stride);
        const float slack = (product + std::fabs(top)) * kRounding;
        const float limit = top - 2.0f * slack;
        Best best;
        for (int g = 0; g < groups; ++g) {
            if (maxima[g] >= limit) best.consider_group(g, row, vocabulary, bias);
        }
        index[r] = best.index;
    }
}

}  // namespace
}  // namespace ardiff::cpu
