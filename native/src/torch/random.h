// The counter-based generator of core/philox.h over tensors, on any device.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "core/philox.h"

namespace ardiff::portable {

// Standard normal noise of generation: rows x slots x channels values, counted by channel / 4,
// slot, step and candidate. Row r has key `keys[r]` and candidate number `candidates[r]`.
at::Tensor generation_noise(const std::vector<NoiseKey>& keys, const std::vector<uint32_t>& candidates,
                            uint32_t step, int64_t slots, int64_t channels, const at::Device& device);

// What a random number in training is for; part of its counter.
enum class Purpose : uint32_t {
    embedding_noise,
    diffusion_noise,
    self_condition_noise,
    encoder_input,
    encoder_attention,
    encoder_attention_output,
    encoder_output,
    decoder_input,
    decoder_time,
    decoder_attention,
    decoder_attention_output,
    decoder_cross_attention,
    decoder_cross_output,
    decoder_feed_forward,
};

// Random numbers of one micro-batch. Counter: (index, site, step, micro-batch); key: the seed.
class TrainingRandom {
  public:
    TrainingRandom(uint64_t seed, uint32_t step, uint32_t micro_batch)
        : key_{static_cast<uint32_t>(mix64(seed)), static_cast<uint32_t>(mix64(seed) >> 32)},
          step_(step),
          micro_batch_(micro_batch) {}

    // `pass` tells the first pass of self-conditioning (1) from the one that is trained (0).
    static uint32_t site(Purpose purpose, int pass, int layer) {
        return static_cast<uint32_t>(purpose) << 24 | static_cast<uint32_t>(pass) << 16 |
               static_cast<uint32_t>(layer);
    }

    // Element i of a normal tensor is value i % 4 of counter i / 4.
    at::Tensor normal(at::IntArrayRef sizes, Purpose purpose, const at::Device& device) const;

    // A mask for dropout: 0 at `rate`, else 1 / (1 - rate), the rate rounded to a multiple of 2^-16.
    // Element i compares half-word i % 8 of counter i / 8.
    at::Tensor mask(at::IntArrayRef sizes, float rate, uint32_t site, const at::Device& device) const;

    NoiseKey key() const { return key_; }
    uint32_t step() const { return step_; }
    uint32_t micro_batch() const { return micro_batch_; }

  private:
    NoiseKey key_;
    uint32_t step_, micro_batch_;
};

// Half-words below this are dropped.
inline uint32_t dropout_threshold(float rate) { return static_cast<uint32_t>(rate * 65536.0f + 0.5f); }
inline float dropout_scale(float rate) {
    return 65536.0f / static_cast<float>(65536 - dropout_threshold(rate));
}

}  // namespace ardiff::portable
