// The decoder for the slots of a call: what they hold, the blocks, and what they predict.

#include <algorithm>
#include <cmath>
#include <cstring>

#include "cpu/generate/decoder_layers.h"
#include "cpu/generate/decoding_workspace.h"
#include "cpu/generate/operands.h"

namespace ardiff::cpu {

void CpuDecoder::predict(int width, DecodingWorkspace& w) {
    w.reserve(*weights_, static_cast<int>(w.slots.size()), positions(), most_source_keys_, width);
    weights_->half ? predict_as<bf16>(width, w) : predict_as<float>(width, w);
}

template <class A>
void CpuDecoder::predict_as(int width, DecodingWorkspace& w) {
    embed<A>(w);
    for (int i = 0; i < config_.decoder_layers; ++i) layer<A>(i, width, w);
    project_output<A>(*weights_, static_cast<int>(w.slots.size()), w);
}

// What the slots hold, with their positions, normalised, into the residual stream.
template <class A>
void CpuDecoder::embed(DecodingWorkspace& w) {
    const Weights& weights = *weights_;
    const int d = config_.hidden, width = config_.embedding, stride = padded(d);
    const int input_stride = padded(config_.input_channels());
    const int count = static_cast<int>(w.slots.size());
    const Vocabulary& vocabulary = weights.vocabulary;
    float* const hidden = w.hidden.get();
    const auto held = [&](const DecodingSlot& slot) {
        return slot.token < 0
                   ? weights.waiting
                   : vocabulary.table + static_cast<ptrdiff_t>(slot.token) * vocabulary.stride;
    };
    if (config_.input_projection) {
        std::vector<float> row(static_cast<size_t>(input_stride), 0.0f);
        for (int i = 0; i < count; ++i) {
            std::copy_n(held(w.slots[static_cast<size_t>(i)]), width, row.begin());
            convert(kernels_, 1, input_stride, row.data(),
                    as<A>(w.input) + static_cast<ptrdiff_t>(i) * input_stride);
        }
        project_input<A>(weights, count, w);
    } else {
        for (int i = 0; i < count; ++i) {
            std::copy_n(held(w.slots[static_cast<size_t>(i)]), d,
                        hidden + static_cast<ptrdiff_t>(i) * stride);
        }
    }
    const float* positions = weights.positions;
    for (int i = 0; i < count; ++i) {
        float* h = hidden + static_cast<ptrdiff_t>(i) * stride;
        const float* position =
            positions + static_cast<ptrdiff_t>(w.slots[static_cast<size_t>(i)].position) * d;
        for (int c = 0; c < d; ++c) h[c] += position[c];
    }
    kernels_.of_float.layer_norm(count, d, hidden, stride, weights.input_norm.weight,
                                 weights.input_norm.bias, kNormEps, hidden, stride, nullptr, 0,
                                 nullptr);
}

template <class A>
void CpuDecoder::layer(int index, int width, DecodingWorkspace& w) {
    decoder_block<A>(
        *weights_, weights_->decoder[static_cast<size_t>(index)], static_cast<int>(w.slots.size()),
        w, [&] { self_attention<A>(index, width, w); },
        [&] { cross_attention<A>(index, width, w); });
}

template <class A>
void CpuDecoder::cross_attention(int index, int width, DecodingWorkspace& w) {
    const int stride = padded(config_.hidden), projected = padded(3 * config_.hidden);
    for (const RowSlots& slots : w.rows) {
        const SourceMemory& memory = memory_[static_cast<size_t>(row(slots.row).source)];
        attend_to_source(*weights_, index, memory, slots.count(width),
                         w.projected.get() + static_cast<ptrdiff_t>(slots.first) * projected,
                         projected, w.scores.get(),
                         as<A>(w.normal) + static_cast<ptrdiff_t>(slots.first) * stride, stride);
    }
}

// Keeps keys and values of the slots that settle, then lets every slot attend.
template <class A>
void CpuDecoder::self_attention(int index, int width, DecodingWorkspace& w) {
    const int d = config_.hidden, stride = padded(d), projected = padded(3 * d);
    const int heads = config_.heads, head_size = config_.head_size();
    const float scale = 1.0f / std::sqrt(static_cast<float>(head_size));
    for (const RowSlots& slots : w.rows) {
        const RowCache& cache = caches_[static_cast<size_t>(slots.row)];
        const int count = slots.count(width);
        const float* const own =
            w.projected.get() + static_cast<ptrdiff_t>(slots.first) * projected;
        const DecodingSlot* const slot = w.slots.data() + slots.first;
        int most = 0;
        for (int i = 0; i < count; ++i) most = std::max(most, slot[i].past);
        for (int g = 0; g * kKeyGroup < most; ++g) {
            w.past_keys[static_cast<size_t>(g)] = cache.keys(g, index);
            w.past_values[static_cast<size_t>(g)] = cache.values(g, index);
        }
        for (int i = 0; i < slots.settling; ++i) {
            const float* k = own + static_cast<ptrdiff_t>(i) * projected + d;
            const int group = slot[i].position / kKeyGroup, lane = slot[i].position % kKeyGroup;
            kernels_.keep_keys(d, k, lane, cache.keys(group, index));
            std::copy_n(k + d, d,
                        cache.values(group, index) + static_cast<ptrdiff_t>(lane) * stride);
        }
        const auto attend_from = [&](int i, const KeyGroups& beside) {
            const KeyGroups past = {w.past_keys.data(), w.past_values.data(), stride, slot[i].past};
            const float* q = own + static_cast<ptrdiff_t>(i) * projected;
            A* out = as<A>(w.normal) + static_cast<ptrdiff_t>(slots.first + i) * stride;
            if constexpr (std::is_same_v<A, float>) {
                kernels_.attend_past(heads, head_size, q, scale, past, beside, w.scores.get(), out);
            } else {
                kernels_.attend_past(heads, head_size, q, scale, past, beside, w.scores.get(),
                                     w.mixed.get());
                convert(kernels_, 1, d, w.mixed.get(), out);
            }
        };
        for (int i = 0; i < slots.settling; ++i) attend_from(i, {nullptr, nullptr, 0, 0});
        for (int b = 0; b < slots.blocks; ++b) {
            const int first = slots.settling + b * width;
            for (int k = 0; k < width; ++k) {
                const int group = k / kKeyGroup, lane = k % kKeyGroup;
                const float* key = own + static_cast<ptrdiff_t>(first + k) * projected + d;
                float* keys = w.block_keys.get() + static_cast<ptrdiff_t>(group) * kKeyGroup * d;
                kernels_.keep_keys(d, key, lane, keys);
                if (lane != 0) continue;
                w.own_keys[static_cast<size_t>(group)] = keys;
                w.own_values[static_cast<size_t>(group)] = key + d;
            }
            const KeyGroups beside = {w.own_keys.data(), w.own_values.data(), projected, width};
            for (int k = 0; k < width; ++k) attend_from(first + k, beside);
        }
    }
}

}  // namespace ardiff::cpu
