// The decoder of the portable network as it generates: weights joined and padded once, so that a
// step takes few kernels. Nothing is differentiable. network.h is the form that is trained.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "core/parameters.h"
#include "torch/layers.h"
#include "torch/network.h"

namespace ardiff::portable {

class FrozenDecoder {
  public:
    // As Network.
    FrozenDecoder(const NetworkConfig& config, const NamedTensors& weights,
                  const NamedTensors& products, at::ScalarType compute);

    // The rows of scaled timesteps in a table of what the decoder makes of them, for
    // DecoderInput::time_rows. Those that were not met before are computed. One caller at a time.
    std::vector<int64_t> time_rows(const float* timesteps, int64_t count) const;

    // [rows,..], undefined without time conditioning; another tensor when timesteps were new, but
    // seldom of another size: its number of rows is a power of two.
    const at::Tensor& time_table() const { return features_; }

    // -> x0_hat [R,N,C] float32, as Network::denoise().
    at::Tensor denoise(const DecoderInput& input, const CrossAttention& source) const;

  private:
    struct TimeBlock {
        Linear first, second;
        at::Tensor r;  // txl: r_r - r_w, [H,d/H]
    };
    struct Block {
        Linear query_key_value;  // of [3,H,padded width]
        Linear self_output, cross_query, cross_output, feed_forward_in, feed_forward_out;
        Norm norm1, norm2, norm3;
        TimeBlock time;
    };

    Linear padded_heads(const DecoderBlockNode& node, const NamedTensors& weights) const;
    at::Tensor time_features(const at::Tensor& timesteps) const;
    at::Tensor self_attention(const Block& block, const at::Tensor& x, const at::Tensor& time,
                              const at::Tensor& bias) const;
    at::Tensor cross_attention(const Block& block, size_t layer, const at::Tensor& x,
                               const CrossAttention& source) const;

    const NetworkConfig config_;
    const at::ScalarType compute_;
    const int64_t width_;  // of a head, padded
    const double scale_;
    LinearPair input_, time_, output_;
    at::Tensor positions_;
    Norm input_norm_;
    std::vector<Block> blocks_;
    mutable std::unordered_map<float, int64_t> rows_;
    mutable at::Tensor features_;  // [rows,..], by rows_
};

}  // namespace ardiff::portable
