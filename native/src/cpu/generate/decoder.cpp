// The decoder on the CPU: time branch, blocks and prediction (SPEC section 4).

#include <algorithm>
#include <cmath>
#include <cstring>

#include "cpu/generate/decoder_layers.h"
#include "cpu/generate/generator.h"
#include "cpu/generate/operands.h"
#include "cpu/generate/workspace.h"

namespace ardiff::cpu {

// The time branch does not depend on the sentence: one evaluation per slot serves the whole batch.
void CpuGenerator::prepare_time(const StepRequest& request) {
    const Weights& weights = *weights_;
    const int d = config_.hidden, channels = config_.time_channels;
    const int count = request.per_row ? rows() * slots : slots;
    const int stride = padded(channels), wide = padded(4 * channels), out = padded(d);
    const AlignedFloats embedding =
        allocate_floats(static_cast<int64_t>(count + kSpareRows) * stride);
    for (int i = 0; i < count; ++i) {
        weights.time_embedding.write(request.timesteps[i],
                                     embedding.get() + static_cast<ptrdiff_t>(i) * stride);
    }
    const auto transform = [&](const Linear& first, const Linear& second) {
        const Work work(kernels_);
        AlignedFloats middle = allocate_floats(static_cast<int64_t>(count + kSpareRows) * wide);
        AlignedFloats result = allocate_floats(static_cast<int64_t>(count + kSpareRows) * out);
        matmul(kernels_, count, embedding.get(), stride, first, Epilogue::silu, middle.get(), wide);
        matmul(kernels_, count, middle.get(), wide, second, Epilogue::store, result.get(), out);
        return result;
    };
    time_.per_row = request.per_row;
    if (config_.time == ARDIFF_TIME_ADDITIVE) {
        time_.added = transform(weights.time_0, weights.time_2);
        return;
    }
    if (!config_.has_time_keys()) return;
    const size_t blocks = weights.decoder.size();
    time_.keys.resize(blocks);
    time_.bias.resize(blocks);
    const int heads = config_.heads, head_size = config_.head_size();
    threads_->run(static_cast<int>(blocks), [&](int b, int) {
        const DecoderBlock& block = weights.decoder[static_cast<size_t>(b)];
        AlignedFloats key = transform(block.time_0, block.time_2);
        if (config_.time == ARDIFF_TIME_TXL) {
            AlignedFloats bias = allocate_floats(static_cast<int64_t>(count) * heads);
            for (int i = 0; i < count; ++i) {
                for (int h = 0; h < heads; ++h) {
                    const float* r = block.r_r + h * head_size;
                    const float* k = key.get() + static_cast<ptrdiff_t>(i) * out + h * head_size;
                    float dot = 0;
                    for (int c = 0; c < head_size; ++c) dot += r[c] * k[c];
                    bias[static_cast<size_t>(i) * heads + h] = dot;
                }
            }
            time_.bias[static_cast<size_t>(b)] = std::move(bias);
        }
        time_.keys[static_cast<size_t>(b)] = std::move(key);
    });
}

// x0_hat of the piece's rows into w.x0.
template <class A>
void CpuGenerator::predict(const StepRequest& request, const Piece& piece, Workspace& w) {
    const Weights& weights = *weights_;
    const int d = config_.hidden, width = config_.embedding, stride = padded(d);
    const int channels = config_.input_channels(), input_stride = padded(channels);
    std::vector<float> row_input(static_cast<size_t>(input_stride), 0.0f);
    A* input = as<A>(w.input);
    float* hidden = w.hidden.get();
    int tokens = 0;
    for (int row = piece.first_row; row < piece.last_row; ++row) {
        for (int n = 0; n < stepped_[static_cast<size_t>(row)]; ++n, ++tokens) {
            const float scale = request.input_scale[plan_index(request.per_row, row, n)];
            const float* z = state_row(z_.get(), row) + static_cast<ptrdiff_t>(n) * width;
            float* out = row_input.data();
            if (config_.self_conditioning) {  // the previous prediction comes first
                std::memcpy(out, state_row(x0_.get(), row) + static_cast<ptrdiff_t>(n) * width,
                            static_cast<size_t>(width) * sizeof(float));
                out += width;
            }
            for (int c = 0; c < width; ++c) out[c] = scale * z[c];
            if (config_.input_projection) {
                convert(kernels_, 1, input_stride, row_input.data(),
                        input + static_cast<ptrdiff_t>(tokens) * input_stride);
            } else {
                std::memcpy(hidden + static_cast<ptrdiff_t>(tokens) * stride, row_input.data(),
                            static_cast<size_t>(d) * sizeof(float));
            }
        }
    }
    if (config_.input_projection) project_input<A>(weights, tokens, w);
    const float* positions = weights.positions;
    int token = 0;
    for (int row = piece.first_row; row < piece.last_row; ++row) {
        for (int n = 0; n < stepped_[static_cast<size_t>(row)]; ++n, ++token) {
            float* h = hidden + static_cast<ptrdiff_t>(token) * stride;
            const float* position = positions + static_cast<ptrdiff_t>(n) * d;
            for (int c = 0; c < d; ++c) h[c] += position[c];
            if (config_.time == ARDIFF_TIME_ADDITIVE) {
                const float* time =
                    time_.added.get() +
                    static_cast<ptrdiff_t>(plan_index(time_.per_row, row, n)) * stride;
                for (int c = 0; c < d; ++c) h[c] += time[c];
            }
        }
    }
    kernels_.of_float.layer_norm(tokens, d, hidden, stride, weights.input_norm.weight,
                                 weights.input_norm.bias, kNormEps, hidden, stride, nullptr, 0,
                                 nullptr);
    for (int b = 0; b < config_.decoder_layers; ++b) block<A>(b, piece, tokens, w);
    project_output<A>(weights, tokens, w);
}

template <class A>
void CpuGenerator::block(int index, const Piece& piece, int tokens, Workspace& w) {
    decoder_block<A>(
        *weights_, weights_->decoder[static_cast<size_t>(index)], tokens, w,
        [&] { self_attention<A>(index, piece, w); }, [&] { cross_attention<A>(index, piece, w); });
}

// txl: (q + r_w) . k + (q + r_r) . t = q . (k + t) + (r_w . k + r_r . t), so the time key is folded
// into the key and the rest is one number per key. rotary: q, k and v are rotated by the time key.
template <class A>
void CpuGenerator::self_attention(int index, const Piece& piece, Workspace& w) {
    const DecoderBlock& block = weights_->decoder[static_cast<size_t>(index)];
    const int d = config_.hidden, stride = padded(d), projected = padded(3 * d);
    const int heads = config_.heads, head_size = config_.head_size();
    const float scale = 1.0f / std::sqrt(static_cast<float>(head_size));
    const int values = value_stride(kernels_, head_size);
    const bool txl = config_.time == ARDIFF_TIME_TXL, rotary = config_.time == ARDIFF_TIME_ROTARY;
    int token = 0;
    for (int row = piece.first_row; row < piece.last_row; ++row) {
        const int count = stepped_[static_cast<size_t>(row)], keys = key_stride(kernels_, count);
        if (count == 0) continue;
        const size_t time_row = time_.per_row ? static_cast<size_t>(row) * slots : 0;
        float* const own = w.projected.get() + static_cast<ptrdiff_t>(token) * projected;
        for (int h = 0; h < heads; ++h) {
            float* q = own + h * head_size;
            const float* time = txl || rotary
                                    ? time_.keys[static_cast<size_t>(index)].get() +
                                          static_cast<ptrdiff_t>(time_row) * stride + h * head_size
                                    : nullptr;
            const float* k = q + d;
            if (rotary) {
                for (int n = 0; n < count; ++n) {
                    const ptrdiff_t at = static_cast<ptrdiff_t>(n) * projected;
                    const float* angle = time + static_cast<ptrdiff_t>(n) * stride;
                    rotate(k + at, angle, head_size, w.rotated.get());
                    for (int c = 0; c < head_size; ++c) {
                        w.head_keys[static_cast<size_t>(c) * keys + n] =
                            w.rotated[static_cast<size_t>(c)];
                    }
                    rotate(k + d + at, angle, head_size,
                           w.head_values.get() + static_cast<ptrdiff_t>(n) * values);
                    rotate(q + at, angle, head_size, w.rotated.get());
                    std::memcpy(q + at, w.rotated.get(),
                                static_cast<size_t>(head_size) * sizeof(float));
                }
                for (int c = 0; c < head_size; ++c) {
                    float* row_keys = w.head_keys.get() + static_cast<ptrdiff_t>(c) * keys;
                    std::fill(row_keys + count, row_keys + keys, 0.0f);
                }
            } else {
                transpose_keys(k, projected, count, head_size, w.head_keys.get(), keys);
                copy_values(k + d, projected, count, head_size, w.head_values.get(), values);
            }
            float* bias = w.head_bias.get();
            std::fill(bias, bias + count, 0.0f);
            if (txl) {
                const float* r_w = block.r_w + h * head_size;
                const float* time_bias = time_.bias[static_cast<size_t>(index)].get() +
                                         static_cast<ptrdiff_t>(time_row) * heads + h;
                for (int c = 0; c < head_size; ++c) {
                    float* row_keys = w.head_keys.get() + static_cast<ptrdiff_t>(c) * keys;
                    for (int n = 0; n < count; ++n) bias[n] += r_w[c] * row_keys[n];
                    for (int n = 0; n < count; ++n)
                        row_keys[n] += time[static_cast<ptrdiff_t>(n) * stride + c];
                }
                for (int n = 0; n < count; ++n) {
                    bias[n] = scale * (bias[n] + time_bias[static_cast<ptrdiff_t>(n) * heads]);
                }
            }
            A* mixed = as<A>(w.normal) + static_cast<ptrdiff_t>(token) * stride + h * head_size;
            kernels_.operands<A>().attend_head(
                count, q, projected, head_size,
                {w.head_keys.get(), bias, w.head_values.get(), count, keys, values}, w.scores.get(),
                mixed, stride);
        }
        token += count;
    }
}

template <class A>
void CpuGenerator::cross_attention(int index, const Piece& piece, Workspace& w) {
    const int stride = padded(config_.hidden), projected = padded(3 * config_.hidden);
    ptrdiff_t token = 0;
    for (int row = piece.first_row; row < piece.last_row; ++row) {
        const int queries = stepped_[static_cast<size_t>(row)];
        attend_to_source(*weights_, index, memory_[static_cast<size_t>(row / candidates)], queries,
                         w.projected.get() + token * projected, projected, w.scores.get(),
                         as<A>(w.normal) + token * stride, stride);
        token += queries;
    }
}

template void CpuGenerator::predict<float>(const StepRequest&, const Piece&, Workspace&);
template void CpuGenerator::predict<bf16>(const StepRequest&, const Piece&, Workspace&);

}  // namespace ardiff::cpu
