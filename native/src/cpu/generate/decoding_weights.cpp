#include "cpu/generate/decoding_weights.h"

#include <algorithm>
#include <limits>
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
    const int columns = kernels.packed_columns(size, false, false);
    packed_ = allocate_floats((kernels.packed_bytes(size, width, false, false) + 3) / 4);
    bias_ = allocate_floats(columns);
    kernels.pack(dense.data(), weights.logits_bias.data(), size, width, false, false, packed_.get(),
                 bias_.get());
    std::fill(bias_.get() + size, bias_.get() + columns, -std::numeric_limits<float>::infinity());
    tokens = {packed_.get(), bias_.get(), width, columns};
    if (config.token_chain == 0) return;
    const auto layer = [&](const std::string& name, int out, int in) {
        return Linear(kernels, weights.parameters.tensor(name + ".weight"),
                      weights.parameters.tensor(name + ".bias"), out, in, false);
    };
    chain_0 = layer("token_chain.0", config.token_chain, 2 * width);
    chain_2 = layer("token_chain.2", width, config.token_chain);
}

}  // namespace ardiff::cpu
