#include "core/parameters.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "core/error.h"

namespace ardiff {

NetworkConfig NetworkConfig::from(const ardiff_network_config& c) {
    if (c.struct_size != static_cast<int32_t>(sizeof(ardiff_network_config))) {
        throw Error(ARDIFF_INVALID_ARGUMENT,
                    format("Network config has struct_size %d: expected %zu", c.struct_size,
                           sizeof(ardiff_network_config)));
    }
    struct Field {
        const char* name;
        int32_t value, minimum, maximum;
    };
    constexpr int32_t wide = 1 << 16;
    const Field fields[] = {
        {"vocabulary_size", c.vocabulary_size, 1, 1 << 24},
        {"embedding_size", c.embedding_size, 1, wide},
        {"hidden_size", c.hidden_size, 2, wide},
        {"encoder_layers", c.encoder_layers, 0, 1024},
        {"decoder_layers", c.decoder_layers, 1, 1024},
        {"attention_heads", c.attention_heads, 1, wide},
        {"encoder_ffn_size", c.encoder_ffn_size, 1, 1 << 20},
        {"time_channels", c.time_channels, 2, wide},
        {"max_positions", c.max_positions, 1, 1 << 20},
        {"time_conditioning", c.time_conditioning, 0, 3},
        {"self_conditioning", c.self_conditioning, 0, 1},
        {"embedding_layer_norm", c.embedding_layer_norm, 0, 1},
        {"input_projection", c.input_projection, 0, 1},
        {"shifted", c.shifted, 0, 1},
        {"token_chain", c.token_chain, 0, wide},
    };
    for (const Field& f : fields) {
        if (f.value < f.minimum || f.value > f.maximum) {
            throw Error(ARDIFF_INVALID_ARGUMENT,
                        format("Network config has %s %d: expected %d to %d", f.name, f.value,
                               f.minimum, f.maximum));
        }
    }
    if (c.hidden_size % c.attention_heads != 0) {
        throw Error(ARDIFF_INVALID_ARGUMENT,
                    format("Hidden size %d is not a multiple of %d attention heads", c.hidden_size,
                           c.attention_heads));
    }
    const int head_size = c.hidden_size / c.attention_heads;
    if (c.time_conditioning == ARDIFF_TIME_ROTARY && head_size % 2 != 0) {
        throw Error(ARDIFF_INVALID_ARGUMENT,
                    format("Rotary time needs an even head size, but it is %d", head_size));
    }
    NetworkConfig config;
    config.vocabulary = c.vocabulary_size;
    config.embedding = c.embedding_size;
    config.hidden = c.hidden_size;
    config.encoder_layers = c.encoder_layers;
    config.decoder_layers = c.decoder_layers;
    config.heads = c.attention_heads;
    config.encoder_ffn = c.encoder_ffn_size;
    config.time_channels = c.time_channels;
    config.max_positions = c.max_positions;
    config.time = static_cast<ardiff_time_conditioning>(c.time_conditioning);
    config.self_conditioning = c.self_conditioning == 1;
    config.embedding_norm = c.embedding_layer_norm == 1;
    config.input_projection = c.input_projection == 1;
    config.shifted = c.shifted == 1;
    config.token_chain = c.token_chain;
    if (config.token_chain > 0 && !config.shifted) {
        throw Error(ARDIFF_INVALID_ARGUMENT, "A token chain needs the shifted layout");
    }
    if (config.shifted && config.self_conditioning) {
        throw Error(ARDIFF_INVALID_ARGUMENT, "The shifted layout has no self-conditioning input");
    }
    if (!config.input_projection && config.input_channels() != config.hidden) {
        throw Error(ARDIFF_INVALID_ARGUMENT,
                    format("Without input projection the input must be %d wide, but it is %d",
                           config.hidden, config.input_channels()));
    }
    return config;
}

ParameterLayout::ParameterLayout(const NetworkConfig& c) {
    const int64_t d = c.hidden, e = c.embedding, v = c.vocabulary, t = c.time_channels;
    const auto linear = [&](const std::string& name, int64_t out, int64_t in) {
        add(name + ".weight", {out, in});
        add(name + ".bias", {out});
    };
    const auto norm = [&](const std::string& name, int64_t width) {
        add(name + ".weight", {width});
        add(name + ".bias", {width});
    };

    add("word_embedding.weight", {v, e});
    add("lm_head.bias", {v});
    if (c.embedding_norm) norm("embedding_norm", e);

    const std::string embeddings = "encoder.embeddings.";
    add(embeddings + "word_embeddings.weight", {v, d});
    add(embeddings + "position_embeddings.weight", {c.max_positions, d});
    add(embeddings + "token_type_embeddings.weight", {2, d});
    norm(embeddings + "LayerNorm", d);
    for (int i = 0; i < c.encoder_layers; ++i) {
        const std::string layer = "encoder.encoder.layer." + std::to_string(i) + ".";
        linear(layer + "attention.self.query", d, d);
        linear(layer + "attention.self.key", d, d);
        linear(layer + "attention.self.value", d, d);
        linear(layer + "attention.output.dense", d, d);
        norm(layer + "attention.output.LayerNorm", d);
        linear(layer + "intermediate.dense", c.encoder_ffn, d);
        linear(layer + "output.dense", d, c.encoder_ffn);
        norm(layer + "output.LayerNorm", d);
    }

    if (c.input_projection) {
        linear("input_up_proj.0", 2 * d, c.input_channels());
        linear("input_up_proj.2", d, 2 * d);
    }
    add("position_embeddings.weight", {c.max_positions, d});
    norm("LayerNorm", d);
    if (c.time == ARDIFF_TIME_ADDITIVE) {
        linear("time_trans.0", 4 * t, t);
        linear("time_trans.2", d, 4 * t);
    }
    for (int i = 0; i < c.decoder_layers; ++i) {
        const std::string block = "transformer_blocks." + std::to_string(i) + ".";
        for (const char* attention : {"attn1.", "attn2."}) {
            add(block + attention + "to_q.weight", {d, d});
            add(block + attention + "to_k.weight", {d, d});
            add(block + attention + "to_v.weight", {d, d});
            linear(block + attention + "to_out.0", d, d);
        }
        linear(block + "ff.net.0.proj", 2 * c.decoder_ffn(), d);
        linear(block + "ff.net.2", d, c.decoder_ffn());
        norm(block + "norm1", d);
        norm(block + "norm2", d);
        norm(block + "norm3", d);
        if (c.has_time_keys()) {
            linear(block + "time_trans.0", 4 * t, t);
            linear(block + "time_trans.2", d, 4 * t);
        }
        if (c.time == ARDIFF_TIME_TXL) {
            add(block + "r_w_bias", {c.heads, c.head_size()});
            add(block + "r_r_bias", {c.heads, c.head_size()});
        }
    }
    if (c.has_output_projection()) {
        linear("output_down_proj.0", 2 * d, d);
        linear("output_down_proj.2", e, 2 * d);
    }
    if (c.shifted) add("waiting_embedding", {e});
    if (c.token_chain > 0) {
        linear("token_chain.0", c.token_chain, 2 * e);
        linear("token_chain.2", e, c.token_chain);
    }
}

void ParameterLayout::add(std::string name, std::vector<int64_t> shape) {
    int64_t count = 1;
    for (int64_t n : shape) count *= n;
    if (count > std::numeric_limits<int32_t>::max()) {
        throw Error(ARDIFF_INVALID_ARGUMENT,
                    format("Tensor %s would have %lld values: at most 2147483647 are supported",
                           name.c_str(), static_cast<long long>(count)));
    }
    index_.emplace(name, entries_.size());
    entries_.push_back({std::move(name), std::move(shape), size_, count});
    size_ += (count + 15) / 16 * 16;
}

const ParameterInfo& ParameterLayout::at(const std::string& name) const {
    const auto found = index_.find(name);
    if (found == index_.end()) throw Error(ARDIFF_INTERNAL, "No weight is named " + name);
    return entries_[found->second];
}

void AlignedDelete::operator()(float* p) const { std::free(p); }

AlignedFloats allocate_floats(int64_t count) {
    constexpr size_t line = 64, huge_page = size_t{1} << 21;
    size_t bytes = std::max(line, static_cast<size_t>(count) * sizeof(float));
    const size_t alignment = bytes < huge_page ? line : huge_page;
    bytes = (bytes + alignment - 1) / alignment * alignment;
    void* memory = std::aligned_alloc(alignment, bytes);
    if (memory == nullptr) throw std::bad_alloc();
#if defined(MADV_HUGEPAGE)
    // A hint: with small pages, looking addresses up costs several per cent of a training step.
    if (alignment == huge_page) madvise(memory, bytes, MADV_HUGEPAGE);
#endif
    std::memset(memory, 0, bytes);
    return AlignedFloats(static_cast<float*>(memory));
}

Parameters::Parameters(const NetworkConfig& c)
    : config(c),
      layout(c),
      written(layout.entries().size(), false),
      values_(allocate_floats(layout.size())) {}

Parameters::Parameters(const Parameters& other) : Parameters(other.config) {
    std::memcpy(values_.get(), other.values_.get(),
                static_cast<size_t>(layout.size()) * sizeof(float));
    written = other.written;
}

}  // namespace ardiff
