// Attention, and who may not be attended to, over libtorch.
#pragma once

#include <ATen/core/Tensor.h>

namespace ardiff::portable {

// Where `allowed` [B,N] or [..,M,N] bool is false, a large negative number to add to scores; else
// 0: [B,1,1,N] or [..,M,N] in the compute type. Rows begin where libtorch's attention wants them
// to, or it would copy them in every call.
at::Tensor score_bias(const at::Tensor& allowed, at::ScalarType compute);

// softmax(scale query . key + bias) . value for [B,H,*,e], heads merged: [B,*,H e]. One kernel.
at::Tensor attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                  const at::Tensor& bias, double scale);

// [..,N,H,e] rotated pair by pair by time keys [..,N,1|H,e/2] complex, in float32.
at::Tensor rotate(const at::Tensor& x, const at::Tensor& time_key);

}  // namespace ardiff::portable
