// The network's weights packed for the CPU kernels. Immutable after construction.
#pragma once

#include <memory>
#include <vector>

#include "core/network_tree.h"
#include "core/parameters.h"
#include "cpu/kernels/kernels.h"
#include "cpu/time_embedding.h"

namespace ardiff::cpu {

template <class A>
A* as(const AlignedFloats& buffer) {
    return reinterpret_cast<A*>(buffer.get());
}

// One linear layer, or several that share their input, packed side by side.
class Linear {
  public:
    Linear() = default;
    // `weights` [out,in], `bias` [out] or null. `half`: bfloat16 operands. `geglu`: the rows are
    // values, then as many gates, and become what Epilogue::geglu expects.
    Linear(const Kernels& kernels, const float* weights, const float* bias, int out, int in,
           bool half, bool geglu = false);

    // Makes Matrix::narrow of a float32 layer, if its weights are such.
    void add_narrow(int vector_width);

    // `A` as the layer was made for.
    template <class A>
    Matrix<A> matrix() const {
        return {as<A>(data_), nullptr, bias_.get(), out_, in_, as<const uint32_t>(narrow_)};
    }

  private:
    AlignedFloats data_, bias_, narrow_;
    int out_ = 0, in_ = 0;
};

struct Norm {
    const float* weight;
    const float* bias;
};

struct EncoderLayer {
    Linear query_key_value, attention_output, intermediate, output;
    Norm attention_norm, output_norm;
};

struct DecoderBlock {
    Linear query_key_value, attention_output;
    Linear cross_query, cross_key_value, cross_output;
    Linear feed_forward_in, feed_forward_out;
    Linear time_0, time_2;                       // txl and rotary
    const float *r_w = nullptr, *r_r = nullptr;  // txl, [heads][head_size]
    Norm norm1, norm2, norm3;
};

struct Weights {
    Weights(const Parameters& parameters, ardiff_dtype dtype);

    const Parameters parameters;  // own copy: norms, positions and embeddings are used as they are
    const NetworkConfig config;
    const Kernels& kernels;
    const bool half;
    const TimeEmbedding time_embedding;

    const float *encoder_words, *encoder_positions, *encoder_type;  // [V][d], [positions][d], [d]
    Norm encoder_norm;
    std::vector<EncoderLayer> encoder;

    Linear input_0, input_2, output_0, output_2;
    Linear time_0, time_2;   // additive; time layers stay float32: one row a slot, once a step
    const float* positions;  // [positions][d]
    Norm input_norm;
    std::vector<DecoderBlock> decoder;
    const float* waiting = nullptr;       // shifted: [C], what a slot that waits holds
    Linear token_chain_0, token_chain_2;  // float32, as predictions are

    Vocabulary vocabulary;  // target embeddings, LayerNorm applied if configured
    // As Kernels::nearest wants them, -infinity up to padded(V).
    std::vector<float> nearest_bias;  // -|e|^2 / 2: argmax of x.e - |e|^2/2 is the nearest
    std::vector<float> logits_bias;   // lm_head.bias

  private:
    Norm norm(const NormNode& node) const;
    Linear linear(const LinearNode& node, bool half, bool geglu = false) const;
    // Layers that share their input.
    Linear stacked(const std::vector<LinearNode>& nodes) const;
    void prepare_vocabulary(const NetworkTree& tree);

    AlignedFloats table_, packed_vocabulary_;
};

}  // namespace ardiff::cpu
