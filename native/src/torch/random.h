// The counter-based generator of core/philox.h over tensors, on any device.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "core/training_random.h"
#include "torch/cuda/kernels.h"

namespace ardiff::portable {

// Standard normal noise of generation, counted by channel / 4, slot, step and candidate.
class GenerationNoise {
  public:
    GenerationNoise() = default;
    // Row r has key `keys[r]` and candidate number `candidates[r]`.
    GenerationNoise(const std::vector<NoiseKey>& keys, const std::vector<uint32_t>& candidates,
                    const at::Device& device);

    // [R,slots,channels].
    at::Tensor of_step(uint32_t step, int64_t slots, int64_t channels) const;

    // [3,R] int64 on the device: low and high words of keys, candidate numbers.
    const at::Tensor& keys() const { return on_device_; }

  private:
    at::Tensor keys_, on_device_;
};

// Random numbers of one micro-batch. Counter: (index, site, step, micro-batch); key: the seed.
class TrainingRandom {
  public:
    TrainingRandom(NoiseKey key, uint32_t step, uint32_t micro_batch)
        : key_(key), step_(step), micro_batch_(micro_batch) {}

    // Element i of a normal tensor is value i % 4 of counter i / 4.
    at::Tensor normal(at::IntArrayRef sizes, Purpose purpose, const at::Device& device) const;

    // The dropout of a site.
    cuda::Drop drop(float rate, uint32_t site) const;

  private:
    NoiseKey key_;
    uint32_t step_, micro_batch_;
};

// A mask for dropout: 0, or 1 / (1 - rate). Element i compares half-word i % 8 of counter i / 8.
at::Tensor dropout_mask(at::IntArrayRef sizes, const cuda::Drop& drop, const at::Device& device);

}  // namespace ardiff::portable
