// The encoder on the CPU, and the keys and values that cross-attention keeps of it (SPEC section
// 4).

#include "cpu/generate/encoder.h"

#include <algorithm>
#include <cstring>

#include "core/stopwatch.h"
#include "cpu/generate/operands.h"
#include "cpu/generate/workspace.h"

namespace ardiff::cpu {
namespace {

constexpr int kPieceTokens = 384;  // a piece's activations stay in the second-level cache

// The sources of one call.
class Encoding {
  public:
    Encoding(const Weights& weights, const SourceRows& sources, std::vector<SourceMemory>& memory)
        : weights_(weights),
          config_(weights.config),
          kernels_(weights.kernels),
          sources_(sources),
          memory_(memory) {}

    void encode(const Piece& piece, Workspace& w) {
        if (weights_.half) {
            encode_piece<bf16>(piece, w);
            remember<bf16>(piece, w);
        } else {
            encode_piece<float>(piece, w);
            remember<float>(piece, w);
        }
    }

  private:
    template <class A>
    void encode_piece(const Piece& piece, Workspace& w);
    template <class A>
    void source_attention(const Piece& piece, Workspace& w);
    template <class A>
    void remember(const Piece& piece, Workspace& w);

    const Weights& weights_;
    const NetworkConfig& config_;
    const Kernels& kernels_;
    const SourceRows& sources_;
    std::vector<SourceMemory>& memory_;
};

template <class A>
void Encoding::encode_piece(const Piece& piece, Workspace& w) {
    const Weights& weights = weights_;
    const int d = config_.hidden, stride = padded(d), tokens = piece.tokens;
    const float* words = weights.encoder_words;
    const float* positions = weights.encoder_positions;
    const float* type = weights.encoder_type;
    float* hidden = w.hidden.get();
    float* embedded = hidden;
    for (int s = piece.first_row; s < piece.last_row; ++s) {
        const SourceMemory& memory = memory_[static_cast<size_t>(s)];
        const std::vector<int32_t> ids = sources_.unmasked(s);
        for (size_t i = 0; i < ids.size(); ++i, embedded += stride) {
            const float* word = words + static_cast<ptrdiff_t>(ids[i]) * d;
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
void Encoding::source_attention(const Piece& piece, Workspace& w) {
    const int d = config_.hidden, stride = padded(d), projected = padded(3 * d);
    const int head_size = config_.head_size(), values = value_stride(kernels_, head_size);
    ptrdiff_t token = 0;
    for (int s = piece.first_row; s < piece.last_row; ++s) {
        const int count = static_cast<int>(memory_[static_cast<size_t>(s)].positions.size());
        const int keys = key_stride(kernels_, count);
        for (int h = 0; h < config_.heads; ++h) {
            const float* q = w.projected.get() + token * projected + h * head_size;
            transpose_keys(q + d, projected, count, head_size, w.head_keys.get(), keys);
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
void Encoding::remember(const Piece& piece, Workspace& w) {
    const int d = config_.hidden, stride = padded(d), projected = padded(3 * d),
              heads = config_.heads;
    const int head_size = config_.head_size(), values = value_stride(kernels_, head_size);
    for (int b = 0; b < config_.decoder_layers; ++b) {
        const Linear& layer = weights_.decoder[static_cast<size_t>(b)].cross_key_value;
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
                transpose_keys(k, projected, count, head_size, memory.keys.get() + head * key_size,
                               keys);
                copy_values(k + d, projected, count, head_size,
                            memory.values.get() + head * value_size, values);
            }
            row += static_cast<ptrdiff_t>(count) * projected;
        }
    }
}

}  // namespace

std::vector<int32_t> SourceRows::unmasked(int source) const {
    std::vector<int32_t> found;
    for (int l = 0; l < length; ++l) {
        const ptrdiff_t at = static_cast<ptrdiff_t>(source) * length + l;
        if (mask[at] != 0) found.push_back(ids[at]);
    }
    return found;
}

std::vector<Piece> share_out(const std::vector<int32_t>& sizes, int threads) {
    int64_t tokens = 0;
    for (int32_t n : sizes) tokens += n;
    const int parts =
        round_up(std::max(1, static_cast<int>((tokens + kPieceTokens - 1) / kPieceTokens)),
                 std::max(1, threads));
    const int64_t share = (tokens + parts - 1) / parts;
    std::vector<Piece> result;
    Piece next{0, 0, 0};
    for (int32_t n : sizes) {
        ++next.last_row;
        next.tokens += n;
        if (next.tokens >= share || next.last_row == static_cast<int>(sizes.size())) {
            result.push_back(next);
            next = {next.last_row, next.last_row, 0};
        }
    }
    return result;
}

std::vector<SourceMemory> encode_sources(const Weights& weights, ThreadPool& threads,
                                         const SourceRows& sources, double& seconds) {
    std::vector<SourceMemory> memory(static_cast<size_t>(sources.sources));
    std::vector<int32_t> counts;
    for (int s = 0; s < sources.sources; ++s) {
        for (int l = 0; l < sources.length; ++l) {
            if (sources.mask[static_cast<ptrdiff_t>(s) * sources.length + l] != 0)
                memory[static_cast<size_t>(s)].positions.push_back(l);
        }
        counts.push_back(memory[static_cast<size_t>(s)].count());
    }
    const std::vector<Piece> parts = share_out(counts, threads.size());
    std::vector<double> spent(static_cast<size_t>(threads.size()), 0.0);
    Encoding encoding(weights, sources, memory);
    threads.run(static_cast<int>(parts.size()), [&](int index, int thread) {
        const Piece& piece = parts[static_cast<size_t>(index)];
        const Work work(weights.kernels);
        timed(spent[static_cast<size_t>(thread)], [&] {
            Workspace w(weights, piece.tokens, sources.length);
            encoding.encode(piece, w);
        });
    });
    for (double s : spent) seconds += s / threads.size();
    return memory;
}

template <class A>
void attend_to_source(const Weights& weights, int block, const SourceMemory& memory, int queries,
                      const float* q, int q_stride, float* scores, A* out, int out_stride) {
    const NetworkConfig& config = weights.config;
    const int heads = config.heads, head_size = config.head_size(), count = memory.count();
    const int values = value_stride(weights.kernels, head_size);
    for (int h = 0; h < heads; ++h) {
        const int64_t head = static_cast<int64_t>(block) * heads + h;
        const HeadKeys keys = {memory.keys.get() + head * head_size * memory.key_stride,
                               nullptr,
                               memory.values.get() + head * count * values,
                               count,
                               memory.key_stride,
                               values};
        weights.kernels.operands<A>().attend_head(queries, q + h * head_size, q_stride, head_size,
                                                  keys, scores, out + h * head_size, out_stride);
    }
}

template void attend_to_source<float>(const Weights&, int, const SourceMemory&, int, const float*,
                                      int, float*, float*, int);
template void attend_to_source<bf16>(const Weights&, int, const SourceMemory&, int, const float*,
                                     int, float*, bf16*, int);

}  // namespace ardiff::cpu
