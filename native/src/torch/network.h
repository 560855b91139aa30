// The portable network of SPEC section 4, over libtorch: any device, differentiable.
// It is the form that is trained; frozen_decoder.h is the decoder that generates.
//
// Shapes: S sources, L source positions, R rows (R = S*K, row r belongs to source r / K), N slots,
// C embedding size, d hidden size, H heads. Matmuls run in the compute type; the residual stream,
// LayerNorm and softmax are float32.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <utility>
#include <vector>

#include "core/parameters.h"
#include "torch/layers.h"
#include "torch/random.h"
#include "torch/weights.h"

namespace ardiff::portable {

// Dropout of one pass. Absent: no dropout.
struct Dropout {
    const TrainingRandom& random;
    float rate, attention_rate;
    int pass;

    // What is dropped of the hidden values of a place.
    cuda::Drop at(Purpose purpose, int layer) const;
    at::Tensor hidden(const at::Tensor& x, Purpose purpose, int layer = 0) const;
    at::Tensor attention(const at::Tensor& probabilities, Purpose purpose, int layer) const;
    // x [..] for every one of `layers`, each with a mask of its own: [layers,..].
    at::Tensor of_layers(const at::Tensor& x, Purpose purpose, int layers) const;
};

// What the decoder attends to: keys and values of every block, computed once per source.
struct CrossAttention {
    std::vector<std::pair<at::Tensor, at::Tensor>> keys_values;  // each [S,H,L,d/H]
    at::Tensor bias;  // [S,1,1,L] added to scores; undefined where nothing is padded
};

// What the decoder computes x0_hat from.
struct DecoderInput {
    at::Tensor z;           // [R,N,C] float32, scaled for the network
    at::Tensor previous;    // [R,N,C] previous x0_hat; undefined stands for zeros
    at::Tensor timesteps;   // [1,N] or [R,N] float32, scaled; 1: the same for all rows
    at::Tensor time_rows;   // the same as rows of a frozen decoder's table, int64, for that
    at::Tensor time_table;  // that table
    at::Tensor key_mask;    // [R,N] bool, slots that are attended to; undefined: all
    at::Tensor
        attention_mask;    // [N,N] or [R,1,N,N] bool, who attends to whom; undefined: all to all
    at::Tensor positions;  // [N] or [R,N] int64; undefined: 0 to N - 1
};

// What the decoder reads, [R,N,d] float32: z, with `previous` beside it where the network has that,
// projected where it has a `projection`; and the slots' positions, of the table `positions`.
at::Tensor embedded_slots(const DecoderInput& input, const NetworkConfig& config,
                          const LinearPair& projection, const at::Tensor& positions);

// Added to the scores of self-attention, undefined where every slot attends to every one.
at::Tensor slot_bias(const DecoderInput& input, at::ScalarType compute);

class Network {
  public:
    // Uses the tensors of `weights`, and for the layers that run in the compute type those of
    // `products`, which are of that type. Gradients flow to both if they require them.
    Network(const NetworkConfig& config, const NamedTensors& weights, const NamedTensors& products,
            at::ScalarType compute);

    // ids [S,L] int64, mask [S,L] bool, undefined where nothing is padded -> encoder output
    // [S,L,d].
    at::Tensor encode(const at::Tensor& ids, const at::Tensor& mask, const Dropout* dropout) const;

    CrossAttention attend_to(const at::Tensor& encoded, const at::Tensor& mask) const;

    // -> x0_hat [R,N,C] float32.
    at::Tensor denoise(const DecoderInput& input, const CrossAttention& source,
                       const Dropout* dropout) const;

    // What the chain head makes of predictions x0_hat [..,C], given the embeddings [..,C] of the
    // tokens left of them.
    at::Tensor chain(const at::Tensor& x0, const at::Tensor& left) const;

    // [C], what a slot that waits holds in the shifted layout.
    const at::Tensor& waiting() const { return waiting_; }

    // Target embeddings [V,C], LayerNorm applied where the model has one.
    const at::Tensor& table() const { return table_; }
    const at::Tensor& logits_bias() const { return logits_bias_; }

  private:
    struct EncoderLayer {
        Linear query_key_value, attention_output, intermediate, output;
        Norm attention_norm, output_norm;
    };
    struct DecoderBlock {
        Linear query_key_value, self_output, cross_query, cross_output;
        Linear feed_forward_in, feed_forward_out;
        at::Tensor r;  // txl: r_w and r_r, [H,2,d/H]
        Norm norm1, norm2, norm3;
    };

    Linear padded_values(const NamedTensors& products, const AttentionNode& node) const;
    Linear padded_output(const NamedTensors& products, const AttentionNode& node) const;
    at::Tensor mix(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                   const at::Tensor& bias, const Dropout* dropout, Purpose purpose,
                   int layer) const;
    at::Tensor time_keys(const at::Tensor& time, const Dropout* dropout) const;
    at::Tensor self_attention(const DecoderBlock& block, const at::Tensor& x,
                              const at::Tensor& time_key, const at::Tensor& bias,
                              const Dropout* dropout, int layer) const;
    at::Tensor cross_attention(const DecoderBlock& block, const at::Tensor& x,
                               const CrossAttention& source, const Dropout* dropout,
                               int layer) const;

    const NetworkConfig config_;
    const at::ScalarType compute_;

    at::Tensor zero_;  // [1,1,1] in the compute type
    at::Tensor table_, logits_bias_;
    at::Tensor encoder_words_, encoder_positions_, encoder_type_;
    Norm encoder_norm_;
    std::vector<EncoderLayer> encoder_;
    LinearPair input_, time_, output_, token_chain_;
    at::Tensor waiting_;
    at::Tensor positions_;
    Norm input_norm_;
    Linear sources_;          // keys and values of all blocks, one behind the other
    Linear time_0_, time_2_;  // those of all blocks: weights [layers,out,in], biases [layers,1,out]
    std::vector<DecoderBlock> decoder_;
};

// [..] scaled timesteps -> [..,channels]: cosines, then sines.
at::Tensor timestep_embedding(const at::Tensor& timesteps, int64_t channels);

}  // namespace ardiff::portable
