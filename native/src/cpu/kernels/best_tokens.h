// The likeliest token of each row, exactly, screened with a table of bytes: one row alone waits for
// memory, and that is a quarter of what the logits read.
//
// A token's embedding e is stored as s q, s a float and q bytes; a row x is taken as t p, p of 16
// bits. p.q is exact in integers, and of the score x.e
//
//   |x.e - s t p.q| <= |x| |e - s q| + |x - t p| |s q|                       (Cauchy-Schwarz)
//
// where |x - t p| is at most `kStepShare` steps t in each component, and t at most |x| / reach. So
// the error is |x| times a number of the token's, known when the table is packed, and what float32
// rounds besides. A token whose score may be above the best that some token is sure to have has its
// panel scored as `forward` does, and the best of these is the answer.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#include "cpu/kernels/matmul.h"

namespace ardiff::cpu {
namespace {

constexpr float kNone = -std::numeric_limits<float>::infinity();

inline ivec lanes() {
    ivec v{};
    for (int i = 0; i < W; ++i) v[i] = i;
    return v;
}

// Best entry of each lane so far; the lower id among equals, as ids come in rising order.
struct LaneBest {
    vec score = splat(kNone);
    ivec id{};

    void consider(vec s, ivec ids) {
        const ivec better = s > score;
        score = better ? s : score;
        id = better ? ids : id;
    }
    // The scores of a panel whose first token is `first`, of which `sums` lack the bias.
    void consider_panel(const vec (&sums)[2], const float* bias, int first) {
        consider(sums[0] + load(bias + first), lanes() + first);
        consider(sums[1] + load(bias + first + W), lanes() + (first + W));
    }
    int32_t lowest_best() const {
        const float top = largest(score);
        int32_t best = std::numeric_limits<int32_t>::max();
        for (int i = 0; i < W; ++i) {
            if (score[i] == top) best = std::min(best, id[i]);
        }
        return best == std::numeric_limits<int32_t>::max() ? 0 : best;
    }
};

#if defined(__AVX512BW__) || defined(__AVX2__)

constexpr float kStepShare = 0.52f;  // half a step, and what rounding in float32 makes of it
constexpr float kSmallest = 1e-20f, kGreatest = 1e20f;  // of rows that are screened

#if defined(__AVX512BW__)
inline void add_pairs(ivec a, ivec b, ivec& sum) {
    sum += (ivec)_mm512_madd_epi16((__m512i)a, (__m512i)b);
}
inline ivec widened(const int8_t* bytes) {
    return (ivec)_mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes)));
}
#else
inline void add_pairs(ivec a, ivec b, ivec& sum) {
    sum += (ivec)_mm256_madd_epi16((__m256i)a, (__m256i)b);
}
inline ivec widened(const int8_t* bytes) {
    return (ivec)_mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes)));
}
#endif

// Bytes of the pairs of one k of a panel.
constexpr int kPairBytes = 2 * kPanel;

// Floats: of every token its scale, its error by |x|, its error whatever x is; then the bytes,
// [panel][inner / 2][kPanel][2].
int64_t screen_floats(int out, int in) {
    return 3 * static_cast<int64_t>(padded(out)) +
           static_cast<int64_t>(padded(out)) * padded(in) / 4;
}

void pack_screen(const float* rows, int stride, TokenTable& table, float* packed) {
    constexpr double kUnit = 1.0 / (1 << 24), kMargin = 1 + 1.0 / (1 << 10);
    const int out = table.exact.out, in = table.exact.in, columns = padded(out), inner = padded(in);
    float* const scale = packed;
    float* const error = scale + columns;
    float* const offset = error + columns;
    int8_t* const bytes = reinterpret_cast<int8_t*>(offset + columns);
    std::memset(packed, 0, static_cast<size_t>(screen_floats(out, in)) * sizeof(float));
    table.reach = std::min(32767, std::numeric_limits<int32_t>::max() / (127 * inner));
    const double step = kStepShare * std::sqrt(in) / table.reach;
    for (int v = 0; v < out; ++v) {
        const float* e = rows + static_cast<ptrdiff_t>(v) * stride;
        float most = 0;
        for (int k = 0; k < in; ++k) most = std::max(most, std::fabs(e[k]));
        const float s = scale[v] = most / 127;
        double square = 0, lost = 0;
        for (int k = 0; k < in; ++k) {
            const double q = s > 0 ? std::nearbyint(std::clamp(e[k] / s, -127.0f, 127.0f)) : 0;
            square += static_cast<double>(e[k]) * e[k];
            lost += (e[k] - s * q) * (e[k] - s * q);
            bytes[static_cast<ptrdiff_t>(v / kPanel) * kPanel * inner +
                  static_cast<ptrdiff_t>(k / 2) * kPairBytes + v % kPanel * 2 + k % 2] =
                static_cast<int8_t>(q);
        }
        const double norm = std::sqrt(square) + std::sqrt(lost);  // at least that of s q
        const double rounding = (2.0 * in + 32) * kUnit * norm;
        const float b = table.exact.bias[v];
        error[v] = static_cast<float>((std::sqrt(lost) + step * norm) * kMargin + rounding);
        offset[v] = static_cast<float>(std::isfinite(b) ? 4 * kUnit * std::fabs(b) : 0) + 1e-30f;
    }
    table.screen = packed;
}

int64_t best_tokens_scratch(int rows, const TokenTable& table) {
    return static_cast<int64_t>(rows) *
           (padded(table.exact.out) / kPanel + padded(table.exact.in) / 2);
}

// How a row is screened: x ~ step p. Both are 0 where it is too small or too great for that, or not
// finite: then every panel is scored.
struct ScreenedRow {
    float step = 0, norm = 0;
    bool screened() const { return step > 0; }
};

inline ScreenedRow to_steps(const float* x, int in, int reach, int16_t* p) {
    typedef int16_t short_vec __attribute__((vector_size(W * 2)));
    const int inner = padded(in);
    const auto part = [&](int k) { return zero_beyond(load(x + k), std::clamp(in - k, 0, W)); };
    vec most{}, square{};
    for (int k = 0; k < inner; k += W) {
        most = maximum(most, absolute(part(k)));
        square += part(k) * part(k);
    }
    const float size = largest(most), norm = std::sqrt(sum(square));
    if (!(size > kSmallest && norm < kGreatest)) {
        std::memset(p, 0, static_cast<size_t>(inner) * sizeof(int16_t));
        return {};
    }
    const float by = static_cast<float>(reach) / size;
    const vec shift = splat(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer
    for (int k = 0; k < inner; k += W) {
        const vec rounded = (part(k) * by + shift) - shift;
        const short_vec steps =
            __builtin_convertvector(__builtin_convertvector(rounded, ivec), short_vec);
        std::memcpy(p + k, &steps, sizeof steps);
    }
    return {size / static_cast<float>(reach), norm};
}

// p.q for ROWS rows and the tokens of PANELS panels.
template <int PANELS, int ROWS>
inline void multiply_bytes(int inner, const int16_t* p, const int8_t* bytes,
                           ivec (&sums)[PANELS][ROWS][2]) {
    const ptrdiff_t panel_bytes = static_cast<ptrdiff_t>(inner) * kPanel;
#pragma GCC unroll 4
    for (int b = 0; b < PANELS; ++b) {
#pragma GCC unroll 16
        for (int r = 0; r < ROWS; ++r) sums[b][r][0] = sums[b][r][1] = ivec{};
    }
    for (int k = 0; k < inner; k += 2, bytes += kPairBytes) {
        ivec q[PANELS][2];
#pragma GCC unroll 4
        for (int b = 0; b < PANELS; ++b) {
            q[b][0] = widened(bytes + b * panel_bytes);
            q[b][1] = widened(bytes + b * panel_bytes + kPairBytes / 2);
        }
#pragma GCC unroll 16
        for (int r = 0; r < ROWS; ++r) {
            int32_t pair;
            std::memcpy(&pair, p + static_cast<ptrdiff_t>(r) * inner + k, sizeof pair);
            const ivec both = pair - ivec{};
#pragma GCC unroll 4
            for (int b = 0; b < PANELS; ++b) {
                add_pairs(both, q[b][0], sums[b][r][0]);
                add_pairs(both, q[b][1], sums[b][r][1]);
            }
        }
    }
}

// Panels that so many rows take at once, as far as there are registers for their sums.
constexpr int panels_of_bytes(int rows) { return 3 * rows <= kBlockRows ? 2 : 1; }

// Of some rows: the greatest score that a panel's tokens may have, [rows][panels], and the greatest
// that a token is sure to have, in some lane of `sure`.
void screen(int rows, const ScreenedRow* how, const int16_t* p, const TokenTable& table,
            float* reached, vec* sure) {
    const int inner = padded(table.exact.in), columns = padded(table.exact.out),
              panels = columns / kPanel;
    const float* const scale = table.screen;
    const float* const error = scale + columns;
    const float* const offset = error + columns;
    const int8_t* const bytes = reinterpret_cast<const int8_t*>(offset + columns);
    const auto take = [&](int row, int panel, const ivec(&sums)[2]) {
        const ScreenedRow& x = how[row];
        vec top = splat(kNone);
        for (int i = 0; i < 2; ++i) {
            const int v = panel * kPanel + i * W;
            const vec score = __builtin_convertvector(sums[i], vec) * (load(scale + v) * x.step) +
                              load(table.exact.bias + v);
            const vec slack = load(error + v) * x.norm + load(offset + v);
            top = maximum(top, score + slack);
            sure[row] = maximum(sure[row], score - slack);
        }
        reached[static_cast<ptrdiff_t>(row) * panels + panel] = largest(top);
    };
    const int step = panels_of_bytes(rows);
    for (int panel = 0; panel < panels; panel += step) {
        const int8_t* first = bytes + static_cast<ptrdiff_t>(panel) * inner * kPanel;
        for_row_blocks(rows, [&](auto count, int row) {
            constexpr int ROWS = count(), PANELS = panels_of_bytes(ROWS);
            const auto block = [&](auto taken, int at) {
                ivec sums[taken()][ROWS][2];
                multiply_bytes<taken(), ROWS>(inner, p + static_cast<ptrdiff_t>(row) * inner,
                                              first + static_cast<ptrdiff_t>(at) * inner * kPanel,
                                              sums);
                for (int b = 0; b < taken(); ++b) {
                    for (int r = 0; r < ROWS; ++r) take(row + r, panel + at + b, sums[b][r]);
                }
            };
            const int some = std::min(step, panels - panel);
            int at = 0;
            for (; at + PANELS <= some; at += PANELS)
                block(std::integral_constant<int, PANELS>{}, at);
            for (; at < some; ++at) block(std::integral_constant<int, 1>{}, at);
        });
    }
}

// The best token of a row among those whose panels reach `limit`.
inline int32_t best_of_panels(const float* x, const Matrix<float>& table, const float* reached,
                              float limit) {
    LaneBest best;
    const ptrdiff_t panel_size = static_cast<ptrdiff_t>(padded(table.in)) * kPanel;
    for (int panel = 0; panel < padded(table.out) / kPanel; ++panel) {
        if (!(reached[panel] >= limit)) continue;
        vec sums[1][1][2];
        multiply<1, 1, 2>(table.in, x, ByRows{0}, table.forward + panel * panel_size, kPanel, 0,
                          sums);
        best.consider_panel(sums[0][0], table.bias, panel * kPanel);
    }
    return best.lowest_best();
}

void best_tokens(int rows, const float* x, int stride, const TokenTable& table, float* scratch,
                 int32_t* index) {
    constexpr int kRows = 32;  // that read the bytes together
    const int inner = padded(table.exact.in), panels = padded(table.exact.out) / kPanel;
    for (int first = 0; first < rows; first += kRows) {
        const int some = std::min(kRows, rows - first);
        float* const reached = scratch;
        int16_t* const p =
            reinterpret_cast<int16_t*>(reached + static_cast<ptrdiff_t>(some) * panels);
        ScreenedRow how[kRows];
        vec sure[kRows];
        for (int r = 0; r < some; ++r) {
            how[r] = to_steps(x + static_cast<ptrdiff_t>(first + r) * stride, table.exact.in,
                              table.reach, p + static_cast<ptrdiff_t>(r) * inner);
            sure[r] = splat(kNone);
        }
        screen(some, how, p, table, reached, sure);
        for (int r = 0; r < some; ++r) {
            index[first + r] =
                best_of_panels(x + static_cast<ptrdiff_t>(first + r) * stride, table.exact,
                               reached + static_cast<ptrdiff_t>(r) * panels,
                               how[r].screened() ? largest(sure[r]) : kNone);
        }
    }
}

#else

// Without products of short integers every token is scored.
int64_t screen_floats(int, int) { return 0; }
void pack_screen(const float*, int, TokenTable&, float*) {}
int64_t best_tokens_scratch(int, const TokenTable&) { return 0; }

void best_tokens(int rows, const float* x, int stride, const TokenTable& table, float*,
                 int32_t* index) {
    constexpr int kRows = 64;  // whose best so far is kept on the stack
    const Matrix<float>& exact = table.exact;
    for (int first = 0; first < rows; first += kRows) {
        const int some = std::min(kRows, rows - first);
        LaneBest best[kRows];
        for_panel_blocks(
            some, padded(exact.out) / kPanel, exact.in, x + static_cast<ptrdiff_t>(first) * stride,
            stride, exact.forward, static_cast<ptrdiff_t>(padded(exact.in)) * kPanel,
            [](auto, int, int) {},
            [&](int row, int panel, auto& sums) {
                for (auto& of_panel : sums) {
                    LaneBest* own = best + row;
                    for (auto& scores : of_panel)
                        own++->consider_panel(scores, exact.bias, kPanel * panel);
                    ++panel;
                }
            });
        for (int r = 0; r < some; ++r) index[first + r] = best[r].lowest_best();
    }
}

#endif

}  // namespace
}  // namespace ardiff::cpu
