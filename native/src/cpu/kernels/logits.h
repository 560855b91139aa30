// Logits of the whole vocabulary: their sum, and the likeliest of them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <utility>

#include "cpu/kernels/best_tokens.h"

namespace ardiff::cpu {
namespace {

float log_total(const float* scores, int size) {
    vec top = splat(kNone);
    for (int v = 0; v < size; v += W) top = maximum(top, load(scores + v));
    const float peak = largest(top);
    // Sums of 64 vectors in float32, what they come to in float64.
    double total = 0;
    for (int v = 0; v < size; v += 64 * W) {
        vec part{};
        for (int i = v; i < std::min(size, v + 64 * W); i += W) {
            const vec s = load(scores + i);
            part += s == kNone ? vec{} : exp(s - peak);
        }
        total += sum(part);
    }
    return peak + static_cast<float>(std::log(total));
}

int shortlist(const float* scores, int size, int capacity, int32_t* ids) {
    constexpr int kVectors = 128 / W;
    vec maxima[kVectors];
    for (vec& m : maxima) m = splat(kNone);
    for (int first = 0; first < size; first += 128) {
        for (int i = 0; i < std::min(kVectors, (size - first) / W); ++i)
            maxima[i] = maximum(maxima[i], load(scores + first + i * W));
    }
    alignas(64) float sorted[128];
    for (int i = 0; i < kVectors; ++i) store(sorted + i * W, maxima[i]);
    constexpr int kReached = 48;  // of 128 maxima: they hold about the 60 best of all
    std::nth_element(sorted, sorted + kReached, sorted + 128, std::greater<float>());
    const float limit = std::max(sorted[kReached], std::numeric_limits<float>::lowest());
    int count = 0;
    for (int v = 0; v < size; v += W) {
        const ivec reached = load(scores + v) >= limit;
        bool any = false;
        for (int i = 0; i < W; ++i) any |= reached[i] != 0;
        if (!any) continue;
        for (int i = 0; i < W; ++i) {
            if (reached[i] != 0 && count < capacity) ids[count++] = v + i;
        }
    }
    return count;
}

int32_t best_among(const float* x, const float* table, int stride, const float* bias, int count,
                   const int32_t* ids, float others, float* log_probability) {
    float best = kNone;
    int32_t chosen = count > 0 ? ids[0] : 0;
    double total = 0;  // of exp(score - best)
    for (int i = 0; i < count; ++i) {
        const float* e = table + static_cast<ptrdiff_t>(ids[i]) * stride;
        vec products{};
        for (int c = 0; c < stride; c += W) products += load(x + c) * load(e + c);
        const float score = sum(products) + bias[ids[i]];
        if (score > best) {
            total = total * std::exp(static_cast<double>(best) - score) + 1;
            best = score;
            chosen = ids[i];
        } else {
            total += std::exp(static_cast<double>(score) - best);
        }
    }
    total += std::exp(static_cast<double>(others) - best);
    *log_probability = static_cast<float>(-std::log(std::max(total, 1.0)));
    return chosen;
}

}  // namespace
}  // namespace ardiff::cpu
