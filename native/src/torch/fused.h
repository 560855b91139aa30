// What generation computes in one kernel on CUDA and by operators of libtorch elsewhere. Nothing
// here is differentiable.
#pragma once

#include <ATen/core/Tensor.h>

namespace ardiff::portable {

// hidden += delta, where there is one; then LayerNorm(hidden) in the compute type. `hidden` [..,d]
// is dense float32 and the caller's own.
at::Tensor add_norm(const at::Tensor& hidden, const at::Tensor& delta, const at::Tensor& weight,
                    const at::Tensor& bias, double epsilon, at::ScalarType compute);

// x [..,2w]: first half * gelu(second half), [..,w].
at::Tensor geglu(const at::Tensor& x);

// a z + b x0 + c noise + e previous: [R,N,C]. z and previous [R,N,C] may be the first slots of
// longer rows; coefficients [1|R,N,4] hold a, b, c, e. Noise [R,N,C] is given, or undefined: then
// the device, which has kernels, draws it with `step` [1] int64 and `keys` [3,R] (random.h).
struct UpdateInput {
    at::Tensor z, x0, previous, coefficients, step, keys, noise;
};
at::Tensor update(const UpdateInput& in);

}  // namespace ardiff::portable
