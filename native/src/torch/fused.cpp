#include "torch/fused.h"

#include <ATen/ATen.h>

#include "torch/counted.h"
#include "torch/cuda/driver.h"
#include "torch/cuda/kernels.h"

namespace ardiff::portable {

using at::Tensor;

Tensor add_norm(const Tensor& hidden, const Tensor& delta, const Tensor& weight, const Tensor& bias,
                double epsilon, at::ScalarType compute) {
    ARDIFF_ONE_KERNEL("add_norm");
    if (cuda::has_kernels(hidden.device())) {
        const Tensor out = at::empty(hidden.sizes(), hidden.options().dtype(compute));
        const Tensor dense = delta.defined() ? delta.contiguous() : delta;
        cuda::add_norm({hidden, dense, weight, bias, epsilon, {}, hidden, Tensor(), out, Tensor()});
        return out;
    }
    if (delta.defined()) hidden.add_(delta);
    return at::layer_norm(hidden, {hidden.size(-1)}, weight, bias, epsilon).to(compute);
}

Tensor geglu(const Tensor& x) {
    ARDIFF_ONE_KERNEL("geglu");
    const int64_t width = x.size(-1) / 2;
    if (cuda::has_kernels(x.device())) {
        std::vector<int64_t> sizes = x.sizes().vec();
        sizes.back() = width;
        const Tensor out = at::empty(sizes, x.options());
        cuda::geglu(x.contiguous(), {}, out);
        return out;
    }
    return x.narrow(-1, 0, width) * at::gelu(x.narrow(-1, width, width));
}

Tensor update(const UpdateInput& in) {
    ARDIFF_ONE_KERNEL("update");
    if (!in.noise.defined()) {
        const Tensor x0 = in.x0.contiguous(), out = at::empty_like(x0);
        cuda::update({in.keys, in.step, in.coefficients, in.z, x0, in.previous}, out);
        return out;
    }
    const auto k = in.coefficients.split(1, -1);
    return k[0] * in.z + k[1] * in.x0 + k[2] * in.noise + k[3] * in.previous;
}

}  // namespace ardiff::portable
