// Softmax of attention scores with its dropout, both directions. A row of a sentence this short
// fits in registers: it is read once and written once. Longer rows pass through memory several
// times.
#pragma once

#include "cpu/kernels/rows.h"

namespace ardiff::cpu {
namespace {

// The rows of one head's scores.
struct ScoreRows {
    int rows, keys,
        stride;         // queries; columns from `keys` up to a whole vector are there, and become 0
    float scale;        // of the scores
    const float* bias;  // [keys] added to the scaled scores, or null
    const float* pair_bias;  // [rows][stride] added to them as well, or null
    const uint8_t* keep;     // dropout, [rows][keep_stride], or null
    int keep_stride;
    float keep_scale;
};

// Calls row(vectors, r) for every row: `vectors` is how many a row has, as a constant, or 0 where
// it has many.
template <class F>
inline void over_score_rows(const ScoreRows& x, F&& row) {
    const auto all = [&](auto vectors) {
        for (int r = 0; r < x.rows; ++r) row(vectors, r);
    };
    switch ((x.keys + W - 1) / W) {
        case 1: return all(std::integral_constant<int, 1>{});
        case 2: return all(std::integral_constant<int, 2>{});
        case 3: return all(std::integral_constant<int, 3>{});
        case 4: return all(std::integral_constant<int, 4>{});
        default: return all(std::integral_constant<int, 0>{});
    }
}

// Calls f(i, column, lanes) for the N vectors of a row of `keys`.
template <int N, class F>
inline void over_vectors(int keys, F&& f) {
#pragma GCC unroll 4
    for (int i = 0; i + 1 < N; ++i) f(i, i * W, W);
    f(N - 1, (N - 1) * W, keys - (N - 1) * W);
}

inline vec zero_beyond_if_part(vec v, int lanes) { return lanes < W ? zero_beyond(v, lanes) : v; }

// For a maximum: lanes beyond the last key, 0 before, hold what the first lane holds, which is a
// key.
inline vec first_beyond(vec v, int lanes) {
    return lanes == W ? v : v + (v[0] - zero_beyond(splat(v[0]), lanes));
}

// `scores` [rows][stride] to probabilities, in place; `dropped` = probabilities * keep *
// keep_scale.
inline void softmax(const ScoreRows& x, float* scores, float* dropped) {
    over_score_rows(x, [&](auto vectors, int r) {
        constexpr int N = vectors();
        float* row = row_of(scores, r, x.stride);
        const float* pair_bias =
            x.pair_bias == nullptr ? nullptr : row_of(x.pair_bias, r, x.stride);
        const uint8_t* keep = keep_row(x.keep, r, x.keep_stride);
        float* out = x.keep == nullptr ? nullptr : row_of(dropped, r, x.stride);
        const auto biased = [&](int c, int lanes) {
            vec s = load(row + c) * x.scale;
            if (x.bias != nullptr) s += read(x.bias + c, lanes);
            if (pair_bias != nullptr) s += read(pair_bias + c, lanes);
            return s;
        };
        const auto finish = [&](int c, int lanes, vec p) {
            store(row + c, p);
            if (out != nullptr) store(out + c, p * kept(keep, c, lanes, x.keep_scale));
        };
        vec top = splat(-std::numeric_limits<float>::infinity()), total{};
        if constexpr (N > 0) {
            vec s[N];
            over_vectors<N>(x.keys, [&](int i, int c, int lanes) {
                s[i] = biased(c, lanes);
                top = ::maximum(top, first_beyond(s[i], lanes));
            });
            const float peak = largest(top);
            over_vectors<N>(x.keys, [&](int i, int, int lanes) {
                s[i] = zero_beyond_if_part(exp(s[i] - peak), lanes);
                total += s[i];
            });
            const float factor = 1.0f / sum(total);
            over_vectors<N>(x.keys,
                            [&](int i, int c, int lanes) { finish(c, lanes, s[i] * factor); });
        } else {
            over_row(x.keys, [&](int c, int lanes) {
                const vec s = biased(c, lanes);
                store(row + c, s);
                top = ::maximum(top, first_beyond(s, lanes));
            });
            const float peak = largest(top);
            over_row(x.keys, [&](int c, int lanes) {
                const vec e = zero_beyond_if_part(exp(load(row + c) - peak), lanes);
                store(row + c, e);
                total += e;
            });
            const float factor = 1.0f / sum(total);
            over_row(x.keys, [&](int c, int lanes) { finish(c, lanes, load(row + c) * factor); });
        }
    });
}

// `scores` holds the gradient of the dropped probabilities and becomes that of the scores:
// p * (g - sum(g * p)) * scale with g = gradient * keep * keep_scale. `dropped` = p * keep *
// keep_scale, as softmax made it; dbias [keys] = the sum of p * (g - sum(g * p)) * scale over rows.
inline void softmax_backward(const ScoreRows& x, const float* probabilities, float* scores,
                             float* dropped, float* dbias) {
    std::fill_n(dbias, x.stride, 0.0f);
    over_score_rows(x, [&](auto vectors, int r) {
        constexpr int N = vectors();
        const float* p = row_of(probabilities, r, x.stride);
        float* row = row_of(scores, r, x.stride);
        const uint8_t* keep = keep_row(x.keep, r, x.keep_stride);
        float* out = x.keep == nullptr ? nullptr : row_of(dropped, r, x.stride);
        vec along{};
        const auto kept_gradient = [&](int c, int lanes) {
            const vec k = kept(keep, c, lanes, x.keep_scale), g = load(row + c) * k,
                      probability = load(p + c);
            if (out != nullptr) store(out + c, probability * k);
            along += g * probability;
            return g;
        };
        const auto finish = [&](int c, vec g, float mean) {
            const vec d = load(p + c) * (g - mean) * x.scale;
            store(row + c, d);
            store(dbias + c, load(dbias + c) + d);
        };
        if constexpr (N > 0) {
            vec g[N];
            over_vectors<N>(x.keys,
                            [&](int i, int c, int lanes) { g[i] = kept_gradient(c, lanes); });
            const float mean = sum(along);
            over_vectors<N>(x.keys, [&](int i, int c, int) { finish(c, g[i], mean); });
        } else {
            over_row(x.keys, [&](int c, int lanes) { store(row + c, kept_gradient(c, lanes)); });
            const float mean = sum(along);
            over_row(x.keys, [&](int c, int) { finish(c, load(row + c), mean); });
        }
    });
}

}  // namespace
}  // namespace ardiff::cpu
