#include "cpu/generate/weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace ardiff::cpu {

namespace {

// Rows [values, gates] as vectors of values, each followed by that of its gates.
std::vector<float> interleaved(const float* rows, int inner, int width, int vector) {
    const int groups = round_up(inner, vector) / vector;
    std::vector<float> result(static_cast<size_t>(groups) * 2 * vector * width);
    for (int i = 0; i < inner; ++i) {
        const size_t value = static_cast<size_t>(i / vector * 2 * vector + i % vector);
        std::copy_n(rows + static_cast<size_t>(i) * width, width, &result[value * width]);
        std::copy_n(rows + static_cast<size_t>(inner + i) * width, width,
                    &result[(value + vector) * width]);
    }
    return result;
}

}  // namespace

Linear::Linear(const Kernels& kernels, const float* weights, const float* bias, int out, int in,
               bool half, bool geglu)
    : out_(out), in_(in) {
    std::vector<float> rows, biases;
    if (geglu) {
        rows = interleaved(weights, out / 2, in, kernels.vector_width);
        biases = interleaved(bias, out / 2, 1, kernels.vector_width);
        weights = rows.data();
        bias = biases.data();
        out_ = static_cast<int>(biases.size());
    }
    bias_ = allocate_floats(padded(out_));
    if (bias != nullptr) std::copy_n(bias, out_, bias_.get());
    const int64_t values = Matrix<float>::packed_values(out_, in);
    data_ = allocate_floats(half ? (values + 1) / 2 : values);
    if (half) {
        kernels.of_bf16.pack(weights, out_, in, as<bf16>(data_), nullptr);
    } else {
        kernels.of_float.pack(weights, out_, in, data_.get(), nullptr);
    }
}

void Linear::add_narrow(int vector_width) {
    const size_t vector = static_cast<size_t>(vector_width);
    const size_t values = static_cast<size_t>(Matrix<float>::packed_values(out_, in_));
    const uint32_t* bits = as<uint32_t>(data_);
    if (std::any_of(bits, bits + values, [](uint32_t b) { return (b & 0xffffu) != 0; })) return;
    narrow_ = allocate_floats(static_cast<int64_t>(values / 2));
    uint32_t* words = as<uint32_t>(narrow_);
    for (size_t i = 0; i < values; i += 2 * vector) {
        for (size_t lane = 0; lane < vector; ++lane)
            *words++ = bits[i + lane] >> 16 | bits[i + vector + lane];
    }
}

Norm Weights::norm(const NormNode& node) const {
    return {parameters.tensor(node.weight()), parameters.tensor(node.bias())};
}

Linear Weights::linear(const LinearNode& node, bool as_half, bool geglu) const {
    return Linear(kernels, parameters.tensor(node.weight()), parameters.tensor(node.bias()),
                  node.out, node.in, as_half, geglu);
}

Linear Weights::stacked(const std::vector<LinearNode>& nodes) const {
    const int in = nodes.front().in;
    std::vector<float> weights, bias;
    for (const LinearNode& node : nodes) {
        const float* weight = parameters.tensor(node.weight());
        weights.insert(weights.end(), weight, weight + static_cast<ptrdiff_t>(node.out) * in);
        if (node.has_bias) {
            const float* own = parameters.tensor(node.bias());
            bias.insert(bias.end(), own, own + node.out);
        } else {
            bias.insert(bias.end(), static_cast<size_t>(node.out), 0.0f);
        }
    }
    return Linear(kernels, weights.data(), bias.data(), static_cast<int>(bias.size()), in, half);
}

Weights::Weights(const Parameters& source, ardiff_dtype dtype)
    : parameters(source),
      config(source.config),
      kernels(cpu::kernels()),
      half(dtype == ARDIFF_DTYPE_BF16),
      time_embedding(config.time_channels) {
    const NetworkTree tree(config);
    const auto pair = [&](const std::optional<PairNode>& node, bool as_half, Linear& first,
                          Linear& second) {
        if (!node) return;
        first = linear(node->first, as_half);
        second = linear(node->second, as_half);
    };
    encoder_words = parameters.tensor(tree.encoder_words.name);
    encoder_positions = parameters.tensor(tree.encoder_positions.name);
    encoder_type = parameters.tensor(tree.encoder_types.name);
    encoder_norm = norm(tree.encoder_norm);
    for (const EncoderLayerNode& layer : tree.encoder) {
        encoder.push_back({stacked({layer.query, layer.key, layer.value}),
                           linear(layer.attention_output, half), linear(layer.intermediate, half),
                           linear(layer.output, half), norm(layer.attention_norm),
                           norm(layer.output_norm)});
    }
    pair(tree.input, half, input_0, input_2);
    positions = parameters.tensor(tree.positions.name);
    input_norm = norm(tree.input_norm);
    pair(tree.time, false, time_0, time_2);
    for (const DecoderBlockNode& node : tree.decoder) {
        DecoderBlock b;
        b.query_key_value = stacked({node.self.query, node.self.key, node.self.value});
        b.attention_output = linear(node.self.output, half);
        b.cross_query = stacked({node.cross.query});
        b.cross_key_value = stacked({node.cross.key, node.cross.value});
        b.cross_output = linear(node.cross.output, half);
        b.feed_forward_in = linear(node.feed_forward_in, half, true);
        b.feed_forward_out = linear(node.feed_forward_out, half);
        b.norm1 = norm(node.norm1);
        b.norm2 = norm(node.norm2);
        b.norm3 = norm(node.norm3);
        pair(node.time, false, b.time_0, b.time_2);
        if (node.r_w) b.r_w = parameters.tensor(node.r_w->name);
        if (node.r_r) b.r_r = parameters.tensor(node.r_r->name);
        if (config.shifted && !half) {  // such a network decodes few slots a call
            for (Linear* layer : {&b.query_key_value, &b.attention_output, &b.cross_query,
                                  &b.cross_output, &b.feed_forward_in, &b.feed_forward_out})
                layer->add_narrow(kernels.vector_width);
        }
        decoder.push_back(std::move(b));
    }
    pair(tree.output, half, output_0, output_2);
    if (tree.waiting) waiting = parameters.tensor(tree.waiting->name);
    pair(tree.token_chain, false, token_chain_0, token_chain_2);
    prepare_vocabulary(tree);
}

void Weights::prepare_vocabulary(const NetworkTree& tree) {
    const int size = config.vocabulary, width = config.embedding, stride = padded(width);
    table_ = allocate_floats(static_cast<int64_t>(size) * stride);
    const float* embedding = parameters.tensor(tree.words.name);
    for (int v = 0; v < size; ++v) {
        std::memcpy(table_.get() + static_cast<ptrdiff_t>(v) * stride,
                    embedding + static_cast<ptrdiff_t>(v) * width, static_cast<size_t>(width) * 4);
    }
    if (tree.embedding_norm) {
        const Norm n = norm(*tree.embedding_norm);
        kernels.of_float.layer_norm(size, width, table_.get(), stride, n.weight, n.bias, 1e-5f,
                                    table_.get(), stride, nullptr, 0, nullptr);
    }
    nearest_bias.assign(padded(size), -std::numeric_limits<float>::infinity());
    logits_bias = nearest_bias;
    double largest = 0;
    for (int v = 0; v < size; ++v) {
        double square = 0;
        for (int c = 0; c < width; ++c) {
            const double x = table_[static_cast<ptrdiff_t>(v) * stride + c];
            square += x * x;
        }
        nearest_bias[v] = static_cast<float>(-0.5 * square);
        largest = std::max(largest, square);
    }
    std::copy_n(parameters.tensor(tree.logits_bias.name), size, logits_bias.begin());

    vocabulary.size = size;
    vocabulary.width = width;
    vocabulary.stride = stride;
    vocabulary.table = table_.get();
    vocabulary.largest_norm = static_cast<float>(std::sqrt(largest));
    packed_vocabulary_ = allocate_floats((kernels.vocabulary_bytes(size, width) + 3) / 4);
    kernels.pack_vocabulary(vocabulary, packed_vocabulary_.get());
}

}  // namespace ardiff::cpu
