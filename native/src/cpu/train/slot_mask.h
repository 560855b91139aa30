// Who attends to whom among a chunk's target slots, as scores to be added.
#pragma once

#include <cstdint>

#include "cpu/train/layers.h"

namespace ardiff::training {

// One number a key, [tokens]: where it is the same for all queries.
inline void mask_keys(const Chunk& chunk, float* bias) {
    const TrainingBatch& batch = *chunk.batch;
    const int64_t first = static_cast<int64_t>(chunk.first_row) * batch.slots;
    for (int token = 0; token < chunk.tokens(); ++token) {
        bias[token] = batch.key_mask[first + token] != 0 ? 0.0f : kMaskedScore;
    }
}

// Whom a slot may attend to: [slots] of the batch's mask.
inline const uint8_t* seen_by(const TrainingBatch& batch, int slot) {
    return batch.attention_mask + static_cast<int64_t>(slot) * batch.slots;
}

// One number a pair, [tokens][padded(slots)], where the batch has an attention mask.
inline void mask_pairs(const Chunk& chunk, float* bias) {
    const TrainingBatch& batch = *chunk.batch;
    const int slots = batch.slots;
    const int64_t first = static_cast<int64_t>(chunk.first_row) * slots;
    for (int token = 0; token < chunk.tokens(); ++token, bias += padded(slots)) {
        const int query = token % slots;
        const int64_t row = first + token - query;
        const uint8_t* const allowed = seen_by(batch, query);
        for (int key = 0; key < slots; ++key) {
            const bool seen =
                (batch.key_mask == nullptr || batch.key_mask[row + key] != 0) && allowed[key] != 0;
            bias[key] = seen ? 0.0f : kMaskedScore;
        }
    }
}

}  // namespace ardiff::training
