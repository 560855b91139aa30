// Normal noise from Philox4x32-10, W counters at a time.
#pragma once

#include <cmath>
#include <cstdint>

#include "cpu/kernels/vector_math.h"

namespace ardiff::cpu {
namespace {

inline void multiply(uvec a, uint32_t b, uvec& high, uvec& low) {
    const uvec2 product = __builtin_convertvector(a, uvec2) * static_cast<uint64_t>(b);
    high = __builtin_convertvector(product >> 32, uvec);
    low = __builtin_convertvector(product, uvec);
}

inline vec unit_interval(uvec x) {
    const uvec top = x >> 8;
    const ivec cell = (ivec)top;
    return (__builtin_convertvector(cell, vec) + 0.5f) * (1.0f / 16777216.0f);
}

// Box-Muller: two normal values from two uniform ones.
inline void box_muller(uvec a, uvec b, vec& first, vec& second) {
    const vec square = -2.0f * log(unit_interval(a));
    vec radius;
    for (int i = 0; i < W; ++i) radius[i] = std::sqrt(square[i]);
    vec cosine, sine;
    turn(unit_interval(b), cosine, sine);
    first = radius * cosine;
    second = radius * sine;
}

void normal(uint32_t key_low, uint32_t key_high, uint32_t candidate, uint32_t step, uint32_t slot,
            int channels, float* out) {
    const int quads = (channels + 3) / 4;
    for (int first = 0; first < quads; first += W) {
        uvec c0, c1 = slot - uvec{}, c2 = step - uvec{}, c3 = candidate - uvec{};
        for (int i = 0; i < W; ++i) c0[i] = static_cast<uint32_t>(first + i);
        uint32_t k0 = key_low, k1 = key_high;
        for (int round = 0; round < 10; ++round) {  // philox4x32_10 of core/philox.h, W at a time
            uvec high0, low0, high1, low1;
            multiply(c0, 0xD2511F53u, high0, low0);
            multiply(c2, 0xCD9E8D57u, high1, low1);
            c0 = high1 ^ c1 ^ k0;
            c2 = high0 ^ c3 ^ k1;
            c1 = low1;
            c3 = low0;
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        vec n0, n1, n2, n3;
        box_muller(c0, c1, n0, n1);
        box_muller(c2, c3, n2, n3);
        for (int i = 0; i < W && first + i < quads; ++i) {
            float* quad = out + (first + i) * 4;
            quad[0] = n0[i];
            quad[1] = n1[i];
            quad[2] = n2[i];
            quad[3] = n3[i];
        }
    }
}

}  // namespace
}  // namespace ardiff::cpu
