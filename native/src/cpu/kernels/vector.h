// Vectors, and loads and stores of matmul operands. Compiled separately for every instruction set.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "cpu/kernels/kernels.h"
#include "cpu/kernels/vector_math.h"

namespace ardiff::cpu {
namespace {

typedef uint8_t bytes_vec __attribute__((vector_size(W)));
typedef uint16_t half_vec __attribute__((vector_size(W * 2)));

inline half_vec to_half(vec v) {
#if defined(__AVX512BF16__)
    return (half_vec)_mm512_cvtneps_pbh((__m512)v);
#else
    uvec bits = (uvec)v;
    bits = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    return __builtin_convertvector(bits, half_vec);
#endif
}

// bfloat16: conversions round to nearest, ties to even.
inline bf16 to_half(float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, 4);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<bf16>((bits >> 16) | 64);
    return static_cast<bf16>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}
inline float from_half(bf16 x) {
    const uint32_t bits = static_cast<uint32_t>(x) << 16;
    float value;
    std::memcpy(&value, &bits, 4);
    return value;
}

using ::load;
inline vec load(const bf16* p) {
    half_vec h;
    std::memcpy(&h, p, sizeof h);
    return (vec)(__builtin_convertvector(h, uvec) << 16);
}

inline void store_operand(float* p, vec v) { ::store(p, v); }
inline void store_operand(bf16* p, vec v) {
    const half_vec h = to_half(v);
    std::memcpy(p, &h, sizeof h);
}
inline void store_operand(float* p, float x) { *p = x; }
inline void store_operand(bf16* p, float x) { *p = to_half(x); }

inline vec load_keep(const uint8_t* p) {
    bytes_vec b;
    std::memcpy(&b, p, sizeof b);
    return __builtin_convertvector(b, vec);
}

// The first `lanes` elements of a vector, zeros after them.
#if defined(__AVX512F__)
inline __mmask16 first_lanes(int lanes) { return static_cast<__mmask16>((1u << lanes) - 1); }
inline vec load_part(const float* p, int lanes) {
    return (vec)_mm512_maskz_loadu_ps(first_lanes(lanes), p);
}
inline void store_part(float* p, vec v, int lanes) {
    _mm512_mask_storeu_ps(p, first_lanes(lanes), (__m512)v);
}
inline void store_part(bf16* p, vec v, int lanes) {
    _mm256_mask_storeu_epi16(p, first_lanes(lanes), (__m256i)to_half(v));
}
inline vec load_keep_part(const uint8_t* p, int lanes) {
    return (vec)_mm512_cvtepi32_ps(
        _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(first_lanes(lanes), p)));
}
inline vec zero_beyond(vec v, int lanes) {
    return (vec)_mm512_maskz_mov_ps(first_lanes(lanes), (__m512)v);
}
#else
inline ivec first_lanes(int lanes) {
    alignas(64) static constexpr int32_t masks[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    ivec mask;
    std::memcpy(&mask, masks + 8 - lanes, sizeof mask);
    return mask;
}
inline vec zero_beyond(vec v, int lanes) { return as_float(as_int(v) & first_lanes(lanes)); }
inline vec load_part(const float* p, int lanes) {
#if defined(__AVX2__)
    return (vec)_mm256_maskload_ps(p, (__m256i)first_lanes(lanes));
#else
    vec v{};
    for (int i = 0; i < lanes; ++i) v[i] = p[i];
    return v;
#endif
}
inline void store_part(float* p, vec v, int lanes) {
#if defined(__AVX2__)
    _mm256_maskstore_ps(p, (__m256i)first_lanes(lanes), (__m256)v);
#else
    for (int i = 0; i < lanes; ++i) p[i] = v[i];
#endif
}
inline void store_part(bf16* p, vec v, int lanes) {
    for (int i = 0; i < lanes; ++i) store_operand(p + i, v[i]);
}
inline vec load_keep_part(const uint8_t* p, int lanes) {
    vec v{};
    for (int i = 0; i < lanes; ++i) v[i] = p[i];
    return v;
}
#endif

inline vec square_root(vec x) {
    vec y;
    for (int i = 0; i < W; ++i) y[i] = std::sqrt(x[i]);
    return y;
}

}  // namespace
}  // namespace ardiff::cpu
