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
#include "torch/decoding.h"
#include "torch/device.h"
#include "torch/fused.h"
#include "torch/nearest.h"
#include "torch/phase_clock.h"
#include "torch/prepared.h"
#include "torch/random.h"
#include "torch/staging.h"

namespace ardiff {
namespace portable {
namespace {

using at::Tensor;

// What a step needs of the host, on the device.
struct StepInput {
    Tensor scale;         // [1|R,n,1], undefined where it is 1 throughout
    Tensor time_rows;     // [1|R,n], of the decoder's table
    Tensor coefficients;  // [1|R,n,4]
    Tensor step;          // [1] int64, the noise's counter
    Tensor noise;         // [R,n,C], where it was given
    Tensor wanted;        // [M] int64, numbers of the slots that are rounded, where not all are
    std::vector<int64_t> destination;  // their places in the caller's [R,slots]
};

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
                mask_slots(values.narrow(1, 0, width()).contiguous());
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

    StepInput upload_step(const StepRequest& request) const;
    Tensor predict(const StepInput& in, const Tensor& z, const Tensor& previous) const;
    Tensor round(const StepRequest& request, const StepInput& in, const Tensor& read,
                 Tensor& predicted) const;
    void copy_rounded(const StepRequest& request, const StepInput& in, const Tensor& read,
                      const Tensor& ids) const;
    // `x` [R,width,C] with zeros in slots that were dropped.
    Tensor with_first_slots(const Tensor& x, const Tensor& first) const;
    Tensor mask_slots(const Tensor& x) const;
    // [R,width,C] as [R,slots,C], zeros in slots that were dropped.
    Tensor full_length(const Tensor& x) const;

    const std::shared_ptr<const Weights> weights_;
    GenerationNoise noise_;
    Tensor encoded_;  // [S,L,d]
    CrossAttention memory_;
    Tensor z_, x0_;    // [R,width,C]
    Tensor key_mask_;  // [R,width] bool; undefined where no row is shorter
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
        Tensor mask, ids;
        Staging staging(weights_->device);
        staging.add(mask, request.mask, {sources, length});
        staging.add(ids, request.ids, {sources, length});
        staging.send();
        mask = mask.to(at::kBool);
        const Network& network = weights_->network;
        const Tensor kept = padded ? mask : Tensor();
        encoded_ = network.encode(ids.to(at::kLong) * mask, kept, nullptr);
        memory_ = network.attend_to(encoded_, kept);
        if (padded) encoded_ = encoded_ * mask.unsqueeze(-1);
    });
    clock_.time(seconds_.update, [&] {
        noise_ = GenerationNoise(keys, candidate, weights_->device);
        z_ = noise_.of_step(kInitialNoise, slots, channels()) * request.noise_scale;
        x0_ = at::zeros_like(z_);
    });
}

StepInput TorchGenerator::upload_step(const StepRequest& request) const {
    const int64_t plans = request.per_row ? rows() : 1, count = stepped();
    const float *const scale = request.input_scale, *const k = request.coefficients;
    StepInput in;
    Staging staging(weights_->device);
    const std::vector<int64_t> time_rows =
        weights_->decoder.time_rows(request.timesteps, plans * slots);
    staging.add(in.time_rows, time_rows.data(), {plans, slots});
    staging.add(in.coefficients, k, {plans, slots, 4});
    const int64_t step = request.step;
    staging.add(in.step, &step, {1});
    const bool scaled =
        std::any_of(scale, scale + plans * slots, [](float factor) { return factor != 1.0f; });
    if (scaled) staging.add(in.scale, scale, {plans, slots, 1});
    const bool given = request.noise != nullptr && !request.predict_only;
    if (given) staging.add(in.noise, request.noise, {rows(), slots, channels()});
    std::vector<int64_t> wanted;
    if (request.round) {
        // A slot at rest keeps its z whatever is predicted for it, so it is left out, unless the
        // prediction is the network's next input.
        const bool all = request.round_all || weights_->config.self_conditioning;
        for (int64_t r = 0; r < rows(); ++r) {
            const int64_t last = std::min<int64_t>(active[static_cast<size_t>(r)], count);
            for (int64_t n = 0; n < last; ++n) {
                if (!all && request.at_rest[request.per_row ? r * slots + n : n] != 0) continue;
                wanted.push_back(r * count + n);
                in.destination.push_back(r * slots + n);
            }
        }
        const int64_t found = static_cast<int64_t>(wanted.size());
        if (found < rows() * count) staging.add(in.wanted, wanted.data(), {found});
    }
    staging.send();
    for (Tensor* part : {&in.time_rows, &in.coefficients, &in.scale, &in.noise}) {
        if (part->defined()) *part = part->narrow(1, 0, count);
    }
    return in;
}

// `x` [R,width,..] with its first slots replaced.
Tensor TorchGenerator::with_first_slots(const Tensor& x, const Tensor& first) const {
    if (first.size(1) == x.size(1)) return first;
    return at::cat({first, x.narrow(1, first.size(1), x.size(1) - first.size(1))}, 1);
}

void TorchGenerator::take_step(const StepRequest& request) {
    const Tensor z = z_.narrow(1, 0, stepped()), previous = x0_.narrow(1, 0, stepped());
    StepInput in;
    Tensor predicted, read, ids;
    clock_.time(seconds_.network, [&] {
        in = upload_step(request);
        predicted = predict(in, z, previous);
    });
    clock_.time(seconds_.rounding, [&] {
        read = predicted.reshape({-1, channels()});
        if (in.wanted.defined()) read = read.index_select(0, in.wanted);
        if (!in.destination.empty()) ids = round(request, in, read, predicted);
    });
    clock_.time(seconds_.update, [&] {
        if (!request.predict_only) {
            const UpdateInput move{z, predicted, previous, in.coefficients, in.step};
            const Tensor moved = in.noise.defined()
                                     ? update(move, in.noise)
                                     : update(move, noise_, static_cast<uint32_t>(request.step));
            z_ = mask_slots(with_first_slots(z_, moved));
        }
        x0_ = mask_slots(with_first_slots(x0_, predicted));
    });
    copy_rounded(request, in, read, ids);
}

// The network's call, as a graph where there are graphs.
Tensor TorchGenerator::predict(const StepInput& in, const Tensor& z, const Tensor& previous) const {
    const std::vector<Tensor> moving{in.scale.defined() ? z * in.scale : z, previous, in.time_rows};
    std::vector<Tensor> lasting{weights_->decoder.time_table(),
                                key_mask_.defined() ? key_mask_.narrow(1, 0, stepped()) : key_mask_,
                                memory_.bias};
    for (const auto& [keys, values] : memory_.keys_values)
        lasting.insert(lasting.end(), {keys, values});
    return weights_->graph.run(moving, lasting, [this](const std::vector<Tensor>& x) {
        DecoderInput input;
        input.z = x[0];
        input.previous = x[1];
        input.time_rows = x[2];
        input.time_table = x[3];
        input.key_mask = x[4];
        CrossAttention memory{{}, x[5]};
        for (size_t i = 6; i < x.size(); i += 2) memory.keys_values.emplace_back(x[i], x[i + 1]);
        return weights_->decoder.denoise(input, memory);
    });
}

// `read` [M,C] rounded, in `predicted` too; the ids.
Tensor TorchGenerator::round(const StepRequest& request, const StepInput& in, const Tensor& read,
                             Tensor& predicted) const {
    const Tensor ids = (request.by_logits ? weights_->likeliest : weights_->rounding).best(read);
    const Tensor rounded = weights_->network.table().index_select(0, ids);
    predicted =
        (in.wanted.defined() ? predicted.reshape({-1, channels()}).index_copy(0, in.wanted, rounded)
                             : rounded)
            .view(predicted.sizes());
    return ids;
}

// What the caller wants to know of the slots that were rounded: only this waits for the device.
void TorchGenerator::copy_rounded(const StepRequest& request, const StepInput& in,
                                  const Tensor& read, const Tensor& ids) const {
    if (request.nearest != nullptr)
        std::fill(request.nearest, request.nearest + rows() * slots, -1);
    if (in.destination.empty()) return;
    if (request.nearest != nullptr) {
        const Tensor host = ids.to(at::kCPU);
        for (size_t i = 0; i < in.destination.size(); ++i) {
            request.nearest[in.destination[i]] =
                static_cast<int32_t>(host.const_data_ptr<int64_t>()[i]);
        }
    }
    if (request.log_probability != nullptr) {
        const Vocabulary& vocabulary = weights_->likeliest;
        const Tensor host =
            portable::log_probability(read, vocabulary.table(), vocabulary.bias(), ids)
                .to(at::kCPU);
        for (size_t i = 0; i < in.destination.size(); ++i) {
            const int64_t at = in.destination[i];
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
    clock_.time(seconds_.rounding, [&] {
        const Tensor flat = (state == ARDIFF_STATE_Z ? z_ : x0_).reshape({-1, channels()});
        const Network& network = weights_->network;
        const Tensor best = weights_->likeliest.best(flat);
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
