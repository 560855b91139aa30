// The encoder on the CPU, and the keys and values that cross-attention keeps of it (SPEC section
// 4).

#include <algorithm>
#include <cstring>

#include "core/stopwatch.h"
#include "cpu/generate/generator.h"
#include "cpu/generate/operands.h"
#include "cpu/generate/workspace.h"

namespace ardiff::cpu {

void CpuGenerator::encode(const BatchRequest& request) {
    memory_.resize(static_cast<size_t>(sources));
    std::vector<std::vector<int32_t>> ids(static_cast<size_t>(sources));
    std::vector<int32_t> counts;
    for (int s = 0; s < sources; ++s) {
        SourceMemory& memory = memory_[static_cast<size_t>(s)];
        std::vector<int32_t>& unmasked = ids[static_cast<size_t>(s)];
        for (int l = 0; l < length; ++l) {
            const ptrdiff_t at = static_cast<ptrdiff_t>(s) * length + l;
            if (request.mask[at] == 0) continue;
            unmasked.push_back(request.ids[at]);
            memory.positions.push_back(l);
        }
        memory.noise = noise_key(request.seed, unmasked);
        counts.push_back(static_cast<int32_t>(unmasked.size()));
    }
    const std::vector<Piece> parts = pieces(counts);
    threads_->run(static_cast<int>(parts.size()), [&](int index, int thread) {
        const Piece& piece = parts[static_cast<size_t>(index)];
        Workspace& w = workspace(thread, piece.tokens);
        const Work work(kernels_);
        timed(w.seconds.encoder, [&] {
            if (weights_->half) {
                encode_sources<bf16>(piece, ids, w);
                remember<bf16>(piece, w);
            } else {
                encode_sources<float>(piece, ids, w);
                remember<float>(piece, w);
            }
        });
    });
}

template <class A>
void CpuGenerator::encode_sources(const Piece& piece, const std::vector<std::vector<int32_t>>& ids,
                                  Workspace& w) {
    const Weights& weights = *weights_;
    const int d = config_.hidden, stride = padded(d), tokens = piece.tokens;
    const float* words = weights.parameters.tensor("encoder.embeddings.word_embeddings.weight");
    const float* positions =
        weights.parameters.tensor("encoder.embeddings.position_embeddings.weight");
    const float* type =
        weights.parameters.tensor("encoder.embeddings.token_type_embeddings.weight");
    float* hidden = w.hidden.get();
    float* embedded = hidden;
    for (int s = piece.first_row; s < piece.last_row; ++s) {
        const SourceMemory& memory = memory_[static_cast<size_t>(s)];
        for (size_t i = 0; i < memory.positions.size(); ++i, embedded += stride) {
            const float* word = words + static_cast<ptrdiff_t>(ids[static_cast<size_t>(s)][i]) * d;
            const float* position = positions + static_cast<ptrdiff_t>(memory.positions[i]) * d;
            for (int c = 0; c < d; ++c) embedded[c] = word[c] + type[c] + position[c];
        }
    }
    A* normal = as<A>(w.normal);
    normalise(kernels_, tokens, d, weights.encoder_norm, hidden, normal, true);
    const int projected = padded(3 * d), wide = padded(config_.encoder_ffn);
    for (const EncoderLayer& layer : weights.encoder) {
        matmul(kernels_, tokens, normal, stride, layer.query_key_value, Epilogue::store,
               w.projected.get(), projected);
        source_attention<A>(piece, w);
        matmul(kernels_, tokens, normal, stride, layer.attention_output, Epilogue::accumulate,
               hidden, stride);
        normalise(kernels_, tokens, d, layer.attention_norm, hidden, normal, true);
        matmul(kernels_, tokens, normal, stride, layer.intermediate, Epilogue::gelu, as<A>(w.wide),
               wide);
        matmul(kernels_, tokens, as<A>(w.wide), wide, layer.output, Epilogue::accumulate, hidden,
               stride);
        normalise(kernels_, tokens, d, layer.output_norm, hidden, normal, true);
    }
    const float* encoded = hidden;
    for (int s = piece.first_row; s < piece.last_row; ++s) {
        SourceMemory& memory = memory_[static_cast<size_t>(s)];
        const size_t size = memory.positions.size() * static_cast<size_t>(stride);
        memory.encoder = allocate_floats(static_cast<int64_t>(size));
        std::memcpy(memory.encoder.get(), encoded, size * sizeof(float));
        encoded += size;
    }
}

// The encoder's self-attention, from the projections in the workspace.
template <class A>
void CpuGenerator::source_attention(const Piece& piece, Workspace& w) {
    const int d = config_.hidden, stride = padded(d), projected = padded(3 * d);
    const int head_size = config_.head_size(), values = value_stride(kernels_, head_size);
    ptrdiff_t token = 0;
    for (int s = piece.first_row; s < piece.last_row; ++s) {
        const int count = static_cast<int>(memory_[static_cast<size_t>(s)].positions.size());
        const int keys = key_stride(kernels_, count);
        for (int h = 0; h < config_.heads; ++h) {
            const float* q = w.projected.get() + token * projected + h * head_size;
            transpose_keys(q + d, projected, 0, count, head_size, w.head_keys.get(), keys);
            copy_values(q + 2 * d, projected, count, head_size, w.head_values.get(), values);
            kernels_.operands<A>().attend_head(
                count, q, projected, head_size,
                {w.head_keys.get(), nullptr, w.head_values.get(), count, keys, values},
                w.scores.get(), as<A>(w.normal) + token * stride + h * head_size, stride);
        }
        token += count;
    }
}

// Cross-attention keys and values, from the encoder output left in the workspace.
template <class A>
void CpuGenerator::remember(const Piece& piece, Workspace& w) {
    const int d = config_.hidden, stride = padded(d), projected = padded(3 * d),
              heads = config_.heads;
    const int head_size = config_.head_size(), values = value_stride(kernels_, head_size);
    for (int b = 0; b < config_.decoder_layers; ++b) {
        const Linear& layer = weights_->decoder[static_cast<size_t>(b)].cross_key_value;
        matmul(kernels_, piece.tokens, as<A>(w.normal), stride, layer, Epilogue::store,
               w.projected.get(), projected);
        const float* row = w.projected.get();
        for (int s = piece.first_row; s < piece.last_row; ++s) {
            SourceMemory& memory = memory_[static_cast<size_t>(s)];
            const int count = static_cast<int>(memory.positions.size()),
                      keys = key_stride(kernels_, count);
            const int64_t key_size = static_cast<int64_t>(head_size) * keys;
            const int64_t value_size = static_cast<int64_t>(count) * values;
            if (b == 0) {
                memory.key_stride = keys;
                memory.keys = allocate_floats(config_.decoder_layers * heads * key_size);
                memory.values = allocate_floats(config_.decoder_layers * heads * value_size);
            }
            for (int h = 0; h < heads; ++h) {
                const float* k = row + h * head_size;
                const int64_t head = static_cast<int64_t>(b) * heads + h;
                transpose_keys(k, projected, 0, count, head_size,
                               memory.keys.get() + head * key_size, keys);
                copy_values(k + d, projected, count, head_size,
                            memory.values.get() + head * value_size, values);
            }
            row += static_cast<ptrdiff_t>(count) * projected;
        }
    }
}

}  // namespace ardiff::cpu
