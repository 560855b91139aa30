// Elementary functions on GCC vectors. Compiled separately for every instruction set.
//
// Accuracy against libm in float32: exp and tanh 2 ulp, erf 1e-7 absolute, log 2 ulp, sin/cos 1 ulp
// over one turn; tests/native compares them through the kernels that use them.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__AVX512F__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"  // GCC bug 105593, in its own header
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop
#endif

namespace {

#if defined(__AVX512F__)
constexpr int W = 16;
#elif defined(__AVX2__)
constexpr int W = 8;
#else
constexpr int W = 4;
#endif

typedef float vec __attribute__((vector_size(W * 4)));
typedef int32_t ivec __attribute__((vector_size(W * 4)));
typedef uint32_t uvec __attribute__((vector_size(W * 4)));
typedef uint64_t uvec2 __attribute__((vector_size(W * 8)));

inline vec load(const float* p) {
    vec v;
    std::memcpy(&v, p, sizeof v);
    return v;
}
inline void store(float* p, vec v) { std::memcpy(p, &v, sizeof v); }
inline vec splat(float x) { return x - vec{}; }
inline vec as_float(ivec v) { return (vec)v; }
inline ivec as_int(vec v) { return (ivec)v; }
inline vec absolute(vec x) { return as_float(as_int(x) & 0x7fffffff); }

#if defined(__AVX512F__)
// GCC's generic vectors become compares, blends and detours through memory here.
inline vec maximum(vec a, vec b) { return (vec)_mm512_max_ps((__m512)a, (__m512)b); }
inline vec minimum(vec a, vec b) { return (vec)_mm512_min_ps((__m512)a, (__m512)b); }
inline float sum(vec v) { return _mm512_reduce_add_ps((__m512)v); }
inline float largest(vec v) { return _mm512_reduce_max_ps((__m512)v); }
#else
inline vec maximum(vec a, vec b) { return a > b ? a : b; }
inline vec minimum(vec a, vec b) { return a < b ? a : b; }
inline float sum(vec v) {
    float total = 0;
    for (int i = 0; i < W; ++i) total += v[i];
    return total;
}
inline float largest(vec v) {
    float best = v[0];
    for (int i = 1; i < W; ++i) best = v[i] > best ? v[i] : best;
    return best;
}
#endif

// Cephes expf. Below -87.3 the result is the smallest normal number, not 0.
inline vec exp(vec x) {
    x = minimum(maximum(x, splat(-87.3f)), splat(88.3f));
    const vec shift = splat(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer
    const vec n = (x * 1.44269504088896341f + shift) - shift;
    const vec r = x - n * 0.693359375f - n * -2.12194440e-4f;
    vec p = splat(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    return p * as_float((__builtin_convertvector(n, ivec) + 127) << 23);
}

// Cephes tanhf.
inline vec tanh(vec x) {
    const vec z = x * x;
    vec p = splat(-5.70498872745e-3f);
    p = p * z + 2.06390887954e-2f;
    p = p * z - 5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z - 3.33332819422e-1f;
    const vec near = p * z * x + x;
    const vec size = 1.0f - 2.0f / (exp(2.0f * absolute(x)) + 1.0f);
    const vec far = x < 0.0f ? -size : size;
    return absolute(x) < 0.625f ? near : far;
}

// Rational minimax approximation on [-4,4], the one of Eigen and XLA.
inline vec erf(vec x) {
    x = minimum(maximum(x, splat(-4.0f)), splat(4.0f));
    const vec z = x * x;
    vec p = splat(-2.72614225801306e-10f);
    p = p * z + 2.77068142495902e-08f;
    p = p * z - 2.10102402082508e-06f;
    p = p * z - 5.69250639462346e-05f;
    p = p * z - 7.34990630326855e-04f;
    p = p * z - 2.95459980854025e-03f;
    p = p * z - 1.60960333262415e-02f;
    vec q = splat(-1.45660718464996e-05f);
    q = q * z - 2.13374055278905e-04f;
    q = q * z - 1.68282697438203e-03f;
    q = q * z - 7.37332916720468e-03f;
    q = q * z - 1.42647390514189e-02f;
    return x * p / q;
}

inline vec gelu(vec x) { return 0.5f * x * (1.0f + erf(x * 0.70710678118654752f)); }
inline vec silu(vec x) { return x / (1.0f + exp(-x)); }

// Cephes logf for normal positive x.
inline vec log(vec x) {
    ivec bits = as_int(x);
    ivec exponent = (bits >> 23) - 126;
    vec m = as_float((bits & 0x007fffff) | 0x3f000000);  // [0.5, 1)
    const ivec low = m < 0.70710678118654752f;
    exponent += low;  // low is -1 where true
    m = low ? m + m - 1.0f : m - 1.0f;
    const vec e = __builtin_convertvector(exponent, vec);
    const vec z = m * m;
    vec p = splat(7.0376836292e-2f);
    p = p * m - 1.1514610310e-1f;
    p = p * m + 1.1676998740e-1f;
    p = p * m - 1.2420140846e-1f;
    p = p * m + 1.4249322787e-1f;
    p = p * m - 1.6668057665e-1f;
    p = p * m + 2.0000714765e-1f;
    p = p * m - 2.4999993993e-1f;
    p = p * m + 3.3333331174e-1f;
    p = p * m * z + e * -2.12194440e-4f - 0.5f * z;
    return m + p + e * 0.693359375f;
}

// cos and sin of 2 pi u for u in [0,1].
inline void turn(vec u, vec& cosine, vec& sine) {
    const vec shift = splat(12582912.0f);
    const vec quarter = (u * 4.0f + shift) - shift;
    const vec a = (u * 4.0f - quarter) * 1.57079632679489662f;  // [-pi/4, pi/4]
    const vec z = a * a;
    const vec s = a + a * z * (-1.6666654611e-1f + z * (8.3321608736e-3f + z * -1.9515295891e-4f));
    const vec c =
        1.0f - 0.5f * z +
        z * z * (4.166664568298827e-2f + z * (-1.388731625493765e-3f + z * 2.443315711809948e-5f));
    const ivec q = __builtin_convertvector(quarter, ivec);
    const ivec swap = (q & 1) != 0;
    const vec ca = swap ? s : c;
    const vec sa = swap ? c : s;
    cosine = ((q + 1) & 2) != 0 ? -ca : ca;
    sine = (q & 2) != 0 ? -sa : sa;
}

}  // namespace
