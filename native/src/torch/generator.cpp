// The portable generator, over libtorch: every device, and the reference for the CPU kernels.
//
// A batch keeps its latents on the device. Rows may have different numbers of active slots: tensors
// are as long as the longest row, and shorter rows are masked as keys and ignored as results.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <span>
#include <vector>

#include "core/error.h"
#include "core/generator.h"
#include "torch/decoding.h"
#include "torch/device.h"
#include "torch/nearest.h"
#include "torch/prepared.h"
#include "torch/random.h"

namespace ardiff {
namespace portable {
namespace {

using at::Tensor;

class TorchGenerator final : public Generator {
  public:
    TorchGenerator(std::shared_ptr<const Weights> weights, const BatchRequest& request)
        : weights_(std::move(weights)) {
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
            (state == ARDIFF_STATE_Z ? z_ : x0_) = mask_slots(values.narrow(1, 0, width()));
        });
    }
    Seconds seconds() const override { return seconds_; }

  private:
    template <class Job>
    void run(Job&& job) const {
        weights_->worker.run([&] {
            const c10::InferenceMode inference;
            const c10::DeviceGuard guard(weights_->device);
            job();
        });
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

    // [1|R,slots,...] host values of a plan as [1|R,width,...] on the device.
    Tensor plan(const StepRequest& request, const float* values, at::IntArrayRef trailing) const;
    // x0_hat rounded where wanted; `nearest` receives the ids.
    void round(const StepRequest& request, Tensor& predicted) const;
    // `x` [R,width,C] with zeros in slots that were dropped.
    Tensor with_first_slots(const Tensor& x, const Tensor& first) const;
    Tensor mask_slots(const Tensor& x) const;
    // [R,width,C] as [R,slots,C], zeros in slots that were dropped.
    Tensor full_length(const Tensor& x) const;

    template <class Body>
    void timed(double& total, Body&& body);

    const std::shared_ptr<const Weights> weights_;
    std::vector<NoiseKey> keys_;        // of each row
    std::vector<uint32_t> candidates_;  // number of each row's candidate
    Tensor encoded_;                    // [S,L,d]
    CrossAttention memory_;
    Tensor z_, x0_;    // [R,width,C]
    Tensor key_mask_;  // [R,width] bool; undefined where no row is shorter
    Seconds seconds_;
};

template <class Body>
void TorchGenerator::timed(double& total, Body&& body) {
    const auto begin = std::chrono::steady_clock::now();
    body();
    synchronize(weights_->device);
    total += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void TorchGenerator::start(const BatchRequest& request) {
    sources = request.sources;
    length = request.length;
    candidates = request.candidates;
    slots = request.slots;
    active.assign(static_cast<size_t>(rows()), slots);
    present = slots;
    for (int s = 0; s < sources; ++s) {
        std::vector<int32_t> unmasked;
        for (int l = 0; l < length; ++l) {
            const ptrdiff_t at = static_cast<ptrdiff_t>(s) * length + l;
            if (request.mask[at] != 0) unmasked.push_back(request.ids[at]);
        }
        const NoiseKey key = noise_key(request.seed, unmasked);
        for (int k = 0; k < candidates; ++k) {
            keys_.push_back(key);
            candidates_.push_back(static_cast<uint32_t>(request.first_candidate + k));
        }
    }
    timed(seconds_.encoder, [&] {
        const Tensor mask = upload(request.mask, {sources, length}, weights_->device).to(at::kBool);
        const Tensor ids =
            upload(request.ids, {sources, length}, weights_->device).to(at::kLong) * mask;
        const Network& network = weights_->network;
        const Tensor encoded = network.encode(ids, mask, nullptr);
        memory_ = network.attend_to(encoded, mask);
        encoded_ = encoded * mask.unsqueeze(-1);
    });
    timed(seconds_.update, [&] {
        z_ = generation_noise(keys_, candidates_, kInitialNoise, slots, channels(),
                              weights_->device) *
             request.noise_scale;
        x0_ = at::zeros_like(z_);
    });
}

Tensor TorchGenerator::plan(const StepRequest& request, const float* values,
                            at::IntArrayRef trailing) const {
    std::vector<int64_t> sizes = {request.per_row ? rows() : 1, slots};
    sizes.insert(sizes.end(), trailing.begin(), trailing.end());
    return upload(values, sizes, weights_->device).narrow(1, 0, stepped());
}

// `x` [R,width,..] with its first slots replaced.
Tensor TorchGenerator::with_first_slots(const Tensor& x, const Tensor& first) const {
    if (first.size(1) == x.size(1)) return first;
    return at::cat({first, x.narrow(1, first.size(1), x.size(1) - first.size(1))}, 1);
}

void TorchGenerator::take_step(const StepRequest& request) {
    Tensor predicted;
    const Tensor z = z_.narrow(1, 0, stepped()), previous = x0_.narrow(1, 0, stepped());
    timed(seconds_.network, [&] {
        DecoderInput input;
        input.z = z * plan(request, request.input_scale, {1});
        input.previous = previous;
        input.timesteps = plan(request, request.timesteps, {});
        if (key_mask_.defined()) input.key_mask = key_mask_.narrow(1, 0, stepped());
        predicted = weights_->network.denoise(input, memory_, nullptr);
    });
    timed(seconds_.rounding, [&] { round(request, predicted); });
    timed(seconds_.update, [&] {
        if (!request.predict_only) {
            const Tensor noise =
                request.noise != nullptr
                    ? upload(request.noise, {rows(), slots, channels()}, weights_->device)
                          .narrow(1, 0, stepped())
                    : generation_noise(keys_, candidates_, static_cast<uint32_t>(request.step),
                                       stepped(), channels(), weights_->device);
            const auto k = plan(request, request.coefficients, {4}).split(1, -1);
            z_ = mask_slots(
                with_first_slots(z_, k[0] * z + k[1] * predicted + k[2] * noise + k[3] * previous));
        }
        x0_ = mask_slots(with_first_slots(x0_, predicted));
    });
}

void TorchGenerator::round(const StepRequest& request, Tensor& predicted) const {
    if (request.nearest != nullptr)
        std::fill(request.nearest, request.nearest + rows() * slots, -1);
    if (!request.round) return;
    // A slot at rest keeps its z whatever is predicted for it, so it is left out, unless the
    // prediction is the network's next input.
    const bool all = request.round_all || weights_->config.self_conditioning;
    std::vector<int64_t> wanted, destination;
    for (int64_t r = 0; r < rows(); ++r) {
        for (int64_t n = 0; n < std::min<int64_t>(active[static_cast<size_t>(r)], stepped()); ++n) {
            if (!all && request.at_rest[request.per_row ? r * slots + n : n] != 0) continue;
            wanted.push_back(r * stepped() + n);
            destination.push_back(r * slots + n);
        }
    }
    if (wanted.empty()) return;
    const Tensor index =
        upload(wanted.data(), {static_cast<int64_t>(wanted.size())}, weights_->device);
    const Tensor flat = predicted.reshape({-1, channels()});
    const Tensor& table = weights_->network.table();
    const Tensor& bias =
        request.by_logits ? weights_->network.logits_bias() : weights_->rounding_bias;
    const Tensor read = flat.index_select(0, index);
    const Tensor ids = best_token(read, table, bias);
    predicted = flat.index_copy(0, index, table.index_select(0, ids)).view(predicted.sizes());
    if (request.nearest != nullptr) {
        const Tensor host = ids.to(at::kCPU);
        for (size_t i = 0; i < destination.size(); ++i) {
            request.nearest[destination[i]] =
                static_cast<int32_t>(host.const_data_ptr<int64_t>()[i]);
        }
    }
    if (request.log_probability != nullptr) {
        const Tensor host =
            portable::log_probability(read, table, weights_->network.logits_bias(), ids)
                .to(at::kCPU);
        for (size_t i = 0; i < destination.size(); ++i) {
            const int64_t at = destination[i];
            if (request.at_rest[request.per_row ? at : at % slots] != 0) continue;
            request.log_probability[at] = host.const_data_ptr<float>()[i];
        }
    }
}

Tensor TorchGenerator::mask_slots(const Tensor& x) const {
    return key_mask_.defined() ? x * key_mask_.unsqueeze(-1) : x;
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
    z_ = mask_slots(z_);
    x0_ = mask_slots(x0_);
}

void TorchGenerator::choose_tokens(ardiff_state state, int32_t* ids, float* log_probability) {
    timed(seconds_.rounding, [&] {
        const Tensor flat = (state == ARDIFF_STATE_Z ? z_ : x0_).reshape({-1, channels()});
        const Network& network = weights_->network;
        const Tensor best = best_token(flat, network.table(), network.logits_bias());
        const Tensor chosen = best.to(at::kCPU);
        Tensor scores;
        if (log_probability != nullptr) {
            scores = portable::log_probability(flat, network.table(), network.logits_bias(), best)
                         .to(at::kCPU);
        }
        for (int64_t r = 0; r < rows(); ++r) {
            for (int64_t n = 0; n < slots; ++n) {
                const bool kept = n < active[static_cast<size_t>(r)];
                const int64_t from = r * width() + n, to = r * slots + n;
                ids[to] = kept ? static_cast<int32_t>(chosen.const_data_ptr<int64_t>()[from]) : -1;
                if (log_probability != nullptr) {
                    log_probability[to] = kept ? scores.const_data_ptr<float>()[from] : 0.0f;
                }
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
