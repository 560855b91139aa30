// The counter-based generator of core/philox.h over tensors, on any device.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "core/training_random.h"

namespace ardiff::portable {

// Standard normal noise of generation: rows x slots x channels values, counted by channel / 4,
// slot, step and candidate. Row r has key `keys[r]` and candidate number `candidates[r]`.
at::Tensor generation_noise(const std::vector<NoiseKey>& keys,
                            const std::vector<uint32_t>& candidates, uint32_t step, int64_t slots,
                            int64_t channels, const at::Device& device);

// Random numbers of one micro-batch. Counter: (index, site, step, micro-batch); key: the seed.
class TrainingRandom {
  public:
    TrainingRandom(NoiseKey key, uint32_t step, uint32_t micro_batch)
        : key_(key), step_(step), micro_batch_(micro_batch) {}

    // Element i of a normal tensor is value i % 4 of counter i / 4.
    at::Tensor normal(at::IntArrayRef sizes, Purpose purpose, const at::Device& device) const;

    // A mask for dropout: 0 at `rate`, else 1 / (1 - rate). Element i compares half-word i % 8 of
    // counter i / 8.
    at::Tensor mask(at::IntArrayRef sizes, float rate, uint32_t site,
                    const at::Device& device) const;

    NoiseKey key() const { return key_; }
    uint32_t step() const { return step_; }
    uint32_t micro_batch() const { return micro_batch_; }

  private:
    NoiseKey key_;
    uint32_t step_, micro_batch_;
};

}  // namespace ardiff::portable
