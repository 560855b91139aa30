// Everything that works row by row: LayerNorm, activations, dropout and residuals, both directions.
#pragma once

#include "cpu/kernels/vector.h"

namespace ardiff::cpu {
namespace {

inline const float* row_of(const float* x, int row, int stride) {
    return x + static_cast<ptrdiff_t>(row) * stride;
}
inline float* row_of(float* x, int row, int stride) {
    return x + static_cast<ptrdiff_t>(row) * stride;
}
inline bf16* row_of(bf16* x, int row, int stride) {
    return x + static_cast<ptrdiff_t>(row) * stride;
}
inline const uint8_t* keep_row(const uint8_t* keep, int row, int width) {
    return keep == nullptr ? nullptr : keep + static_cast<ptrdiff_t>(row) * width;
}

// Applies f(vector, column, lanes) to whole vectors of a row, the last one partial.
template <class F>
inline void over_row(int width, F&& f) {
    int c = 0;
    for (; c + W <= width; c += W) f(c, W);
    if (c < width) f(c, width - c);
}

inline vec read(const float* p, int lanes) { return lanes == W ? load(p) : load_part(p, lanes); }

template <class A>
inline void write(A* p, vec v, int lanes) {
    if (lanes == W) {
        store_operand(p, v);
    } else {
        store_part(p, v, lanes);
    }
}

// keep * scale of `lanes` elements; 1 without dropout.
inline vec kept(const uint8_t* keep, int column, int lanes, float scale) {
    if (keep == nullptr) return splat(1.0f);
    return (lanes == W ? load_keep(keep + column) : load_keep_part(keep + column, lanes)) * scale;
}

inline void add_dropped(int rows, int width, const float* x, int x_stride, const float* dropped,
                        int dropped_stride, const uint8_t* keep, float scale, float* y,
                        int y_stride) {
    for (int r = 0; r < rows; ++r) {
        const float *a = row_of(x, r, x_stride), *b = row_of(dropped, r, dropped_stride);
        const uint8_t* k = keep_row(keep, r, width);
        float* out = row_of(y, r, y_stride);
        over_row(width, [&](int c, int lanes) {
            write(out + c, read(a + c, lanes) + read(b + c, lanes) * kept(k, c, lanes, scale),
                  lanes);
        });
    }
}

template <class A>
inline void to_operand(int rows, int width, const float* x, int x_stride, const uint8_t* keep,
                       float scale, A* y, int y_stride) {
    for (int r = 0; r < rows; ++r) {
        const float* in = row_of(x, r, x_stride);
        const uint8_t* k = keep_row(keep, r, width);
        A* out = row_of(y, r, y_stride);
        over_row(width, [&](int c, int lanes) {
            write(out + c, read(in + c, lanes) * kept(k, c, lanes, scale), lanes);
        });
    }
}

// ---- LayerNorm

template <class A>
inline void layer_norm(int rows, int width, const float* x, int x_stride, const float* weight,
                       const float* bias, float epsilon, float* y, int y_stride, A* operand,
                       int operand_stride, float* statistics) {
    const float share = 1.0f / static_cast<float>(width);
    for (int r = 0; r < rows; ++r) {
        const float* in = row_of(x, r, x_stride);
        vec total{};
        over_row(width, [&](int c, int lanes) { total += read(in + c, lanes); });
        const float mean = sum(total) * share;
        vec squares{};
        over_row(width, [&](int c, int lanes) {
            vec centred = read(in + c, lanes) - mean;
            if (lanes < W) centred = zero_beyond(centred, lanes);
            squares += centred * centred;
        });
        const float scale = 1.0f / std::sqrt(sum(squares) * share + epsilon);
        if (statistics != nullptr) {
            statistics[2 * r] = mean;
            statistics[2 * r + 1] = scale;
        }
        float* out = y == nullptr ? nullptr : row_of(y, r, y_stride);
        A* out_operand = operand == nullptr ? nullptr : row_of(operand, r, operand_stride);
        over_row(width, [&](int c, int lanes) {
            const vec value = (read(in + c, lanes) - mean) * scale * read(weight + c, lanes) +
                              read(bias + c, lanes);
            if (out != nullptr) write(out + c, value, lanes);
            if (out_operand != nullptr) write(out_operand + c, value, lanes);
        });
    }
}

// With xn the normalised x and g = dy * weight: dx = (g - mean(g) - xn * mean(g * xn)) / deviation.
inline void layer_norm_backward(int rows, int width, const float* dy, int dy_stride, const float* x,
                                int x_stride, const float* statistics, const float* weight,
                                bool add, float* dx, int dx_stride, float* dweight, float* dbias) {
    const float share = 1.0f / static_cast<float>(width);
    for (int r = 0; r < rows; ++r) {
        const float *g_row = row_of(dy, r, dy_stride), *in = row_of(x, r, x_stride);
        const float mean = statistics[2 * r], scale = statistics[2 * r + 1];
        vec plain{}, along{};
        over_row(width, [&](int c, int lanes) {
            const vec d = read(g_row + c, lanes), normal = (read(in + c, lanes) - mean) * scale;
            const vec g = d * read(weight + c, lanes);
            plain += g;
            along += g * normal;
            write(dweight + c, read(dweight + c, lanes) + d * normal, lanes);
            write(dbias + c, read(dbias + c, lanes) + d, lanes);
        });
        const float mean_plain = sum(plain) * share, mean_along = sum(along) * share;
        float* out = row_of(dx, r, dx_stride);
        over_row(width, [&](int c, int lanes) {
            const vec normal = (read(in + c, lanes) - mean) * scale;
            vec value = (read(g_row + c, lanes) * read(weight + c, lanes) - mean_plain -
                         normal * mean_along) *
                        scale;
            if (add) value += read(out + c, lanes);
            write(out + c, value, lanes);
        });
    }
}

// ---- activations

inline vec gelu_slope(vec x) {
    const vec density = exp(-0.5f * x * x) * 0.3989422804014327f;
    return 0.5f * (1.0f + erf(x * 0.70710678118654752f)) + x * density;
}

template <Activation kind>
inline vec activated(vec x) {
    if constexpr (kind == Activation::tanh) return tanh(x);
    if constexpr (kind == Activation::silu) return silu(x);
    return gelu(x);
}

template <Activation kind>
inline vec slope(vec x) {
    if constexpr (kind == Activation::tanh) {
        const vec t = tanh(x);
        return 1.0f - t * t;
    }
    if constexpr (kind == Activation::silu) {
        const vec s = 1.0f / (1.0f + exp(-x));
        return s * (1.0f + x * (1.0f - s));
    }
    return gelu_slope(x);
}

// Calls f with the activation as a template argument.
template <class F>
inline void with_activation(Activation activation, F&& f) {
    switch (activation) {
        case Activation::tanh: return f(std::integral_constant<Activation, Activation::tanh>{});
        case Activation::silu: return f(std::integral_constant<Activation, Activation::silu>{});
        case Activation::gelu: return f(std::integral_constant<Activation, Activation::gelu>{});
    }
}

template <class A>
inline void activate(Activation activation, int rows, int width, const float* x, int x_stride, A* y,
                     int y_stride) {
    with_activation(activation, [&](auto kind) {
        for (int r = 0; r < rows; ++r) {
            const float* in = row_of(x, r, x_stride);
            A* out = row_of(y, r, y_stride);
            over_row(width, [&](int c, int lanes) {
                write(out + c, activated<kind()>(read(in + c, lanes)), lanes);
            });
        }
    });
}

inline void activate_backward(Activation activation, int rows, int width, const float* x,
                              int x_stride, float* dy, int dy_stride) {
    with_activation(activation, [&](auto kind) {
        for (int r = 0; r < rows; ++r) {
            const float* in = row_of(x, r, x_stride);
            float* d = row_of(dy, r, dy_stride);
            over_row(width, [&](int c, int lanes) {
                write(d + c, read(d + c, lanes) * slope<kind()>(read(in + c, lanes)), lanes);
            });
        }
    });
}

template <class A>
inline void geglu(int rows, int inner, const float* halves, int halves_stride, const uint8_t* keep,
                  float scale, A* y, int y_stride) {
    for (int r = 0; r < rows; ++r) {
        const float *value = row_of(halves, r, halves_stride), *gate = value + inner;
        const uint8_t* k = keep_row(keep, r, inner);
        A* out = row_of(y, r, y_stride);
        over_row(inner, [&](int c, int lanes) {
            write(out + c,
                  read(value + c, lanes) * gelu(read(gate + c, lanes)) * kept(k, c, lanes, scale),
                  lanes);
        });
    }
}

inline void geglu_backward(int rows, int inner, const float* dy, int dy_stride, const uint8_t* keep,
                           float scale, float* halves, int halves_stride) {
    for (int r = 0; r < rows; ++r) {
        float *value = row_of(halves, r, halves_stride), *gate = value + inner;
        const float* d_row = row_of(dy, r, dy_stride);
        const uint8_t* k = keep_row(keep, r, inner);
        over_row(inner, [&](int c, int lanes) {
            const vec g = read(gate + c, lanes), v = read(value + c, lanes);
            const vec d = read(d_row + c, lanes) * kept(k, c, lanes, scale);
            const vec cumulative = 0.5f * (1.0f + erf(g * 0.70710678118654752f));
            const vec density = exp(-0.5f * g * g) * 0.3989422804014327f;
            write(value + c, d * g * cumulative, lanes);
            write(gate + c, d * v * (cumulative + g * density), lanes);
        });
    }
}

// ---- cross-entropy over tied logits

// The total is a double: where one token has all the probability, the loss is log(1 + little).
inline void accumulate_exp(int rows, int count, const float* logits, int stride, float* maximum,
                           double* total) {
    for (int r = 0; r < rows; ++r) {
        const float* in = row_of(logits, r, stride);
        vec top = splat(-std::numeric_limits<float>::infinity());
        int c = 0;
        for (; c + W <= count; c += W) top = ::maximum(top, load(in + c));
        float peak = largest(top);
        for (; c < count; ++c) peak = std::max(peak, in[c]);
        if (peak > maximum[r]) {
            total[r] *= std::exp(static_cast<double>(maximum[r]) - peak);
            maximum[r] = peak;
        }
        const float m = maximum[r];
        vec part{};
        for (c = 0; c + W <= count; c += W) part += exp(load(in + c) - m);
        for (int i = 0; i < W; ++i) total[r] += part[i];
        for (; c < count; ++c) total[r] += std::exp(in[c] - m);
    }
}

inline void softmax_gradient(int rows, int count, int columns, const float* log_total,
                             const float* coefficient, float even, float* logits, int stride) {
    for (int r = 0; r < rows; ++r) {
        float* in = row_of(logits, r, stride);
        const float shift = log_total[r], factor = coefficient[r];
        over_row(count, [&](int c, int lanes) {
            write(in + c, (exp(read(in + c, lanes) - shift) - even) * factor, lanes);
        });
        std::fill(in + count, in + columns, 0.0f);
    }
}

}  // namespace
}  // namespace ardiff::cpu
