// Batches of small networks and steps for them.
#pragma once

#include <limits>

#include "sample.h"

namespace test {

// The arrays of a step, for all rows or for each.
struct Plan {
    Plan(int rows, int slots, uint64_t seed)
        : rows(rows),
          timesteps(count(slots)),
          input_scale(count(slots)),
          coefficients(4 * count(slots)),
          at_rest(count(slots)) {
        Random random(seed);
        for (size_t i = 0; i < timesteps.size(); ++i) {
            timesteps[i] = 500.0f * (random.value() + 1.0f);
            input_scale[i] = 0.5f + 0.25f * random.value();
            at_rest[i] = random.below(4) == 0;
            const float moving[] = {0.6f, 0.5f, 0.2f, 0.1f}, resting[] = {1.0f, 0.0f, 0.0f, 0.0f};
            for (size_t k = 0; k < 4; ++k)
                coefficients[4 * i + k] = at_rest[i] ? resting[k] : moving[k];
        }
    }
    size_t count(int slots) const { return static_cast<size_t>(rows) * static_cast<size_t>(slots); }

    int rows;
    std::vector<float> timesteps, input_scale, coefficients;
    std::vector<uint8_t> at_rest;
};

// A batch, freed with its scope.
class Generation {
  public:
    Generation(const Model& model, const Sources& sources, int candidates, int slots, int32_t flags,
               uint64_t seed = 7)
        : rows(sources.count * candidates), slots(slots), config_(model.config), sources_(sources) {
        accepted("ardiff_generation_create", ardiff_generation_create, model.handle,
                 sources.ids.data(), sources.mask.data(), sources.count, sources.length, candidates,
                 2, slots, seed, 1.5f, flags, &handle);
    }
    Generation(const Generation&) = delete;
    ~Generation() { ardiff_generation_free(handle); }

    size_t tokens() const { return static_cast<size_t>(rows) * static_cast<size_t>(slots); }
    size_t latents() const { return tokens() * static_cast<size_t>(config_.embedding_size); }

    void step(int32_t index, const Plan& plan, int32_t flags, const float* noise = nullptr,
              int32_t* nearest = nullptr, float* log_probability = nullptr) {
        accepted("ardiff_generation_step", ardiff_generation_step, handle, index, plan.rows,
                 plan.timesteps.data(), plan.input_scale.data(), plan.coefficients.data(),
                 plan.at_rest.data(), flags, noise, nearest, log_probability);
    }
    std::vector<float> read(int32_t state) const {
        size_t count = latents();
        if (state == ARDIFF_STATE_ENCODER)
            count = sources_.size() * static_cast<size_t>(config_.hidden_size);
        if (state == ARDIFF_STATE_LOGITS)
            count = tokens() * static_cast<size_t>(config_.vocabulary_size);
        std::vector<float> values(count, std::numeric_limits<float>::quiet_NaN());
        accepted("ardiff_generation_read", ardiff_generation_read, handle, state, values.data(),
                 static_cast<int64_t>(values.size()));
        return values;
    }
    std::vector<int32_t> ids(int32_t state, float* log_probability = nullptr) {
        std::vector<int32_t> found(tokens(), -9);
        accepted("ardiff_generation_tokens", ardiff_generation_tokens, handle, state, found.data(),
                 log_probability);
        return found;
    }

    int rows, slots;
    ardiff_generation* handle = nullptr;

  private:
    const ardiff_network_config config_;
    const Sources sources_;
};

}  // namespace test
