// Nearest embeddings and likeliest tokens without a [tokens x vocabulary] matrix.
#pragma once

#include <ATen/core/Tensor.h>

namespace ardiff::portable {

// argmax over v of x . table_v + bias_v for x [M,C], table [V,C], bias [V]: int64 [M], the lowest
// of equals. The vocabulary is passed in tiles, keeping the best so far.
at::Tensor best_token(const at::Tensor& x, const at::Tensor& table, const at::Tensor& bias);

// -|e_v|^2 / 2, the bias that makes best_token the nearest embedding.
at::Tensor nearest_bias(const at::Tensor& table);

// log-softmax of token ids[m] under logits x . table^T + bias: float32 [M].
at::Tensor log_probability(const at::Tensor& x, const at::Tensor& table, const at::Tensor& bias,
                           const at::Tensor& ids);

}  // namespace ardiff::portable
