// Philox noise and dropout masks on CUDA tensors; see torch/random.h for what they mean.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "core/philox.h"

namespace ardiff::cuda {

// Fills `noise` [R,N,C] float32. `low`, `high`, `candidate`: R uint32 values as int64, same device.
void generation_noise(const at::Tensor& low, const at::Tensor& high, const at::Tensor& candidate,
                      uint32_t step, const at::Tensor& noise);

// Fills a contiguous float32 tensor with standard normal values.
void training_normal(const NoiseKey& key, uint32_t site, uint32_t step, uint32_t micro_batch,
                     const at::Tensor& noise);

// Fills a contiguous float32 tensor with `scale` or 0.
void training_mask(const NoiseKey& key, uint32_t site, uint32_t step, uint32_t micro_batch,
                   uint32_t threshold, float scale, const at::Tensor& mask);

}  // namespace ardiff::cuda
