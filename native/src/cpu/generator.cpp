// The denoiser on the CPU (SPEC section 4) and one generation step (SPEC section 5).
//
// Tokens of a piece lie one below the other, sentences without padding between them: matmuls run
// over all of them, attention over each sentence alone.

#include "cpu/generator.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/error.h"
#include "cpu/workspace.h"

namespace ardiff::cpu {
namespace {

constexpr float kMasked = -1e30f;
constexpr float kNormEps = 1e-12f;  // BERT's, in encoder and decoder
constexpr int kPieceTokens = 384;   // a piece's activations stay in the second-level cache

// Adds the time a scope takes to a counter.
class Stopwatch {
  public:
    explicit Stopwatch(double& total) : total_(total), start_(now()) {}
    ~Stopwatch() { total_ += now() - start_; }
    Stopwatch(const Stopwatch&) = delete;
    Stopwatch& operator=(const Stopwatch&) = delete;

  private:
    static double now() {
        return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
    }
    double& total_;
    double start_;
};

template <class A>
A* as(const AlignedFloats& buffer) {
    return reinterpret_cast<A*>(buffer.get());
}

void matmul(const Kernels& k, int rows, const float* a, int stride, const Linear& layer,
            Epilogue epilogue, float* c, int c_stride) {
    k.matmul_f32(rows, a, stride, layer.packed(), epilogue, c, c_stride);
}
void matmul(const Kernels& k, int rows, const bf16* a, int stride, const Linear& layer,
            Epilogue epilogue, float* c, int c_stride) {
    k.matmul_bf16(rows, a, stride, layer.packed(), epilogue, c, c_stride);
}
void matmul(const Kernels& k, int rows, const bf16* a, int stride, const Linear& layer,
            Epilogue epilogue, bf16* c, int c_stride) {
    k.matmul_bf16_out(rows, a, stride, layer.packed(), epilogue, c, c_stride);
}

// LayerNorm of the residual stream into a matmul operand; `keep`: into the stream itself as well.
template <class A>
void normalise(const Kernels& k, int rows, int width, const Norm& norm, float* hidden, A* out, bool keep) {
    const int stride = padded(width);
    if constexpr (std::is_same_v<A, bf16>) {
        k.layer_norm(rows, width, hidden, stride, norm.weight, norm.bias, kNormEps,
                     keep ? hidden : nullptr, stride, out, stride);
    } else {
        k.layer_norm(rows, width, hidden, stride, norm.weight, norm.bias, kNormEps, out, stride, nullptr, 0);
        if (keep) std::memcpy(hidden, out, static_cast<size_t>(rows) * stride * sizeof(float));
    }
}

void convert(const Kernels& k, int64_t count, const float* x, float* y) {
    std::memcpy(y, x, static_cast<size_t>(count) * sizeof(float));
}
void convert(const Kernels& k, int64_t count, const float* x, bf16* y) { k.to_bf16(count, x, y); }

// One head's attention into its columns of a matmul operand.
void attend(const Kernels& k, int queries, const float* q, int q_stride, int head_size,
            const HeadKeys& keys, float* scratch, float* out, int out_stride) {
    k.attend(queries, q, q_stride, head_size, 1.0f / std::sqrt(static_cast<float>(head_size)), keys,
             scratch, out, nullptr, out_stride);
}
void attend(const Kernels& k, int queries, const float* q, int q_stride, int head_size,
            const HeadKeys& keys, float* scratch, bf16* out, int out_stride) {
    k.attend(queries, q, q_stride, head_size, 1.0f / std::sqrt(static_cast<float>(head_size)), keys,
             scratch, nullptr, out, out_stride);
}

// Transposes keys [count][stride] of one head into [head_size][key_stride], zeros beyond.
void transpose_keys(const float* k, int stride, int count, int head_size, float* out, int out_stride) {
    for (int c = 0; c < head_size; ++c) {
        float* row = out + static_cast<ptrdiff_t>(c) * out_stride;
        for (int j = 0; j < count; ++j) row[j] = k[static_cast<ptrdiff_t>(j) * stride + c];
        std::fill(row + count, row + out_stride, 0.0f);
    }
}

void copy_values(const float* v, int stride, int count, int head_size, float* out, int out_stride) {
    for (int j = 0; j < count; ++j) {
        float* row = out + static_cast<ptrdiff_t>(j) * out_stride;
        std::memcpy(row, v + static_cast<ptrdiff_t>(j) * stride, static_cast<size_t>(head_size) * 4);
        std::fill(row + head_size, row + out_stride, 0.0f);
    }
}

// Rotates interleaved pairs of `x` by the halves [cos, sin] of `key`.
void rotate(const float* x, const float* key, int head_size, float* out) {
    const int half = head_size / 2;
    for (int j = 0; j < half; ++j) {
        const float cosine = key[j], sine = key[half + j];
        out[2 * j] = x[2 * j] * cosine - x[2 * j + 1] * sine;
        out[2 * j + 1] = x[2 * j + 1] * cosine + x[2 * j] * sine;
    }
}

}  // namespace

CpuGenerator::CpuGenerator(std::shared_ptr<const Weights> weights, std::shared_ptr<ThreadPool> threads,
                           const BatchRequest& request)
    : weights_(std::move(weights)),
      threads_(std::move(threads)),
      config_(weights_->config),
      kernels_(weights_->kernels),
      first_candidate_(request.first_candidate) {
    sources = request.sources;
    length = request.length;
    candidates = request.candidates;
    slots = request.slots;
    active.assign(static_cast<size_t>(rows()), slots);
    workspaces_.resize(static_cast<size_t>(threads_->size()));
    const int64_t state = static_cast<int64_t>(rows()) * slots * config_.embedding;
    z_ = allocate_floats(state);
    x0_ = allocate_floats(state);
    encode(request);
    start_from_noise(request.noise_scale);
}

CpuGenerator::~CpuGenerator() = default;

float* CpuGenerator::state_row(float* state, int row) const {
    return state + static_cast<ptrdiff_t>(row) * slots * config_.embedding;
}
const float* CpuGenerator::state_row(const float* state, int row) const {
    return state + static_cast<ptrdiff_t>(row) * slots * config_.embedding;
}

Workspace& CpuGenerator::workspace(int thread, int tokens) {
    std::unique_ptr<Workspace>& slot = workspaces_[static_cast<size_t>(thread)];
    const int keys = std::max(slots, length);
    if (!slot || !slot->fits(tokens, keys)) {
        const Seconds spent = slot ? slot->seconds : Seconds{};
        slot = std::make_unique<Workspace>(*weights_, tokens, keys);
        slot->seconds = spent;
    }
    return *slot;
}

// Rows (or sources) of the given sizes in runs of about kPieceTokens tokens, as many runs as threads
// can share evenly.
std::vector<CpuGenerator::Piece> CpuGenerator::pieces(const std::vector<int32_t>& sizes) const {
    int64_t tokens = 0;
    for (int32_t n : sizes) tokens += n;
    const int parts = round_up(static_cast<int>((tokens + kPieceTokens - 1) / kPieceTokens),
                               std::max(1, threads_->size()));
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

// ---------------------------------------------------------------- encoder

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
        const Stopwatch watch(w.seconds.encoder);
        if (weights_->half) {
            encode_sources<bf16>(piece, ids, w);
            remember<bf16>(piece, w);
        } else {
            encode_sources<float>(piece, ids, w);
            remember<float>(piece, w);
        }
    });
}

template <class A>
void CpuGenerator::encode_sources(const Piece& piece, const std::vector<std::vector<int32_t>>& ids,
                                  Workspace& w) {
    const Weights& weights = *weights_;
    const int d = config_.hidden, stride = padded(d), tokens = piece.tokens;
    const float* words = weights.parameters.tensor("encoder.embeddings.word_embeddings.weight");
    const float* positions = weights.parameters.tensor("encoder.embeddings.position_embeddings.weight");
    const float* type = weights.parameters.tensor("encoder.embeddings.token_type_embeddings.weight");
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
        matmul(kernels_, tokens, normal, stride, layer.query_key_value, Epilogue::store, w.projected.get(),
               projected);
        source_attention<A>(piece, w);
        matmul(kernels_, tokens, normal, stride, layer.attention_output, Epilogue::accumulate, hidden, stride);
        normalise(kernels_, tokens, d, layer.attention_norm, hidden, normal, true);
        matmul(kernels_, tokens, normal, stride, layer.intermediate, Epilogue::gelu, as<A>(w.wide), wide);
        matmul(kernels_, tokens, as<A>(w.wide), wide, layer.output, Epilogue::accumulate, hidden, stride);
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
        std::fill(w.head_bias.get(), w.head_bias.get() + count, 0.0f);
        std::fill(w.head_bias.get() + count, w.head_bias.get() + keys, kMasked);
        for (int h = 0; h < config_.heads; ++h) {
            const float* q = w.projected.get() + token * projected + h * head_size;
            transpose_keys(q + d, projected, count, head_size, w.head_keys.get(), keys);
            copy_values(q + 2 * d, projected, count, head_size, w.head_values.get(), values);
            attend(kernels_, count, q, projected, head_size,
                   {w.head_keys.get(), w.head_bias.get(), w.head_values.get(), count, keys, values},
                   w.scores.get(), as<A>(w.normal) + token * stride + h * head_size, stride);
        }
        token += count;
    }
}

// Cross-attention keys and values, from the encoder output left in the workspace.
template <class A>
void CpuGenerator::remember(const Piece& piece, Workspace& w) {
    const int d = config_.hidden, stride = padded(d), projected = padded(3 * d), heads = config_.heads;
    const int head_size = config_.head_size(), values = value_stride(kernels_, head_size);
    for (int b = 0; b < config_.decoder_layers; ++b) {
        const Linear& layer = weights_->decoder[static_cast<size_t>(b)].cross_key_value;
        matmul(kernels_, piece.tokens, as<A>(w.normal), stride, layer, Epilogue::store, w.projected.get(),
               projected);
        const float* row = w.projected.get();
        for (int s = piece.first_row; s < piece.last_row; ++s) {
            SourceMemory& memory = memory_[static_cast<size_t>(s)];
            const int count = static_cast<int>(memory.positions.size()), keys = key_stride(kernels_, count);
            const int64_t key_size = static_cast<int64_t>(head_size) * keys;
            const int64_t value_size = static_cast<int64_t>(count) * values;
            if (b == 0) {
                memory.key_stride = keys;
                memory.bias = allocate_floats(keys);
                std::fill(memory.bias.get() + count, memory.bias.get() + keys, kMasked);
                memory.keys = allocate_floats(config_.decoder_layers * heads * key_size);
                memory.values = allocate_floats(config_.decoder_layers * heads * value_size);
            }
            for (int h = 0; h < heads; ++h) {
                const float* k = row + h * head_size;
                const int64_t head = static_cast<int64_t>(b) * heads + h;
                transpose_keys(k, projected, count, head_size, memory.keys.get() + head * key_size, keys);
                copy_values(k + d, projected, count, head_size, memory.values.get() + head * value_size, values);
            }
            row += static_cast<ptrdiff_t>(count) * projected;
        }
    }
}

// ---------------------------------------------------------------- decoder

void CpuGenerator::start_from_noise(float scale) {
    const int width = config_.embedding;
    std::vector<float> noise(static_cast<size_t>(padded(width)) + 64);
    for (int row = 0; row < rows(); ++row) {
        const NoiseKey key = memory_[static_cast<size_t>(row / candidates)].noise;
        const auto candidate = static_cast<uint32_t>(first_candidate_ + row % candidates);
        for (int n = 0; n < slots; ++n) {
            kernels_.normal(key.low, key.high, candidate, kInitialNoise, static_cast<uint32_t>(n), width,
                            noise.data());
            float* z = state_row(z_.get(), row) + static_cast<ptrdiff_t>(n) * width;
            for (int c = 0; c < width; ++c) z[c] = scale * noise[static_cast<size_t>(c)];
        }
    }
}

// The time branch does not depend on the sentence: one evaluation per slot serves the whole batch.
void CpuGenerator::prepare_time(const StepRequest& request) {
    const Weights& weights = *weights_;
    const int d = config_.hidden, channels = config_.time_channels, half = channels / 2;
    const int count = request.per_row ? rows() * slots : slots;
    const int stride = padded(channels), wide = padded(4 * channels), out = padded(d);
    const AlignedFloats embedding = allocate_floats(static_cast<int64_t>(count + kSpareRows) * stride);
    for (int k = 0; k < half; ++k) {
        for (int i = 0; i < count; ++i) {
            const float argument = request.timesteps[i] * weights.frequencies[static_cast<size_t>(k)];
            float* row = embedding.get() + static_cast<ptrdiff_t>(i) * stride;
            row[k] = static_cast<float>(std::cos(static_cast<double>(argument)));
            row[half + k] = static_cast<float>(std::sin(static_cast<double>(argument)));
        }
    }
    const auto transform = [&](const Linear& first, const Linear& second) {
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
        for (int n = 0; n < active[static_cast<size_t>(row)]; ++n, ++tokens) {
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
                convert(kernels_, input_stride, row_input.data(), input + static_cast<ptrdiff_t>(tokens) * input_stride);
            } else {
                std::memcpy(hidden + static_cast<ptrdiff_t>(tokens) * stride, row_input.data(),
                            static_cast<size_t>(d) * sizeof(float));
            }
        }
    }
    if (config_.input_projection) {
        const int wide = padded(2 * d);
        matmul(kernels_, tokens, input, input_stride, weights.input_0, Epilogue::tanh, as<A>(w.wide), wide);
        matmul(kernels_, tokens, as<A>(w.wide), wide, weights.input_2, Epilogue::store, hidden, stride);
    }
    const float* positions = weights.parameters.tensor("position_embeddings.weight");
    int token = 0;
    for (int row = piece.first_row; row < piece.last_row; ++row) {
        for (int n = 0; n < active[static_cast<size_t>(row)]; ++n, ++token) {
            float* h = hidden + static_cast<ptrdiff_t>(token) * stride;
            const float* position = positions + static_cast<ptrdiff_t>(n) * d;
            for (int c = 0; c < d; ++c) h[c] += position[c];
            if (config_.time == ARDIFF_TIME_ADDITIVE) {
                const float* time =
                    time_.added.get() + static_cast<ptrdiff_t>(plan_index(time_.per_row, row, n)) * stride;
                for (int c = 0; c < d; ++c) h[c] += time[c];
            }
        }
    }
    kernels_.layer_norm(tokens, d, hidden, stride, weights.input_norm.weight, weights.input_norm.bias,
                        kNormEps, hidden, stride, nullptr, 0);
    for (int b = 0; b < config_.decoder_layers; ++b) block<A>(b, piece, tokens, w);

    float* x0 = w.x0.get();
    if (config_.has_output_projection()) {
        const int wide = padded(2 * d);
        A* normal = as<A>(w.normal);
        convert(kernels_, static_cast<int64_t>(tokens) * stride, hidden, normal);
        matmul(kernels_, tokens, normal, stride, weights.output_0, Epilogue::tanh, as<A>(w.wide), wide);
        matmul(kernels_, tokens, as<A>(w.wide), wide, weights.output_2, Epilogue::store, x0, padded(width));
    } else {
        std::memcpy(x0, hidden, static_cast<size_t>(tokens) * stride * sizeof(float));
    }
}

template <class A>
void CpuGenerator::block(int index, const Piece& piece, int tokens, Workspace& w) {
    const DecoderBlock& block = weights_->decoder[static_cast<size_t>(index)];
    const int d = config_.hidden, stride = padded(d), projected = padded(3 * d), wide = padded(4 * d);
    float* hidden = w.hidden.get();
    A* normal = as<A>(w.normal);

    normalise(kernels_, tokens, d, block.norm1, hidden, normal, false);
    matmul(kernels_, tokens, normal, stride, block.query_key_value, Epilogue::store, w.projected.get(), projected);
    self_attention<A>(index, piece, w);
    matmul(kernels_, tokens, normal, stride, block.attention_output, Epilogue::accumulate, hidden, stride);

    normalise(kernels_, tokens, d, block.norm2, hidden, normal, false);
    matmul(kernels_, tokens, normal, stride, block.cross_query, Epilogue::store, w.projected.get(), projected);
    cross_attention<A>(index, piece, w);
    matmul(kernels_, tokens, normal, stride, block.cross_output, Epilogue::accumulate, hidden, stride);

    normalise(kernels_, tokens, d, block.norm3, hidden, normal, false);
    matmul(kernels_, tokens, normal, stride, block.feed_forward_in, Epilogue::geglu, as<A>(w.wide), wide);
    matmul(kernels_, tokens, as<A>(w.wide), wide, block.feed_forward_out, Epilogue::accumulate, hidden, stride);
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
        const int count = active[static_cast<size_t>(row)], keys = key_stride(kernels_, count);
        const size_t time_row = time_.per_row ? static_cast<size_t>(row) * slots : 0;
        for (int h = 0; h < heads; ++h) {
            float* q = w.projected.get() + static_cast<ptrdiff_t>(token) * projected + h * head_size;
            const float *k = q + d, *v = q + 2 * d;
            const float* time = txl || rotary ? time_.keys[static_cast<size_t>(index)].get() +
                                                    static_cast<ptrdiff_t>(time_row) * stride + h * head_size
                                              : nullptr;
            if (rotary) {
                float* rotated = w.rotated.get();
                for (int n = 0; n < count; ++n) {
                    const float* angle = time + static_cast<ptrdiff_t>(n) * stride;
                    const ptrdiff_t at = static_cast<ptrdiff_t>(n) * projected;
                    rotate(k + at, angle, head_size, rotated);
                    for (int c = 0; c < head_size; ++c) w.head_keys[static_cast<size_t>(c) * keys + n] = rotated[c];
                    rotate(v + at, angle, head_size, w.head_values.get() + static_cast<ptrdiff_t>(n) * values);
                    rotate(q + at, angle, head_size, rotated);
                    std::memcpy(q + at, rotated, static_cast<size_t>(head_size) * sizeof(float));
                }
            } else {
                transpose_keys(k, projected, count, head_size, w.head_keys.get(), keys);
                copy_values(v, projected, count, head_size, w.head_values.get(), values);
            }
            float* bias = w.head_bias.get();
            std::fill(bias, bias + count, 0.0f);
            std::fill(bias + count, bias + keys, kMasked);
            if (txl) {
                const float* r_w = block.r_w + h * head_size;
                const float* time_bias =
                    time_.bias[static_cast<size_t>(index)].get() + static_cast<ptrdiff_t>(time_row) * heads + h;
                for (int c = 0; c < head_size; ++c) {
                    float* row_keys = w.head_keys.get() + static_cast<ptrdiff_t>(c) * keys;
                    for (int n = 0; n < count; ++n) bias[n] += r_w[c] * row_keys[n];
                    for (int n = 0; n < count; ++n) row_keys[n] += time[static_cast<ptrdiff_t>(n) * stride + c];
                }
                for (int n = 0; n < count; ++n) {
                    bias[n] = scale * (bias[n] + time_bias[static_cast<ptrdiff_t>(n) * heads]);
                }
            }
            attend(kernels_, count, q, projected, head_size,
                   {w.head_keys.get(), bias, w.head_values.get(), count, keys, values}, w.scores.get(),
                   as<A>(w.normal) + static_cast<ptrdiff_t>(token) * stride + h * head_size, stride);
        }
        token += count;
    }
}

template <class A>
void CpuGenerator::cross_attention(int index, const Piece& piece, Workspace& w) {
    const int d = config_.hidden, stride = padded(d), projected = padded(3 * d);
    const int heads = config_.heads, head_size = config_.head_size();
    const int values = value_stride(kernels_, head_size);
    int token = 0;
    for (int row = piece.first_row; row < piece.last_row; ++row) {
        const SourceMemory& memory = memory_[static_cast<size_t>(row / candidates)];
        const int count = static_cast<int>(memory.positions.size());
        for (int h = 0; h < heads; ++h) {
            const int64_t head = static_cast<int64_t>(index) * heads + h;
            const HeadKeys keys = {memory.keys.get() + head * head_size * memory.key_stride,
                                   memory.bias.get(),
                                   memory.values.get() + head * count * values,
                                   count,
                                   memory.key_stride,
                                   values};
            attend(kernels_, active[static_cast<size_t>(row)],
                   w.projected.get() + static_cast<ptrdiff_t>(token) * projected + h * head_size, projected,
                   head_size, keys, w.scores.get(),
                   as<A>(w.normal) + static_cast<ptrdiff_t>(token) * stride + h * head_size, stride);
        }
        token += active[static_cast<size_t>(row)];
    }
}

// ---------------------------------------------------------------- step

void CpuGenerator::step(const StepRequest& request) {
    {
        double spent = 0;
        {
            const Stopwatch watch(spent);
            prepare_time(request);
        }
        workspace(0, 1).seconds.network += spent * threads_->size();  // all threads waited for it
    }
    const std::vector<Piece> parts = pieces(active);
    threads_->run(static_cast<int>(parts.size()), [&](int index, int thread) {
        const Piece& piece = parts[static_cast<size_t>(index)];
        Workspace& w = workspace(thread, piece.tokens);
        {
            const Stopwatch watch(w.seconds.network);
            weights_->half ? predict<bf16>(request, piece, w) : predict<float>(request, piece, w);
        }
        {
            const Stopwatch watch(w.seconds.rounding);
            round(request, piece, w);
        }
        const Stopwatch watch(w.seconds.update);
        update(request, piece, w);
    });
}

// Replaces predictions by their nearest embeddings. A slot at rest keeps its z whatever is predicted
// for it, so it is left out, unless the prediction is the network's next input.
void CpuGenerator::round(const StepRequest& request, const Piece& piece, Workspace& w) {
    const int width = config_.embedding, stride = padded(width);
    const bool all = request.round_all || config_.self_conditioning;
    int token = 0, picked = 0;
    for (int row = piece.first_row; row < piece.last_row; ++row) {
        for (int n = 0; n < slots; ++n) {
            if (request.nearest != nullptr) request.nearest[static_cast<ptrdiff_t>(row) * slots + n] = -1;
            if (n >= active[static_cast<size_t>(row)]) continue;
            const bool wanted = request.round &&
                                (all || request.at_rest[plan_index(request.per_row, row, n)] == 0);
            if (wanted) {
                std::memcpy(w.picked.get() + static_cast<ptrdiff_t>(picked) * stride,
                            w.x0.get() + static_cast<ptrdiff_t>(token) * stride,
                            static_cast<size_t>(stride) * sizeof(float));
                w.slot[static_cast<size_t>(picked++)] = token;
            }
            ++token;
        }
    }
    if (picked == 0) return;
    const std::vector<float>& bias = request.by_logits ? weights_->logits_bias : weights_->nearest_bias;
    kernels_.nearest(picked, w.picked.get(), weights_->vocabulary, bias.data(), w.nearest.get(),
                     w.index.data());
    for (int i = 0; i < picked; ++i) {
        std::memcpy(w.x0.get() + static_cast<ptrdiff_t>(w.slot[static_cast<size_t>(i)]) * stride,
                    weights_->vocabulary.table + static_cast<ptrdiff_t>(w.index[static_cast<size_t>(i)]) * stride,
                    static_cast<size_t>(width) * sizeof(float));
    }
    if (request.nearest == nullptr) return;
    int next = 0;
    token = 0;
    for (int row = piece.first_row; row < piece.last_row; ++row) {
        for (int n = 0; n < active[static_cast<size_t>(row)]; ++n, ++token) {
            if (next < picked && w.slot[static_cast<size_t>(next)] == token) {
                request.nearest[static_cast<ptrdiff_t>(row) * slots + n] = w.index[static_cast<size_t>(next++)];
            }
        }
    }
}

void CpuGenerator::update(const StepRequest& request, const Piece& piece, Workspace& w) {
    const int width = config_.embedding, stride = padded(width);
    int token = 0;
    for (int row = piece.first_row; row < piece.last_row; ++row) {
        const NoiseKey key = memory_[static_cast<size_t>(row / candidates)].noise;
        const auto candidate = static_cast<uint32_t>(first_candidate_ + row % candidates);
        for (int n = 0; n < active[static_cast<size_t>(row)]; ++n, ++token) {
            const float* x = w.x0.get() + static_cast<ptrdiff_t>(token) * stride;
            const ptrdiff_t at = static_cast<ptrdiff_t>(n) * width;
            float* z = state_row(z_.get(), row) + at;
            float* previous = state_row(x0_.get(), row) + at;
            if (!request.predict_only) {
                const float* k = request.coefficients + 4 * plan_index(request.per_row, row, n);
                const float* noise = w.noise.get();
                if (k[2] != 0.0f) {
                    if (request.noise != nullptr) {
                        noise = request.noise + (static_cast<ptrdiff_t>(row) * slots + n) * width;
                    } else {
                        kernels_.normal(key.low, key.high, candidate, static_cast<uint32_t>(request.step),
                                        static_cast<uint32_t>(n), width, w.noise.get());
                    }
                }
                for (int c = 0; c < width; ++c) {
                    z[c] = k[0] * z[c] + k[1] * x[c] + k[2] * noise[c] + k[3] * previous[c];
                }
            }
            std::memcpy(previous, x, static_cast<size_t>(width) * sizeof(float));
        }
    }
}

void CpuGenerator::shrink(const int32_t* wanted) {
    for (int row = 0; row < rows(); ++row) {
        int32_t& now = active[static_cast<size_t>(row)];
        const ptrdiff_t first = static_cast<ptrdiff_t>(wanted[row]) * config_.embedding;
        const ptrdiff_t last = static_cast<ptrdiff_t>(now) * config_.embedding;
        std::fill(state_row(z_.get(), row) + first, state_row(z_.get(), row) + last, 0.0f);
        std::fill(state_row(x0_.get(), row) + first, state_row(x0_.get(), row) + last, 0.0f);
        now = wanted[row];
    }
}

// ---------------------------------------------------------------- results

void CpuGenerator::tokens(ardiff_state state, int32_t* ids, float* log_probability) {
    const int width = config_.embedding, stride = padded(width);
    const float* values = state == ARDIFF_STATE_Z ? z_.get() : x0_.get();
    const float* bias = weights_->logits_bias.data();
    const Vocabulary& vocabulary = weights_->vocabulary;
    threads_->run(rows(), [&](int row, int thread) {
        Workspace& w = workspace(thread, slots);
        const Stopwatch watch(w.seconds.rounding);
        const int count = active[static_cast<size_t>(row)];
        for (int n = 0; n < count; ++n) {
            float* x = w.picked.get() + static_cast<ptrdiff_t>(n) * stride;
            std::memcpy(x, state_row(values, row) + static_cast<ptrdiff_t>(n) * width,
                        static_cast<size_t>(width) * sizeof(float));
            std::fill(x + width, x + stride, 0.0f);
        }
        kernels_.nearest(count, w.picked.get(), vocabulary, bias, w.nearest.get(), w.index.data());
        for (int n = 0; n < slots; ++n) {
            const ptrdiff_t at = static_cast<ptrdiff_t>(row) * slots + n;
            ids[at] = n < count ? w.index[static_cast<size_t>(n)] : -1;
            if (log_probability == nullptr) continue;
            log_probability[at] = 0;
            if (n >= count) continue;
            const float* x = w.picked.get() + static_cast<ptrdiff_t>(n) * stride;
            const float* e = vocabulary.table + static_cast<ptrdiff_t>(ids[at]) * stride;
            float chosen = bias[ids[at]];
            for (int c = 0; c < width; ++c) chosen += x[c] * e[c];
            log_probability[at] = std::min(0.0f, chosen - kernels_.log_sum_exp(x, vocabulary, bias));
        }
    });
}

void CpuGenerator::read(ardiff_state state, float* data) const {
    const int width = config_.embedding, d = config_.hidden;
    if (state == ARDIFF_STATE_ENCODER) {
        std::fill(data, data + static_cast<ptrdiff_t>(sources) * length * d, 0.0f);
        for (int s = 0; s < sources; ++s) {
            const SourceMemory& memory = memory_[static_cast<size_t>(s)];
            for (size_t i = 0; i < memory.positions.size(); ++i) {
                std::memcpy(data + (static_cast<ptrdiff_t>(s) * length + memory.positions[i]) * d,
                            memory.encoder.get() + static_cast<ptrdiff_t>(i) * padded(d),
                            static_cast<size_t>(d) * sizeof(float));
            }
        }
    } else if (state == ARDIFF_STATE_LOGITS) {
        const Vocabulary& vocabulary = weights_->vocabulary;
        for (ptrdiff_t token = 0; token < static_cast<ptrdiff_t>(rows()) * slots; ++token) {
            const float* x = x0_.get() + token * width;
            for (int v = 0; v < vocabulary.size; ++v) {
                const float* e = vocabulary.table + static_cast<ptrdiff_t>(v) * vocabulary.stride;
                float logit = weights_->logits_bias[static_cast<size_t>(v)];
                for (int c = 0; c < width; ++c) logit += x[c] * e[c];
                data[token * vocabulary.size + v] = logit;
            }
        }
    } else {
        std::memcpy(data, (state == ARDIFF_STATE_Z ? z_ : x0_).get(),
                    static_cast<size_t>(rows()) * slots * width * sizeof(float));
    }
}

void CpuGenerator::write(ardiff_state state, const float* data) {
    std::memcpy((state == ARDIFF_STATE_Z ? z_ : x0_).get(), data,
                static_cast<size_t>(rows()) * slots * config_.embedding * sizeof(float));
}

Seconds CpuGenerator::seconds() const {
    Seconds total;
    for (const auto& w : workspaces_) {
        if (!w) continue;
        total.encoder += w->seconds.encoder;
        total.network += w->seconds.network;
        total.rounding += w->seconds.rounding;
        total.update += w->seconds.update;
    }
    const double share = 1.0 / threads_->size();
    return {total.encoder * share, total.network * share, total.rounding * share, total.update * share};
}

}  // namespace ardiff::cpu
