#include "torch/frozen_decoder.h"

#include <ATen/ATen.h>

#include <bit>
#include <cmath>

#include "core/network_tree.h"
#include "torch/attention.h"
#include "torch/device.h"
#include "torch/fused.h"

namespace ardiff::portable {

using at::Tensor;

namespace {

// txl's scores are (q + r_w) . k + (q + r_r) . t = (q + r_w) . (k + t) + (r_r - r_w) . t. r_w is
// the bias of the product that makes q; the last term is one number a key: with 1 beside q it is a
// channel of the key, rounded in two parts, and attention needs no bias.
constexpr int64_t kFolded = 2;
constexpr int64_t kHeadAlignment = 8;  // what libtorch's attention wants of a head's width

constexpr size_t kMostTimesteps = 8192;  // rows of the table; a schedule has a few thousand

int64_t padded_width(const NetworkConfig& config) {
    const int64_t width = config.head_size();
    if (config.time != ARDIFF_TIME_TXL) return width;
    return (width + kFolded + kHeadAlignment - 1) / kHeadAlignment * kHeadAlignment;
}

}  // namespace

FrozenDecoder::FrozenDecoder(const NetworkConfig& config, const NamedTensors& weights,
                             const NamedTensors& products, at::ScalarType compute)
    : config_(config),
      compute_(compute),
      width_(padded_width(config)),
      scale_(1.0 / std::sqrt(static_cast<double>(config.head_size()))) {
    const NetworkTree tree(config);
    input_ = pair(weights, tree.input);
    time_ = pair(weights, tree.time);
    output_ = pair(weights, tree.output);
    positions_ = weights[tree.positions.name];
    input_norm_ = norm(weights, tree.input_norm);
    const int64_t heads = config.heads, head = config.head_size();
    for (const DecoderBlockNode& node : tree.decoder) {
        Linear output = linear(products, node.self.output);
        output.weight =
            at::constant_pad_nd(output.weight.unflatten(1, {heads, head}), {0, width_ - head})
                .flatten(1);
        TimeBlock time;
        if (node.time) {
            time.first = linear(products, node.time->first);
            time.second = linear(products, node.time->second);
        }
        if (node.r_r) time.r = weights[node.r_r->name] - weights[node.r_w->name];
        blocks_.push_back({padded_heads(node, weights), output, linear(products, node.cross.query),
                           linear(products, node.cross.output),
                           linear(products, node.feed_forward_in),
                           linear(products, node.feed_forward_out), norm(weights, node.norm1),
                           norm(weights, node.norm2), norm(weights, node.norm3), time});
    }
}

// The layer that makes queries, keys and values, heads padded with zeros and with what is folded
// in.
Linear FrozenDecoder::padded_heads(const DecoderBlockNode& node,
                                   const NamedTensors& weights) const {
    const int64_t heads = config_.heads, head = config_.head_size(), inner = config_.hidden;
    const auto rows = [&](const LinearNode& layer) {
        return weights[layer.weight()].view({heads, head, inner});
    };
    const Tensor query = rows(node.self.query);
    Tensor weight = at::zeros({3, heads, width_, inner}, query.options());
    weight.select(0, 0).narrow(1, 0, head).copy_(query);
    weight.select(0, 1).narrow(1, 0, head).copy_(rows(node.self.key));
    weight.select(0, 2).narrow(1, 0, head).copy_(rows(node.self.value));
    Tensor bias;
    if (config_.time == ARDIFF_TIME_TXL) {
        bias = at::zeros({3, heads, width_}, query.options());
        bias.select(0, 0).narrow(1, 0, head).copy_(weights[node.r_w->name]);
        bias.select(0, 0).narrow(1, head, kFolded).fill_(1.0);
        bias = bias.flatten().to(compute_);
    }
    return {weight.flatten(0, 2).to(compute_), bias};
}

// What the decoder makes of timesteps [n]: [n,layers,H,width] in the compute type, to be added to
// keys (txl); [n,layers,H,d/H/2,2] float32, which rotates (rotary); [n,d] float32, to be added to
// the input (additive).
Tensor FrozenDecoder::time_features(const Tensor& timesteps) const {
    const Tensor time = timestep_embedding(timesteps, config_.time_channels);
    if (time_) return time_->second(at::silu(time_->first(time)));
    std::vector<Tensor> of_blocks;
    for (const Block& block : blocks_) {
        const Tensor key = block.time.second(at::silu(block.time.first(time)))
                               .unflatten(-1, {config_.heads, config_.head_size()});
        if (config_.time == ARDIFF_TIME_ROTARY) {
            const auto halves = key.to(at::kFloat).chunk(2, -1);
            of_blocks.push_back(at::stack({halves[0], halves[1]}, -1));
            continue;
        }
        const Tensor bias = (key * block.time.r).sum(-1, true);
        const Tensor high = bias.to(compute_), low = (bias - high).to(compute_);
        of_blocks.push_back(at::constant_pad_nd(at::cat({key, high, low}, -1),
                                                {0, width_ - config_.head_size() - kFolded}));
    }
    return at::stack(of_blocks, 1);
}

std::vector<int64_t> FrozenDecoder::time_rows(const float* timesteps, int64_t count) const {
    std::vector<int64_t> rows(static_cast<size_t>(count), 0);
    if (config_.time == ARDIFF_TIME_NONE) return rows;
    std::vector<float> missing;
    const auto look_up = [&] {
        for (int64_t i = 0; i < count; ++i) {
            const auto [entry, first] =
                rows_.try_emplace(timesteps[i], static_cast<int64_t>(rows_.size()));
            if (first) missing.push_back(timesteps[i]);
            rows[static_cast<size_t>(i)] = entry->second;
        }
    };
    look_up();
    if (missing.empty()) return rows;
    if (rows_.size() > kMostTimesteps) {
        rows_.clear();
        features_ = Tensor();
        missing.clear();
        look_up();
    }
    const Tensor more = time_features(
        upload(missing.data(), {static_cast<int64_t>(missing.size())}, positions_.device()));
    const size_t filled = rows_.size() - missing.size();
    std::vector<int64_t> spare = more.sizes().vec();
    spare[0] = static_cast<int64_t>(std::bit_ceil(rows_.size()) - rows_.size());
    std::vector<Tensor> parts{more, at::zeros(spare, more.options())};
    if (filled > 0)
        parts.insert(parts.begin(), features_.narrow(0, 0, static_cast<int64_t>(filled)));
    features_ = at::cat(parts);
    return rows;
}

Tensor FrozenDecoder::self_attention(const Block& block, const Tensor& x, const Tensor& time,
                                     const Tensor& bias) const {
    Tensor all = block.query_key_value(x).unflatten(-1, {3, config_.heads, width_});
    if (config_.time == ARDIFF_TIME_ROTARY)
        all = rotate(all, at::view_as_complex(time).unsqueeze(2)).to(compute_);
    const auto parts = all.unbind(2);
    const Tensor key = config_.time == ARDIFF_TIME_TXL ? parts[1] + time : parts[1];
    return block.self_output(attend(parts[0].transpose(1, 2), key.transpose(1, 2),
                                    parts[2].transpose(1, 2), bias, scale_));
}

Tensor FrozenDecoder::cross_attention(const Block& block, size_t layer, const Tensor& x,
                                      const CrossAttention& source) const {
    // Candidates of one source lie side by side: their slots are queries of one attention.
    const auto& [key, value] = source.keys_values[layer];
    const Tensor query = block.cross_query(x)
                             .reshape({key.size(0), -1, config_.heads, config_.head_size()})
                             .transpose(1, 2);
    return block.cross_output(attend(query, key, value, source.bias, scale_).reshape(x.sizes()));
}

Tensor FrozenDecoder::denoise(const DecoderInput& input, const CrossAttention& source) const {
    Tensor hidden = embedded_slots(input, config_, input_, positions_);
    Tensor time;
    if (config_.time != ARDIFF_TIME_NONE) {
        time = input.time_table.index_select(0, input.time_rows.flatten())
                   .unflatten(0, {input.time_rows.size(0), input.time_rows.size(1)});
    }
    if (time_) hidden = hidden + time;
    hidden = input_norm_(hidden);

    const auto next = [&](const Tensor& delta, const Norm& norm) {
        return add_norm(hidden, delta, norm.weight, norm.bias, norm.epsilon, compute_);
    };
    const Tensor bias = slot_bias(input, compute_);
    Tensor delta;
    for (size_t i = 0; i < blocks_.size(); ++i) {
        const Block& block = blocks_[i];
        const Tensor key =
            config_.has_time_keys() ? time.select(2, static_cast<int64_t>(i)) : Tensor();
        delta = self_attention(block, next(delta, block.norm1), key, bias);
        delta = cross_attention(block, i, next(delta, block.norm2), source);
        delta = block.feed_forward_out(geglu(block.feed_forward_in(next(delta, block.norm3))));
    }
    hidden = hidden + delta;
    if (output_) hidden = output_->second(at::tanh(output_->first(hidden)));
    return hidden;
}

}  // namespace ardiff::portable
