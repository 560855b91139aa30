// A generation step as a function of tensors on the device. What it needs of the host is there
// before it starts, its number and coefficients too, and it waits for nothing: so that it can be
// recorded once and replayed for every step of its shapes (step_graph.h).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "core/generator.h"
#include "torch/network.h"
#include "torch/phase_clock.h"
#include "torch/prepared.h"
#include "torch/staging.h"

namespace ardiff::portable {

// What a step launches, besides what shapes say.
struct StepForm {
    int64_t slots = 0;       // that take part, the first of each row
    bool moves = true;       // or x0_hat is predicted only
    bool rounds = false;     // the `wanted` slots
    bool by_logits = false;  // to the likeliest tokens instead of the nearest
    bool scored = false;     // their log-probabilities are wanted
    bool scaled = false;     // there is a scale
};

// What it reads of the host. Plans are as long as rows once were.
struct StepNumbers {
    at::Tensor time_rows;     // [1|R,N], of the decoder's table
    at::Tensor coefficients;  // [1|R,N,4]
    at::Tensor step;          // [1] int64, the noise's counter
    at::Tensor scale;         // [1|R,N,1], undefined where it is 1 throughout
    at::Tensor wanted;        // [M] int64, slots that are rounded; undefined: all that take part
    at::Tensor noise;         // [R,N,C], where the device is not to draw it
};

// What it reads of the batch.
struct StepBatch {
    at::Tensor z, x0;       // [R,width,C]
    at::Tensor time_table;  // the decoder's
    at::Tensor key_mask;    // [R,width] bool; undefined where no row is shorter
    at::Tensor noise_keys;  // [3,R] int64
    CrossAttention memory;
};

struct StepResult {
    at::Tensor z, x0;                 // [R,width,C]; z is undefined where it stays
    at::Tensor ids, log_probability;  // [M] of the wanted slots, undefined where nobody asked
};

// Who is told how long its parts take. A recording has none: for that it is absent.
struct StepClock {
    PhaseClock& clock;
    Seconds& seconds;
};

StepResult step(const Weights& weights, const StepForm& form, const StepNumbers& numbers,
                const StepBatch& batch, const StepClock* clock);

// The same by the model's graph. `staging` holds what `numbers` is to be and was not sent; `noise`
// as that of StepNumbers, where it is a tensor already.
StepResult replayed_step(const Weights& weights, const StepForm& form, Staging& staging,
                         StepNumbers& numbers, const StepBatch& batch, const at::Tensor& noise);

// x [R,width,..] with zeros where `key_mask` has none.
at::Tensor masked(const at::Tensor& x, const at::Tensor& key_mask);

}  // namespace ardiff::portable
