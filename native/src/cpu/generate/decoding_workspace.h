// Buffers of one thread for decoding, sized for the largest piece so far.
#pragma once

#include <algorithm>
#include <vector>

#include "cpu/generate/decoding.h"
#include "cpu/generate/workspace.h"

namespace ardiff::cpu {

constexpr int kLogitRows = 32;  // whose logits are in memory at a time

struct DecodingWorkspace {
    // Makes room for `slots` slots, and for rows of `positions` settled slots and `source_keys`.
    void reserve(const Weights& weights, int slots, int positions, int source_keys, int width) {
        const NetworkConfig& c = weights.config;
        const Kernels& k = weights.kernels;
        const int groups =
            (positions + kKeyGroup - 1) / kKeyGroup + (width + kKeyGroup - 1) / kKeyGroup;
        if (slots > room_) {
            room_ = std::max(slots, 32);
            const int64_t rows = room_ + kSpareRows;
            // Sized for float; bfloat16 uses half of each.
            input = allocate_floats(rows * padded(c.input_channels()));
            wide = allocate_floats(rows * padded(4 * c.hidden));
            normal = allocate_floats(rows * padded(c.hidden));
            hidden = allocate_floats(rows * padded(c.hidden));
            projected = allocate_floats(rows * padded(3 * c.hidden));
            x0 = allocate_floats(rows * padded(c.embedding));
            picked = allocate_floats(rows * padded(c.embedding));
            chained = allocate_floats(rows * padded(c.embedding));
            pair = allocate_floats(rows * padded(2 * c.embedding));
            inner = allocate_floats(rows * padded(std::max(1, c.token_chain)));
            index.resize(static_cast<size_t>(rows));
        }
        const int64_t attended = std::max<int64_t>(
            groups * kKeyGroup, head_scratch(room_, key_stride(k, source_keys), c.head_size()));
        if (attended > scores_room_) {
            scores_room_ = attended;
            scores = allocate_floats(attended);
        }
        if (groups > groups_) {
            groups_ = groups;
            block_keys = allocate_floats(static_cast<int64_t>(groups) * kKeyGroup * c.hidden);
            mixed = allocate_floats(padded(c.hidden));
            past_keys.resize(static_cast<size_t>(groups));
            past_values.resize(static_cast<size_t>(groups));
            own_keys.resize(static_cast<size_t>(groups));
            own_values.resize(static_cast<size_t>(groups));
        }
    }
    // [kLogitRows][columns].
    float* logits_for(int columns) {
        if (logits == nullptr) {
            logits = allocate_floats(int64_t{kLogitRows} * columns);
        }
        return logits.get();
    }
    float* choice_scratch(int64_t floats) {
        if (choice == nullptr) choice = allocate_floats(floats);
        return choice.get();
    }
    void clear() {
        slots.clear();
        rows.clear();
    }

    std::vector<DecodingSlot> slots;
    std::vector<RowSlots> rows;
    AlignedFloats input, wide, normal;   // matmul operands, float or bfloat16
    AlignedFloats hidden;                // residual stream [slots][padded(d)]
    AlignedFloats projected;             // q, k, v side by side [slots][padded(3d)]
    AlignedFloats x0;                    // predictions [slots][padded(C)]
    AlignedFloats picked;                // those that tokens are chosen of
    AlignedFloats chained, pair, inner;  // of the chain head
    AlignedFloats scores, block_keys, mixed, logits, choice;
    std::vector<const float*> past_keys, past_values, own_keys, own_values;
    std::vector<int32_t> index;
    DecodingSeconds seconds;

  private:
    int room_ = 0, groups_ = -1;
    int64_t scores_room_ = -1;
};

}  // namespace ardiff::cpu
