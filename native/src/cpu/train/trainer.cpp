// The trainer over the CPU kernels.
//
// Rows of a micro-batch are dealt to threads in equal shares. Each takes its share through the
// network in chunks that stay in its cache, forward and backward, and gathers gradients of its own,
// which are then added up in the order of the threads: results depend on the number of threads, not
// on timing.
#include "core/cpu.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "core/error.h"
#include "core/memory.h"
#include "core/network_tree.h"
#include "core/stopwatch.h"
#include "cpu/time_embedding.h"
#include "cpu/train/lane.h"

namespace ardiff {
namespace training {
namespace {

constexpr int64_t kSlice = 16384;  // floats of a flat buffer that a thread takes at a time

std::vector<float> make_time_table(const std::vector<ScheduleRow>& schedule, int channels) {
    const cpu::TimeEmbedding embedding(channels);
    const size_t stride = static_cast<size_t>(padded(channels));
    std::vector<float> table(schedule.size() * stride);
    for (size_t t = 0; t < schedule.size(); ++t)
        embedding.write(schedule[t].timestep, table.data() + t * stride);
    return table;
}

template <class A>
class CpuTrainer final : public Trainer {
  public:
    explicit CpuTrainer(const TrainerSetup& setup);

    void batch(const ardiff_training_options& options, const TrainingBatch& batch) override;
    bool update(const ardiff_update_options& options, double& gradient_norm) override;
    void read(ardiff_training_state state, float* data) const override {
        std::memcpy(data, buffer(state), static_cast<size_t>(layout_.size()) * sizeof(float));
    }
    void write(ardiff_training_state state, const float* data) override {
        std::memcpy(buffer(state), data, static_cast<size_t>(layout_.size()) * sizeof(float));
        packed_ = nullptr;
        if (state == ARDIFF_TRAINING_GRADIENTS) has_gradients_ = true;
    }
    void clear_gradients() override;
    ardiff_trainer_usage usage() const override;

  private:
    float* buffer(int state) const { return buffers_[state].get(); }
    void pack(const float* weights);
    // Adds the gradient of a batch to those of batches before it.
    void accumulate(int lanes, const TrainingBatch& batch, const SharedResults& results);
    // Adds up the gradients of `lanes` threads into the flat gradients, which are zero.
    void gather(int lanes, const TrainingBatch& batch, const SharedResults& results);
    void gather_blocks(int lanes);
    void gather_tokens(const int32_t* ids, const uint8_t* mask, int64_t count, int width,
                       const float* from, float* to);
    void gather_table(int lanes, float* table);
    void normalise_table_backward(const float* dtable, float* gradients);
    template <class Body>
    void over_slices(Body&& body);

    const NetworkConfig config_;
    const ParameterLayout layout_;
    const Plan plan_;
    const std::vector<ScheduleRow> schedule_;
    const Diffusion diffusion_;
    const bool chain_only_;
    const int64_t trained_;  // the first value that updates change; all behind it do too
    const std::vector<float> time_table_;
    const Kernels& kernels_ = cpu::kernels();
    cpu::ThreadPool pool_;
    AlignedFloats buffers_[5];  // by ardiff_training_state
    PackedWeights<A> weights_;
    const float* packed_ = nullptr;  // the buffer `weights_` was made from, null: changed since
    std::vector<Lane<A>> lanes_;
    std::vector<float> slot_terms_, word_gradients_, embedding_gradients_, left_gradients_;
    AlignedFloats table_gradient_;  // of the normalised target embeddings
    bool has_gradients_ = false;    // whether the flat gradients may differ from zero
    AlignedFloats earlier_;         // takes the place of the flat gradients while one is formed
    ardiff_trainer_usage usage_{};
};

template <class A>
CpuTrainer<A>::CpuTrainer(const TrainerSetup& setup)
    : config_(setup.parameters.config),
      layout_(config_),
      plan_(config_, layout_),
      schedule_(setup.schedule),
      diffusion_{schedule_, setup.config.embedding_noise, setup.config.prior_scale},
      chain_only_(setup.config.chain_only != 0),
      trained_(chain_only_ ? first_of_chain(config_, layout_) : 0),
      time_table_(make_time_table(schedule_, config_.time_channels)),
      pool_(setup.config.threads),
      weights_(plan_, kernels_.operands<A>()) {
    for (AlignedFloats& buffer : buffers_) buffer = allocate_floats(layout_.size());
    for (const int state : {ARDIFF_TRAINING_WEIGHTS, ARDIFF_TRAINING_AVERAGE}) {
        std::memcpy(buffer(state), setup.parameters.data(),
                    static_cast<size_t>(layout_.size()) * sizeof(float));
    }
    for (int t = 0; t < pool_.size(); ++t) lanes_.emplace_back(plan_, kernels_);
    if (config_.embedding_norm) {
        table_gradient_ =
            allocate_floats(static_cast<int64_t>(config_.vocabulary) * config_.embedding);
    }
}

template <class A>
void CpuTrainer<A>::pack(const float* weights) {
    if (packed_ == weights) return;
    weights_.pack(weights, pool_);
    packed_ = weights;
}

template <class A>
void CpuTrainer<A>::batch(const ardiff_training_options& options, const TrainingBatch& batch) {
    const bool backward = options.backward != 0;
    const int lanes = std::min(static_cast<int>(lanes_.size()), batch.rows);
    SharedResults results{};
    timed(usage_.forward_seconds, [&] {
        pack(buffer(options.averaged != 0 ? ARDIFF_TRAINING_AVERAGE : ARDIFF_TRAINING_WEIGHTS));
        slot_terms_.resize(static_cast<size_t>(6 * batch.tokens()));
        results.slot_terms = slot_terms_.data();
        if (backward) {
            word_gradients_.resize(static_cast<size_t>(batch.rows) *
                                   static_cast<size_t>(batch.length) *
                                   static_cast<size_t>(config_.hidden));
            embedding_gradients_.resize(static_cast<size_t>(batch.tokens()) *
                                        static_cast<size_t>(config_.embedding));
            results.word_gradients = word_gradients_.data();
            results.embedding_gradients = embedding_gradients_.data();
            if (config_.shifted) left_gradients_.resize(embedding_gradients_.size());
            results.left_gradients = left_gradients_.data();
        }
    });
    const Pass<A> pass{plan_,
                       weights_,
                       options,
                       time_table_.data(),
                       training_key(options.seed_low, options.seed_high),
                       chain_only_};
    const auto row = [&](int lane) {
        return static_cast<int>(static_cast<int64_t>(batch.rows) * lane / lanes);
    };
    try {
        pool_.run(lanes, [&](int lane, int) {
            lanes_[static_cast<size_t>(lane)].run(pass, diffusion_, batch, row(lane), row(lane + 1),
                                                  results);
        });
    } catch (...) {  // the gradients of those that came to their end belong to no batch
        for (Lane<A>& lane : lanes_) lane.clear();
        throw;
    }
    for (int l = 0; l < lanes; ++l) {
        LaneSeconds& seconds = lanes_[static_cast<size_t>(l)].seconds;
        usage_.forward_seconds += seconds.forward / lanes;
        usage_.backward_seconds += seconds.backward / lanes;
        seconds = {};
    }
    if (backward) timed(usage_.backward_seconds, [&] { accumulate(lanes, batch, results); });

    double sums[4] = {};
    for (int i = 0; i < 4; ++i) {
        for (int64_t slot = 0; slot < batch.tokens(); ++slot) {
            const double weight = batch.weights == nullptr ? 1.0 : batch.weights[slot];
            sums[i] += weight * slot_terms_[static_cast<size_t>(i * batch.tokens() + slot)];
        }
        batch.terms[i] = static_cast<float>(sums[i] / options.normaliser);
    }
    if (batch.slot_terms != nullptr)
        std::memcpy(batch.slot_terms, slot_terms_.data(), slot_terms_.size() * sizeof(float));
}

// ---------------------------------------------------------------- gradients

template <class A>
void CpuTrainer<A>::accumulate(int lanes, const TrainingBatch& batch,
                               const SharedResults& results) {
    if (!has_gradients_) {
        gather(lanes, batch, results);
        has_gradients_ = true;
        return;
    }
    if (earlier_ == nullptr) earlier_ = allocate_floats(layout_.size());
    std::swap(earlier_, buffers_[ARDIFF_TRAINING_GRADIENTS]);
    gather(lanes, batch, results);
    float *sum = earlier_.get(), *one = buffer(ARDIFF_TRAINING_GRADIENTS);
    over_slices([&](int, int64_t first, int64_t count) {
        for (int64_t i = first; i < first + count; ++i) {
            sum[i] += one[i];
            one[i] = 0;
        }
    });
    std::swap(earlier_, buffers_[ARDIFF_TRAINING_GRADIENTS]);
}

template <class A>
void CpuTrainer<A>::clear_gradients() {
    std::memset(buffer(ARDIFF_TRAINING_GRADIENTS), 0,
                static_cast<size_t>(layout_.size()) * sizeof(float));
    has_gradients_ = false;
}

template <class A>
void CpuTrainer<A>::gather(int lanes, const TrainingBatch& batch, const SharedResults& results) {
    float* gradients = buffer(ARDIFF_TRAINING_GRADIENTS);
    gather_blocks(lanes);
    if (chain_only_) return;
    gather_tokens(batch.ids, batch.mask, static_cast<int64_t>(batch.rows) * batch.length,
                  config_.hidden, results.word_gradients, gradients + plan_.encoder_words);
    float* table = config_.embedding_norm ? table_gradient_.get() : gradients + plan_.target_words;
    if (config_.embedding_norm) {
        std::memset(table, 0,
                    static_cast<size_t>(config_.vocabulary) *
                        static_cast<size_t>(config_.embedding) * sizeof(float));
    }
    gather_table(lanes, table);
    gather_tokens(batch.target_ids, nullptr, batch.tokens(), config_.embedding,
                  results.embedding_gradients, table);
    if (config_.shifted) {
        gather_tokens(batch.left_ids, nullptr, batch.tokens(), config_.embedding,
                      results.left_gradients, table);
    }
    if (config_.embedding_norm) normalise_table_backward(table, gradients);
}

// Adds a rectangle of every lane, in their order, to flat values and clears it.
template <class A>
void add_block(const Block& block, int first, int last, std::vector<Lane<A>>& lanes, int count,
               float* to) {
    for (int lane = 0; lane < count; ++lane) {
        for (int r = first; r < last; ++r) {
            float* from = lanes[static_cast<size_t>(lane)].gradients() + block.local +
                          static_cast<int64_t>(r) * block.stride;
            float* out = to + static_cast<int64_t>(r) * block.width;
            for (int c = 0; c < block.width; ++c) out[c] += from[c];
            std::fill_n(from, block.stride, 0.0f);
        }
    }
}

template <class A>
void CpuTrainer<A>::gather_blocks(int lanes) {
    float* gradients = buffer(ARDIFF_TRAINING_GRADIENTS);
    pool_.run(static_cast<int>(plan_.blocks.size()), [&](int index, int) {
        const Block& block = plan_.blocks[static_cast<size_t>(index)];
        add_block(block, 0, block.rows, lanes_, lanes, gradients + block.flat);
    });
}

template <class A>
void CpuTrainer<A>::gather_table(int lanes, float* table) {
    const Block& block = plan_.logits.weights.front();
    const int pieces = pool_.size(), share = (block.rows + pieces - 1) / pieces;
    pool_.run(pieces, [&](int piece, int) {
        const int first = std::min(block.rows, piece * share);
        add_block(block, first, std::min(block.rows, first + share), lanes_, lanes, table);
    });
}

// Adds row i of `from` to row ids[i] of `to`, where `mask` (if given) is set. Each thread owns some
// ids, so every sum has the order of the batch.
template <class A>
void CpuTrainer<A>::gather_tokens(const int32_t* ids, const uint8_t* mask, int64_t count, int width,
                                  const float* from, float* to) {
    const int pieces = pool_.size();
    pool_.run(pieces, [&](int piece, int) {
        for (int64_t i = 0; i < count; ++i) {
            if ((mask != nullptr && mask[i] == 0) || ids[i] % pieces != piece) continue;
            const float* row = from + i * width;
            float* out = to + static_cast<int64_t>(ids[i]) * width;
            for (int c = 0; c < width; ++c) out[c] += row[c];
        }
    });
}

// From the gradient of the normalised table to that of the embeddings and of its LayerNorm.
template <class A>
void CpuTrainer<A>::normalise_table_backward(const float* dtable, float* gradients) {
    const float* weights = weights_.flat;
    kernels_.layer_norm_backward(
        config_.vocabulary, config_.embedding, dtable, config_.embedding,
        weights + plan_.target_words, config_.embedding, weights_.table_statistics(),
        weights + plan_.embedding_norm.weight.flat, true, gradients + plan_.target_words,
        config_.embedding, gradients + plan_.embedding_norm.weight.flat,
        gradients + plan_.embedding_norm.bias.flat);
}

// ---------------------------------------------------------------- update

// Calls body(slice, first, count) for slices of what is trained of the flat buffers, on all
// threads.
template <class A>
template <class Body>
void CpuTrainer<A>::over_slices(Body&& body) {
    const int64_t size = layout_.size() - trained_;
    pool_.run(static_cast<int>((size + kSlice - 1) / kSlice), [&](int slice, int) {
        const int64_t first = slice * kSlice;
        body(slice, trained_ + first, std::min(kSlice, size - first));
    });
}

template <class A>
bool CpuTrainer<A>::update(const ardiff_update_options& o, double& gradient_norm) {
    bool applied = false;
    timed(usage_.update_seconds, [&] {
        float* gradients = buffer(ARDIFF_TRAINING_GRADIENTS);
        std::vector<double> squares(static_cast<size_t>((layout_.size() + kSlice - 1) / kSlice));
        over_slices([&](int slice, int64_t first, int64_t count) {
            squares[static_cast<size_t>(slice)] = kernels_.sum_of_squares(count, gradients + first);
        });
        double total = 0;
        for (const double part : squares) total += part;
        gradient_norm = std::sqrt(total);
        applied = std::isfinite(gradient_norm);
        if (!applied) return clear_gradients();
        const bool clips = o.clip_norm > 0 && gradient_norm > o.clip_norm;
        const AdamW adamw{
            static_cast<float>(clips ? o.clip_norm / (gradient_norm + 1e-6) : 1.0),
            static_cast<float>(o.beta1),
            static_cast<float>(o.beta2),
            static_cast<float>(1.0 - o.beta1),
            static_cast<float>(1.0 - o.beta2),
            static_cast<float>(1.0 - o.learning_rate * o.weight_decay),
            static_cast<float>(o.learning_rate / (1.0 - std::pow(o.beta1, o.update))),
            static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(o.beta2, o.update))),
            static_cast<float>(o.epsilon),
            static_cast<float>(o.average_decay),
            static_cast<float>(1.0 - o.average_decay),
        };
        over_slices([&](int, int64_t first, int64_t count) {
            kernels_.adamw(count, adamw, buffer(ARDIFF_TRAINING_WEIGHTS) + first, gradients + first,
                           buffer(ARDIFF_TRAINING_FIRST_MOMENT) + first,
                           buffer(ARDIFF_TRAINING_SECOND_MOMENT) + first,
                           buffer(ARDIFF_TRAINING_AVERAGE) + first);
        });
        packed_ = nullptr;
        has_gradients_ = false;  // AdamW has set them to zero
    });
    return applied;
}

template <class A>
ardiff_trainer_usage CpuTrainer<A>::usage() const {
    ardiff_trainer_usage usage = usage_;
    usage.peak_bytes = peak_resident_bytes();
    return usage;
}

}  // namespace
}  // namespace training

std::unique_ptr<Trainer> make_cpu_trainer(const TrainerSetup& setup) {
    if (setup.config.dtype == ARDIFF_DTYPE_BF16 && cpu::kernels().multiplies_bf16) {
        return std::make_unique<training::CpuTrainer<cpu::bf16>>(setup);
    }
    return std::make_unique<training::CpuTrainer<float>>(setup);
}

}  // namespace ardiff
