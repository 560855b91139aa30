// Nearest embeddings and likeliest tokens without a [tokens x vocabulary] matrix.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace ardiff::portable {

// Scores that are in memory at a time, a quarter of a gigabyte of float32.
constexpr int64_t kScoresAtATime = int64_t{1} << 26;

// Embeddings [V,C] and a bias [V], float32, and what is known of them beforehand.
class Vocabulary {
  public:
    Vocabulary(const at::Tensor& table, const at::Tensor& bias);

    // argmax over v of x . table_v + bias_v for x [M,C]: int64 [M], the lowest of equals. On CUDA
    // the products of many slots are those of parts.
    at::Tensor best(const at::Tensor& x) const;

    // The same by products in float32, `at_a_time` scores after each other.
    at::Tensor best_of_all(const at::Tensor& x, int64_t at_a_time = kScoresAtATime) const;

    // The same by products in bfloat16, summed in float32, of values in three parts each: six times
    // the work, for cores that do sixteen times as much, and as exact as float32.
    at::Tensor best_by_parts(const at::Tensor& x, int64_t at_a_time = kScoresAtATime) const;

    const at::Tensor& table() const { return table_; }
    const at::Tensor& bias() const { return bias_; }

  private:
    at::Tensor table_, bias_;
    at::Tensor parts_;  // bfloat16: those of the table and of its bias, and zeros
};

// -|e_v|^2 / 2, the bias that makes best() the nearest embedding.
at::Tensor nearest_bias(const at::Tensor& table);

// log-softmax of token ids[m] under logits x . table^T + bias: float32 [M].
at::Tensor log_probability(const at::Tensor& x, const at::Tensor& table, const at::Tensor& bias,
                           const at::Tensor& ids);

}  // namespace ardiff::portable
