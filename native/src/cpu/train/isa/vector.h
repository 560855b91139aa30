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

#include "cpu/kernels/vector_math.h"
#include "cpu/train/kernels.h"

namespace ardiff::training {
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

inline void store_operand(float* p, vec v) { ::store(p, v); }
inline void store_operand(bf16* p, vec v) {
    const half_vec h = to_half(v);
    std::memcpy(p, &h, sizeof h);
}
inline void store_operand(float* p, float x) { *p = x; }
inline void store_operand(bf16* p, float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, 4);
    *p = static_cast<bf16>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

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
inline vec load_part(const float* p, int lanes) {
    vec v{};
    for (int i = 0; i < lanes; ++i) v[i] = p[i];
    return v;
}
template <class A>
inline void store_part(A* p, vec v, int lanes) {
    for (int i = 0; i < lanes; ++i) store_operand(p + i, v[i]);
}
inline vec load_keep_part(const uint8_t* p, int lanes) {
    vec v{};
    for (int i = 0; i < lanes; ++i) v[i] = p[i];
    return v;
}
inline vec zero_beyond(vec v, int lanes) {
    for (int i = lanes; i < W; ++i) v[i] = 0;
    return v;
}
#endif

inline vec square_root(vec x) {
    vec y;
    for (int i = 0; i < W; ++i) y[i] = std::sqrt(x[i]);
    return y;
}

}  // namespace
}  // namespace ardiff::training
