// What training computes in one kernel on CUDA, and so does its way back, and by operators of
// libtorch elsewhere; differentiable. fused.h is what generation takes.
#pragma once

#include <ATen/core/Tensor.h>

#include "torch/layers.h"
#include "torch/random.h"

namespace ardiff::portable {

// hidden + delta, dropped out, float32; and its LayerNorm, in the compute type.
struct Normed {
    at::Tensor sum, out;
};
// `hidden` [..,d] float32, `delta` [..,d] in any type.
Normed add_norm(const at::Tensor& hidden, const at::Tensor& delta, const cuda::Drop& drop,
                const Norm& norm, at::ScalarType compute);

// The LayerNorm of hidden + delta, dropped out, where it is the residual itself: in float32, and in
// the compute type.
struct NormedResidual {
    at::Tensor hidden, out;
};
NormedResidual norm_of_sum(const at::Tensor& hidden, const at::Tensor& delta,
                           const cuda::Drop& drop, const Norm& norm, at::ScalarType compute);

// x [..,2w]: first half * gelu(second half), dropped out, [..,w].
at::Tensor geglu(const at::Tensor& x, const cuda::Drop& drop);

}  // namespace ardiff::portable
