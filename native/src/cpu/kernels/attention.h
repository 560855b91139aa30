// Attention of one head.
#pragma once

#include <algorithm>
#include <cstddef>

#include "cpu/kernels/half.h"
#include "cpu/kernels/row_blocks.h"

namespace ardiff::cpu {
namespace {

constexpr int kQueries = W == 16 ? 8 : 4;  // queries whose scores are computed together

// Scaled scores of ROWS queries against VECTORS vectors of keys.
template <int ROWS, int VECTORS>
inline void score_keys(const float* q, ptrdiff_t q_stride, int head_size, float scale,
                       const HeadKeys& keys, int first, float* scores) {
    const ptrdiff_t stride = keys.key_stride;
    vec acc[ROWS][VECTORS] = {};
    for (int c = 0; c < head_size; ++c) {
        vec k[VECTORS];
        for (int v = 0; v < VECTORS; ++v) k[v] = load(keys.keys + c * stride + first + v * W);
#pragma GCC unroll 16
        for (int r = 0; r < ROWS; ++r) {
            const float x = q[r * q_stride + c];
            for (int v = 0; v < VECTORS; ++v) acc[r][v] += x * k[v];
        }
    }
    for (int v = 0; v < VECTORS; ++v) {
        const int at = first + v * W;
        const vec bias = load(keys.bias + at);
        for (int r = 0; r < ROWS; ++r) store(scores + r * stride + at, acc[r][v] * scale + bias);
    }
}

// Turns the scores of one query into weights; returns what they must be multiplied by to sum to 1.
inline float soften(float* scores, int count) {
    vec top = load(scores);
    for (int j = W; j < count; j += W) top = maximum(top, load(scores + j));
    const float peak = largest(top);
    vec total{};
    for (int j = 0; j < count; j += W) {
        const vec weight = exp(load(scores + j) - peak);
        store(scores + j, weight);
        total += weight;
    }
    return 1.0f / sum(total);
}

// The first `count` values of a vector.
template <class Out>
inline void store_some(Out* out, vec v, int count) {
    if (count >= W) return store(out, v);
    alignas(64) Out all[W];
    store(all, v);
    std::copy(all, all + count, out);
}

// VECTORS vectors of the weighted values of ROWS queries.
template <int ROWS, int VECTORS, class Out>
inline void weigh_values(const float* weights, const float* factors, const HeadKeys& keys,
                         int first, int head_size, Out* out, ptrdiff_t out_stride) {
    vec acc[ROWS][VECTORS] = {};
    for (int j = 0; j < keys.count; ++j) {
        const float* value = keys.values + static_cast<ptrdiff_t>(j) * keys.value_stride + first;
        vec x[VECTORS];
        for (int v = 0; v < VECTORS; ++v) x[v] = load(value + v * W);
#pragma GCC unroll 16
        for (int r = 0; r < ROWS; ++r) {
            const float weight = weights[static_cast<ptrdiff_t>(r) * keys.key_stride + j];
            for (int v = 0; v < VECTORS; ++v) acc[r][v] += weight * x[v];
        }
    }
    for (int r = 0; r < ROWS; ++r) {
        for (int v = 0; v < VECTORS; ++v) {
            const int at = first + v * W;
            store_some(out + r * out_stride + at, acc[r][v] * factors[r], head_size - at);
        }
    }
}

template <int ROWS, class Out>
void attend_rows(const float* q, ptrdiff_t q_stride, int head_size, float scale,
                 const HeadKeys& keys, float* scores, Out* out, ptrdiff_t out_stride) {
    int j = 0;
    for (; j + 2 * W <= keys.key_stride; j += 2 * W) {
        score_keys<ROWS, 2>(q, q_stride, head_size, scale, keys, j, scores);
    }
    if (j < keys.key_stride) score_keys<ROWS, 1>(q, q_stride, head_size, scale, keys, j, scores);
    float factors[ROWS];
    for (int r = 0; r < ROWS; ++r)
        factors[r] = soften(scores + r * keys.key_stride, keys.key_stride);
    int c = 0;
    for (; c + W < head_size; c += 2 * W) {
        weigh_values<ROWS, 2>(scores, factors, keys, c, head_size, out, out_stride);
    }
    if (c < head_size) weigh_values<ROWS, 1>(scores, factors, keys, c, head_size, out, out_stride);
}

template <class Out>
void attend_head(int queries, const float* q, ptrdiff_t q_stride, int head_size, float scale,
                 const HeadKeys& keys, float* scratch, Out* out, ptrdiff_t out_stride) {
    for_row_blocks<kQueries>(queries, [&](auto count, int first) {
        attend_rows<count>(q + first * q_stride, q_stride, head_size, scale, keys, scratch,
                           out + first * out_stride, out_stride);
    });
}

void attend(int queries, const float* q, int q_stride, int head_size, float scale,
            const HeadKeys& keys, float* scratch, float* out, bf16* out_half, int out_stride) {
    if (out != nullptr) {
        attend_head(queries, q, q_stride, head_size, scale, keys, scratch, out, out_stride);
    } else {
        attend_head(queries, q, q_stride, head_size, scale, keys, scratch, out_half, out_stride);
    }
}

}  // namespace
}  // namespace ardiff::cpu
