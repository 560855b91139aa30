#include "torch/network.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <optional>

#include "core/network_tree.h"

namespace ardiff::portable {

using at::Tensor;

namespace {

constexpr double kBlockEpsilon = 1e-12;     // encoder and decoder
constexpr double kEmbeddingEpsilon = 1e-5;  // LayerNorm of the target embeddings

// [B,N] bool -> [B,1,1,N] float32: 0 where kept, the most negative number elsewhere. Finite, so
// that no softmax is 0/0.
constexpr float kMaskedScore = -1e30f;

Tensor additive(const Tensor& mask) {
    return at::zeros(mask.sizes(), mask.options().dtype(at::kFloat))
        .masked_fill_(mask.logical_not(), std::numeric_limits<float>::lowest())
        .view({mask.size(0), 1, 1, mask.size(1)});
}

Tensor merge_heads(const Tensor& x) { return x.transpose(1, 2).flatten(2); }

// Rotates the pairs (x_2j, x_2j+1) of each head by (cos_j, sin_j), the halves of its time key.
Tensor rotate(const Tensor& x, const Tensor& time_key) {
    const auto halves = time_key.chunk(2, -1);
    const Tensor pairs = x.unflatten(-1, {-1, 2});
    const Tensor even = pairs.select(-1, 0), odd = pairs.select(-1, 1);
    return at::stack({even * halves[0] - odd * halves[1], odd * halves[0] + even * halves[1]}, -1)
        .flatten(-2);
}

}  // namespace

Tensor Dropout::apply(const Tensor& x, float rate, uint32_t site) const {
    return rate == 0.0f ? x
                        : x * random.mask(x.sizes(), rate, site, x.device()).to(x.scalar_type());
}

Tensor Dropout::hidden(const Tensor& x, Purpose purpose, int layer) const {
    return apply(x, rate, random_site(purpose, pass, layer));
}

Tensor Dropout::attention(const Tensor& probabilities, Purpose purpose, int layer) const {
    return apply(probabilities, attention_rate, random_site(purpose, pass, layer));
}

Tensor timestep_embedding(const Tensor& timesteps, int64_t channels) {
    const int64_t half = channels / 2;
    // The order is the published one: it shows in the cosine of a large angle.
    const Tensor exponents =
        at::arange(half, timesteps.options()) * -std::log(10000.0) / static_cast<double>(half);
    const Tensor angles = timesteps.unsqueeze(-1) * at::exp(exponents);
    return at::cat({at::cos(angles), at::sin(angles)}, -1);
}

Tensor Network::Linear::operator()(const Tensor& x) const {
    return at::linear(x.to(weight.scalar_type()), weight, bias);
}

Tensor Network::Norm::operator()(const Tensor& x) const {
    return at::layer_norm(x, {x.size(-1)}, weight, bias, epsilon);
}

Network::Network(const NetworkConfig& config, const NamedTensors& weights, at::ScalarType compute)
    : config_(config), compute_(compute) {
    const NetworkTree tree(config);
    const auto linear = [&](const LinearNode& node) {
        return Linear{weights[node.weight()].to(compute),
                      node.has_bias ? weights[node.bias()].to(compute) : Tensor()};
    };
    const auto norm = [&](const NormNode& node, double epsilon = kBlockEpsilon) {
        return Norm{weights[node.weight()], weights[node.bias()], epsilon};
    };
    // Projections of latents and time stay float32, as what they take and give is: they are small,
    // and their rounding would be the prediction's.
    const auto pair = [&](const std::optional<PairNode>& node) {
        const auto part = [&](const LinearNode& layer) {
            return Linear{weights[layer.weight()], weights[layer.bias()]};
        };
        return node ? std::make_optional(std::make_pair(part(node->first), part(node->second)))
                    : std::nullopt;
    };

    table_ = weights[tree.words.name];
    if (tree.embedding_norm) table_ = norm(*tree.embedding_norm, kEmbeddingEpsilon)(table_);
    logits_bias_ = weights[tree.logits_bias.name];

    encoder_words_ = weights[tree.encoder_words.name];
    encoder_positions_ = weights[tree.encoder_positions.name];
    encoder_type_ = weights[tree.encoder_types.name].select(0, 0);
    encoder_norm_ = norm(tree.encoder_norm);
    for (const EncoderLayerNode& layer : tree.encoder) {
        encoder_.push_back({linear(layer.query), linear(layer.key), linear(layer.value),
                            linear(layer.attention_output), linear(layer.intermediate),
                            linear(layer.output), norm(layer.attention_norm),
                            norm(layer.output_norm)});
    }

    input_ = pair(tree.input);
    time_ = pair(tree.time);
    output_ = pair(tree.output);
    if (tree.waiting) waiting_ = weights[tree.waiting->name];
    token_chain_ = pair(tree.token_chain);
    positions_ = weights[tree.positions.name];
    input_norm_ = norm(tree.input_norm);
    for (const DecoderBlockNode& node : tree.decoder) {
        const auto attention = [&](const AttentionNode& part) {
            return Attention{linear(part.query), linear(part.key), linear(part.value),
                             linear(part.output)};
        };
        DecoderBlock block{attention(node.self),
                           attention(node.cross),
                           linear(node.feed_forward_in),
                           linear(node.feed_forward_out),
                           {},
                           {},
                           {},
                           {},
                           norm(node.norm1),
                           norm(node.norm2),
                           norm(node.norm3)};
        if (node.time) {
            block.time_0 = linear(node.time->first);
            block.time_2 = linear(node.time->second);
        }
        if (node.r_w) block.r_w = weights[node.r_w->name].unsqueeze(1);
        if (node.r_r) block.r_r = weights[node.r_r->name].unsqueeze(1);
        decoder_.push_back(std::move(block));
    }
}

Tensor Network::split_heads(const Tensor& x) const {
    return x.unflatten(-1, {config_.heads, config_.head_size()}).transpose(1, 2);
}

// softmax(query . key / sqrt(d/H) + bias) . value for [B,H,*,d/H], heads merged. For slots this few
// plain matmuls are faster than the fused attention of libtorch, above all backwards.
Tensor Network::attend(const Tensor& query, const Tensor& key, const Tensor& value,
                       const Tensor& bias, const Dropout* dropout, Purpose purpose,
                       int layer) const {
    const double scale = 1.0 / std::sqrt(static_cast<double>(config_.head_size()));
    Tensor scores =
        at::matmul((query * scale).to(compute_), key.to(compute_).transpose(-1, -2)).to(at::kFloat);
    if (bias.defined()) scores = scores + bias;
    Tensor probabilities = at::softmax(scores, -1);
    if (dropout != nullptr) probabilities = dropout->attention(probabilities, purpose, layer);
    return merge_heads(at::matmul(probabilities.to(compute_), value.to(compute_)));
}

Tensor Network::encode(const Tensor& ids, const Tensor& mask, const Dropout* dropout) const {
    const auto drop = [&](const Tensor& x, Purpose purpose, int layer = 0) {
        return dropout == nullptr ? x : dropout->hidden(x, purpose, layer);
    };
    const Tensor bias = additive(mask);
    Tensor hidden = at::embedding(encoder_words_, ids) +
                    encoder_positions_.narrow(0, 0, ids.size(1)) + encoder_type_;
    hidden = drop(encoder_norm_(hidden), Purpose::encoder_input);
    for (int i = 0; i < config_.encoder_layers; ++i) {
        const EncoderLayer& layer = encoder_[i];
        const Tensor attended =
            attend(split_heads(layer.query(hidden)), split_heads(layer.key(hidden)),
                   split_heads(layer.value(hidden)), bias, dropout, Purpose::encoder_attention, i);
        const Tensor mixed = drop(layer.attention_output(attended).to(at::kFloat),
                                  Purpose::encoder_attention_output, i);
        hidden = layer.attention_norm(hidden + mixed);
        const Tensor inner = at::gelu(layer.intermediate(hidden));
        const Tensor output = drop(layer.output(inner).to(at::kFloat), Purpose::encoder_output, i);
        hidden = layer.output_norm(hidden + output);
    }
    return hidden;
}

CrossAttention Network::attend_to(const Tensor& encoded, const Tensor& mask) const {
    CrossAttention source{{}, additive(mask)};
    for (const DecoderBlock& block : decoder_) {
        source.keys_values.emplace_back(split_heads(block.cross.key(encoded)),
                                        split_heads(block.cross.value(encoded)));
    }
    return source;
}

Tensor Network::self_attention(const DecoderBlock& block, const Tensor& x, const Tensor& time,
                               const Tensor& slot_bias, const Dropout* dropout, int layer) const {
    Tensor query = split_heads(block.self.query(x)), key = split_heads(block.self.key(x)),
           value = split_heads(block.self.value(x));
    Tensor bias = slot_bias;
    if (config_.has_time_keys()) {
        const Tensor raw =
            dropout == nullptr ? time : dropout->hidden(time, Purpose::decoder_time, layer);
        const Tensor time_key =
            split_heads(block.time_2(at::silu(block.time_0(raw)))).to(at::kFloat);  // [1|R,H,N,d/H]
        if (config_.time == ARDIFF_TIME_TXL) {
            // (q + r_w) . k + (q + r_r) . t = q . (k + t) + (r_w . k + r_r . t): one matmul, and a
            // bias that is the same for all queries.
            key = key.to(at::kFloat);
            const double scale = 1.0 / std::sqrt(static_cast<double>(config_.head_size()));
            const Tensor shared = ((key * block.r_w + time_key * block.r_r).sum(-1) * scale)
                                      .unsqueeze(2);  // [R,H,1,N]
            bias = bias.defined() ? bias + shared : shared;
            key = key + time_key;
        } else {
            query = rotate(query.to(at::kFloat), time_key);
            key = rotate(key.to(at::kFloat), time_key);
            value = rotate(value.to(at::kFloat), time_key);
        }
    }
    return block.self.output(
        attend(query, key, value, bias, dropout, Purpose::decoder_attention, layer));
}

Tensor Network::cross_attention(const DecoderBlock& block, const Tensor& x,
                                const CrossAttention& source, const Dropout* dropout,
                                int layer) const {
    // Candidates of one source lie side by side: their slots are queries of one attention.
    const int64_t sources = source.bias.size(0);
    const auto& [key, value] = source.keys_values[layer];
    const Tensor query = split_heads(block.cross.query(x).reshape({sources, -1, x.size(2)}));
    const Tensor attended =
        attend(query, key, value, source.bias, dropout, Purpose::decoder_cross_attention, layer);
    return block.cross.output(attended.reshape(x.sizes()));
}

Tensor Network::feed_forward(const DecoderBlock& block, const Tensor& x, const Dropout* dropout,
                             int layer) const {
    const auto halves = block.feed_forward_in(x).chunk(2, -1);
    Tensor inner = halves[0] * at::gelu(halves[1]);
    if (dropout != nullptr) inner = dropout->hidden(inner, Purpose::decoder_feed_forward, layer);
    return block.feed_forward_out(inner);
}

// [1|R,1,1|N,N] added to the scores of self-attention, undefined where every slot attends to every
// one.
Tensor Network::slot_bias(const DecoderInput& input) const {
    Tensor bias = input.key_mask.defined() ? additive(input.key_mask) : Tensor();
    const auto forbid = [&](const Tensor& allowed) {
        const Tensor more = at::zeros(allowed.sizes(), allowed.options().dtype(at::kFloat))
                                .masked_fill_(allowed.logical_not(), kMaskedScore);
        bias = bias.defined() ? bias + more : more;
    };
    if (input.attention_mask.defined()) forbid(input.attention_mask);
    return bias;
}

Tensor Network::denoise(const DecoderInput& input, const CrossAttention& source,
                        const Dropout* dropout) const {
    const auto drop = [&](const Tensor& x, Purpose purpose, int layer = 0) {
        return dropout == nullptr ? x : dropout->hidden(x, purpose, layer);
    };
    Tensor hidden = input.z;
    if (config_.self_conditioning) {
        const Tensor previous = input.previous.defined() ? input.previous : at::zeros_like(input.z);
        hidden = at::cat({previous, input.z}, -1);
    }
    if (input_) hidden = input_->second(at::tanh(input_->first(hidden))).to(at::kFloat);
    hidden = hidden + (input.positions.defined() ? at::embedding(positions_, input.positions)
                                                 : positions_.narrow(0, 0, hidden.size(1)));
    const Tensor time = config_.time == ARDIFF_TIME_NONE
                            ? Tensor()
                            : timestep_embedding(input.timesteps, config_.time_channels);
    if (time_) hidden = hidden + time_->second(at::silu(time_->first(time))).to(at::kFloat);
    hidden = drop(input_norm_(hidden), Purpose::decoder_input);

    const Tensor bias = slot_bias(input);
    for (int i = 0; i < config_.decoder_layers; ++i) {
        const DecoderBlock& block = decoder_[i];
        const Tensor attended =
            self_attention(block, block.norm1(hidden), time, bias, dropout, i).to(at::kFloat);
        hidden = hidden + drop(attended, Purpose::decoder_attention_output, i);
        const Tensor crossed =
            cross_attention(block, block.norm2(hidden), source, dropout, i).to(at::kFloat);
        hidden = hidden + drop(crossed, Purpose::decoder_cross_output, i);
        hidden = hidden + feed_forward(block, block.norm3(hidden), dropout, i).to(at::kFloat);
    }
    if (output_) hidden = output_->second(at::tanh(output_->first(hidden))).to(at::kFloat);
    return hidden;
}

Tensor Network::chain(const Tensor& x0, const Tensor& left) const {
    const Tensor inner = at::gelu(token_chain_->first(at::cat({x0, left}, -1)));
    return x0 + token_chain_->second(inner);
}

}  // namespace ardiff::portable
