// One batch on the CPU: its state, a generation step (SPEC section 5), and what can be asked of it.
//
// Tokens of a piece lie one below the other, sentences without padding between them: matmuls run
// over all of them, attention over each sentence alone.

#include "cpu/generate/generator.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "core/stopwatch.h"
#include "cpu/generate/workspace.h"

namespace ardiff::cpu {

CpuGenerator::CpuGenerator(std::shared_ptr<const Weights> weights,
                           std::shared_ptr<ThreadPool> threads, const BatchRequest& request)
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
    present = slots;
    workspaces_.resize(static_cast<size_t>(threads_->size()));
    const int64_t state = static_cast<int64_t>(rows()) * slots * config_.embedding;
    z_ = allocate_floats(state);
    x0_ = allocate_floats(state);
    const SourceRows given = {request.ids, request.mask, sources, length};
    memory_ = encode_sources(*weights_, *threads_, given, encoder_seconds_);
    for (int s = 0; s < sources; ++s) noise_.push_back(noise_key(request.seed, given.unmasked(s)));
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

void CpuGenerator::start_from_noise(float scale) {
    const int width = config_.embedding;
    std::vector<float> noise(static_cast<size_t>(padded(width)) + 64);
    for (int row = 0; row < rows(); ++row) {
        const NoiseKey key = noise_[static_cast<size_t>(row / candidates)];
        const auto candidate = static_cast<uint32_t>(first_candidate_ + row % candidates);
        for (int n = 0; n < slots; ++n) {
            kernels_.normal({key, static_cast<uint32_t>(n), kInitialNoise, candidate}, 0, width,
                            noise.data());
            float* z = state_row(z_.get(), row) + static_cast<ptrdiff_t>(n) * width;
            for (int c = 0; c < width; ++c) z[c] = scale * noise[static_cast<size_t>(c)];
        }
    }
}

void CpuGenerator::step(const StepRequest& request) {
    double spent = 0;
    timed(spent, [&] { prepare_time(request); });
    workspace(0, 1).seconds.network += spent * threads_->size();  // all threads waited for it
    stepped_ = active;
    for (int32_t& count : stepped_) count = std::min(count, present);
    const std::vector<Piece> parts = share_out(stepped_, threads_->size());
    threads_->run(static_cast<int>(parts.size()), [&](int index, int thread) {
        const Piece& piece = parts[static_cast<size_t>(index)];
        Workspace& w = workspace(thread, piece.tokens);
        const Work work(kernels_);
        timed(w.seconds.network, [&] {
            if (piece.tokens == 0) return;
            weights_->half ? predict<bf16>(request, piece, w) : predict<float>(request, piece, w);
        });
        timed(w.seconds.rounding, [&] { round(request, piece, w); });
        timed(w.seconds.update, [&] { update(request, piece, w); });
    });
}

// Replaces predictions by their nearest embeddings. A slot at rest keeps its z whatever is
// predicted for it, so it is left out, unless the prediction is the network's next input.
void CpuGenerator::round(const StepRequest& request, const Piece& piece, Workspace& w) {
    const int width = config_.embedding, stride = padded(width);
    const bool all = request.round_all || config_.self_conditioning;
    int token = 0, picked = 0;
    for (int row = piece.first_row; row < piece.last_row; ++row) {
        for (int n = 0; n < slots; ++n) {
            if (request.nearest != nullptr)
                request.nearest[static_cast<ptrdiff_t>(row) * slots + n] = -1;
            if (n >= stepped_[static_cast<size_t>(row)]) continue;
            const bool wanted =
                request.round && (all || request.at_rest[plan_index(request.per_row, row, n)] == 0);
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
    const std::vector<float>& bias =
        request.by_logits ? weights_->logits_bias : weights_->nearest_bias;
    kernels_.nearest(picked, w.picked.get(), weights_->vocabulary, bias.data(), w.nearest.get(),
                     w.index.data());
    for (int i = 0; i < picked; ++i) {
        std::memcpy(w.x0.get() + static_cast<ptrdiff_t>(w.slot[static_cast<size_t>(i)]) * stride,
                    weights_->vocabulary.table +
                        static_cast<ptrdiff_t>(w.index[static_cast<size_t>(i)]) * stride,
                    static_cast<size_t>(width) * sizeof(float));
    }
    if (request.nearest == nullptr && request.log_probability == nullptr) return;
    int next = 0;
    token = 0;
    for (int row = piece.first_row; row < piece.last_row; ++row) {
        for (int n = 0; n < stepped_[static_cast<size_t>(row)]; ++n, ++token) {
            if (next == picked || w.slot[static_cast<size_t>(next)] != token) continue;
            const ptrdiff_t at = static_cast<ptrdiff_t>(row) * slots + n;
            const int32_t id = w.index[static_cast<size_t>(next)];
            if (request.nearest != nullptr) request.nearest[at] = id;
            if (request.log_probability != nullptr &&
                request.at_rest[plan_index(request.per_row, row, n)] == 0) {
                request.log_probability[at] =
                    log_probability(w.picked.get() + static_cast<ptrdiff_t>(next) * stride, id);
            }
            ++next;
        }
    }
}

void CpuGenerator::update(const StepRequest& request, const Piece& piece, Workspace& w) {
    const int width = config_.embedding, stride = padded(width);
    int token = 0;
    for (int row = piece.first_row; row < piece.last_row; ++row) {
        const NoiseKey key = noise_[static_cast<size_t>(row / candidates)];
        const auto candidate = static_cast<uint32_t>(first_candidate_ + row % candidates);
        for (int n = 0; n < stepped_[static_cast<size_t>(row)]; ++n, ++token) {
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
                        kernels_.normal({key, static_cast<uint32_t>(n),
                                         static_cast<uint32_t>(request.step), candidate},
                                        0, width, w.noise.get());
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

// Of a token under the logits of a prediction [padded(C)].
float CpuGenerator::log_probability(const float* x, int token) const {
    const Vocabulary& vocabulary = weights_->vocabulary;
    const float* bias = weights_->logits_bias.data();
    const float* e = vocabulary.table + static_cast<ptrdiff_t>(token) * padded(config_.embedding);
    float chosen = bias[token];
    for (int c = 0; c < config_.embedding; ++c) chosen += x[c] * e[c];
    return std::min(0.0f, chosen - kernels_.log_sum_exp(x, vocabulary, bias));
}

void CpuGenerator::tokens(ardiff_state state, int32_t* ids, float* log_probability) {
    const int width = config_.embedding, stride = padded(width);
    const float* values = state == ARDIFF_STATE_Z ? z_.get() : x0_.get();
    const float* bias = weights_->logits_bias.data();
    const Vocabulary& vocabulary = weights_->vocabulary;
    threads_->run(rows(), [&](int row, int thread) {
        Workspace& w = workspace(thread, slots);
        const Work work(kernels_);
        timed(w.seconds.rounding, [&] {
            const int count = active[static_cast<size_t>(row)];
            for (int n = 0; n < count; ++n) {
                float* x = w.picked.get() + static_cast<ptrdiff_t>(n) * stride;
                std::memcpy(x, state_row(values, row) + static_cast<ptrdiff_t>(n) * width,
                            static_cast<size_t>(width) * sizeof(float));
                std::fill(x + width, x + stride, 0.0f);
            }
            kernels_.nearest(count, w.picked.get(), vocabulary, bias, w.nearest.get(),
                             w.index.data());
            for (int n = 0; n < slots; ++n) {
                const ptrdiff_t at = static_cast<ptrdiff_t>(row) * slots + n;
                ids[at] = n < count ? w.index[static_cast<size_t>(n)] : -1;
                if (log_probability == nullptr) continue;
                log_probability[at] = 0;
                if (n >= count) continue;
                log_probability[at] = this->log_probability(
                    w.picked.get() + static_cast<ptrdiff_t>(n) * stride, ids[at]);
            }
        });
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
        total.network += w->seconds.network;
        total.rounding += w->seconds.rounding;
        total.update += w->seconds.update;
    }
    const double share = 1.0 / threads_->size();
    return {encoder_seconds_, total.network * share, total.rounding * share, total.update * share};
}

}  // namespace ardiff::cpu
