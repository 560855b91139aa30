// ABI: generation (see ardiff.h). Arguments are checked here; backends trust them.
#include <cmath>
#include <memory>

#include "abi/checks.h"
#include "ardiff.h"
#include "core/handles.h"

using namespace ardiff;

namespace {

constexpr int64_t kLargest = int64_t{1} << 31;  // values in one state buffer

Generator& generator_of(ardiff_generation* generation) {
    require(generation != nullptr, "Generation is NULL");
    return *generation->generator;
}

int64_t state_size(const ardiff_generation* generation, int32_t state) {
    const Generator& g = *generation->generator;
    const int64_t slots = static_cast<int64_t>(g.rows()) * g.slots;
    switch (state) {
        case ARDIFF_STATE_Z:
        case ARDIFF_STATE_X0: return slots * generation->config.embedding;
        case ARDIFF_STATE_ENCODER:
            return static_cast<int64_t>(g.sources) * g.length * generation->config.hidden;
        case ARDIFF_STATE_LOGITS: return slots * generation->config.vocabulary;
        default: throw Error(ARDIFF_INVALID_ARGUMENT, format("State %d does not exist", state));
    }
}

void check_buffer(const ardiff_generation* generation, int32_t state, const void* data,
                  int64_t count) {
    require(generation != nullptr, "Generation is NULL");
    const int64_t expected = state_size(generation, state);
    require(data != nullptr, "State buffer is NULL");
    check_count(format("State %d", state), expected, count);
}

}  // namespace

int32_t ardiff_generation_create(ardiff_model* model, const int32_t* ids, const uint8_t* mask,
                                 int32_t sources, int32_t length, int32_t candidates,
                                 int32_t first_candidate, int32_t slots, uint64_t seed,
                                 float noise_scale, int32_t flags, ardiff_generation** generation,
                                 char* error, int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        require(model != nullptr, "Model is NULL");
        require(ids != nullptr && mask != nullptr, "Source ids or mask are NULL");
        require(generation != nullptr, "Generation output is NULL");
        if (!model->backend)
            throw Error(ARDIFF_INVALID_STATE, "Model is not prepared for a device yet");
        const NetworkConfig& config = model->parameters.config;
        check_range("Number of sources", sources, 1, 1 << 24);
        check_range("Source length", length, 1, config.max_positions);
        check_range("Number of candidates", candidates, 1, 1 << 24);
        check_range("First candidate", first_candidate, 0, 1 << 30);
        check_range("Number of slots", slots, 1, config.max_positions);
        check_range("Generation flags", flags, 0, ARDIFF_GENERATION_PORTABLE);
        require(std::isfinite(noise_scale), "Noise scale is not finite");
        check_range("Number of latent values", static_cast<int64_t>(sources) * candidates * slots,
                    1, kLargest / config.embedding);
        const BatchRequest request = {ids,   mask, sources,    length, candidates, first_candidate,
                                      slots, seed, noise_scale};
        check_sources(ids, mask, sources, length, config.vocabulary);
        auto batch = std::make_unique<ardiff_generation>();
        batch->config = config;
        batch->backend = model->chosen_backend((flags & ARDIFF_GENERATION_PORTABLE) != 0);
        batch->generator = batch->backend->start(request);
        *generation = batch.release();
    });
}

void ardiff_generation_free(ardiff_generation* generation) { delete generation; }

int32_t ardiff_generation_step(ardiff_generation* generation, int32_t step, int32_t plan_rows,
                               const float* timesteps, const float* input_scale,
                               const float* coefficients, const uint8_t* at_rest, int32_t flags,
                               const float* noise, int32_t* nearest, float* log_probability,
                               char* error, int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        Generator& g = generator_of(generation);
        check_range("Step", step, 0, (int64_t{1} << 31) - 2);
        if (plan_rows != 1 && plan_rows != g.rows()) {
            throw Error(ARDIFF_INVALID_ARGUMENT,
                        format("Plan has %d rows: expected 1 or %d", plan_rows, g.rows()));
        }
        require(timesteps != nullptr && input_scale != nullptr && coefficients != nullptr &&
                    at_rest != nullptr,
                "A plan array is NULL");
        check_range("Step flags", flags, 0,
                    ARDIFF_STEP_ROUND | ARDIFF_STEP_PREDICT | ARDIFF_STEP_ALL | ARDIFF_STEP_LOGITS);
        const int64_t count = static_cast<int64_t>(plan_rows) * g.slots;
        for (int64_t i = 0; i < count; ++i) {
            if (!std::isfinite(timesteps[i]) || !std::isfinite(input_scale[i]) ||
                first_not_finite(coefficients + 4 * i, 4) >= 0) {
                throw Error(ARDIFF_INVALID_ARGUMENT,
                            format("Plan entry %lld is not finite", static_cast<long long>(i)));
            }
        }
        StepRequest request{};
        request.step = step;
        request.per_row = plan_rows != 1;
        request.timesteps = timesteps;
        request.input_scale = input_scale;
        request.coefficients = coefficients;
        request.at_rest = at_rest;
        request.round = (flags & ARDIFF_STEP_ROUND) != 0;
        request.predict_only = (flags & ARDIFF_STEP_PREDICT) != 0;
        request.round_all = (flags & ARDIFF_STEP_ALL) != 0;
        request.by_logits = (flags & ARDIFF_STEP_LOGITS) != 0;
        request.noise = noise;
        request.nearest = nearest;
        request.log_probability = log_probability;
        g.step(request);
    });
}

int32_t ardiff_generation_shrink(ardiff_generation* generation, const int32_t* active, char* error,
                                 int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        Generator& g = generator_of(generation);
        require(active != nullptr, "Active slot counts are NULL");
        for (int row = 0; row < g.rows(); ++row) {
            check_range("Active slot count", active[row], 1, g.active[static_cast<size_t>(row)]);
        }
        g.shrink(active);
    });
}

int32_t ardiff_generation_present(ardiff_generation* generation, int32_t slots, char* error,
                                  int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        Generator& g = generator_of(generation);
        check_range("Number of present slots", slots, 1, g.slots);
        g.present = slots;
    });
}

int32_t ardiff_generation_tokens(ardiff_generation* generation, int32_t state, int32_t* ids,
                                 float* log_probability, char* error, int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        Generator& g = generator_of(generation);
        require(state == ARDIFF_STATE_Z || state == ARDIFF_STATE_X0,
                "Tokens can be read from Z or X0 only");
        require(ids != nullptr, "Token output is NULL");
        g.tokens(static_cast<ardiff_state>(state), ids, log_probability);
    });
}

int32_t ardiff_generation_read(ardiff_generation* generation, int32_t state, float* data,
                               int64_t count, char* error, int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        check_buffer(generation, state, data, count);
        generation->generator->read(static_cast<ardiff_state>(state), data);
    });
}

int32_t ardiff_generation_write(ardiff_generation* generation, int32_t state, const float* data,
                                int64_t count, char* error, int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        check_buffer(generation, state, data, count);
        require(state == ARDIFF_STATE_Z || state == ARDIFF_STATE_X0,
                "Only Z and X0 can be written");
        const int64_t bad = first_not_finite(data, count);
        if (bad >= 0) {
            throw Error(ARDIFF_NON_FINITE,
                        format("State value %lld is not finite", static_cast<long long>(bad)));
        }
        generation->generator->write(static_cast<ardiff_state>(state), data);
    });
}

int32_t ardiff_generation_seconds(const ardiff_generation* generation, double* seconds, char* error,
                                  int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        require(generation != nullptr, "Generation is NULL");
        require(seconds != nullptr, "Seconds output is NULL");
        const Seconds s = generation->generator->seconds();
        seconds[0] = s.encoder;
        seconds[1] = s.network;
        seconds[2] = s.rounding;
        seconds[3] = s.update;
    });
}
