#include "core/parameters.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "core/error.h"
#include "core/network_tree.h"

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
        {"shared_embeddings", c.shared_embeddings, 0, 1},
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
    config.shared_embeddings = c.shared_embeddings == 1;
    if (config.token_chain > 0 && !config.shifted) {
        throw Error(ARDIFF_INVALID_ARGUMENT, "A token chain needs the shifted layout");
    }
    if (config.shifted && config.self_conditioning) {
        throw Error(ARDIFF_INVALID_ARGUMENT, "The shifted layout has no self-conditioning input");
    }
    if (config.shared_embeddings && config.embedding != config.hidden) {
        throw Error(ARDIFF_INVALID_ARGUMENT,
                    format("Shared embeddings must be as wide as the encoder, %d, but they are %d",
                           config.hidden, config.embedding));
    }
    if (!config.input_projection && config.input_channels() != config.hidden) {
        throw Error(ARDIFF_INVALID_ARGUMENT,
                    format("Without input projection the input must be %d wide, but it is %d",
                           config.hidden, config.input_channels()));
    }
    return config;
}

ParameterLayout::ParameterLayout(const NetworkConfig& config) {
    for (TensorNode& tensor : NetworkTree(config).tensors)
        add(std::move(tensor.name), std::move(tensor.shape));
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
