// What a backend must offer to generate: encode a batch once, then step it.
//
// torch/ implements it portably, over libtorch on any device; cpu/ with kernels of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "ardiff.h"
#include "core/decoding.h"
#include "core/parameters.h"

namespace ardiff {

// Arguments of ardiff_generation_create, checked. Pointers are valid during the call only.
struct BatchRequest {
    const int32_t* ids;   // [S,L]
    const uint8_t* mask;  // [S,L]
    int sources, length;
    int candidates, first_candidate;
    int slots;
    uint64_t seed;
    float noise_scale;

    int rows() const { return sources * candidates; }
};

// Arguments of ardiff_generation_step, checked.
struct StepRequest {
    int step;
    bool per_row;            // the arrays below are [R,N] instead of [N]
    const float* timesteps;  // scaled
    const float* input_scale;
    const float* coefficients;  // [..,4]: z, x0_hat, noise, previous x0_hat
    const uint8_t* at_rest;
    bool round, predict_only, round_all, by_logits;
    const float* noise;      // [R,N,C] or null
    int32_t* nearest;        // [R,N] or null
    float* log_probability;  // [R,N] or null
};

struct Seconds {
    double encoder = 0, network = 0, rounding = 0, update = 0;
};

class Generator {
  public:
    virtual ~Generator() = default;

    virtual void step(const StepRequest& request) = 0;
    virtual void shrink(const int32_t* active) = 0;
    // `ids` [R,N], -1 for dropped slots; `log_probability` [R,N] or null.
    virtual void tokens(ardiff_state state, int32_t* ids, float* log_probability) = 0;
    virtual void read(ardiff_state state, float* data) const = 0;
    virtual void write(ardiff_state state, const float* data) = 0;
    virtual Seconds seconds() const = 0;

    // Sizes, fixed at creation.
    int sources = 0, length = 0, candidates = 0, slots = 0;
    int rows() const { return sources * candidates; }
    // Present number of slots of each row; at most `slots`.
    std::vector<int32_t> active;
    // Slots of a row that take part in a step: the first `present`, at most as many as are active.
    int present = 0;
};

// Weights on their device, in the form the backend computes with. Immutable, shared by batches.
class Backend {
  public:
    virtual ~Backend() = default;
    virtual std::unique_ptr<Generator> start(const BatchRequest& request) const = 0;
    // For shifted networks without time conditioning.
    virtual std::unique_ptr<Decoder> decode(const DecodingRequest& request) const = 0;
};

// The portable path, on the CPU or a CUDA device. `threads` >= 1.
std::shared_ptr<const Backend> make_portable_backend(const Parameters& parameters,
                                                     ardiff_device device, int device_index,
                                                     ardiff_dtype dtype, int threads);

}  // namespace ardiff
