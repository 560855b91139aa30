#include "torch/network.h"

#include <ATen/ATen.h>

#include <cmath>
#include <optional>

#include "core/network_tree.h"
#include "torch/attention.h"
#include "torch/trained.h"

namespace ardiff::portable {

using at::Tensor;

cuda::Drop Dropout::at(Purpose purpose, int layer) const {
    return random.drop(rate, random_site(purpose, pass, layer));
}

Tensor Dropout::hidden(const Tensor& x, Purpose purpose, int layer) const {
    if (rate == 0.0f) return x;
    return x * dropout_mask(x.sizes(), at(purpose, layer), x.device());
}

Tensor Dropout::attention(const Tensor& probabilities, Purpose purpose, int layer) const {
    const cuda::Drop drop = random.drop(attention_rate, random_site(purpose, pass, layer));
    return probabilities * dropout_mask(probabilities.sizes(), drop, probabilities.device());
}

Tensor Dropout::of_layers(const Tensor& x, Purpose purpose, int layers) const {
    if (rate == 0.0f) return x.unsqueeze(0);
    std::vector<Tensor> masks;
    for (int i = 0; i < layers; ++i) {
        masks.push_back(dropout_mask(x.sizes(), at(purpose, i), x.device()));
    }
    return x * at::stack(masks);
}

Tensor timestep_embedding(const Tensor& timesteps, int64_t channels) {
    const int64_t half = channels / 2;
    // The order is the published one: it shows in the cosine of a large angle.
    const Tensor exponents =
        at::arange(half, timesteps.options()) * -std::log(10000.0) / static_cast<double>(half);
    const Tensor angles = timesteps.unsqueeze(-1) * at::exp(exponents);
    return at::cat({at::cos(angles), at::sin(angles)}, -1);
}

Tensor embedded_slots(const DecoderInput& input, const NetworkConfig& config,
                      const LinearPair& projection, const Tensor& positions) {
    Tensor hidden = input.z;
    if (config.self_conditioning) {
        const Tensor previous = input.previous.defined() ? input.previous : at::zeros_like(input.z);
        hidden = at::cat({previous, input.z}, -1);
    }
    if (projection) hidden = projection->second(at::tanh(projection->first(hidden)));
    return hidden + (input.positions.defined() ? at::embedding(positions, input.positions)
                                               : positions.narrow(0, 0, hidden.size(1)));
}

Tensor slot_bias(const DecoderInput& input, at::ScalarType compute) {
    const Tensor& allowed = input.attention_mask;
    if (!input.key_mask.defined())
        return allowed.defined()
                   ? score_bias(allowed.dim() == 2 ? allowed.unsqueeze(0).unsqueeze(0) : allowed,
                                compute)
                   : Tensor();
    const Tensor keys = input.key_mask.unsqueeze(1).unsqueeze(1);
    return score_bias(allowed.defined() ? keys.logical_and(allowed) : keys, compute);
}

// txl's queries and keys are twice as wide as a head, and libtorch's attention wants values of the
// same width: the layer that makes them and the one behind attention know zeros there.
Linear Network::padded_values(const NamedTensors& products, const AttentionNode& node) const {
    const int64_t heads = config_.heads, width = config_.head_size();
    const auto rows = [&](const LinearNode& layer) {
        return products[layer.weight()].view({heads, width, -1});
    };
    const Tensor value = rows(node.value);
    const Tensor zeros = zero_.expand_as(value);
    return {at::cat({products[node.query.weight()], products[node.key.weight()],
                     at::cat({value, zeros}, 1).flatten(0, 1)}),
            Tensor()};
}

Linear Network::padded_output(const NamedTensors& products, const AttentionNode& node) const {
    Linear output = linear(products, node.output);
    const Tensor columns = output.weight.unflatten(1, {config_.heads, config_.head_size()});
    const Tensor zeros = zero_.expand_as(columns);
    output.weight = at::cat({columns, zeros}, 2).flatten(1);
    return output;
}

Network::Network(const NetworkConfig& config, const NamedTensors& weights,
                 const NamedTensors& products, at::ScalarType compute)
    : config_(config), compute_(compute) {
    const NetworkTree tree(config);
    zero_ = at::zeros({1, 1, 1}, weights[tree.words.name].options().dtype(compute));
    table_ = weights[tree.words.name];
    if (tree.embedding_norm)
        table_ = norm(weights, *tree.embedding_norm, kEmbeddingEpsilon)(table_);
    logits_bias_ = weights[tree.logits_bias.name];

    encoder_words_ = weights[tree.encoder_words.name];
    encoder_positions_ = weights[tree.encoder_positions.name];
    encoder_type_ = weights[tree.encoder_types.name].select(0, 0);
    encoder_norm_ = norm(weights, tree.encoder_norm);
    for (const EncoderLayerNode& layer : tree.encoder) {
        encoder_.push_back({joined(products, {&layer.query, &layer.key, &layer.value}),
                            linear(products, layer.attention_output),
                            linear(products, layer.intermediate), linear(products, layer.output),
                            norm(weights, layer.attention_norm), norm(weights, layer.output_norm)});
    }

    // Projections of latents and time stay float32, as what they take and give is: they are small,
    // and their rounding would be the prediction's.
    input_ = pair(weights, tree.input);
    time_ = pair(weights, tree.time);
    output_ = pair(weights, tree.output);
    if (tree.waiting) waiting_ = weights[tree.waiting->name];
    token_chain_ = pair(weights, tree.token_chain);
    positions_ = weights[tree.positions.name];
    input_norm_ = norm(weights, tree.input_norm);
    std::vector<const LinearNode*> sources, time_0, time_2;
    std::vector<Tensor> r;
    for (const DecoderBlockNode& node : tree.decoder) {
        sources.insert(sources.end(), {&node.cross.key, &node.cross.value});
        if (node.time) {
            time_0.push_back(&node.time->first);
            time_2.push_back(&node.time->second);
        }
        if (node.r_w) r.insert(r.end(), {weights[node.r_w->name], weights[node.r_r->name]});
        decoder_.push_back(
            {config.time == ARDIFF_TIME_TXL
                 ? padded_values(products, node.self)
                 : joined(products, {&node.self.query, &node.self.key, &node.self.value}),
             config.time == ARDIFF_TIME_TXL ? padded_output(products, node.self)
                                            : linear(products, node.self.output),
             linear(products, node.cross.query), linear(products, node.cross.output),
             linear(products, node.feed_forward_in), linear(products, node.feed_forward_out),
             Tensor(), norm(weights, node.norm1), norm(weights, node.norm2),
             norm(weights, node.norm3)});
    }
    sources_ = joined(products, sources);
    const int64_t layers = config.decoder_layers;
    const auto of_layers = [&](const std::vector<const LinearNode*>& nodes) {
        const Linear all = joined(products, nodes);
        return Linear{all.weight.view({layers, -1, nodes[0]->in}), all.bias.view({layers, 1, -1})};
    };
    if (!time_0.empty()) {
        time_0_ = of_layers(time_0);
        time_2_ = of_layers(time_2);
    }
    if (!r.empty()) {
        const auto of_blocks = at::stack(r)
                                   .view({layers, 2, config.heads, config.head_size()})
                                   .transpose(1, 2)
                                   .to(compute)
                                   .unbind();
        for (size_t i = 0; i < decoder_.size(); ++i) decoder_[i].r = of_blocks[i];
    }
}

// softmax(query . key / sqrt(d/H) + bias) . value for [B,N,H,*], heads merged.
Tensor Network::mix(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& bias,
                    const Dropout* dropout, Purpose purpose, int layer) const {
    const double scale = 1.0 / std::sqrt(static_cast<double>(config_.head_size()));
    const Tensor q = query.transpose(1, 2), k = key.transpose(1, 2), v = value.transpose(1, 2);
    if (dropout == nullptr || dropout->attention_rate == 0.0f) return attend(q, k, v, bias, scale);
    Tensor scores = at::matmul(q * scale, k.transpose(-1, -2)).to(at::kFloat);
    if (bias.defined()) scores = scores + bias;
    const Tensor probabilities = dropout->attention(at::softmax(scores, -1), purpose, layer);
    return at::matmul(probabilities.to(compute_), v).transpose(1, 2).flatten(2);
}

Tensor Network::encode(const Tensor& ids, const Tensor& mask, const Dropout* dropout) const {
    const auto drop = [&](Purpose purpose, int layer) {
        return dropout == nullptr ? cuda::Drop{} : dropout->at(purpose, layer);
    };
    const Tensor bias = mask.defined() ? score_bias(mask, compute_) : Tensor();
    Tensor input = encoder_norm_(at::embedding(encoder_words_, ids) +
                                 encoder_positions_.narrow(0, 0, ids.size(1)) + encoder_type_);
    if (dropout != nullptr) input = dropout->hidden(input, Purpose::encoder_input);
    NormedResidual x{input, input.to(compute_)};
    for (int i = 0; i < config_.encoder_layers; ++i) {
        const EncoderLayer& layer = encoder_[static_cast<size_t>(i)];
        const auto heads = layer.query_key_value(x.out)
                               .unflatten(-1, {3, config_.heads, config_.head_size()})
                               .unbind(2);
        const Tensor attended =
            mix(heads[0], heads[1], heads[2], bias, dropout, Purpose::encoder_attention, i);
        x = norm_of_sum(x.hidden, layer.attention_output(attended),
                        drop(Purpose::encoder_attention_output, i), layer.attention_norm, compute_);
        const Tensor inner = at::gelu(layer.intermediate(x.out));
        x = norm_of_sum(x.hidden, layer.output(inner), drop(Purpose::encoder_output, i),
                        layer.output_norm, compute_);
    }
    return x.hidden;
}

CrossAttention Network::attend_to(const Tensor& encoded, const Tensor& mask) const {
    CrossAttention source{{}, mask.defined() ? score_bias(mask, compute_) : Tensor()};
    const auto parts =
        sources_(encoded)
            .unflatten(-1, {2 * config_.decoder_layers, config_.heads, config_.head_size()})
            .unbind(2);
    for (size_t i = 0; i < parts.size(); i += 2) {
        source.keys_values.emplace_back(parts[i].transpose(1, 2), parts[i + 1].transpose(1, 2));
    }
    return source;
}

// [layers,R,N,d]: what every block makes of the time embedding [R,N,channels].
Tensor Network::time_keys(const Tensor& time, const Dropout* dropout) const {
    const int64_t layers = config_.decoder_layers, channels = time.size(-1);
    const Tensor raw = (dropout == nullptr ? time.unsqueeze(0)
                                           : dropout->of_layers(time, Purpose::decoder_time,
                                                                config_.decoder_layers))
                           .to(compute_)
                           .flatten(1, 2)
                           .expand({layers, -1, channels});
    const Tensor inner = at::silu(at::baddbmm(time_0_.bias, raw, time_0_.weight.transpose(1, 2)));
    return at::baddbmm(time_2_.bias, inner, time_2_.weight.transpose(1, 2))
        .unflatten(1, {time.size(0), time.size(1)});
}

Tensor Network::self_attention(const DecoderBlock& block, const Tensor& x, const Tensor& time_key,
                               const Tensor& bias, const Dropout* dropout, int layer) const {
    const int64_t heads = config_.heads, width = config_.head_size();
    const auto attended = [&](const Tensor& query, const Tensor& key, const Tensor& value) {
        return block.self_output(
            mix(query, key, value, bias, dropout, Purpose::decoder_attention, layer));
    };
    Tensor all = block.query_key_value(x);
    if (config_.time == ARDIFF_TIME_TXL) {
        // (q + r_w) . k + (q + r_r) . t is one product of twice the width.
        const auto parts =
            all.split_with_sizes({config_.hidden, config_.hidden, 2 * config_.hidden}, -1);
        const Tensor query = parts[0].unflatten(-1, {heads, 1, width}) + block.r;
        const Tensor key = parts[1].unflatten(-1, {heads, width});
        const Tensor time = time_key.unflatten(-1, {heads, width}).expand_as(key);
        return attended(query.flatten(-2), at::cat({key, time}, -1),
                        parts[2].unflatten(-1, {heads, 2 * width}));
    }
    all = all.unflatten(-1, {3, heads, width});
    if (config_.time == ARDIFF_TIME_ROTARY) {
        const auto halves = time_key.to(at::kFloat).unflatten(-1, {1, heads, width}).chunk(2, -1);
        all = rotate(all, at::complex(halves[0], halves[1])).to(compute_);
    }
    const auto parts = all.unbind(2);
    return attended(parts[0], parts[1], parts[2]);
}

Tensor Network::cross_attention(const DecoderBlock& block, const Tensor& x,
                                const CrossAttention& source, const Dropout* dropout,
                                int layer) const {
    // Candidates of one source lie side by side: their slots are queries of one attention.
    const auto& [key, value] = source.keys_values[static_cast<size_t>(layer)];
    const Tensor query = block.cross_query(x)
                             .reshape({key.size(0), -1, x.size(2)})
                             .unflatten(-1, {config_.heads, config_.head_size()});
    const Tensor attended = mix(query, key.transpose(1, 2), value.transpose(1, 2), source.bias,
                                dropout, Purpose::decoder_cross_attention, layer);
    return block.cross_output(attended.reshape(x.sizes()));
}

Tensor Network::denoise(const DecoderInput& input, const CrossAttention& source,
                        const Dropout* dropout) const {
    const auto drop = [&](Purpose purpose, int layer) {
        return dropout == nullptr ? cuda::Drop{} : dropout->at(purpose, layer);
    };
    Tensor hidden = embedded_slots(input, config_, input_, positions_);
    const Tensor time = config_.time == ARDIFF_TIME_NONE
                            ? Tensor()
                            : timestep_embedding(input.timesteps, config_.time_channels);
    if (time_) hidden = hidden + time_->second(at::silu(time_->first(time)));
    hidden = input_norm_(hidden);
    if (dropout != nullptr) hidden = dropout->hidden(hidden, Purpose::decoder_input);

    const Tensor bias = slot_bias(input, compute_);
    const auto keys = config_.has_time_keys() ? time_keys(time, dropout).unbind()
                                              : std::vector<Tensor>(decoder_.size());
    Tensor delta;  // what the layer before makes, not yet added
    const auto next = [&](const Norm& norm, const cuda::Drop& dropped) {
        if (!delta.defined()) return norm(hidden).to(compute_);
        const Normed normed = add_norm(hidden, delta, dropped, norm, compute_);
        hidden = normed.sum;
        return normed.out;
    };
    for (int i = 0; i < config_.decoder_layers; ++i) {
        const DecoderBlock& block = decoder_[static_cast<size_t>(i)];
        delta = self_attention(block, next(block.norm1, {}), keys[static_cast<size_t>(i)], bias,
                               dropout, i);
        const Tensor crossing = next(block.norm2, drop(Purpose::decoder_attention_output, i));
        delta = cross_attention(block, crossing, source, dropout, i);
        const Tensor inner =
            geglu(block.feed_forward_in(next(block.norm3, drop(Purpose::decoder_cross_output, i))),
                  drop(Purpose::decoder_feed_forward, i));
        delta = block.feed_forward_out(inner);
    }
    if (delta.defined()) hidden = hidden + delta;
    if (output_) hidden = output_->second(at::tanh(output_->first(hidden)));
    return hidden;
}

Tensor Network::chain(const Tensor& x0, const Tensor& left) const {
    const Tensor inner = at::gelu(token_chain_->first(at::cat({x0, left}, -1)));
    return x0 + token_chain_->second(inner);
}

}  // namespace ardiff::portable
