// The rounding loss: cross-entropy of predictions against the vocabulary, without a [slots x
// vocabulary] matrix in memory.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace ardiff::portable {

// Logits that are in memory at a time: with the few copies a pass makes of them, half a gigabyte.
constexpr int64_t kLogitsAtATime = int64_t{1} << 25;

// -log p(target) of predictions x [..,C] float32 under logits x . table^T + bias, for table [V,C]
// and bias [V] in float32: [..]. Targets [..] are int64. `smoothing` is the share of the loss that
// is spread over all tokens. Products run in `compute`, all else in float32. Gradients flow to x,
// table and bias; the backward pass computes the logits again, `at_a_time` of them after each
// other.
at::Tensor cross_entropy(const at::Tensor& x, const at::Tensor& table, const at::Tensor& bias,
                         const at::Tensor& targets, double smoothing, at::ScalarType compute,
                         int64_t at_a_time = kLogitsAtATime);

}  // namespace ardiff::portable
