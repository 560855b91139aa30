// bfloat16: conversions that round to nearest, ties to even.
#pragma once

#include <cstdint>
#include <cstring>

#include "cpu/kernels/kernels.h"
#include "cpu/kernels/vector_math.h"

namespace ardiff::cpu {
namespace {

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

inline void store(bf16* p, vec v) {
#if defined(__AVX512BF16__)
    const __m256bh half = _mm512_cvtneps_pbh((__m512)v);
#else
    typedef uint16_t hvec __attribute__((vector_size(W * 2)));
    uvec bits = (uvec)v;
    bits = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    const hvec half = __builtin_convertvector(bits, hvec);
#endif
    std::memcpy(p, &half, sizeof half);
}
using ::store;

}  // namespace
}  // namespace ardiff::cpu
