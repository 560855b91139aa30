// What a trainer must offer: the gradient of one micro-batch, an optimiser step, and its state.
//
// torch/ implements it portably, over libtorch on any device; cpu/ with kernels of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "ardiff.h"
#include "core/parameters.h"

namespace ardiff {

// Arguments of ardiff_trainer_batch, checked. Pointers are valid during the call only.
struct TrainingBatch {
    const int32_t* ids;   // [B,L]
    const uint8_t* mask;  // [B,L]
    int rows, length;
    const int32_t* target_ids;      // [B,N]
    const int32_t* left_ids;        // [B,N], the tokens left of them (shifted), or null
    const uint8_t* key_mask;        // [B,N] or null
    const uint8_t* attention_mask;  // [N,N], row: who attends, column: to whom; or null
    const int32_t* positions;       // [N] or null
    const int32_t* timesteps;       // [B,N]
    const float* weights;           // [B,N] or null
    int slots;
    const float* embedding_noise;  // [B,N,C] or null
    const float* diffusion_noise;  // [B,N,C] or null
    float* terms;                  // [4]: loss, mse, nll, prior
    float* slot_terms;             // [6,B,N] or null

    int64_t tokens() const { return static_cast<int64_t>(rows) * slots; }
};

// One row of the diffusion schedule (see ardiff_trainer_create).
struct ScheduleRow {
    float timestep, signal, noise, input_scale;
};

// Arguments of ardiff_trainer_create, checked.
struct TrainerSetup {
    const Parameters& parameters;
    ardiff_trainer_config config;       // threads >= 1
    std::vector<ScheduleRow> schedule;  // [T]
};

class Trainer {
  public:
    virtual ~Trainer() = default;

    // The gradient of every batch is formed from zero and then added to those already there, so
    // that the sum does not depend on which process computes which batch.
    virtual void batch(const ardiff_training_options& options, const TrainingBatch& batch) = 0;
    virtual void clear_gradients() = 0;
    // Returns whether the gradients were finite and the update was made.
    virtual bool update(const ardiff_update_options& options, double& gradient_norm) = 0;
    virtual void read(ardiff_training_state state, float* data) const = 0;
    virtual void write(ardiff_training_state state, const float* data) = 0;
    virtual ardiff_trainer_usage usage() const = 0;
};

// The portable path, on the CPU or a CUDA device.
std::unique_ptr<Trainer> make_portable_trainer(const TrainerSetup& setup);

}  // namespace ardiff
