// The portable generator, over libtorch: every device, and the reference for the CPU kernels.
//
// A batch keeps its latents on the device. Rows may have different numbers of active slots: tensors
// are as long as the longest row, and shorter rows are masked as keys and ignored as results.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/generator.h"
#include "torch/cuda/driver.h"
#include "torch/decoding.h"
#include "torch/device.h"
#include "torch/nearest.h"
#include "torch/phase_clock.h"
#include "torch/prepared.h"
#include "torch/random.h"
#include "torch/staging.h"
#include "torch/step.h"

namespace ardiff {
namespace portable {
namespace {

using at::Tensor;

class TorchGenerator final : public Generator {
  public:
    TorchGenerator(std::shared_ptr<const Weights> weights, const BatchRequest& request)
        : weights_(std::move(weights)), clock_(weights_->device) {
        run([&] { start(request); });
    }
    ~TorchGenerator() override = default;

    void step(const StepRequest& request) override {
        run([&] { take_step(request); });
    }
    void shrink(const int32_t* wanted) override {
        run([&] { drop_slots(wanted); });
    }
    void tokens(ardiff_state state, int32_t* ids, float* log_probability) override {
        run([&] { choose_tokens(state, ids, log_probability); });
    }
    void read(ardiff_state state, float* data) const override {
        run([&] { copy_out(state, data); });
    }
    void write(ardiff_state state, const float* data) override {
        run([&] {
            const Tensor values = upload(data, {rows(), slots, channels()}, weights_->device);
            (state == ARDIFF_STATE_Z ? z_ : x0_) =
                masked(values.narrow(1, 0, width()).contiguous(), key_mask_);
        });
    }
    Seconds seconds() const override {
        run([&] { clock_.settle(); });
        return seconds_;
    }

  private:
    template <class Job>
    void run(Job&& job) const {
        weights_->run(std::forward<Job>(job));
    }

    int64_t channels() const { return weights_->config.embedding; }
    // Slots of the longest row.
    int64_t width() const { return z_.size(1); }
    int64_t stepped() const { return std::min<int64_t>(width(), present); }

    void start(const BatchRequest& request);
    void take_step(const StepRequest& request);
    void drop_slots(const int32_t* wanted);
    void choose_tokens(ardiff_state state, int32_t* ids, float* log_probability);
    void copy_out(ardiff_state state, float* data) const;

    StepForm stage(const StepRequest& request, bool fixed, Staging& staging, StepNumbers& numbers);
    void copy_rounded(const StepRequest& request, const StepResult& result) const;
    // [R,width,C] as [R,slots,C], zeros in slots that were dropped.
    Tensor full_length(const Tensor& x) const;

    const std::shared_ptr<const Weights> weights_;
    GenerationNoise noise_;
    Tensor encoded_;  // [S,L,d]
    CrossAttention memory_;
    Tensor z_, x0_;                 // [R,width,C]
    Tensor key_mask_;               // [R,width] bool; undefined where no row is shorter
    std::vector<int64_t> rounded_;  // slots that a step rounds, as places in the caller's [R,slots]
    mutable Seconds seconds_;
    mutable PhaseClock clock_;
};

void TorchGenerator::start(const BatchRequest& request) {
    sources = request.sources;
    length = request.length;
    candidates = request.candidates;
    slots = request.slots;
    active.assign(static_cast<size_t>(rows()), slots);
    present = slots;
    std::vector<NoiseKey> keys;       // of each row
    std::vector<uint32_t> candidate;  // number of each row's candidate
    bool padded = false;
    for (int s = 0; s < sources; ++s) {
        std::vector<int32_t> unmasked;
        for (int l = 0; l < length; ++l) {
            const ptrdiff_t at = static_cast<ptrdiff_t>(s) * length + l;
            if (request.mask[at] != 0) unmasked.push_back(request.ids[at]);
        }
        padded = padded || unmasked.size() < static_cast<size_t>(length);
        const NoiseKey key = noise_key(request.seed, unmasked);
        for (int k = 0; k < candidates; ++k) {
            keys.push_back(key);
            candidate.push_back(static_cast<uint32_t>(request.first_candidate + k));
        }
    }
    clock_.time(seconds_.encoder, [&] {
        const auto [mask, ids] =
            send_sources(request.ids, request.mask, sources, length, weights_->device);
        const Network& network = weights_->network;
        const Tensor kept = padded ? mask : Tensor();
        encoded_ = network.encode(ids, kept, nullptr);
        memory_ = network.attend_to(encoded_, kept);
        if (padded) encoded_ = encoded_ * mask.unsqueeze(-1);
    });
    clock_.time(seconds_.update, [&] {
        noise_ = GenerationNoise(keys, candidate, weights_->device);
        z_ = noise_.of_step(kInitialNoise, slots, channels()) * request.noise_scale;
        x0_ = at::zeros_like(z_);
    });
}

// Takes note of what a step needs of the host, but for noise that the host draws. `fixed`: its
// shapes are to be those of other steps, whatever is at rest.
StepForm TorchGenerator::stage(const StepRequest& request, bool fixed, Staging& staging,
                               StepNumbers& numbers) {
    const int64_t plans = request.per_row ? rows() : 1, count = stepped();
    const float *const scale = request.input_scale, *const k = request.coefficients;
    const std::vector<int64_t> time_rows =
        weights_->decoder.time_rows(request.timesteps, plans * slots);
    staging.add(numbers.time_rows, time_rows.data(), {plans, slots});
    staging.add(numbers.coefficients, k, {plans, slots, 4});
    const int64_t step = request.step;
    staging.add(numbers.step, &step, {1});
    const bool scaled =
        std::any_of(scale, scale + plans * slots, [](float factor) { return factor != 1.0f; });
    if (scaled) staging.add(numbers.scale, scale, {plans, slots, 1});
    if (request.noise != nullptr && !request.predict_only)
        staging.add(numbers.noise, request.noise, {rows(), slots, channels()});
    std::vector<int64_t> wanted;
    rounded_.clear();
    if (request.round) {
        // A slot at rest keeps its z whatever is predicted for it, so it is left out, unless the
        // prediction is the network's next input.
        const bool all = request.round_all || weights_->config.self_conditioning;
        for (int64_t r = 0; r < rows(); ++r) {
            const int64_t last = std::min<int64_t>(active[static_cast<size_t>(r)], count);
            for (int64_t n = 0; n < last; ++n) {
                if (!all && request.at_rest[request.per_row ? r * slots + n : n] != 0) continue;
                wanted.push_back(r * count + n);
                rounded_.push_back(r * slots + n);
            }
        }
    }
    const bool rounds = !wanted.empty();
    // One that is rounded several times is rounded to the same.
    if (rounds && fixed) wanted.resize(static_cast<size_t>(rows() * count), wanted.front());
    if (rounds && (fixed || static_cast<int64_t>(wanted.size()) < rows() * count)) {
        staging.add(numbers.wanted, wanted.data(), {static_cast<int64_t>(wanted.size())});
    }
    return {count,
            !request.predict_only,
            rounds,
            request.by_logits,
            rounds && request.log_probability != nullptr,
            scaled};
}

void TorchGenerator::take_step(const StepRequest& request) {
    const bool graph = weights_->graph.is_wanted();
    StepForm form;
    StepNumbers numbers;
    Staging staging(weights_->device);
    Tensor drawn;
    clock_.time(seconds_.network, [&] {
        form = stage(request, graph, staging, numbers);
        if (!graph) staging.send();
    });
    if (form.moves && request.noise == nullptr && !cuda::has_kernels(weights_->device)) {
        clock_.time(seconds_.update, [&] {
            drawn = noise_.of_step(static_cast<uint32_t>(request.step), form.slots, channels());
        });
    }
    const StepBatch batch{z_,        x0_,           weights_->decoder.time_table(),
                          key_mask_, noise_.keys(), memory_};
    StepResult result;
    if (graph) {
        clock_.time(seconds_.network, [&] {
            result = replayed_step(*weights_, form, staging, numbers, batch, drawn);
        });
    } else {
        if (drawn.defined()) numbers.noise = drawn;
        const StepClock clock{clock_, seconds_};
        result = portable::step(*weights_, form, numbers, batch, &clock);
    }
    if (form.moves) z_ = result.z;
    x0_ = result.x0;
    copy_rounded(request, result);
}

// What the caller wants to know of the slots that were rounded: only this waits for the device.
void TorchGenerator::copy_rounded(const StepRequest& request, const StepResult& result) const {
    if (request.nearest != nullptr)
        std::fill(request.nearest, request.nearest + rows() * slots, -1);
    if (rounded_.empty()) return;
    std::vector<int32_t> ids;
    std::vector<float> scores;
    Returning returning(weights_->device);
    if (request.nearest != nullptr) {
        ids.resize(static_cast<size_t>(result.ids.numel()));
        returning.add(result.ids, ids.data());
    }
    if (request.log_probability != nullptr) {
        scores.resize(static_cast<size_t>(result.log_probability.numel()));
        returning.add(result.log_probability, scores.data());
    }
    returning.receive();
    for (size_t i = 0; i < rounded_.size(); ++i) {
        const int64_t at = rounded_[i];
        if (request.nearest != nullptr) request.nearest[at] = ids[i];
        if (request.log_probability == nullptr) continue;
        if (request.at_rest[request.per_row ? at : at % slots] != 0) continue;
        request.log_probability[at] = scores[i];
    }
}

Tensor TorchGenerator::full_length(const Tensor& x) const {
    return at::constant_pad_nd(x, {0, 0, 0, slots - x.size(1)});
}

void TorchGenerator::drop_slots(const int32_t* wanted) {
    active.assign(wanted, wanted + rows());
    const int64_t longest = *std::max_element(active.begin(), active.end());
    const int64_t shortest = *std::min_element(active.begin(), active.end());
    z_ = z_.narrow(1, 0, longest).contiguous();
    x0_ = x0_.narrow(1, 0, longest).contiguous();
    key_mask_ = Tensor();
    if (shortest == longest) return;
    const Tensor counts = upload(active.data(), {rows(), 1}, weights_->device);
    key_mask_ = at::arange(longest, counts.options()).unsqueeze(0) < counts;
    z_ = masked(z_, key_mask_);
    x0_ = masked(x0_, key_mask_);
}

void TorchGenerator::choose_tokens(ardiff_state state, int32_t* ids, float* log_probability) {
    clock_.time(seconds_.rounding, [&] {
        const Tensor flat = (state == ARDIFF_STATE_Z ? z_ : x0_).reshape({-1, channels()});
        const Network& network = weights_->network;
        const Tensor best = weights_->likeliest.best(flat);
        std::vector<int32_t> chosen(static_cast<size_t>(best.numel()));
        std::vector<float> scores(chosen.size());
        Returning returning(weights_->device);
        returning.add(best, chosen.data());
        if (log_probability != nullptr) {
            returning.add(
                portable::log_probability(flat, network.table(), network.logits_bias(), best),
                scores.data());
        }
        returning.receive();
        for (int64_t r = 0; r < rows(); ++r) {
            for (int64_t n = 0; n < slots; ++n) {
                const bool kept = n < active[static_cast<size_t>(r)];
                const size_t from = static_cast<size_t>(r * width() + n);
                const int64_t to = r * slots + n;
                ids[to] = kept ? chosen[from] : -1;
                if (log_probability != nullptr) log_probability[to] = kept ? scores[from] : 0.0f;
            }
        }
    });
}

void TorchGenerator::copy_out(ardiff_state state, float* data) const {
    switch (state) {
        case ARDIFF_STATE_Z: return download(full_length(z_), data);
        case ARDIFF_STATE_X0: return download(full_length(x0_), data);
        case ARDIFF_STATE_ENCODER: return download(encoded_, data);
        case ARDIFF_STATE_LOGITS: {
            const Network& network = weights_->network;
            return download(at::linear(full_length(x0_), network.table(), network.logits_bias()),
                            data);
        }
    }
}

class TorchBackend final : public Backend {
  public:
    explicit TorchBackend(std::shared_ptr<const Weights> weights) : weights_(std::move(weights)) {}

    std::unique_ptr<Generator> start(const BatchRequest& request) const override {
        return std::make_unique<TorchGenerator>(weights_, request);
    }
    std::unique_ptr<Decoder> decode(const DecodingRequest& request) const override {
        return make_portable_decoder(weights_, request);
    }

  private:
    const std::shared_ptr<const Weights> weights_;
};

}  // namespace
}  // namespace portable

std::shared_ptr<const Backend> make_portable_backend(const Parameters& parameters,
                                                     ardiff_device device, int device_index,
                                                     ardiff_dtype dtype, int threads) {
    const at::Device on = portable::checked_device(device, device_index);
    const c10::InferenceMode inference;
    const c10::DeviceGuard guard(on);
    return std::make_shared<portable::TorchBackend>(
        std::make_shared<const portable::Weights>(parameters, on, dtype, threads));
}

}  // namespace ardiff
