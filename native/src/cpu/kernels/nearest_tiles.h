// argmax over the vocabulary, screened in bfloat16 with AMX: tiles of 16 entries by 16 rows of x,
// so a group's maxima are vertical ones.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#include "cpu/kernels/tiles.h"
#include "cpu/kernels/vocabulary.h"

namespace ardiff::cpu {
namespace {

constexpr int kRowBlock = 2 * kTile;        // rows of x that are multiplied together
constexpr int kScreenRows = 4 * kRowBlock;  // rows that share one pass over the vocabulary
static_assert(kGroup == 2 * kTile && W == kTile);

int64_t vocabulary_bytes(int size, int width) {
    return static_cast<int64_t>(round_up(size, kGroup)) * padded(width) * 2;
}

// The length of what rounding to bfloat16 takes away from `x`; the rounded values go to `half`.
float round_to_half(const float* x, int count, bf16* half) {
    double square = 0;
    for (int c = 0; c < count; ++c) {
        half[c] = to_half(x[c]);
        const double lost = x[c] - from_half(half[c]);
        square += lost * lost;
    }
    return static_cast<float>(std::sqrt(square));
}

void pack_vocabulary(Vocabulary& vocabulary, void* packed) {
    const ptrdiff_t stride = vocabulary.stride;
    bf16* out = static_cast<bf16*>(packed);
    for (int v = 0; v < vocabulary.size; ++v) {
        const float lost =
            round_to_half(vocabulary.table + v * stride, vocabulary.stride, out + v * stride);
        vocabulary.largest_loss = std::max(vocabulary.largest_loss, lost);
    }
    std::fill(out + vocabulary.size * stride, out + round_up(vocabulary.size, kGroup) * stride,
              bf16{0});
    vocabulary.packed = packed;
}

// Rows of x as bfloat16 pairs, one row as bfloat16, and group maxima [groups][kScreenRows].
int64_t nearest_scratch(int, const Vocabulary& vocabulary) {
    return static_cast<int64_t>(kScreenRows) * (vocabulary.stride / 2 + groups_of(vocabulary)) +
           vocabulary.stride / 2;
}

using GroupScores = float[kGroup][kRowBlock];

// Scores without bias of one group of entries against one block of rows.
inline void multiply_group(const bf16* entries, const bf16* pairs, int inner, GroupScores& scores) {
    const ptrdiff_t stride = static_cast<ptrdiff_t>(inner) * 2, row_stride = kRowBlock * 4;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int k = 0; k < inner; k += 32) {
        const bf16* rows = pairs + static_cast<ptrdiff_t>(k) * kRowBlock;
        _tile_loadd(4, entries + k, stride);
        _tile_loadd(6, rows, row_stride);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(7, rows + 2 * kTile, row_stride);
        _tile_dpbf16ps(1, 4, 7);
        _tile_loadd(5, entries + static_cast<ptrdiff_t>(kTile) * inner + k, stride);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, &scores[0][0], sizeof scores[0]);
    _tile_stored(1, &scores[0][kTile], sizeof scores[0]);
    _tile_stored(2, &scores[kTile][0], sizeof scores[0]);
    _tile_stored(3, &scores[kTile][kTile], sizeof scores[0]);
}

// Approximate maxima [groups][kScreenRows] of some blocks of rows. The tile unit works on a block
// while the maxima of the one before are taken.
void screen(int blocks, const bf16* pairs, const Vocabulary& vocabulary, const float* bias,
            float* maxima) {
    const bf16* table = static_cast<const bf16*>(vocabulary.packed);
    const int groups = groups_of(vocabulary), inner = vocabulary.stride;
    alignas(64) GroupScores scores[2];
    for (int i = 0; i <= groups * blocks; ++i) {
        if (i < groups * blocks) {
            multiply_group(table + static_cast<ptrdiff_t>(i / blocks) * kGroup * inner,
                           pairs + static_cast<ptrdiff_t>(i % blocks) * kRowBlock * inner, inner,
                           scores[i % 2]);
        }
        if (i == 0) continue;
        const int group = (i - 1) / blocks, block = (i - 1) % blocks;
        const float* offset = bias + group * kGroup;
        const GroupScores& done = scores[(i - 1) % 2];
        vec low = splat(-std::numeric_limits<float>::infinity()), high = low;
        for (int e = 0; e < kGroup; ++e) {
            low = maximum(low, load(done[e]) + offset[e]);
            high = maximum(high, load(done[e] + W) + offset[e]);
        }
        float* out = maxima + static_cast<ptrdiff_t>(group) * kScreenRows + block * kRowBlock;
        store(out, low);
        store(out + W, high);
    }
}

// Brings rows into the form of the tiles, [block][inner/2][kRowBlock] pairs, and bounds the error
// of their approximate scores.
void prepare_rows(int count, const float* x, const Vocabulary& vocabulary, bf16* half,
                  uint32_t* pairs, float* slack) {
    const ptrdiff_t inner = vocabulary.stride;
    for (int i = 0; i < count; ++i) {
        const float* row = x + i * inner;
        // |x.e - x'.e'| <= |x - x'| |e| + |x'| |e - e'|, and the rounding of float32 sums.
        const float lost = round_to_half(row, vocabulary.stride, half);
        const float norm = std::sqrt(dot(row, row, vocabulary.stride));
        slack[i] = lost * vocabulary.largest_norm + (norm + lost) * vocabulary.largest_loss +
                   norm * vocabulary.largest_norm * static_cast<float>(inner) * kRounding;
        uint32_t* column = pairs + i / kRowBlock * kRowBlock * inner / 2 + i % kRowBlock;
        for (ptrdiff_t k = 0; k < inner / 2; ++k)
            std::memcpy(column + k * kRowBlock, half + 2 * k, 4);
    }
}

// The approximate score from which on a group may hold a row's exact maximum. Rows beyond the last
// have none: no score reaches NaN, while an infinite one, of what a longer block left there,
// reaches infinity.
void find_limits(int count, int groups, const float* maxima, const float* slack, float* limit) {
    for (int t = 0; t < count; t += W) {
        vec top = load(maxima + t);
        for (ptrdiff_t g = 1; g < groups; ++g)
            top = maximum(top, load(maxima + g * kScreenRows + t));
        store(limit + t, top - 2.0f * (load(slack + t) + absolute(top) * kRounding));
    }
    for (int i = count; i < kScreenRows; ++i) limit[i] = std::numeric_limits<float>::quiet_NaN();
}

// Scores again, exactly, every group that reaches a row's limit.
void choose(int count, const float* x, const Vocabulary& vocabulary, const float* bias,
            const float* maxima, const float* limit, int32_t* index) {
    Best best[kScreenRows];
    for (int g = 0; g < groups_of(vocabulary); ++g) {
        for (int t = 0; t < count; t += W) {
            const vec group = load(maxima + static_cast<ptrdiff_t>(g) * kScreenRows + t);
            unsigned rows = _mm512_cmp_ps_mask((__m512)group, (__m512)load(limit + t), _CMP_GE_OQ);
            for (; rows != 0; rows &= rows - 1) {
                const int i = t + __builtin_ctz(rows);
                const float* row = x + static_cast<ptrdiff_t>(i) * vocabulary.stride;
                best[i].consider_group(g, row, vocabulary, bias);
            }
        }
    }
    for (int i = 0; i < count; ++i) index[i] = best[i].index;
}

void nearest(int rows, const float* x, const Vocabulary& vocabulary, const float* bias,
             float* scratch, int32_t* index) {
    const int groups = groups_of(vocabulary);
    uint32_t* pairs = reinterpret_cast<uint32_t*>(scratch);
    float* maxima = scratch + static_cast<ptrdiff_t>(kScreenRows) * vocabulary.stride / 2;
    bf16* half = reinterpret_cast<bf16*>(maxima + static_cast<ptrdiff_t>(kScreenRows) * groups);
    alignas(64) float slack[kScreenRows] = {}, limit[kScreenRows];
    for (int r = 0; r < rows; r += kScreenRows) {
        const int count = std::min(kScreenRows, rows - r);
        const float* first = x + static_cast<ptrdiff_t>(r) * vocabulary.stride;
        prepare_rows(count, first, vocabulary, half, pairs, slack);
        screen(round_up(count, kRowBlock) / kRowBlock, reinterpret_cast<const bf16*>(pairs),
               vocabulary, bias, maxima);
        find_limits(count, groups, maxima, slack, limit);
        choose(count, first, vocabulary, bias, maxima, limit, index + r);
    }
}

}  // namespace
}  // namespace ardiff::cpu
