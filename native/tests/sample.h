// Small networks and batches with odd sizes, so that no row, vector or tile comes out even.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "check.h"

namespace test {

// Uniform values from -1 to 1, the same in every run (splitmix64).
class Random {
  public:
    explicit Random(uint64_t seed) : state_(seed) {}

    uint64_t bits() {
        uint64_t z = state_ += 0x9E3779B97F4A7C15ull;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
        return z ^ (z >> 31);
    }
    int below(int limit) { return static_cast<int>(bits() % static_cast<uint64_t>(limit)); }
    float value() { return static_cast<float>(bits() >> 40) / 8388608.0f - 1.0f; }
    std::vector<float> values(size_t count) {
        std::vector<float> made(count);
        for (float& x : made) x = value();
        return made;
    }

  private:
    uint64_t state_;
};

inline ardiff_network_config small_network(ardiff_time_conditioning time) {
    ardiff_network_config config{};
    config.struct_size = sizeof config;
    config.vocabulary_size = 37;
    config.embedding_size = 10;
    config.hidden_size = 24;
    config.encoder_layers = 2;
    config.decoder_layers = 2;
    config.attention_heads = 2;
    config.encoder_ffn_size = 21;
    config.time_channels = 6;
    config.max_positions = 19;
    config.time_conditioning = time;
    config.input_projection = 1;
    return config;
}

// Every option of the network at least once.
inline std::vector<ardiff_network_config> sample_networks() {
    ardiff_network_config plain = small_network(ARDIFF_TIME_TXL);
    ardiff_network_config conditioned = small_network(ARDIFF_TIME_TXL);
    conditioned.self_conditioning = 1;
    conditioned.embedding_layer_norm = 1;
    conditioned.attention_heads = 3;
    ardiff_network_config rotary = small_network(ARDIFF_TIME_ROTARY);
    rotary.encoder_layers = 0;
    rotary.vocabulary_size = 130;
    ardiff_network_config additive = small_network(ARDIFF_TIME_ADDITIVE);
    additive.self_conditioning = 1;
    additive.attention_heads = 24;
    ardiff_network_config direct = small_network(ARDIFF_TIME_TXL);
    direct.input_projection = 0;
    direct.embedding_size = direct.hidden_size;
    direct.attention_heads = 1;
    ardiff_network_config wide = small_network(ARDIFF_TIME_ROTARY);
    wide.hidden_size = 66;
    wide.embedding_size = 33;
    wide.attention_heads = 3;
    wide.time_channels = 34;
    wide.decoder_layers = 1;
    ardiff_network_config shifted = small_network(ARDIFF_TIME_NONE);
    shifted.shifted = 1;
    shifted.token_chain = 7;
    ardiff_network_config shared = shifted;
    shared.embedding_size = shared.hidden_size;
    shared.shared_embeddings = 1;
    return {plain, conditioned, rotary, additive, direct, wide, shifted, shared};
}

// A model, freed with its scope.
class Model {
  public:
    explicit Model(const ardiff_network_config& config) : config(config) {
        accepted("ardiff_model_create", ardiff_model_create, &this->config, &handle);
    }
    Model(const Model&) = delete;
    ~Model() { ardiff_model_free(handle); }

    void fill(uint64_t seed, float scale = 0.3f) {
        Random random(seed);
        for (int32_t i = 0; i < ardiff_model_tensor_count(handle); ++i) {
            std::vector<float> values = random.values(static_cast<size_t>(size_of(i)));
            for (float& x : values) x *= scale;
            accepted("ardiff_model_write_tensor", ardiff_model_write_tensor, handle, i,
                     values.data(), static_cast<int32_t>(values.size()));
        }
    }

    int32_t size_of(int32_t index) const {
        std::vector<char> name(96);
        std::vector<int32_t> shape(4), dimensions(1);
        accepted("ardiff_model_tensor_info", ardiff_model_tensor_info, handle, index, name.data(),
                 static_cast<int32_t>(name.size()), shape.data(), dimensions.data());
        int32_t count = 1;
        for (int i = 0; i < dimensions[0]; ++i) count *= shape[static_cast<size_t>(i)];
        return count;
    }

    ardiff_network_config config;
    ardiff_model* handle = nullptr;
};

// Sources with padding and holes in their masks; ids under the mask's zeros are out of range, since
// nothing may look at them.
struct Sources {
    Sources(int sources, int length, int vocabulary, uint64_t seed)
        : count(sources), length(length), ids(size(), -1), mask(size(), 0) {
        Random random(seed);
        for (int s = 0; s < sources; ++s) {
            for (int l = 0; l < length; ++l) {
                const size_t at =
                    static_cast<size_t>(s) * static_cast<size_t>(length) + static_cast<size_t>(l);
                mask[at] = l == s % length || random.below(3) > 0;
                if (mask[at] != 0) ids[at] = random.below(vocabulary);
            }
        }
    }
    size_t size() const { return static_cast<size_t>(count) * static_cast<size_t>(length); }

    int count, length;
    std::vector<int32_t> ids;
    std::vector<uint8_t> mask;
};

inline bool all_finite(const std::vector<float>& values) {
    for (float x : values) {
        if (!std::isfinite(x)) return false;
    }
    return true;
}

inline bool all_within(const std::vector<int32_t>& values, int32_t low, int32_t high) {
    for (int32_t x : values) {
        if (x < low || x > high) return false;
    }
    return true;
}

// The instruction sets of ardiff_choose_kernels that this machine has.
inline std::vector<const char*> kernel_names() {
    std::vector<const char*> names;
    for (const char* name : {"baseline", "avx2", "avx512", "amx", "neon"}) {
        if (ardiff_choose_kernels(name, nullptr, 0) == ARDIFF_OK) names.push_back(name);
    }
    return names;
}

void test_library();
void test_models();
void test_generation();
void test_decoding();
void test_training();

}  // namespace test
