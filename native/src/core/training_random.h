// How the random numbers of training are counted: (index, site, step, micro-batch), keyed by the
// seed.
#pragma once

#include <cstdint>

#include "core/philox.h"

namespace ardiff {

// What a random number is for; part of its counter.
enum class Purpose : uint32_t {
    embedding_noise,
    diffusion_noise,
    self_condition_noise,
    encoder_input,
    encoder_attention,
    encoder_attention_output,
    encoder_output,
    decoder_input,
    decoder_time,
    decoder_attention,
    decoder_attention_output,
    decoder_cross_attention,
    decoder_cross_output,
    decoder_feed_forward,
};

// `pass` tells the first pass of self-conditioning (1) from the one that is trained (0).
inline uint32_t random_site(Purpose purpose, int pass, int layer) {
    return static_cast<uint32_t>(purpose) << 24 | static_cast<uint32_t>(pass) << 16 |
           static_cast<uint32_t>(layer);
}

inline NoiseKey training_key(uint32_t seed_low, uint32_t seed_high) {
    const uint64_t mixed = mix64(seed_low | static_cast<uint64_t>(seed_high) << 32);
    return {static_cast<uint32_t>(mixed), static_cast<uint32_t>(mixed >> 32)};
}

// Dropout compares half-words of the generator's output with a threshold; those below are dropped.
// The rate is so rounded to a multiple of 2^-16, and the scale belongs to the rounded rate.
inline uint32_t dropout_threshold(float rate) {
    return static_cast<uint32_t>(rate * 65536.0f + 0.5f);
}
inline float dropout_scale(float rate) {
    return 65536.0f / static_cast<float>(65536 - dropout_threshold(rate));
}

}  // namespace ardiff
