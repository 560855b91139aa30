// Philox4x32-10 (core/philox.h), W counters at a time.
#pragma once

#include "cpu/kernels/vector.h"

namespace ardiff::cpu {
namespace {

#if defined(__AVX512F__)

// The words of counters index .. index + W - 1. Counters with an even and with an odd place go
// apart, each in 64 bits of which the lower 32 count: products are that wide.
inline void philox(const Stream& stream, uint64_t index, uvec (&words)[4]) {
    const __m512i factor0 = _mm512_set1_epi64(0xD2511F53u),
                  factor1 = _mm512_set1_epi64(0xCD9E8D57u);
    const __m512i first = _mm512_add_epi64(_mm512_set1_epi64(static_cast<long long>(index)),
                                           _mm512_set_epi64(14, 12, 10, 8, 6, 4, 2, 0));
    __m512i c[4][2];
    for (int half = 0; half < 2; ++half) {
        c[0][half] = _mm512_add_epi64(first, _mm512_set1_epi64(half));
        c[1][half] = _mm512_set1_epi64(stream.site);
        c[2][half] = _mm512_set1_epi64(stream.step);
        c[3][half] = _mm512_set1_epi64(stream.branch);
    }
    uint32_t k0 = stream.key.low, k1 = stream.key.high;
    for (int round = 0; round < 10; ++round) {
        for (int half = 0; half < 2; ++half) {
            const __m512i product0 = _mm512_mul_epu32(c[0][half], factor0);
            const __m512i product1 = _mm512_mul_epu32(c[2][half], factor1);
            const __m512i high0 = _mm512_srli_epi64(product0, 32),
                          high1 = _mm512_srli_epi64(product1, 32);
            constexpr int kXor = 0x96;  // of all three
            c[0][half] = _mm512_ternarylogic_epi64(high1, c[1][half], _mm512_set1_epi64(k0), kXor);
            c[2][half] = _mm512_ternarylogic_epi64(high0, c[3][half], _mm512_set1_epi64(k1), kXor);
            c[1][half] = product1;
            c[3][half] = product0;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    for (int w = 0; w < 4; ++w) {
        words[w] = (uvec)_mm512_mask_blend_epi32(0xaaaa, c[w][0], _mm512_slli_epi64(c[w][1], 32));
    }
}

#else

// High and low words of a * b for every lane.
inline void multiply_words(uvec a, uint32_t b, uvec& high, uvec& low) {
    const uvec2 product = __builtin_convertvector(a, uvec2) * static_cast<uint64_t>(b);
    high = __builtin_convertvector(product >> 32, uvec);
    low = __builtin_convertvector(product, uvec);
}

// The words of counters index .. index + W - 1.
inline void philox(const Stream& stream, uint64_t index, uvec (&c)[4]) {
    c[0] = uvec{};
    for (int i = 0; i < W; ++i) c[0][i] = static_cast<uint32_t>(index) + static_cast<uint32_t>(i);
    c[1] = stream.site - uvec{};
    c[2] = stream.step - uvec{};
    c[3] = stream.branch - uvec{};
    uint32_t k0 = stream.key.low, k1 = stream.key.high;
    for (int round = 0; round < 10; ++round) {
        uvec high0, low0, high1, low1;
        multiply_words(c[0], 0xD2511F53u, high0, low0);
        multiply_words(c[2], 0xCD9E8D57u, high1, low1);
        c[0] = high1 ^ c[1] ^ k0;
        c[2] = high0 ^ c[3] ^ k1;
        c[1] = low1;
        c[3] = low0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

#endif

// Calls make(index, values) for blocks of `per_counter` * W elements and copies what lies in
// [first, first + count) out.
template <int kPerCounter, class T, class Make>
inline void in_blocks(int64_t first, int64_t count, T* out, Make&& make) {
    constexpr int64_t block = static_cast<int64_t>(kPerCounter) * W;
    T values[block];
    for (int64_t start = first / kPerCounter * kPerCounter; start < first + count; start += block) {
        const int64_t from = std::max(start, first), to = std::min(start + block, first + count);
        if (to - from == block) {
            make(static_cast<uint64_t>(start / kPerCounter), out + (start - first));
        } else {
            make(static_cast<uint64_t>(start / kPerCounter), values);
            std::memcpy(out + (from - first), values + (from - start),
                        static_cast<size_t>(to - from) * sizeof(T));
        }
    }
}

inline void keep(const Stream& stream, int64_t first, int64_t count, uint32_t threshold,
                 uint8_t* out) {
    in_blocks<8>(first, count, out, [&](uint64_t index, uint8_t* values) {
        uvec c[4];
        philox(stream, index, c);
#if defined(__AVX512F__)
        // Bytes 2w and 2w+1 of a counter's eight are the two halves of its word w.
        const __m512i limit = _mm512_set1_epi16(static_cast<short>(threshold));
        __m128i words[4][2];
        for (int w = 0; w < 4; ++w) {
            const __mmask32 kept = _mm512_cmpge_epu16_mask((__m512i)c[w], limit);
            const __m256i bytes = _mm256_maskz_set1_epi8(kept, 1);
            words[w][0] = _mm256_castsi256_si128(bytes);
            words[w][1] = _mm256_extracti128_si256(bytes, 1);
        }
        for (int half = 0; half < 2; ++half) {  // eight counters
            const __m128i low = _mm_unpacklo_epi16(words[0][half], words[1][half]);
            const __m128i high = _mm_unpackhi_epi16(words[0][half], words[1][half]);
            const __m128i low2 = _mm_unpacklo_epi16(words[2][half], words[3][half]);
            const __m128i high2 = _mm_unpackhi_epi16(words[2][half], words[3][half]);
            __m128i* to = reinterpret_cast<__m128i*>(values + half * 64);
            _mm_storeu_si128(to, _mm_unpacklo_epi32(low, low2));
            _mm_storeu_si128(to + 1, _mm_unpackhi_epi32(low, low2));
            _mm_storeu_si128(to + 2, _mm_unpacklo_epi32(high, high2));
            _mm_storeu_si128(to + 3, _mm_unpackhi_epi32(high, high2));
        }
#else
        for (int i = 0; i < W; ++i) {
            for (int w = 0; w < 4; ++w) {
                values[8 * i + 2 * w] = (c[w][i] & 0xffffu) >= threshold;
                values[8 * i + 2 * w + 1] = (c[w][i] >> 16) >= threshold;
            }
        }
#endif
    });
}

inline vec unit_interval(uvec x) {
    const ivec cell = (ivec)(x >> 8);
    return (__builtin_convertvector(cell, vec) + 0.5f) * (1.0f / 16777216.0f);
}

// Box-Muller: two normal values from two uniform ones.
inline void box_muller(uvec a, uvec b, vec& first, vec& second) {
    const vec radius = square_root(-2.0f * log(unit_interval(a)));
    vec cosine, sine;
    turn(unit_interval(b), cosine, sine);
    first = radius * cosine;
    second = radius * sine;
}

inline void normal(const Stream& stream, int64_t first, int64_t count, float* out) {
    in_blocks<4>(first, count, out, [&](uint64_t index, float* values) {
        uvec c[4];
        philox(stream, index, c);
        vec n[4];
        box_muller(c[0], c[1], n[0], n[1]);
        box_muller(c[2], c[3], n[2], n[3]);
        for (int i = 0; i < W; ++i) {
            for (int j = 0; j < 4; ++j) values[4 * i + j] = n[j][i];
        }
    });
}

}  // namespace
}  // namespace ardiff::cpu
