// Launches the kernels of kernels.cu on tensors of one CUDA device; what they compute stands there.
// The device has them (driver.h).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "core/philox.h"

namespace ardiff::cuda {

// The numbers of a site of training (core/training_random.h).
struct Site {
    NoiseKey key;
    uint32_t site, step, micro_batch;
};

// `keys` [3,R] int64; `noise` [R,N,C] float32.
void generation_noise(const at::Tensor& keys, uint32_t step, const at::Tensor& noise);

// What ardiff_update reads: z and previous [R,N,C] float32, the first slots of longer rows;
// coefficients [1|R,N,4], the first of longer rows too; x0 [R,N,C] dense.
struct Update {
    const at::Tensor &keys, &step, &coefficients, &z, &x0, &previous;
};
// `out` [R,N,C] float32.
void update(const Update& in, const at::Tensor& out);

// `out` is dense float32.
void training_normal(const Site& site, const at::Tensor& out);
void training_mask(const Site& site, uint32_t threshold, float scale, const at::Tensor& out);

// `hidden` [..,d] float32, changed; `delta` like `out`, or undefined; `out` [..,d] float32 or
// bfloat16.
void add_norm(const at::Tensor& hidden, const at::Tensor& delta, const at::Tensor& weight,
              const at::Tensor& bias, double epsilon, const at::Tensor& out);

// `in` [..,2w], `out` [..,w], both float32 or bfloat16.
void geglu(const at::Tensor& in, const at::Tensor& out);

}  // namespace ardiff::cuda
