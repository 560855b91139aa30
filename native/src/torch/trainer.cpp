// The portable trainer, over libtorch and its autograd: every device, and the reference for the CPU
// trainer.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/DeviceGuard.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/memory.h"
#include "core/network_tree.h"
#include "core/trainer.h"
#include "torch/cross_entropy.h"
#include "torch/device.h"
#include "torch/leaves.h"
#include "torch/network.h"
#include "torch/phase_clock.h"
#include "torch/random.h"
#include "torch/staging.h"
#include "torch/worker.h"

namespace ardiff {
namespace portable {
namespace {

using at::Tensor;

// The loss of SPEC section 3, per slot [B,N].
struct Loss {
    Tensor mse, nll, prior, mse_x0, mse_embedding;

    // `squared`: the weight of the squared errors beside the rounding loss.
    Tensor total(float squared) const {
        return squared == 1.0f ? mse + nll + prior : nll + (mse + prior) * squared;
    }
};

// A TrainingBatch on the device, in the types it came in. Undefined: not given; the mask: nothing
// is padded.
struct BatchInput {
    Tensor mask, ids, targets, timesteps, left, positions, key_mask, attention_mask;
    Tensor weights, embedding_noise, diffusion_noise;
};

class TorchTrainer final : public Trainer {
  public:
    explicit TorchTrainer(const TrainerSetup& setup);

    void batch(const ardiff_training_options& options, const TrainingBatch& batch) override {
        run([&] { run_batch(options, batch); });
    }
    bool update(const ardiff_update_options& options, double& gradient_norm) override {
        bool applied = false;
        run([&] { applied = run_update(options, gradient_norm); });
        return applied;
    }
    void read(ardiff_training_state state, float* data) const override {
        run([&] { download(buffer(state), data); });
    }
    void write(ardiff_training_state state, const float* data) override {
        run([&] {
            const at::NoGradGuard no_grad;
            buffer(state).copy_(upload(data, {layout_.size()}, device_));
        });
    }
    void clear_gradients() override {
        run([&] {
            const at::NoGradGuard no_grad;
            buffer(ARDIFF_TRAINING_GRADIENTS).zero_();
        });
    }
    ardiff_trainer_usage usage() const override;

  private:
    template <class Job>
    void run(Job&& job) const {
        worker_.run([&] {
            const c10::DeviceGuard guard(device_);
            job();
        });
    }

    const Tensor& buffer(ardiff_training_state state) const { return buffers_[state]; }
    void run_batch(const ardiff_training_options& options, const TrainingBatch& batch);
    bool run_update(const ardiff_update_options& options, double& gradient_norm);
    BatchInput upload_batch(const TrainingBatch& batch) const;
    Loss loss(const ardiff_training_options& options, const BatchInput& in,
              const Network& network) const;

    const NetworkConfig config_;
    const ParameterLayout layout_;
    const ardiff_trainer_config setup_;
    const int64_t trained_;  // the first value that updates change; all behind it do too
    const at::Device device_;
    const at::ScalarType compute_;
    mutable Worker worker_;
    Tensor schedule_;    // [T,4]
    Tensor buffers_[5];  // by ardiff_training_state, each [layout size]
    mutable ardiff_trainer_usage usage_{};
    mutable PhaseClock clock_;
};

TorchTrainer::TorchTrainer(const TrainerSetup& setup)
    : config_(setup.parameters.config),
      layout_(config_),
      setup_(setup.config),
      trained_(setup_.chain_only != 0 ? first_of_chain(config_, layout_) : 0),
      device_(checked_device(static_cast<ardiff_device>(setup_.device), setup_.device_index)),
      compute_(setup_.dtype == ARDIFF_DTYPE_BF16 ? at::kBFloat16 : at::kFloat),
      worker_(setup_.threads),
      clock_(device_) {
    run([&] {
        schedule_ = upload(&setup.schedule.data()->timestep, {setup_.diffusion_steps, 4}, device_);
        const Tensor weights = upload(setup.parameters.data(), {layout_.size()}, device_);
        for (Tensor& buffer : buffers_) buffer = at::zeros_like(weights);
        buffers_[ARDIFF_TRAINING_WEIGHTS].copy_(weights);
        buffers_[ARDIFF_TRAINING_AVERAGE].copy_(weights);
    });
}

BatchInput TorchTrainer::upload_batch(const TrainingBatch& batch) const {
    const int64_t rows = batch.rows, slots = batch.slots, channels = config_.embedding;
    BatchInput in;
    Staging staging(device_);
    const auto add = [&](Tensor& tensor, const auto* data, at::IntArrayRef sizes) {
        if (data != nullptr) staging.add(tensor, data, sizes);
    };
    const uint8_t* const end = batch.mask + rows * batch.length;
    add(in.mask, std::find(batch.mask, end, 0) == end ? nullptr : batch.mask, {rows, batch.length});
    add(in.ids, batch.ids, {rows, batch.length});
    add(in.targets, batch.target_ids, {rows, slots});
    add(in.timesteps, batch.timesteps, {rows, slots});
    add(in.left, batch.left_ids, {rows, slots});
    add(in.positions, batch.positions, {slots});
    add(in.key_mask, batch.key_mask, {rows, slots});
    add(in.attention_mask, batch.attention_mask, {slots, slots});
    add(in.weights, batch.weights, {rows, slots});
    add(in.embedding_noise, batch.embedding_noise, {rows, slots, channels});
    add(in.diffusion_noise, batch.diffusion_noise, {rows, slots, channels});
    staging.send();
    return in;
}

Loss TorchTrainer::loss(const ardiff_training_options& options, const BatchInput& in,
                        const Network& network) const {
    const int64_t rows = in.targets.size(0), slots = in.targets.size(1);
    const int64_t channels = config_.embedding;
    const TrainingRandom random(training_key(options.seed_low, options.seed_high), options.step,
                                options.micro_batch);
    const auto noise = [&](const Tensor& given, Purpose purpose) {
        return given.defined() ? given : random.normal({rows, slots, channels}, purpose, device_);
    };

    const Tensor mask = in.mask.defined() ? in.mask.to(at::kBool) : Tensor();
    const Tensor ids = mask.defined() ? in.ids.to(at::kLong) * mask : in.ids.to(at::kLong);
    const Tensor targets = in.targets.to(at::kLong), timesteps = in.timesteps.to(at::kLong);
    const auto coefficients =
        schedule_.index_select(0, timesteps.flatten()).view({rows, slots, 4}).split(1, -1);

    const Tensor embedded = at::embedding(network.table(), targets);
    // What is noised: the embedding and a little noise, but in the shifted layout the embedding
    // itself.
    const Tensor x0 = config_.shifted
                          ? embedded
                          : embedded + noise(in.embedding_noise, Purpose::embedding_noise) *
                                           setup_.embedding_noise;
    const Tensor z = coefficients[1] * x0 +
                     coefficients[2] * noise(in.diffusion_noise, Purpose::diffusion_noise);

    DecoderInput input;
    input.z = coefficients[3] * z;
    Tensor left;
    if (config_.shifted) {
        left = at::embedding(network.table(), in.left.to(at::kLong));
        const Tensor t = timesteps.unsqueeze(-1);
        input.z = at::where(t.eq(setup_.diffusion_steps - 1), network.waiting(), input.z);
        input.z = at::where(t.eq(0), left, input.z);
    }
    input.timesteps = coefficients[0].squeeze(-1);
    if (in.key_mask.defined()) input.key_mask = in.key_mask.to(at::kBool);
    if (in.attention_mask.defined()) input.attention_mask = in.attention_mask.to(at::kBool);
    if (in.positions.defined()) input.positions = in.positions.to(at::kLong);
    const bool drops = options.dropout > 0 || options.attention_dropout > 0;
    const Dropout dropout{random, options.dropout, options.attention_dropout, 0};
    const Dropout first_dropout{random, options.dropout, options.attention_dropout, 1};
    const CrossAttention source =
        network.attend_to(network.encode(ids, mask, drops ? &dropout : nullptr), mask);
    if (options.self_condition != 0) {
        const at::NoGradGuard no_grad;
        input.previous = network.denoise(input, source, drops ? &first_dropout : nullptr);
        if (options.self_condition_noise > 0) {
            input.previous =
                input.previous + random.normal(z.sizes(), Purpose::self_condition_noise, device_) *
                                     options.self_condition_noise;
        }
    }
    const Tensor predicted = network.denoise(input, source, drops ? &dropout : nullptr);

    Loss loss;
    loss.mse_x0 = (x0 - predicted).square().mean(-1);
    loss.mse_embedding = (embedded - predicted).square().mean(-1);
    loss.mse = at::where(timesteps.eq(0), loss.mse_embedding, loss.mse_x0);
    loss.prior = (x0 * setup_.prior_scale).square().mean(-1);
    Tensor rounded = options.rounding_loss == ARDIFF_ROUNDING_LOSS_X0 ? x0 : predicted;
    if (config_.token_chain > 0) {
        rounded = at::where(timesteps.unsqueeze(-1).eq(0), rounded, network.chain(rounded, left));
    }
    loss.nll = cross_entropy(rounded, network.table(), network.logits_bias(), targets,
                             options.label_smoothing, compute_);
    return loss;
}

void TorchTrainer::run_batch(const ardiff_training_options& options, const TrainingBatch& batch) {
    const bool backward = options.backward != 0;
    const at::AutoGradMode mode(backward);
    const ardiff_training_state state =
        options.averaged != 0 ? ARDIFF_TRAINING_AVERAGE : ARDIFF_TRAINING_WEIGHTS;
    const Leaves leaves(layout_, buffer(state), compute_, backward ? trained_ : layout_.size());
    Tensor total, terms, slot_terms;
    clock_.time(usage_.forward_seconds, [&] {
        const Network network(config_, leaves.weights(), leaves.products(), compute_);
        const BatchInput in = upload_batch(batch);
        const Loss parts = loss(options, in, network);
        const Tensor slot_total = parts.total(options.squared_error);
        const Tensor weights = in.weights.defined() ? in.weights / options.normaliser : Tensor();
        const auto weighted = [&](const Tensor& part) {
            return weights.defined() ? (part * weights).sum() : part.sum() / options.normaliser;
        };
        total = weighted(slot_total);
        const at::NoGradGuard no_grad;
        terms = at::stack({total, weighted(parts.mse), weighted(parts.nll), weighted(parts.prior)});
        if (batch.slot_terms != nullptr) {
            slot_terms = at::stack(
                {slot_total, parts.mse, parts.nll, parts.prior, parts.mse_x0, parts.mse_embedding});
        }
    });
    if (backward) {
        clock_.time(usage_.backward_seconds,
                    [&] { leaves.add_gradients(total, buffer(ARDIFF_TRAINING_GRADIENTS)); });
    }
    download(terms, batch.terms);
    if (slot_terms.defined()) download(slot_terms, batch.slot_terms);
}

bool TorchTrainer::run_update(const ardiff_update_options& o, double& gradient_norm) {
    const at::NoGradGuard no_grad;
    bool applied = false;
    clock_.time(usage_.update_seconds, [&] {
        const auto trained = [&](ardiff_training_state state) {
            return buffer(state).narrow(0, trained_, layout_.size() - trained_);
        };
        Tensor weights = trained(ARDIFF_TRAINING_WEIGHTS),
               gradients = trained(ARDIFF_TRAINING_GRADIENTS),
               first = trained(ARDIFF_TRAINING_FIRST_MOMENT),
               second = trained(ARDIFF_TRAINING_SECOND_MOMENT),
               average = trained(ARDIFF_TRAINING_AVERAGE);
        gradient_norm = std::sqrt(gradients.square().sum(at::kDouble).item<double>());
        applied = std::isfinite(gradient_norm);
        if (applied) {
            if (o.clip_norm > 0 && gradient_norm > o.clip_norm)
                gradients.mul_(o.clip_norm / (gradient_norm + 1e-6));
            first.lerp_(gradients, 1.0 - o.beta1);
            second.mul_(o.beta2).addcmul_(gradients, gradients, 1.0 - o.beta2);
            const double correction1 = 1.0 - std::pow(o.beta1, o.update);
            const double correction2 = 1.0 - std::pow(o.beta2, o.update);
            weights.mul_(1.0 - o.learning_rate * o.weight_decay);
            weights.addcdiv_(first, second.sqrt().div_(std::sqrt(correction2)).add_(o.epsilon),
                             -o.learning_rate / correction1);
            average.lerp_(weights, 1.0 - o.average_decay);
        }
        gradients.zero_();
    });
    return applied;
}

ardiff_trainer_usage TorchTrainer::usage() const {
    run([&] { clock_.settle(); });
    ardiff_trainer_usage usage = usage_;
    usage.peak_bytes = peak_resident_bytes();
    if (device_.is_cuda()) {
        constexpr size_t all = 0;  // statistics of all memory pools together
        usage.peak_bytes = at::getDeviceAllocator(at::kCUDA)
                               ->getDeviceStats(device_.index())
                               .allocated_bytes[all]
                               .peak;
    }
    return usage;
}

}  // namespace
}  // namespace portable

std::unique_ptr<Trainer> make_portable_trainer(const TrainerSetup& setup) {
    return std::make_unique<portable::TorchTrainer>(setup);
}

}  // namespace ardiff
