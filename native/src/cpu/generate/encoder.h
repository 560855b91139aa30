// The encoder of a batch, and the keys and values that cross-attention keeps of it.
#pragma once

#include <memory>
#include <vector>

#include "cpu/generate/weights.h"
#include "cpu/threads.h"

namespace ardiff::cpu {

// Cross-attention keys and values of one source: per decoder block and head, made once.
struct SourceMemory {
    std::vector<int32_t> positions;  // columns of the unmasked ids
    AlignedFloats encoder;           // [count][padded(d)]
    AlignedFloats keys;              // [blocks][heads][head_size][key_stride]
    AlignedFloats values;            // [blocks][heads][count][value_stride]
    int key_stride = 0;

    int count() const { return static_cast<int>(positions.size()); }
};

// Sources as a matrix.
struct SourceRows {
    const int32_t* ids;   // [S,L]
    const uint8_t* mask;  // [S,L]
    int sources, length;

    // The unmasked ids of a source.
    std::vector<int32_t> unmasked(int source) const;
};

// Consecutive rows, or sources, that a thread takes together.
struct Piece {
    int first_row, last_row;  // [first_row, last_row)
    int tokens;               // of them all
};

// Rows of the given sizes in runs of about 400 tokens, as many runs as threads can share evenly.
std::vector<Piece> share_out(const std::vector<int32_t>& sizes, int threads);

// What became of all sources. Adds the seconds it took, on average over the threads, to `seconds`.
std::vector<SourceMemory> encode_sources(const Weights& weights, ThreadPool& threads,
                                         const SourceRows& sources, double& seconds);

// Cross-attention of a decoder block: `queries` slots' q [queries][q_stride] against a source,
// heads side by side in `out`. `scores` holds head_scratch() floats.
template <class A>
void attend_to_source(const Weights& weights, int block, const SourceMemory& memory, int queries,
                      const float* q, int q_stride, float* scores, A* out, int out_stride);

}  // namespace ardiff::cpu
