// What generation computes in one kernel on CUDA and by operators of libtorch elsewhere. Nothing
// here is differentiable.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "torch/random.h"

namespace ardiff::portable {

// hidden += delta, where there is one; then LayerNorm(hidden) in the compute type. `hidden` [..,d]
// is dense float32 and the caller's own.
at::Tensor add_norm(const at::Tensor& hidden, const at::Tensor& delta, const at::Tensor& weight,
                    const at::Tensor& bias, double epsilon, at::ScalarType compute);

// x [..,2w]: first half * gelu(second half), [..,w].
at::Tensor geglu(const at::Tensor& x);

// a z + b x0 + c noise + e previous: [R,N,C]. z and previous [R,N,C] may be the first slots of
// longer rows; coefficients [1|R,N,4] hold a, b, c, e; `step` [1] int64 is the noise's.
struct UpdateInput {
    at::Tensor z, x0, previous, coefficients, step;
};
at::Tensor update(const UpdateInput& in, const GenerationNoise& noise, uint32_t step);
// The same with noise [R,N,C] that was given.
at::Tensor update(const UpdateInput& in, const at::Tensor& noise);

}  // namespace ardiff::portable
