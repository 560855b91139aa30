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

// What dropout multiplies the values at a site by: 0, or `scale`. As it is: all are kept.
struct Drop {
    Site site{};
    uint32_t threshold = 0;
    float scale = 1.0f;
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
void training_mask(const Drop& drop, const at::Tensor& out);

// sum = hidden + delta, dropped out; out = normal = LayerNorm(sum). All are dense and, but for
// delta and out [..,d], which are of one type, float32: hidden, sum and normal [..,d], statistics
// [2,rows]. Where delta is undefined, LayerNorm(hidden) is formed; `sum` may be `hidden`;
// statistics and normal may be undefined.
struct AddNorm {
    const at::Tensor &hidden, &delta, &weight, &bias;
    double epsilon;
    Drop drop;
    const at::Tensor &sum, &statistics, &out, &normal;
};
void add_norm(const AddNorm& norm);

// The way back through it, of dense gradients, each of which may be undefined. `of_delta` and
// `of_values`, the gradients of out and normal together in float32, may be undefined.
struct NormGradient {
    const at::Tensor &of_out, &of_normal, &of_sum, &sum, &statistics, &weight;
    Drop drop;
    const at::Tensor &of_values, &of_hidden, &of_delta;
};
// `compute`: the type of out.
void norm_gradient(const NormGradient& norm, at::ScalarType compute);

// `in` [..,2w], `out` [..,w], both float32 or bfloat16 and dense.
void geglu(const at::Tensor& in, const Drop& drop, const at::Tensor& out);
// The way back through it, all of one type.
void geglu_gradient(const at::Tensor& of_out, const at::Tensor& in, const Drop& drop,
                    const at::Tensor& of_in);

}  // namespace ardiff::cuda
