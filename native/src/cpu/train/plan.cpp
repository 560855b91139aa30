#include "cpu/train/plan.h"

#include <algorithm>

#include "cpu/train/plane.h"

namespace ardiff::training {

Plan::Plan(const NetworkConfig& c, const ParameterLayout& layout) : config(c), layout_(layout) {
    const NetworkTree tree(c);
    const auto pair = [&](const std::optional<PairNode>& node, LinearPlan& first,
                          LinearPlan& second) {
        if (!node) return;
        first = linear({node->first});
        second = linear({node->second});
    };

    target_words = layout.at(tree.words.name).offset;
    logits.out = c.vocabulary;
    logits.in = c.embedding;
    logits.stride = row_stride<float>(c.embedding);
    logits.gradient = take(static_cast<int64_t>(padded(c.vocabulary)) * logits.stride);
    logits.weights.push_back(
        {target_words, logits.gradient, c.vocabulary, c.embedding, logits.stride});
    logits.biases.push_back(block(tree.logits_bias.name, 1, c.vocabulary));
    logits.bias_gradient = logits.biases.back().local;
    if (tree.embedding_norm) embedding_norm = norm(*tree.embedding_norm);

    encoder_words = layout.at(tree.encoder_words.name).offset;
    encoder_positions = block(tree.encoder_positions.name, c.max_positions, c.hidden);
    encoder_type = block(tree.encoder_types.name, 1, c.hidden);
    encoder_norm = norm(tree.encoder_norm);
    for (const EncoderLayerNode& layer : tree.encoder) {
        encoder.push_back({linear({layer.query, layer.key, layer.value}),
                           linear({layer.attention_output}), linear({layer.intermediate}),
                           linear({layer.output}), norm(layer.attention_norm),
                           norm(layer.output_norm)});
    }

    pair(tree.input, input_0, input_2);
    positions = block(tree.positions.name, c.max_positions, c.hidden);
    input_norm = norm(tree.input_norm);
    pair(tree.time, time_0, time_2);
    for (const DecoderBlockNode& node : tree.decoder) {
        DecoderBlockPlan plan;
        plan.query_key_value = linear({node.self.query, node.self.key, node.self.value});
        plan.attention_output = linear({node.self.output});
        plan.cross_query = linear({node.cross.query});
        plan.cross_key_value = linear({node.cross.key, node.cross.value});
        plan.cross_output = linear({node.cross.output});
        plan.feed_forward_in = linear({node.feed_forward_in});
        plan.feed_forward_out = linear({node.feed_forward_out});
        plan.norm1 = norm(node.norm1);
        plan.norm2 = norm(node.norm2);
        plan.norm3 = norm(node.norm3);
        pair(node.time, plan.time_0, plan.time_2);
        if (node.r_w) plan.r_w = block(node.r_w->name, 1, c.hidden);
        if (node.r_r) plan.r_r = block(node.r_r->name, 1, c.hidden);
        decoder.push_back(std::move(plan));
    }
    pair(tree.output, output_0, output_2);
    if (tree.waiting) waiting = block(tree.waiting->name, 1, c.embedding);
    pair(tree.token_chain, token_chain_0, token_chain_2);
    collect();
}

int64_t Plan::take(int64_t count) {
    const int64_t at = local_size;
    local_size += (count + kPad - 1) / kPad * kPad;
    return at;
}

Block Plan::block(const std::string& name, int rows, int width) {
    const int stride = padded(width);
    const Block made{layout_.at(name).offset, take(static_cast<int64_t>(rows) * stride), rows,
                     width, stride};
    blocks.push_back(made);
    return made;
}

NormPlan Plan::norm(const NormNode& node) {
    const Block weight = block(node.weight(), 1, node.width);
    return {weight, block(node.bias(), 1, node.width)};
}

LinearPlan Plan::linear(const std::vector<LinearNode>& nodes) {
    LinearPlan plan;
    plan.in = nodes.front().in;
    for (const LinearNode& node : nodes) plan.out += node.out;
    const int stride = plan.stride = row_stride<float>(plan.in);
    plan.gradient = take(static_cast<int64_t>(padded(plan.out)) * stride);
    if (nodes.front().has_bias) plan.bias_gradient = take(padded(plan.out));
    int row = 0;
    for (const LinearNode& node : nodes) {
        plan.weights.push_back({layout_.at(node.weight()).offset,
                                plan.gradient + static_cast<int64_t>(row) * stride, node.out,
                                plan.in, stride});
        blocks.push_back(plan.weights.back());
        if (node.has_bias) {
            plan.biases.push_back(
                {layout_.at(node.bias()).offset, plan.bias_gradient + row, 1, node.out, node.out});
            blocks.push_back(plan.biases.back());
        }
        row += node.out;
    }
    return plan;
}

void Plan::collect() {
    const auto add = [&](const LinearPlan& plan) {
        if (plan.out == 0) return;
        linears_.push_back(&plan);
        widest_out = std::max(widest_out, plan.out);
        widest_in = std::max(widest_in, plan.in);
    };
    for (const EncoderLayerPlan& layer : encoder) {
        for (const LinearPlan* plan : {&layer.query_key_value, &layer.attention_output,
                                       &layer.intermediate, &layer.output}) {
            add(*plan);
        }
    }
    for (const LinearPlan* plan : {&input_0, &input_2, &time_0, &time_2, &output_0, &output_2,
                                   &token_chain_0, &token_chain_2})
        add(*plan);
    for (const DecoderBlockPlan& block : decoder) {
        for (const LinearPlan* plan :
             {&block.query_key_value, &block.attention_output, &block.cross_query,
              &block.cross_key_value, &block.cross_output, &block.feed_forward_in,
              &block.feed_forward_out, &block.time_0, &block.time_2}) {
            add(*plan);
        }
    }
}

}  // namespace ardiff::training
