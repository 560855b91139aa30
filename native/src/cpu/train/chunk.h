// A few neighbouring rows of a micro-batch, which a thread takes through the network together.
#pragma once

#include <vector>

#include "core/trainer.h"

namespace ardiff::training {

// Sizes a workspace must have room for.
struct Extent {
    int rows = 0;  // sentences
    int length = 0, slots = 0;

    bool holds(const Extent& other) const {
        return rows >= other.rows && length >= other.length && slots >= other.slots;
    }
};

// Source tokens lie one sentence after the other, each cut behind its last unmasked token;
// positions masked before that are there but never attended to. Target slots are all there.
struct Chunk {
    const TrainingBatch* batch = nullptr;
    int first_row = 0, rows = 0;
    std::vector<int> source_offset;  // [rows + 1], in tokens

    int source_tokens() const { return source_offset.back(); }
    int source_length(int row) const {
        return source_offset[static_cast<size_t>(row) + 1] -
               source_offset[static_cast<size_t>(row)];
    }
    int slots() const { return batch->slots; }
    int tokens() const { return rows * batch->slots; }

    void set(const TrainingBatch& of, int first, int count) {
        batch = &of;
        first_row = first;
        rows = count;
        source_offset.assign(1, 0);
        for (int r = 0; r < count; ++r) {
            const uint8_t* mask = of.mask + static_cast<int64_t>(first + r) * of.length;
            int length = of.length;
            while (mask[length - 1] == 0) --length;
            source_offset.push_back(source_offset.back() + length);
        }
    }
};

}  // namespace ardiff::training
