// Attention of one sentence, both directions. For sequences this short every head is a few products of
// register blocks; only transposes and heads whose size is no multiple of a vector need copies.
#pragma once

#include "training/isa/matmul.h"
#include "training/isa/rows.h"
#include "training/isa/transpose.h"

namespace ardiff::training {
namespace {

constexpr int round_to_vector(int n) { return (n + W - 1) / W * W; }

// Bump allocation inside AttentionInputs::scratch.
class Scratch {
  public:
    explicit Scratch(float* memory) : next_(memory) {}
    float* take(int rows, int stride) {
        float* taken = next_;
        next_ += static_cast<ptrdiff_t>(rows) * stride;
        return taken;
    }

  private:
    float* next_;
};

inline int64_t attention_scratch(int queries, int keys, int head_size) {
    const int64_t head = round_to_vector(head_size), row = padded(keys), inner = head_size;
    return 2 * (queries * head + keys * head + inner * row + keys * head) + 3 * queries * row + row + 16 * kPad;
}

// A matrix of one head.
struct Rows {
    const float* data;
    ptrdiff_t stride;
};

// x' = rotation of the pairs of x by the halves of t, or back.
inline void rotate(int rows, int size, const float* x, ptrdiff_t x_stride, const float* t, ptrdiff_t t_stride, bool back,
                   float* y, ptrdiff_t y_stride) {
    const int half = size / 2;
    for (int r = 0; r < rows; ++r) {
        const float *in = x + r * x_stride, *cosine = t + r * t_stride, *sine = cosine + half;
        float* out = y + r * y_stride;
        for (int j = 0; j < half; ++j) {
            const float even = in[2 * j], odd = in[2 * j + 1], s = back ? -sine[j] : sine[j];
            out[2 * j] = even * cosine[j] - odd * s;
            out[2 * j + 1] = odd * cosine[j] + even * s;
        }
    }
}

// Gradient with respect to t of x' = rotate(x, t), added to dt.
inline void rotation_gradient(int rows, int size, const float* dy, ptrdiff_t dy_stride, const float* x,
                              ptrdiff_t x_stride, float* dt, ptrdiff_t dt_stride) {
    const int half = size / 2;
    for (int r = 0; r < rows; ++r) {
        const float *d = dy + r * dy_stride, *in = x + r * x_stride;
        float *cosine = dt + r * dt_stride, *sine = cosine + half;
        for (int j = 0; j < half; ++j) {
            cosine[j] += d[2 * j] * in[2 * j] + d[2 * j + 1] * in[2 * j + 1];
            sine[j] += d[2 * j + 1] * in[2 * j] - d[2 * j] * in[2 * j + 1];
        }
    }
}

// The rows of head `h`: in place where whole vectors of them can be read, else copied.
inline Rows head_rows(const float* x, int stride, int rows, int size, int h, Scratch& scratch) {
    const float* first = x + static_cast<ptrdiff_t>(h) * size;
    if (size % W == 0) return {first, stride};
    const int head = round_to_vector(size);
    float* copy = scratch.take(rows, head);
    for (int r = 0; r < rows; ++r) {
        std::memcpy(copy + static_cast<ptrdiff_t>(r) * head, first + static_cast<ptrdiff_t>(r) * stride,
                    static_cast<size_t>(size) * 4);
        std::fill(copy + static_cast<ptrdiff_t>(r) * head + size, copy + static_cast<ptrdiff_t>(r + 1) * head, 0.0f);
    }
    return {copy, head};
}

inline Rows rotated_rows(const float* x, int stride, const AttentionInputs& in, int rows, int h, Scratch& scratch) {
    const int size = in.head_size, head = round_to_vector(size);
    float* y = scratch.take(rows, head);
    rotate(rows, size, x + static_cast<ptrdiff_t>(h) * size, stride, in.time + static_cast<ptrdiff_t>(h) * size,
           in.time_stride, false, y, head);
    return {y, head};
}

// Queries, keys and values of one head as the scores see them.
struct Head {
    Rows q, k, v;
    const float* bias;  // [padded(keys)] added to scaled scores, or null
};

inline Head prepare_head(const AttentionInputs& in, int h, Scratch& scratch) {
    const int size = in.head_size;
    Head head{};
    if (in.time_key == TimeKey::rotary) {
        head.q = rotated_rows(in.q, in.q_stride, in, in.queries, h, scratch);
        head.k = rotated_rows(in.k, in.kv_stride, in, in.keys, h, scratch);
        head.v = rotated_rows(in.v, in.kv_stride, in, in.keys, h, scratch);
        head.bias = in.key_bias;
        return head;
    }
    head.q = head_rows(in.q, in.q_stride, in.queries, size, h, scratch);
    head.v = head_rows(in.v, in.kv_stride, in.keys, size, h, scratch);
    if (in.time_key == TimeKey::none) {
        head.k = head_rows(in.k, in.kv_stride, in.keys, size, h, scratch);
        head.bias = in.key_bias;
        return head;
    }
    // (q + r_w) . k + (q + r_r) . t = q . (k + t) + (r_w . k + r_r . t)
    const float scale = 1.0f / std::sqrt(static_cast<float>(size));
    const int stride = round_to_vector(size);
    float* sums = scratch.take(in.keys, stride);
    float* bias = scratch.take(1, padded(in.keys));
    const float *r_w = in.r_w + static_cast<ptrdiff_t>(h) * size, *r_r = in.r_r + static_cast<ptrdiff_t>(h) * size;
    for (int j = 0; j < in.keys; ++j) {
        const float* k = in.k + static_cast<ptrdiff_t>(j) * in.kv_stride + h * size;
        const float* t = in.time + static_cast<ptrdiff_t>(j) * in.time_stride + h * size;
        vec along{};
        over_row(size, [&](int c, int lanes) {
            const vec kc = read(k + c, lanes), tc = read(t + c, lanes);
            write(sums + static_cast<ptrdiff_t>(j) * stride + c, kc + tc, lanes);
            along += kc * read(r_w + c, lanes) + tc * read(r_r + c, lanes);
        });
        bias[j] = sum(along) * scale + (in.key_bias == nullptr ? 0.0f : in.key_bias[j]);
    }
    head.k = {sums, stride};
    head.bias = bias;
    return head;
}

// The transpose of a head's rows: [size][padded(rows)], zeros beyond `rows` up to a whole vector.
inline const float* transposed(const Rows& x, int rows, int size, Scratch& scratch) {
    const int stride = padded(rows);
    float* y = scratch.take(size, stride);
    transpose(rows, round_to_vector(rows), size, x.data, x.stride, y, stride);
    return y;
}

// Scores to probabilities, in place; columns beyond `keys` become 0.
inline void softmax(int rows, int keys, float scale, const float* bias, float* scores, int stride) {
    for (int r = 0; r < rows; ++r) {
        float* row = row_of(scores, r, stride);
        vec top = splat(-std::numeric_limits<float>::infinity());
        over_row(keys, [&](int c, int lanes) {
            vec s = read(row + c, lanes) * scale;
            if (bias != nullptr) s += read(bias + c, lanes);
            write(row + c, s, lanes);
            // Lanes beyond the last key hold 0; the first lane, which is a key, stands in for them.
            top = ::maximum(top, lanes == W ? s : s + (s[0] - zero_beyond(splat(s[0]), lanes)));
        });
        const float peak = largest(top);
        vec total{};
        over_row(keys, [&](int c, int lanes) {
            vec e = exp(read(row + c, lanes) - peak);
            if (lanes < W) e = zero_beyond(e, lanes);
            write(row + c, e, lanes);
            total += e;
        });
        const float factor = 1.0f / sum(total);
        over_row(keys, [&](int c, int lanes) { write(row + c, read(row + c, lanes) * factor, lanes); });
        std::fill(row + keys, row + stride, 0.0f);
    }
}

inline const uint8_t* keep_of_head(const AttentionInputs& in, int h) {
    return in.keep == nullptr ? nullptr : in.keep + static_cast<ptrdiff_t>(h) * in.keep_head;
}

// y = x * keep * scale, zeros beyond `keys`.
inline void drop_probabilities(const AttentionInputs& in, int h, const float* x, float* y) {
    const int stride = padded(in.keys);
    for (int r = 0; r < in.queries; ++r) {
        const uint8_t* keep = keep_of_head(in, h) + static_cast<ptrdiff_t>(r) * in.keep_stride;
        const float* from = row_of(x, r, stride);
        float* to = row_of(y, r, stride);
        over_row(in.keys, [&](int c, int lanes) {
            write(to + c, read(from + c, lanes) * kept(keep, c, lanes, in.keep_scale), lanes);
        });
        std::fill(to + in.keys, to + stride, 0.0f);
    }
}

template <class A>
inline void attend(const AttentionInputs& in, A* output, int output_stride) {
    const int size = in.head_size, stride = padded(in.keys), head = round_to_vector(size);
    const float scale = 1.0f / std::sqrt(static_cast<float>(size));
    for (int h = 0; h < in.heads; ++h) {
        Scratch scratch(in.scratch);
        const Head x = prepare_head(in, h, scratch);
        const float* keys = transposed(x.k, in.keys, size, scratch);
        float* scores = in.probabilities + static_cast<ptrdiff_t>(h) * in.queries * stride;
        product(in.queries, in.keys, size, x.q.data, ByRows{x.q.stride}, keys, stride, scores, stride);
        softmax(in.queries, in.keys, scale, x.bias, scores, stride);
        const float* probabilities = scores;
        if (in.keep != nullptr) {
            float* dropped = scratch.take(in.queries, stride);
            drop_probabilities(in, h, scores, dropped);
            probabilities = dropped;
        }
        float* mixed = scratch.take(in.queries, head);
        product(in.queries, size, in.keys, probabilities, ByRows{stride}, x.v.data, x.v.stride, mixed, head);
        to_operand(in.queries, size, mixed, head, nullptr, 1.0f, output + h * size, output_stride);
    }
}

inline void copy_rows(int rows, int width, const float* x, ptrdiff_t x_stride, float* y, ptrdiff_t y_stride) {
    for (int r = 0; r < rows; ++r) std::memcpy(y + r * y_stride, x + r * x_stride, static_cast<size_t>(width) * 4);
}

// Scores' gradient from that of the dropped probabilities, in place: p * (g - sum(g * p)) * scale.
inline void softmax_backward(const AttentionInputs& in, int h, const float* probabilities, float scale, float* scores) {
    const int stride = padded(in.keys);
    for (int r = 0; r < in.queries; ++r) {
        const uint8_t* keep =
            in.keep == nullptr ? nullptr : keep_of_head(in, h) + static_cast<ptrdiff_t>(r) * in.keep_stride;
        const float* p = row_of(probabilities, r, stride);
        float* g = row_of(scores, r, stride);
        vec along{};
        over_row(in.keys, [&](int c, int lanes) {
            const vec d = read(g + c, lanes) * kept(keep, c, lanes, in.keep_scale);
            write(g + c, d, lanes);
            along += d * read(p + c, lanes);
        });
        const float mean = sum(along);
        over_row(in.keys, [&](int c, int lanes) {
            write(g + c, read(p + c, lanes) * (read(g + c, lanes) - mean) * scale, lanes);
        });
        std::fill(g + in.keys, g + stride, 0.0f);
    }
}

// Splits the gradient of k + t and of the shared bias (see prepare_head) among k, t, r_w and r_r.
inline void txl_gradient(const AttentionInputs& in, const AttentionGradients& out, int h, const float* dscores,
                         const float* dsums, int dsums_stride) {
    const int size = in.head_size, stride = padded(in.keys), offset = h * size;
    float *dr_w = out.r_w + offset, *dr_r = out.r_r + offset;
    const float *r_w = in.r_w + offset, *r_r = in.r_r + offset;
    for (int j = 0; j < in.keys; ++j) {
        float total = 0;
        for (int q = 0; q < in.queries; ++q) total += dscores[static_cast<ptrdiff_t>(q) * stride + j];
        const float* k = in.k + static_cast<ptrdiff_t>(j) * in.kv_stride + offset;
        const float* t = in.time + static_cast<ptrdiff_t>(j) * in.time_stride + offset;
        const float* d = dsums + static_cast<ptrdiff_t>(j) * dsums_stride;
        float* dk = out.k + static_cast<ptrdiff_t>(j) * out.kv_stride + offset;
        float* dt = out.time + static_cast<ptrdiff_t>(j) * in.time_stride + offset;
        over_row(size, [&](int c, int lanes) {
            const vec both = read(d + c, lanes);
            write(dk + c, both + read(r_w + c, lanes) * total, lanes);
            write(dt + c, both + read(r_r + c, lanes) * total, lanes);
            write(dr_w + c, read(dr_w + c, lanes) + read(k + c, lanes) * total, lanes);
            write(dr_r + c, read(dr_r + c, lanes) + read(t + c, lanes) * total, lanes);
        });
    }
}

inline void attend_backward(const AttentionInputs& in, const AttentionGradients& out) {
    const int size = in.head_size, stride = padded(in.keys), head = round_to_vector(size);
    const float scale = 1.0f / std::sqrt(static_cast<float>(size));
    for (int h = 0; h < in.heads; ++h) {
        Scratch scratch(in.scratch);
        const ptrdiff_t offset = static_cast<ptrdiff_t>(h) * size;
        const Head x = prepare_head(in, h, scratch);
        const Rows dmixed = head_rows(out.output, out.output_stride, in.queries, size, h, scratch);
        const float* probabilities = in.probabilities + static_cast<ptrdiff_t>(h) * in.queries * stride;
        const float* dropped = probabilities;
        if (in.keep != nullptr) {
            float* kept_only = scratch.take(in.queries, stride);
            drop_probabilities(in, h, probabilities, kept_only);
            dropped = kept_only;
        }
        float* dscores = scratch.take(in.queries, stride);
        const float* values = transposed(x.v, in.keys, size, scratch);
        product(in.queries, in.keys, size, dmixed.data, ByRows{dmixed.stride}, values, stride, dscores, stride);
        softmax_backward(in, h, probabilities, scale, dscores);

        float* dq = scratch.take(in.queries, head);
        float* dk = scratch.take(in.keys, head);
        float* dv = scratch.take(in.keys, head);
        product(in.queries, size, in.keys, dscores, ByRows{stride}, x.k.data, x.k.stride, dq, head);
        product(in.keys, size, in.queries, dscores, ByColumns{stride}, x.q.data, x.q.stride, dk, head);
        product(in.keys, size, in.queries, dropped, ByColumns{stride}, dmixed.data, dmixed.stride, dv, head);

        switch (in.time_key) {
            case TimeKey::none:
                copy_rows(in.queries, size, dq, head, out.q + offset, out.q_stride);
                copy_rows(in.keys, size, dk, head, out.k + offset, out.kv_stride);
                copy_rows(in.keys, size, dv, head, out.v + offset, out.kv_stride);
                break;
            case TimeKey::txl:
                copy_rows(in.queries, size, dq, head, out.q + offset, out.q_stride);
                copy_rows(in.keys, size, dv, head, out.v + offset, out.kv_stride);
                txl_gradient(in, out, h, dscores, dk, head);
                break;
            case TimeKey::rotary: {
                const float* t = in.time + offset;
                float* dt = out.time + offset;
                for (int j = 0; j < in.keys; ++j) std::fill_n(dt + static_cast<ptrdiff_t>(j) * in.time_stride, size, 0.0f);
                rotation_gradient(in.queries, size, dq, head, in.q + offset, in.q_stride, dt, in.time_stride);
                rotation_gradient(in.keys, size, dk, head, in.k + offset, in.kv_stride, dt, in.time_stride);
                rotation_gradient(in.keys, size, dv, head, in.v + offset, in.kv_stride, dt, in.time_stride);
                rotate(in.queries, size, dq, head, t, in.time_stride, true, out.q + offset, out.q_stride);
                rotate(in.keys, size, dk, head, t, in.time_stride, true, out.k + offset, out.kv_stride);
                rotate(in.keys, size, dv, head, t, in.time_stride, true, out.v + offset, out.kv_stride);
                break;
            }
        }
    }
}

}  // namespace
}  // namespace ardiff::training
