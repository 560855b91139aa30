#include "cpu/train/plan.h"

#include <algorithm>

#include "cpu/train/plane.h"

namespace ardiff::training {

Plan::Plan(const NetworkConfig& c, const ParameterLayout& layout) : config(c), layout_(layout) {
    const int d = c.hidden;

    target_words = layout.at("word_embedding.weight").offset;
    logits.out = c.vocabulary;
    logits.in = c.embedding;
    logits.stride = row_stride<float>(c.embedding);
    logits.gradient = take(static_cast<int64_t>(padded(c.vocabulary)) * logits.stride);
    logits.weights.push_back(
        {target_words, logits.gradient, c.vocabulary, c.embedding, logits.stride});
    logits.biases.push_back(block("lm_head.bias", 1, c.vocabulary));
    logits.bias_gradient = logits.biases.back().local;
    if (c.embedding_norm) embedding_norm = norm("embedding_norm");

    const std::string embeddings = "encoder.embeddings.";
    encoder_words = layout.at(embeddings + "word_embeddings.weight").offset;
    encoder_positions = block(embeddings + "position_embeddings.weight", c.max_positions, d);
    encoder_type = block(embeddings + "token_type_embeddings.weight", 1, d);
    encoder_norm = norm(embeddings + "LayerNorm");
    for (int i = 0; i < c.encoder_layers; ++i) {
        const std::string layer = "encoder.encoder.layer." + std::to_string(i) + ".";
        const std::string attention = layer + "attention.self.";
        EncoderLayerPlan plan;
        plan.query_key_value =
            linear({attention + "query", attention + "key", attention + "value"}, true);
        plan.attention_output = linear({layer + "attention.output.dense"}, true);
        plan.intermediate = linear({layer + "intermediate.dense"}, true);
        plan.output = linear({layer + "output.dense"}, true);
        plan.attention_norm = norm(layer + "attention.output.LayerNorm");
        plan.output_norm = norm(layer + "output.LayerNorm");
        encoder.push_back(std::move(plan));
    }

    if (c.input_projection) {
        input_0 = linear({"input_up_proj.0"}, true);
        input_2 = linear({"input_up_proj.2"}, true);
    }
    positions = block("position_embeddings.weight", c.max_positions, d);
    input_norm = norm("LayerNorm");
    if (c.time == ARDIFF_TIME_ADDITIVE) {
        time_0 = linear({"time_trans.0"}, true);
        time_2 = linear({"time_trans.2"}, true);
    }
    for (int i = 0; i < c.decoder_layers; ++i) {
        const std::string name = "transformer_blocks." + std::to_string(i) + ".";
        DecoderBlockPlan plan;
        const std::string self = name + "attn1.", cross = name + "attn2.";
        plan.query_key_value = linear({self + "to_q", self + "to_k", self + "to_v"}, false);
        plan.attention_output = linear({self + "to_out.0"}, true);
        plan.cross_query = linear({cross + "to_q"}, false);
        plan.cross_key_value = linear({cross + "to_k", cross + "to_v"}, false);
        plan.cross_output = linear({cross + "to_out.0"}, true);
        plan.feed_forward_in = linear({name + "ff.net.0.proj"}, true);
        plan.feed_forward_out = linear({name + "ff.net.2"}, true);
        plan.norm1 = norm(name + "norm1");
        plan.norm2 = norm(name + "norm2");
        plan.norm3 = norm(name + "norm3");
        if (c.has_time_keys()) {
            plan.time_0 = linear({name + "time_trans.0"}, true);
            plan.time_2 = linear({name + "time_trans.2"}, true);
        }
        if (c.time == ARDIFF_TIME_TXL) {
            plan.r_w = block(name + "r_w_bias", 1, d);
            plan.r_r = block(name + "r_r_bias", 1, d);
        }
        decoder.push_back(std::move(plan));
    }
    if (c.has_output_projection()) {
        output_0 = linear({"output_down_proj.0"}, true);
        output_2 = linear({"output_down_proj.2"}, true);
    }
    if (c.shifted) waiting = block("waiting_embedding", 1, c.embedding);
    if (c.token_chain > 0) {
        token_chain_0 = linear({"token_chain.0"}, true);
        token_chain_2 = linear({"token_chain.2"}, true);
    }
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

NormPlan Plan::norm(const std::string& name) {
    const int width = static_cast<int>(layout_.at(name + ".weight").count);
    const Block weight = block(name + ".weight", 1, width);
    return {weight, block(name + ".bias", 1, width)};
}

LinearPlan Plan::linear(const std::vector<std::string>& names, bool with_bias) {
    LinearPlan plan;
    for (const std::string& name : names) {
        const ParameterInfo& weight = layout_.at(name + ".weight");
        plan.out += static_cast<int>(weight.shape[0]);
        plan.in = static_cast<int>(weight.shape[1]);
    }
    const int stride = plan.stride = row_stride<float>(plan.in);
    plan.gradient = take(static_cast<int64_t>(padded(plan.out)) * stride);
    if (with_bias) plan.bias_gradient = take(padded(plan.out));
    int row = 0;
    for (const std::string& name : names) {
        const int rows = static_cast<int>(layout_.at(name + ".weight").shape[0]);
        plan.weights.push_back({layout_.at(name + ".weight").offset,
                                plan.gradient + static_cast<int64_t>(row) * stride, rows, plan.in,
                                stride});
        blocks.push_back(plan.weights.back());
        if (with_bias) {
            plan.biases.push_back(
                {layout_.at(name + ".bias").offset, plan.bias_gradient + row, 1, rows, rows});
            blocks.push_back(plan.biases.back());
        }
        row += rows;
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
