// Attention of one slot, all its heads, over keys that are kept in groups.
#pragma once

#include <algorithm>
#include <cstddef>

#include "cpu/kernels/attention.h"

namespace ardiff::cpu {
namespace {

constexpr int kGroupVectors = kKeyGroup / W;

// Scaled scores of one head against one group; those beyond the first `count` become kHidden.
constexpr float kHidden = -1e30f;

inline void score_group(const float* q, int head_size, float scale, const float* keys, int count,
                        float* scores, vec& top) {
    vec acc[kGroupVectors] = {};
    for (int c = 0; c < head_size; ++c) {
        const float x = q[c];
        for (int v = 0; v < kGroupVectors; ++v) acc[v] += x * load(keys + c * kKeyGroup + v * W);
    }
    for (int v = 0; v < kGroupVectors; ++v) {
        vec s = acc[v] * scale;
        if (count < (v + 1) * W) {
            for (int i = 0; i < W; ++i) s[i] = v * W + i < count ? s[i] : kHidden;
        }
        store(scores + v * W, s);
        top = maximum(top, s);
    }
}

inline vec score_all(const float* q, int offset, int head_size, float scale, const KeyGroups& keys,
                     float* scores, vec top) {
    for (int g = 0; g * kKeyGroup < keys.count; ++g) {
        score_group(q + offset, head_size, scale,
                    keys.keys[g] + static_cast<ptrdiff_t>(offset) * kKeyGroup,
                    std::min(kKeyGroup, keys.count - g * kKeyGroup), scores + g * kKeyGroup, top);
    }
    return top;
}

// Turns scores into weights. A hidden key's is exactly 0: it must not dilute the others.
inline vec soften_all(float* scores, int count, float peak, vec total) {
    for (int j = 0; j < count; j += W) {
        const vec s = load(scores + j);
        const vec weight = s == kHidden ? vec{} : exp(s - peak);
        store(scores + j, weight);
        total += weight;
    }
    return total;
}

template <int VECTORS>
inline void add_values(const float* weights, const KeyGroups& keys, int offset,
                       vec (&acc)[VECTORS]) {
    for (int g = 0; g * kKeyGroup < keys.count; ++g) {
        const float* value = keys.values[g] + offset;
        const int count = std::min(kKeyGroup, keys.count - g * kKeyGroup);
        for (int j = 0; j < count; ++j, value += keys.value_stride) {
            const float weight = weights[g * kKeyGroup + j];
            for (int v = 0; v < VECTORS; ++v) acc[v] += weight * load(value + v * W);
        }
    }
}

void attend_past(int heads, int head_size, const float* q, float scale, const KeyGroups& past,
                 const KeyGroups& beside, float* scratch, float* out) {
    const int first = (past.count + kKeyGroup - 1) / kKeyGroup * kKeyGroup;
    for (int h = 0; h < heads; ++h) {
        const int offset = h * head_size;
        vec top = score_all(q, offset, head_size, scale, past, scratch, splat(kHidden));
        top = score_all(q, offset, head_size, scale, beside, scratch + first, top);
        const float peak = largest(top);
        vec total = soften_all(scratch, past.count, peak, vec{});
        total = soften_all(scratch + first, beside.count, peak, total);
        const float factor = 1.0f / sum(total);
        const auto weigh = [&](auto vectors, int c) {
            vec acc[vectors] = {};
            add_values<vectors>(scratch, past, offset + c, acc);
            add_values<vectors>(scratch + first, beside, offset + c, acc);
            for (int v = 0; v < vectors; ++v) {
                write(out + offset + c + v * W, acc[v] * factor,
                      std::min(W, head_size - c - v * W));
            }
        };
        int c = 0;
        for (; c + W < head_size; c += 2 * W) weigh(std::integral_constant<int, 2>{}, c);
        if (c < head_size) weigh(std::integral_constant<int, 1>{}, c);
    }
}

void keep_keys(int width, const float* k, int lane, float* keys) {
    for (int c = 0; c < width; ++c) keys[static_cast<ptrdiff_t>(c) * kKeyGroup + lane] = k[c];
}

}  // namespace
}  // namespace ardiff::cpu
