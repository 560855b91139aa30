// The best entry of the vocabulary, exactly, and the log of the sum over all of it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "cpu/kernels/vector.h"

namespace ardiff::cpu {
namespace {

// x . e in float32, always summed in the same order, so that all paths agree on ties.
inline float dot(const float* x, const float* e, int stride) {
    vec total{};
    for (int c = 0; c < stride; c += W) total += load(x + c) * load(e + c);
    return sum(total);
}

constexpr int kGroup = kPad;  // entries whose approximate maximum is kept; one rescoring unit
constexpr float kRounding =
    1.0f / (1 << 23);  // two sums of n products differ by at most n times this

inline int groups_of(const Vocabulary& vocabulary) {
    return (vocabulary.size + kGroup - 1) / kGroup;
}

// The exact best entry of one row so far.
struct Best {
    float score = -std::numeric_limits<float>::infinity();
    int32_t index = 0;

    void consider_group(int group, const float* x, const Vocabulary& vocabulary,
                        const float* bias) {
        const int last = std::min(vocabulary.size, (group + 1) * kGroup);
        for (int v = group * kGroup; v < last; ++v) {
            const float* e = vocabulary.table + static_cast<ptrdiff_t>(v) * vocabulary.stride;
            const float s = dot(x, e, vocabulary.stride) + bias[v];
            if (s > score) {
                score = s;
                index = v;
            }
        }
    }
};

float log_sum_exp(const float* x, const Vocabulary& vocabulary, const float* bias) {
    alignas(64) float scores[256];
    float peak = -std::numeric_limits<float>::infinity();
    double total = 0;
    for (int v = 0; v < vocabulary.size; v += 256) {
        const int count = std::min(256, vocabulary.size - v);
        for (int i = 0; i < 256; ++i) scores[i] = -1e30f;
        float top = -std::numeric_limits<float>::infinity();
        for (int i = 0; i < count; ++i) {
            scores[i] = dot(x, vocabulary.table + static_cast<ptrdiff_t>(v + i) * vocabulary.stride,
                            vocabulary.stride) +
                        bias[v + i];
            top = std::max(top, scores[i]);
        }
        if (top > peak) {
            total *= std::exp(static_cast<double>(peak) - top);
            peak = top;
        }
        vec part{};
        for (int i = 0; i < count; i += W) part += exp(load(scores + i) - peak);
        total += sum(part);
    }
    return peak + static_cast<float>(std::log(total));
}

}  // namespace
}  // namespace ardiff::cpu
