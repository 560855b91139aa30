// Where every layer's weights lie in the flat buffers, and where a thread gathers their gradients.
//
// Threads work on different sentences, so each has gradients of its own: matrices with padded rows
// and columns, as kernels want them. `blocks` says how they add up to the flat gradients.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/network_tree.h"
#include "core/parameters.h"

namespace ardiff::training {

// A rectangle of weights: `rows` times `width` values at `flat`, its gradient with row `stride` at
// `local`.
struct Block {
    int64_t flat, local;
    int rows, width, stride;
};

// A linear layer, or several that share their input one below the other.
struct LinearPlan {
    std::vector<Block> weights, biases;  // the parts
    int out = 0, in = 0;
    int64_t gradient = 0, bias_gradient = -1;  // local; -1: no bias
    int stride = 0;                            // of a gradient's rows
};

// LayerNorm, biases of attention, position tables.
struct NormPlan {
    Block weight, bias;
};

struct EncoderLayerPlan {
    LinearPlan query_key_value, attention_output, intermediate, output;
    NormPlan attention_norm, output_norm;
};

struct DecoderBlockPlan {
    LinearPlan query_key_value, attention_output;
    LinearPlan cross_query, cross_key_value, cross_output;
    LinearPlan feed_forward_in, feed_forward_out;
    LinearPlan time_0, time_2;  // txl and rotary
    Block r_w{}, r_r{};         // txl
    NormPlan norm1, norm2, norm3;
};

class Plan {
  public:
    Plan(const NetworkConfig& config, const ParameterLayout& layout);

    const NetworkConfig config;

    int64_t encoder_words, target_words;  // flat; gradients of gathered rows are added sparsely
    Block encoder_positions, encoder_type, positions;
    NormPlan encoder_norm, input_norm;
    std::vector<EncoderLayerPlan> encoder;
    // Those the network has.
    LinearPlan input_0, input_2, time_0, time_2, output_0, output_2;
    LinearPlan token_chain_0, token_chain_2;
    Block waiting{};  // shifted: what a slot that waits holds
    std::vector<DecoderBlockPlan> decoder;
    LinearPlan logits;        // tied: weights are the target embeddings
    NormPlan embedding_norm;  // where the network has one

    // Every rectangle but the weights of `logits`, which may be those of a derived table.
    std::vector<Block> blocks;
    int64_t local_size = 0;  // floats of one thread's gradients
    int widest_out = 0, widest_in = 0;

    // Calls f(LinearPlan&) for every linear layer of the network.
    template <class F>
    void for_each_linear(F&& f) const {
        for (const LinearPlan* linear : linears_) f(*linear);
    }

    Plan(const Plan&) = delete;
    Plan& operator=(const Plan&) = delete;

  private:
    // One layer, or several that share their input.
    LinearPlan linear(const std::vector<LinearNode>& nodes);
    NormPlan norm(const NormNode& node);
    Block block(const std::string& name, int rows, int width);
    int64_t take(int64_t count);
    void collect();

    const ParameterLayout& layout_;
    std::vector<const LinearPlan*> linears_;
};

}  // namespace ardiff::training
