// Attention of one sentence, both directions. For sequences this short every head is a few products
// of register blocks; only transposes and heads whose size is no multiple of a vector need copies.
#pragma once

#include "cpu/kernels/matmul.h"
#include "cpu/kernels/rows.h"
#include "cpu/kernels/softmax.h"
#include "cpu/kernels/transpose.h"

namespace ardiff::cpu {
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
    return (3 * queries + 4 * keys) * head + inner * row + 2 * queries * row + 2 * row + 16 * kPad;
}

// A matrix of one head.
struct Rows {
    const float* data;
    ptrdiff_t stride;
};

// x' = rotation of the pairs of x by the halves of t, or back.
inline void rotate(int rows, int size, const float* x, ptrdiff_t x_stride, const float* t,
                   ptrdiff_t t_stride, bool back, float* y, ptrdiff_t y_stride) {
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
inline void rotation_gradient(int rows, int size, const float* dy, ptrdiff_t dy_stride,
                              const float* x, ptrdiff_t x_stride, float* dt, ptrdiff_t dt_stride) {
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
        std::memcpy(copy + static_cast<ptrdiff_t>(r) * head,
                    first + static_cast<ptrdiff_t>(r) * stride, static_cast<size_t>(size) * 4);
        std::fill(copy + static_cast<ptrdiff_t>(r) * head + size,
                  copy + static_cast<ptrdiff_t>(r + 1) * head, 0.0f);
    }
    return {copy, head};
}

inline Rows rotated_rows(const float* x, int stride, const AttentionInputs& in, int rows, int h,
                         Scratch& scratch) {
    const int size = in.head_size, head = round_to_vector(size);
    float* y = scratch.take(rows, head);
    rotate(rows, size, x + static_cast<ptrdiff_t>(h) * size, stride,
           in.time + static_cast<ptrdiff_t>(h) * size, in.time_stride, false, y, head);
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
    const float *r_w = in.r_w + static_cast<ptrdiff_t>(h) * size,
                *r_r = in.r_r + static_cast<ptrdiff_t>(h) * size;
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

inline ScoreRows score_rows(const AttentionInputs& in, int h, float scale, const float* bias) {
    const uint8_t* keep =
        in.keep == nullptr ? nullptr : in.keep + static_cast<ptrdiff_t>(h) * in.keep_head;
    return {in.queries,   in.keys, padded(in.keys), scale,        bias,
            in.pair_bias, keep,    in.keep_stride,  in.keep_scale};
}

// Where a product that makes rows of one head writes them: in place where whole vectors may be
// written, else into scratch, from where copy_rows takes them.
struct Target {
    float* data;
    ptrdiff_t stride;
};

inline Target target_rows(float* y, int stride, int rows, int size, Scratch& scratch) {
    if (size % W == 0) return {y, stride};
    const int head = round_to_vector(size);
    return {scratch.take(rows, head), head};
}

// output [queries][size] = weights [queries][stride] * values. `scratch` holds padded(size) floats
// a query.
template <class A>
inline void mix(int queries, int keys, int size, const float* weights, int stride,
                const Rows& values, float* scratch, A* output, int output_stride) {
    if constexpr (std::is_same_v<A, float>) {
        if (size % W == 0) {
            product(queries, size, keys, weights, ByRows{stride}, values.data, values.stride,
                    output, output_stride);
            return;
        }
    }
    const int head = round_to_vector(size);
    product(queries, size, keys, weights, ByRows{stride}, values.data, values.stride, scratch,
            head);
    to_operand(queries, size, scratch, head, nullptr, 1.0f, output, output_stride);
}

template <class A>
inline void attend(const AttentionInputs& in, A* output, int output_stride) {
    const int size = in.head_size, stride = padded(in.keys);
    const float scale = 1.0f / std::sqrt(static_cast<float>(size));
    for (int h = 0; h < in.heads; ++h) {
        Scratch scratch(in.scratch);
        const Head x = prepare_head(in, h, scratch);
        const float* keys = transposed(x.k, in.keys, size, scratch);
        float* scores = in.probabilities + static_cast<ptrdiff_t>(h) * in.queries * stride;
        product(in.queries, in.keys, size, x.q.data, ByRows{x.q.stride}, keys, stride, scores,
                stride);
        const float* probabilities = scores;
        float* dropped = nullptr;
        if (in.keep != nullptr) probabilities = dropped = scratch.take(in.queries, stride);
        softmax(score_rows(in, h, scale, x.bias), scores, dropped);
        mix(in.queries, in.keys, size, probabilities, stride, x.v,
            scratch.take(in.queries, round_to_vector(size)),
            output + static_cast<ptrdiff_t>(h) * size, output_stride);
    }
}

template <class A>
inline void attend_head(int queries, const float* q, int q_stride, int size, const HeadKeys& keys,
                        float* scratch, A* output, int output_stride) {
    const int stride = keys.key_stride;
    const float scale = 1.0f / std::sqrt(static_cast<float>(size));
    product(queries, keys.count, size, q, ByRows{q_stride}, keys.keys, stride, scratch, stride);
    softmax({queries, keys.count, stride, scale, keys.bias, nullptr, nullptr, 0, 1.0f}, scratch,
            nullptr);
    mix(queries, keys.count, size, scratch, stride, {keys.values, keys.value_stride},
        scratch + static_cast<ptrdiff_t>(queries) * stride, output, output_stride);
}

inline void copy_rows(int rows, int width, const Target& x, float* y, ptrdiff_t y_stride) {
    if (x.data == y) return;
    for (int r = 0; r < rows; ++r)
        std::memcpy(y + r * y_stride, x.data + r * x.stride, static_cast<size_t>(width) * 4);
}

// Splits the gradient of k + t and that of the shared bias, `dbias` [keys] (see prepare_head),
// among k, t, r_w and r_r.
inline void txl_gradient(const AttentionInputs& in, const AttentionGradients& out, int h,
                         const float* dbias, const Target& dsums) {
    const int size = in.head_size, offset = h * size;
    float *dr_w = out.r_w + offset, *dr_r = out.r_r + offset;
    const float *r_w = in.r_w + offset, *r_r = in.r_r + offset;
    for (int j = 0; j < in.keys; ++j) {
        const float total = dbias[j];
        const float* k = in.k + static_cast<ptrdiff_t>(j) * in.kv_stride + offset;
        const float* t = in.time + static_cast<ptrdiff_t>(j) * in.time_stride + offset;
        const float* d = dsums.data + j * dsums.stride;
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
        const float* probabilities =
            in.probabilities + static_cast<ptrdiff_t>(h) * in.queries * stride;
        const float* dropped = probabilities;
        float* kept_only = nullptr;
        if (in.keep != nullptr) dropped = kept_only = scratch.take(in.queries, stride);
        float* dscores = scratch.take(in.queries, stride);
        float* dbias = scratch.take(1, stride);
        const float* values = transposed(x.v, in.keys, size, scratch);
        product(in.queries, in.keys, size, dmixed.data, ByRows{dmixed.stride}, values, stride,
                dscores, stride);
        softmax_backward(score_rows(in, h, scale, x.bias), probabilities, dscores, kept_only,
                         dbias);

        const bool rotary =
            in.time_key == TimeKey::rotary;  // whose gradients turn back before they are written
        const auto target = [&](float* y, int y_stride, int rows) {
            return rotary ? Target{scratch.take(rows, head), head}
                          : target_rows(y, y_stride, rows, size, scratch);
        };
        const Target dq = target(out.q + offset, out.q_stride, in.queries);
        const Target dv = target(out.v + offset, out.kv_stride, in.keys);
        const Target dk = in.time_key == TimeKey::none
                              ? target(out.k + offset, out.kv_stride, in.keys)
                              : Target{scratch.take(in.keys, head), head};
        product(in.queries, size, in.keys, dscores, ByRows{stride}, x.k.data, x.k.stride, dq.data,
                dq.stride);
        product(in.keys, size, in.queries, dscores, ByColumns{stride}, x.q.data, x.q.stride,
                dk.data, dk.stride);
        product(in.keys, size, in.queries, dropped, ByColumns{stride}, dmixed.data, dmixed.stride,
                dv.data, dv.stride);

        switch (in.time_key) {
            case TimeKey::none:
                copy_rows(in.queries, size, dq, out.q + offset, out.q_stride);
                copy_rows(in.keys, size, dk, out.k + offset, out.kv_stride);
                copy_rows(in.keys, size, dv, out.v + offset, out.kv_stride);
                break;
            case TimeKey::txl:
                copy_rows(in.queries, size, dq, out.q + offset, out.q_stride);
                copy_rows(in.keys, size, dv, out.v + offset, out.kv_stride);
                txl_gradient(in, out, h, dbias, dk);
                break;
            case TimeKey::rotary: {
                const float* t = in.time + offset;
                float* dt = out.time + offset;
                for (int j = 0; j < in.keys; ++j)
                    std::fill_n(dt + static_cast<ptrdiff_t>(j) * in.time_stride, size, 0.0f);
                rotation_gradient(in.queries, size, dq.data, head, in.q + offset, in.q_stride, dt,
                                  in.time_stride);
                rotation_gradient(in.keys, size, dk.data, head, in.k + offset, in.kv_stride, dt,
                                  in.time_stride);
                rotation_gradient(in.keys, size, dv.data, head, in.v + offset, in.kv_stride, dt,
                                  in.time_stride);
                rotate(in.queries, size, dq.data, head, t, in.time_stride, true, out.q + offset,
                       out.q_stride);
                rotate(in.keys, size, dk.data, head, t, in.time_stride, true, out.k + offset,
                       out.kv_stride);
                rotate(in.keys, size, dv.data, head, t, in.time_stride, true, out.v + offset,
                       out.kv_stride);
                break;
            }
        }
    }
}

}  // namespace
}  // namespace ardiff::cpu
