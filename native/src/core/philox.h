// Philox4x32-10, the counter-based generator of Salmon et al. 2011 ("Parallel random numbers: as
// easy as 1, 2, 3"), and the standard normal values made from it. Shared by CPU and CUDA code.
//
// Counter of a noise value: (channel / 4, slot, step, candidate); key: (seed, source) hashed. The
// initial noise of a batch uses step 0xffffffff. So a value depends on nothing but these.
#pragma once

#include <cstdint>

#if defined(__CUDACC__)
#define ARDIFF_BOTH __host__ __device__
#else
#define ARDIFF_BOTH
#endif

namespace ardiff {

constexpr uint32_t kInitialNoise = 0xffffffffu;

ARDIFF_BOTH inline void philox4x32_10(const uint32_t counter[4], const uint32_t key[2],
                                      uint32_t output[4]) {
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; ++round) {
        const uint64_t p0 = static_cast<uint64_t>(0xD2511F53u) * c0;
        const uint64_t p1 = static_cast<uint64_t>(0xCD9E8D57u) * c2;
        const uint32_t n0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
        const uint32_t n2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
        c1 = static_cast<uint32_t>(p1);
        c3 = static_cast<uint32_t>(p0);
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    output[0] = c0;
    output[1] = c1;
    output[2] = c2;
    output[3] = c3;
}

// A uint32 as a float in (0,1): centres of 2^24 equal cells, so neither end is ever reached.
ARDIFF_BOTH inline float unit_interval(uint32_t x) {
    return (static_cast<float>(x >> 8) + 0.5f) * (1.0f / 16777216.0f);
}

struct NoiseKey {
    uint32_t low, high;
};

inline uint64_t mix64(uint64_t x) {  // splitmix64's finaliser (Steele, Lea, Flood 2014)
    x += 0x9E3779B97F4A7C15ull;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
}

// The key of a source: the seed, then every token id, each absorbed through mix64.
template <class Ids>
NoiseKey noise_key(uint64_t seed, const Ids& ids) {
    uint64_t state = mix64(seed);
    for (int32_t id : ids) state = mix64(state ^ static_cast<uint32_t>(id));
    return {static_cast<uint32_t>(state), static_cast<uint32_t>(state >> 32)};
}

}  // namespace ardiff
