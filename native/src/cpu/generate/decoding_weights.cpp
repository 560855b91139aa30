#include "cpu/generate/decoding_weights.h"

#include <algorithm>
#include <vector>

namespace ardiff::cpu {

DecodingWeights::DecodingWeights(const Weights& weights) {
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
    tokens.exact = {packed_.get(), nullptr, weights.logits_bias.data(), size, width};
    screen_ = allocate_floats(kernels.screen_floats(size, width));
    kernels.pack_screen(vocabulary.table, vocabulary.stride, tokens, screen_.get());
}

}  // namespace ardiff::cpu
