#include "cpu/generate/decoding_weights.h"

#include <algorithm>
#include <vector>

namespace ardiff::cpu {

DecodingWeights::DecodingWeights(const Weights& weights)
    : waiting(weights.parameters.tensor("waiting_embedding")) {
    const NetworkConfig& config = weights.config;
    const Kernels& kernels = weights.kernels;
    const int size = config.vocabulary, width = config.embedding;
    const Vocabulary& vocabulary = weights.vocabulary;
    std::vector<float> dense(static_cast<size_t>(size) * width);
    for (int v = 0; v < size; ++v) {
        std::copy_n(vocabulary.table + static_cast<ptrdiff_t>(v) * vocabulary.stride, width,
                    dense.data() + static_cast<ptrdiff_t>(v) * width);
    }
    packed_ = allocate_floats(Matrix<float>::packed_values(size, width));
    kernels.of_float.pack(dense.data(), size, width, packed_.get(), nullptr);
    tokens = {packed_.get(), nullptr, weights.logits_bias.data(), size, width};
    if (config.token_chain == 0) return;
    const auto layer = [&](const std::string& name, int out, int in) {
        return Linear(kernels, weights.parameters.tensor(name + ".weight"),
                      weights.parameters.tensor(name + ".bias"), out, in, false);
    };
    chain_0 = layer("token_chain.0", config.token_chain, 2 * width);
    chain_2 = layer("token_chain.2", width, config.token_chain);
}

}  // namespace ardiff::cpu
