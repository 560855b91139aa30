#include "core/network_tree.h"

#include "core/parameters.h"

namespace ardiff {

NetworkTree::NetworkTree(const NetworkConfig& c) {
    const int d = c.hidden, e = c.embedding, t = c.time_channels;
    const auto tensor = [&](const std::string& name, std::vector<int64_t> shape) {
        tensors.push_back({name, std::move(shape)});
        return tensors.back();
    };
    const auto linear = [&](const std::string& name, int out, int in, bool has_bias = true) {
        const LinearNode node{name, out, in, has_bias};
        tensor(node.weight(), {out, in});
        if (has_bias) tensor(node.bias(), {out});
        return node;
    };
    const auto norm = [&](const std::string& name, int width) {
        const NormNode node{name, width};
        tensor(node.weight(), {width});
        tensor(node.bias(), {width});
        return node;
    };
    const auto pair = [&](const std::string& name, int in, int inner, int out) {
        return PairNode{linear(name + ".0", inner, in), linear(name + ".2", out, inner)};
    };
    const auto attention = [&](const std::string& name) {
        return AttentionNode{linear(name + "to_q", d, d, false), linear(name + "to_k", d, d, false),
                             linear(name + "to_v", d, d, false), linear(name + "to_out.0", d, d)};
    };

    words = tensor("word_embedding.weight", {c.vocabulary, e});
    logits_bias = tensor("lm_head.bias", {c.vocabulary});
    if (c.embedding_norm) embedding_norm = norm("embedding_norm", e);

    const std::string embeddings = "encoder.embeddings.";
    encoder_words = c.shared_embeddings
                        ? words
                        : tensor(embeddings + "word_embeddings.weight", {c.vocabulary, d});
    encoder_positions = tensor(embeddings + "position_embeddings.weight", {c.max_positions, d});
    encoder_types = tensor(embeddings + "token_type_embeddings.weight", {2, d});
    encoder_norm = norm(embeddings + "LayerNorm", d);
    for (int i = 0; i < c.encoder_layers; ++i) {
        const std::string name = "encoder.encoder.layer." + std::to_string(i) + ".";
        encoder.push_back(
            {linear(name + "attention.self.query", d, d), linear(name + "attention.self.key", d, d),
             linear(name + "attention.self.value", d, d),
             linear(name + "attention.output.dense", d, d),
             norm(name + "attention.output.LayerNorm", d),
             linear(name + "intermediate.dense", c.encoder_ffn, d),
             linear(name + "output.dense", d, c.encoder_ffn), norm(name + "output.LayerNorm", d)});
    }

    if (c.input_projection) input = pair("input_up_proj", c.input_channels(), 2 * d, d);
    positions = tensor("position_embeddings.weight", {c.max_positions, d});
    input_norm = norm("LayerNorm", d);
    if (c.time == ARDIFF_TIME_ADDITIVE) time = pair("time_trans", t, 4 * t, d);
    for (int i = 0; i < c.decoder_layers; ++i) {
        const std::string name = "transformer_blocks." + std::to_string(i) + ".";
        DecoderBlockNode block{attention(name + "attn1."),
                               attention(name + "attn2."),
                               linear(name + "ff.net.0.proj", 2 * c.decoder_ffn(), d),
                               linear(name + "ff.net.2", d, c.decoder_ffn()),
                               norm(name + "norm1", d),
                               norm(name + "norm2", d),
                               norm(name + "norm3", d),
                               {},
                               {},
                               {}};
        if (c.has_time_keys()) block.time = pair(name + "time_trans", t, 4 * t, d);
        if (c.time == ARDIFF_TIME_TXL) {
            block.r_w = tensor(name + "r_w_bias", {c.heads, c.head_size()});
            block.r_r = tensor(name + "r_r_bias", {c.heads, c.head_size()});
        }
        decoder.push_back(std::move(block));
    }
    if (c.has_output_projection()) output = pair("output_down_proj", d, 2 * d, e);
    if (c.shifted) waiting = tensor("waiting_embedding", {e});
    if (c.token_chain > 0) token_chain = pair("token_chain", 2 * e, c.token_chain, e);
}

int64_t first_of_chain(const NetworkConfig& config, const ParameterLayout& layout) {
    return layout.at(NetworkTree(config).token_chain.value().first.weight()).offset;
}

}  // namespace ardiff
