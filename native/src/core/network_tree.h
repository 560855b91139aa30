// The layers of the network (SPEC section 4): the one place that spells their names, which are
// those of published checkpoints, and their shapes. The flat layout lists their tensors; libtorch's
// network, the packed CPU weights and the trainer's plan are mapped over them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ardiff {

struct NetworkConfig;
class ParameterLayout;

struct TensorNode {
    std::string name;
    std::vector<int64_t> shape;
};

struct LinearNode {
    std::string name;
    int out, in;
    bool has_bias;

    std::string weight() const { return name + ".weight"; }  // [out,in]
    std::string bias() const { return name + ".bias"; }      // [out]
};

// Two layers with an activation between them.
struct PairNode {
    LinearNode first, second;
};

struct NormNode {
    std::string name;
    int width;

    std::string weight() const { return name + ".weight"; }
    std::string bias() const { return name + ".bias"; }
};

struct EncoderLayerNode {
    LinearNode query, key, value, attention_output;
    NormNode attention_norm;
    LinearNode intermediate, output;
    NormNode output_norm;
};

struct AttentionNode {
    LinearNode query, key, value, output;
};

struct DecoderBlockNode {
    AttentionNode self, cross;
    LinearNode feed_forward_in, feed_forward_out;
    NormNode norm1, norm2, norm3;
    std::optional<PairNode> time;
    std::optional<TensorNode> r_w, r_r;
};

// What a network lacks is absent.
struct NetworkTree {
    explicit NetworkTree(const NetworkConfig& config);

    std::vector<TensorNode> tensors;  // all of them, in the order of the flat buffer

    TensorNode words, logits_bias;  // target embeddings, tied to the logits
    std::optional<NormNode> embedding_norm;
    TensorNode encoder_words;  // `words` itself where the two are shared
    TensorNode encoder_positions, encoder_types;
    NormNode encoder_norm;
    std::vector<EncoderLayerNode> encoder;
    std::optional<PairNode> input;
    TensorNode positions;
    NormNode input_norm;
    std::optional<PairNode> time;
    std::vector<DecoderBlockNode> decoder;
    std::optional<PairNode> output;
    std::optional<TensorNode> waiting;  // what a slot that waits holds
    std::optional<PairNode> token_chain;
};

// Where the chain head's tensors begin in the flat buffer; they are the last.
int64_t first_of_chain(const NetworkConfig& config, const ParameterLayout& layout);

}  // namespace ardiff
