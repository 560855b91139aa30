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

Norm Weights::norm(const std::string& name) const {
    return {parameters.tensor(name + ".weight"), parameters.tensor(name + ".bias")};
}

Linear Weights::linear(const std::string& name, bool as_half, bool geglu) const {
    const ParameterInfo& info = parameters.layout.at(name + ".weight");
    return Linear(kernels, parameters.tensor(name + ".weight"), parameters.tensor(name + ".bias"),
                  static_cast<int>(info.shape[0]), static_cast<int>(info.shape[1]), as_half, geglu);
}

Linear Weights::stacked(const std::vector<std::string>& names, bool with_bias) const {
    const int d = config.hidden, count = static_cast<int>(names.size());
    std::vector<float> weights(static_cast<size_t>(count) * d * d),
        bias(static_cast<size_t>(count) * d);
    for (int i = 0; i < count; ++i) {
        std::copy_n(parameters.tensor(names[i] + ".weight"), static_cast<size_t>(d) * d,
                    weights.begin() + static_cast<ptrdiff_t>(i) * d * d);
        if (with_bias) {
            std::copy_n(parameters.tensor(names[i] + ".bias"), d,
                        bias.begin() + static_cast<ptrdiff_t>(i) * d);
        }
    }
    return Linear(kernels, weights.data(), bias.data(), count * d, d, half);
}

Weights::Weights(const Parameters& source, ardiff_dtype dtype)
    : parameters(source),
      config(source.config),
      kernels(cpu::kernels()),
      half(dtype == ARDIFF_DTYPE_BF16),
      time_embedding(config.time_channels) {
    encoder_norm = norm("encoder.embeddings.LayerNorm");
    for (int i = 0; i < config.encoder_layers; ++i) {
        const std::string layer = "encoder.encoder.layer." + std::to_string(i) + ".";
        const std::string self = layer + "attention.self.";
        EncoderLayer e;
        e.query_key_value = stacked({self + "query", self + "key", self + "value"}, true);
        e.attention_output = linear(layer + "attention.output.dense", half);
        e.intermediate = linear(layer + "intermediate.dense", half);
        e.output = linear(layer + "output.dense", half);
        e.attention_norm = norm(layer + "attention.output.LayerNorm");
        e.output_norm = norm(layer + "output.LayerNorm");
        encoder.push_back(std::move(e));
    }
    if (config.input_projection) {
        input_0 = linear("input_up_proj.0", half);
        input_2 = linear("input_up_proj.2", half);
    }
    input_norm = norm("LayerNorm");
    if (config.time == ARDIFF_TIME_ADDITIVE) {
        time_0 = linear("time_trans.0", false);
        time_2 = linear("time_trans.2", false);
    }
    for (int i = 0; i < config.decoder_layers; ++i) {
        const std::string block = "transformer_blocks." + std::to_string(i) + ".";
        const std::string self = block + "attn1.", cross = block + "attn2.";
        DecoderBlock b;
        b.query_key_value = stacked({self + "to_q", self + "to_k", self + "to_v"}, false);
        b.attention_output = linear(self + "to_out.0", half);
        b.cross_query = stacked({cross + "to_q"}, false);
        b.cross_key_value = stacked({cross + "to_k", cross + "to_v"}, false);
        b.cross_output = linear(cross + "to_out.0", half);
        b.feed_forward_in = linear(block + "ff.net.0.proj", half, true);
        b.feed_forward_out = linear(block + "ff.net.2", half);
        b.norm1 = norm(block + "norm1");
        b.norm2 = norm(block + "norm2");
        b.norm3 = norm(block + "norm3");
        if (config.has_time_keys()) {
            b.time_0 = linear(block + "time_trans.0", false);
            b.time_2 = linear(block + "time_trans.2", false);
        }
        if (config.time == ARDIFF_TIME_TXL) {
            b.r_w = parameters.tensor(block + "r_w_bias");
            b.r_r = parameters.tensor(block + "r_r_bias");
        }
        decoder.push_back(std::move(b));
    }
    if (config.has_output_projection()) {
        output_0 = linear("output_down_proj.0", half);
        output_2 = linear("output_down_proj.2", half);
    }
    prepare_vocabulary();
}

void Weights::prepare_vocabulary() {
    const int size = config.vocabulary, width = config.embedding, stride = padded(width);
    table_ = allocate_floats(static_cast<int64_t>(size) * stride);
    const float* embedding = parameters.tensor("word_embedding.weight");
    for (int v = 0; v < size; ++v) {
        std::memcpy(table_.get() + static_cast<ptrdiff_t>(v) * stride,
                    embedding + static_cast<ptrdiff_t>(v) * width, static_cast<size_t>(width) * 4);
    }
    if (config.embedding_norm) {
        const Norm n = norm("embedding_norm");
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
    std::copy_n(parameters.tensor("lm_head.bias"), size, logits_bias.begin());

    vocabulary.size = size;
    vocabulary.width = width;
    vocabulary.stride = stride;
    vocabulary.table = table_.get();
    vocabulary.largest_norm = static_cast<float>(std::sqrt(largest));
    packed_vocabulary_ = allocate_floats((kernels.vocabulary_bytes(size, width) + 3) / 4);
    kernels.pack_vocabulary(vocabulary, packed_vocabulary_.get());
}

}  // namespace ardiff::cpu
