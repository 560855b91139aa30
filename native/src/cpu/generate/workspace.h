// Buffers of one thread, sized for the largest piece so far.
#pragma once

#include <type_traits>

#include "core/generator.h"
#include "cpu/kernels/kernels.h"
#include "cpu/generate/weights.h"

namespace ardiff::cpu {

// Strides of a head's keys and values that suit the kernels.
inline int key_stride(const Kernels& kernels, int count) {
    return round_up(count, kernels.vector_width);
}
inline int value_stride(const Kernels& kernels, int head_size) {
    return round_up(head_size, kernels.vector_width);
}

struct Workspace {
    Workspace(const Weights& weights, int tokens_, int keys) : tokens(tokens_), keys_(keys) {
        const NetworkConfig& c = weights.config;
        const int64_t rows = tokens + kSpareRows;
        const int wide_columns = padded(std::max(4 * c.hidden, c.encoder_ffn));
        // Sized for float; bfloat16 uses half of each.
        input = allocate_floats(rows * padded(c.input_channels()));
        wide = allocate_floats(rows * wide_columns);
        normal = allocate_floats(rows * padded(c.hidden));
        hidden = allocate_floats(rows * padded(c.hidden));
        projected = allocate_floats(rows * padded(3 * c.hidden));
        x0 = allocate_floats(rows * padded(c.embedding));
        noise = allocate_floats(padded(c.embedding) + 64);
        const Kernels& k = weights.kernels;
        head_keys = allocate_floats(static_cast<int64_t>(c.head_size()) * key_stride(k, keys));
        head_values =
            allocate_floats(static_cast<int64_t>(keys) * value_stride(k, c.head_size()) + 64);
        head_bias = allocate_floats(key_stride(k, keys));
        rotated = allocate_floats(static_cast<int64_t>(keys) * padded(c.head_size()));
        scores = allocate_floats(head_scratch(keys, key_stride(k, keys), c.head_size()) + 64);
        picked = allocate_floats(rows * padded(c.embedding));
        nearest = allocate_floats(k.nearest_scratch(tokens, weights.vocabulary) + 64);
        index.resize(static_cast<size_t>(rows));
        slot.resize(static_cast<size_t>(rows));
    }
    bool fits(int tokens_, int keys) const { return tokens_ <= tokens && keys <= keys_; }

    int tokens;
    AlignedFloats input, wide, normal;  // matmul operands, float or bfloat16
    AlignedFloats hidden;               // residual stream [tokens][padded(d)]
    AlignedFloats projected;            // q, k, v side by side [tokens][padded(3d)]
    AlignedFloats x0;                   // prediction [tokens][padded(C)]
    AlignedFloats noise;
    AlignedFloats head_keys, head_values, head_bias, rotated, scores;  // one head of one sentence
    AlignedFloats picked, nearest;  // rows to round, and the kernel's scratch
    std::vector<int32_t> index, slot;
    Seconds seconds;

  private:
    int keys_;
};

}  // namespace ardiff::cpu
