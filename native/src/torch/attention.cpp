#include "torch/attention.h"

#include <ATen/ATen.h>

#include <optional>
#include <vector>

namespace ardiff::portable {

using at::Tensor;

namespace {

// Finite, so that no softmax is 0/0.
constexpr double kMaskedScore = -1e30;
constexpr int64_t kAlignment = 16;  // values

}  // namespace

Tensor score_bias(const Tensor& allowed, at::ScalarType compute) {
    const int64_t width = allowed.size(-1);
    std::vector<int64_t> sizes = allowed.sizes().vec();
    sizes.back() = (width + kAlignment - 1) / kAlignment * kAlignment;
    const Tensor bias = at::zeros(sizes, allowed.options().dtype(compute)).narrow(-1, 0, width);
    bias.masked_fill_(allowed.logical_not(), kMaskedScore);
    return allowed.dim() == 2 ? bias.unsqueeze(1).unsqueeze(1) : bias;
}

Tensor attend(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& bias,
              double scale) {
    return at::scaled_dot_product_attention(
               query, key, value, bias.defined() ? std::make_optional(bias) : std::nullopt, 0.0,
               false, scale)
        .transpose(1, 2)
        .flatten(2);
}

Tensor rotate(const Tensor& x, const Tensor& time_key) {
    const Tensor pairs = at::view_as_complex(x.to(at::kFloat).unflatten(-1, {-1, 2}));
    return at::view_as_real(pairs * time_key).flatten(-2);
}

}  // namespace ardiff::portable
