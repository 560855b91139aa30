// Generation: every kind of network, kernel, data type and step, then wrong arguments.
#include <algorithm>
#include <limits>
#include <memory>
#include <thread>

#include "generation_sample.h"

namespace test {
namespace {

constexpr int kStepFlags[] = {ARDIFF_STEP_ROUND, ARDIFF_STEP_PREDICT, ARDIFF_STEP_ALL,
                              ARDIFF_STEP_LOGITS};

// Runs a batch through every kind of step; returns what it ends with.
std::vector<float> drive(const Model& model, const Sources& sources, int candidates, int slots,
                         int32_t flags) {
    const int vocabulary = model.config.vocabulary_size;
    Generation batch(model, sources, candidates, slots, flags);
    int32_t index = 0;
    std::vector<int32_t> nearest(batch.tokens());
    for (int chosen = 0; chosen < 16; ++chosen) {  // every combination of flags
        int32_t step_flags = 0;
        for (int bit = 0; bit < 4; ++bit) step_flags |= (chosen >> bit & 1) * kStepFlags[bit];
        const Plan plan(chosen % 3 == 0 ? batch.rows : 1, slots, static_cast<uint64_t>(chosen));
        std::fill(nearest.begin(), nearest.end(), -9);
        const std::vector<float> before = batch.read(ARDIFF_STATE_Z);
        const std::vector<float> noise =
            Random(static_cast<uint64_t>(chosen)).values(batch.latents());
        batch.step(index++, plan, step_flags, chosen % 2 == 0 ? noise.data() : nullptr,
                   nearest.data());
        expect(all_within(nearest, -1, vocabulary - 1),
               "slots are rounded to ids of the vocabulary");
        if ((step_flags & ARDIFF_STEP_ROUND) != 0 && (step_flags & ARDIFF_STEP_ALL) != 0) {
            expect(all_within(nearest, 0, vocabulary - 1),
                   "a step that rounds all slots rounds all slots");
        }
        if ((step_flags & ARDIFF_STEP_PREDICT) != 0) {
            expect(batch.read(ARDIFF_STATE_Z) == before, "a prediction leaves the latents alone");
        }
    }
    for (int32_t state :
         {ARDIFF_STATE_Z, ARDIFF_STATE_X0, ARDIFF_STATE_ENCODER, ARDIFF_STATE_LOGITS}) {
        expect(all_finite(batch.read(state)), "all of a state is written and finite");
    }
    std::vector<float> probability(batch.tokens(), 1.0f);
    expect(all_within(batch.ids(ARDIFF_STATE_Z, probability.data()), 0, vocabulary - 1),
           "tokens are ids");
    for (float x : probability)
        expect(x <= 0.0f && std::isfinite(x), "a log-probability is not positive");

    // Slots that wait.
    accepted("ardiff_generation_present", ardiff_generation_present, batch.handle, 1);
    batch.step(index++, Plan(1, slots, 97), ARDIFF_STEP_ROUND | ARDIFF_STEP_ALL, nullptr,
               nearest.data());
    bool waited = true;
    for (size_t at = 0; at < batch.tokens(); ++at) {
        waited =
            waited && (at % static_cast<size_t>(slots) == 0 ? nearest[at] >= 0 : nearest[at] == -1);
    }
    expect(waited, "slots that are not present are not rounded");
    accepted("ardiff_generation_present", ardiff_generation_present, batch.handle, slots);

    // Rows of different lengths from now on.
    std::vector<int32_t> active(static_cast<size_t>(batch.rows));
    for (int row = 0; row < batch.rows; ++row) active[static_cast<size_t>(row)] = 1 + row % slots;
    accepted("ardiff_generation_shrink", ardiff_generation_shrink, batch.handle, active.data());
    batch.step(index++, Plan(batch.rows, slots, 99), ARDIFF_STEP_ROUND, nullptr, nearest.data());
    batch.step(index++, Plan(1, slots, 98), 0);
    const std::vector<int32_t> last = batch.ids(ARDIFF_STATE_X0);
    const std::vector<float> z = batch.read(ARDIFF_STATE_Z);
    bool dropped = true;
    for (int row = 0; row < batch.rows; ++row) {
        for (int slot = active[static_cast<size_t>(row)]; slot < slots; ++slot) {
            const size_t at =
                static_cast<size_t>(row) * static_cast<size_t>(slots) + static_cast<size_t>(slot);
            dropped = dropped && last[at] == -1 && nearest[at] == -1 &&
                      z[at * static_cast<size_t>(model.config.embedding_size)] == 0.0f;
        }
    }
    expect(dropped, "dropped slots read as 0 and -1");
    expect(all_within(last, -1, vocabulary - 1), "tokens are ids after slots were dropped");

    accepted("ardiff_generation_write", ardiff_generation_write, batch.handle, ARDIFF_STATE_Z,
             z.data(), static_cast<int64_t>(z.size()));
    accepted("ardiff_generation_write", ardiff_generation_write, batch.handle, ARDIFF_STATE_X0,
             z.data(), static_cast<int64_t>(z.size()));
    batch.step(index++, Plan(1, slots, 97), ARDIFF_STEP_ROUND);
    std::vector<double> seconds(4, -1.0);
    accepted("ardiff_generation_seconds", ardiff_generation_seconds, batch.handle, seconds.data());
    expect(seconds[0] >= 0 && seconds[1] > 0 && seconds[2] > 0 && seconds[3] >= 0,
           "every part took its time");
    return batch.read(ARDIFF_STATE_Z);
}

void test_every_network() {
    struct Size {
        int sources, length, candidates, slots;
    };
    const Size sizes[] = {{1, 1, 1, 1}, {3, 5, 2, 7}, {2, 19, 1, 19}, {17, 3, 1, 5}};
    for (const char* kernels : kernel_names()) {
        accepted("ardiff_choose_kernels", ardiff_choose_kernels, kernels);
        uint64_t seed = 0;
        for (const ardiff_network_config& config : sample_networks()) {
            Model model(config);
            model.fill(++seed);
            for (int32_t dtype : {ARDIFF_DTYPE_F32, ARDIFF_DTYPE_BF16}) {
                const int32_t threads = 1 + static_cast<int32_t>(seed % 3);
                accepted("ardiff_model_prepare", ardiff_model_prepare, model.handle,
                         ARDIFF_DEVICE_CPU, 0, dtype, threads);
                for (const Size& size : sizes) {
                    const Sources sources(size.sources, size.length, config.vocabulary_size, seed);
                    const std::vector<float> once =
                        drive(model, sources, size.candidates, size.slots, 0);
                    expect(all_finite(once), "latents stay finite");
                }
            }
        }
    }
    // The portable path does not depend on the kernels.
    for (const ardiff_network_config& config : sample_networks()) {
        Model model(config);
        model.fill(5);
        for (int32_t dtype : {ARDIFF_DTYPE_F32, ARDIFF_DTYPE_BF16}) {
            accepted("ardiff_model_prepare", ardiff_model_prepare, model.handle, ARDIFF_DEVICE_CPU,
                     0, dtype, 1);
            const Sources sources(3, 5, config.vocabulary_size, 1);
            drive(model, sources, 2, 7, ARDIFF_GENERATION_PORTABLE);
        }
    }
}

// Coefficients are finite, but what they make of a latent need not be.
void test_infinite_latents() {
    for (const char* kernels : kernel_names()) {
        accepted("ardiff_choose_kernels", ardiff_choose_kernels, kernels);
        Model model(small_network(ARDIFF_TIME_TXL));
        model.fill(4);
        accepted("ardiff_model_prepare", ardiff_model_prepare, model.handle, ARDIFF_DEVICE_CPU, 0,
                 ARDIFF_DTYPE_F32, 1);
        Generation batch(model, Sources(2, 5, 37, 1), 1, 9, 0);
        Plan plan(1, 9, 1);
        std::fill(plan.coefficients.begin(), plan.coefficients.end(), 3e38f);
        for (int32_t step = 0; step < 2; ++step) batch.step(step, plan, 0);
        expect(!all_finite(batch.read(ARDIFF_STATE_Z)), "latents overflow");
        expect(all_within(batch.ids(ARDIFF_STATE_Z), 0, 36), "infinite latents have tokens");
        const std::vector<int32_t> active{1, 2};  // rows that are infinite lie behind those
        accepted("ardiff_generation_shrink", ardiff_generation_shrink, batch.handle, active.data());
        expect(all_within(batch.ids(ARDIFF_STATE_Z), -1, 36), "so have fewer of them");
    }
}

void test_lifetimes_and_threads() {
    auto model = std::make_unique<Model>(small_network(ARDIFF_TIME_TXL));
    model->fill(3);
    accepted("ardiff_model_prepare", ardiff_model_prepare, model->handle, ARDIFF_DEVICE_CPU, 0,
             ARDIFF_DTYPE_F32, 2);
    const Sources sources(2, 4, 37, 1);
    const Plan plan(1, 6, 1);
    const auto run = [&](Generation& batch) {
        for (int32_t step = 0; step < 5; ++step) {
            ardiff_generation_step(batch.handle, step, 1, plan.timesteps.data(),
                                   plan.input_scale.data(), plan.coefficients.data(),
                                   plan.at_rest.data(), ARDIFF_STEP_ROUND, nullptr, nullptr,
                                   nullptr, nullptr, 0);
        }
    };
    Generation alone(*model, sources, 2, 6, 0), first(*model, sources, 2, 6, 0),
        second(*model, sources, 2, 6, 0);
    Generation portable(*model, sources, 2, 6, ARDIFF_GENERATION_PORTABLE);
    accepted("ardiff_model_prepare again", ardiff_model_prepare, model->handle, ARDIFF_DEVICE_CPU,
             0, ARDIFF_DTYPE_BF16, 1);
    model = nullptr;  // batches keep what they need
    run(alone);
    std::thread other([&] { run(first); }), third([&] { run(portable); });
    run(second);
    other.join();
    third.join();
    expect(first.read(ARDIFF_STATE_Z) == alone.read(ARDIFF_STATE_Z) &&
               second.read(ARDIFF_STATE_Z) == alone.read(ARDIFF_STATE_Z),
           "batches of one model can run at once, after the model was freed");
    expect(all_finite(portable.read(ARDIFF_STATE_Z)), "so can one on the portable path");
}

void test_wrong_creation() {
    Model model(small_network(ARDIFF_TIME_TXL));
    model.fill(2);
    Sources sources(2, 4, 37, 1);
    ardiff_generation* const sentinel = reinterpret_cast<ardiff_generation*>(1);
    ardiff_generation* made = sentinel;
    struct Sizes {
        int32_t sources = 2, length = 4, candidates = 2, first = 0, slots = 3;
        float noise = 1.0f;
        int32_t flags = 0;
    };
    const auto refuse = [&](int32_t status, const char* says, const Sizes& s) {
        refused(status, says, ardiff_generation_create, model.handle, sources.ids.data(),
                sources.mask.data(), s.sources, s.length, s.candidates, s.first, s.slots,
                uint64_t{1}, s.noise, s.flags, &made);
        expect(made == sentinel, "a refused batch leaves its output untouched");
    };
    refuse(ARDIFF_INVALID_STATE, "not prepared", {});
    accepted("ardiff_model_prepare", ardiff_model_prepare, model.handle, ARDIFF_DEVICE_CPU, 0,
             ARDIFF_DTYPE_F32, 1);
    for (int32_t n : {0, -1, INT32_MIN, INT32_MAX}) {
        refuse(ARDIFF_INVALID_ARGUMENT, "Number of sources", {.sources = n});
        refuse(ARDIFF_INVALID_ARGUMENT, "Source length", {.length = n});
        refuse(ARDIFF_INVALID_ARGUMENT, "Number of candidates", {.candidates = n});
        refuse(ARDIFF_INVALID_ARGUMENT, "Number of slots", {.slots = n});
    }
    refuse(ARDIFF_INVALID_ARGUMENT, "Source length is 20", {.length = 20});
    refuse(ARDIFF_INVALID_ARGUMENT, "Number of slots is 20", {.slots = 20});
    refuse(ARDIFF_INVALID_ARGUMENT, "First candidate", {.first = -1});
    refuse(ARDIFF_INVALID_ARGUMENT, "flags", {.flags = 2});
    refuse(ARDIFF_INVALID_ARGUMENT, "flags", {.flags = -1});
    refuse(ARDIFF_INVALID_ARGUMENT, "latent values", {.candidates = 1 << 24, .slots = 19});
    for (float bad :
         {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
        refuse(ARDIFF_INVALID_ARGUMENT, "Noise scale", {.noise = bad});
    }
    const std::vector<uint8_t> mask = sources.mask;
    std::fill(sources.mask.begin() + 4, sources.mask.end(), uint8_t{0});
    refuse(ARDIFF_INVALID_ARGUMENT, "Source 1 has no unmasked token", {});
    sources.mask = mask;
    for (int32_t id : {-1, 37, INT32_MAX}) {
        const int32_t kept = sources.ids[0];
        sources.ids[0] = id;
        refuse(ARDIFF_INVALID_ARGUMENT, "outside the vocabulary of 37", {});
        sources.ids[0] = kept;
    }
    refused(ARDIFF_INVALID_ARGUMENT, "Model is NULL", ardiff_generation_create, nullptr,
            sources.ids.data(), sources.mask.data(), 2, 4, 2, 0, 3, uint64_t{1}, 1.0f, 0, &made);
    refused(ARDIFF_INVALID_ARGUMENT, "ids or mask", ardiff_generation_create, model.handle, nullptr,
            sources.mask.data(), 2, 4, 2, 0, 3, uint64_t{1}, 1.0f, 0, &made);
    refused(ARDIFF_INVALID_ARGUMENT, "ids or mask", ardiff_generation_create, model.handle,
            sources.ids.data(), nullptr, 2, 4, 2, 0, 3, uint64_t{1}, 1.0f, 0, &made);
    refused(ARDIFF_INVALID_ARGUMENT, "output is NULL", ardiff_generation_create, model.handle,
            sources.ids.data(), sources.mask.data(), 2, 4, 2, 0, 3, uint64_t{1}, 1.0f, 0, nullptr);
    ardiff_generation_free(nullptr);
}

void test_wrong_steps() {
    Model model(small_network(ARDIFF_TIME_TXL));
    model.fill(2);
    accepted("ardiff_model_prepare", ardiff_model_prepare, model.handle, ARDIFF_DEVICE_CPU, 0,
             ARDIFF_DTYPE_F32, 1);
    Generation batch(model, Sources(2, 4, 37, 1), 2, 3, 0);
    const std::vector<float> before = batch.read(ARDIFF_STATE_Z);
    Plan plan(4, 3, 1);
    const auto refuse = [&](const char* says, int32_t step, int32_t rows, int32_t flags) {
        refused(ARDIFF_INVALID_ARGUMENT, says, ardiff_generation_step, batch.handle, step, rows,
                plan.timesteps.data(), plan.input_scale.data(), plan.coefficients.data(),
                plan.at_rest.data(), flags, nullptr, nullptr, nullptr);
    };
    for (int32_t step : {-1, INT32_MIN, INT32_MAX}) refuse("Step is", step, 4, 0);
    for (int32_t rows : {0, -4, 2, 5}) refuse("expected 1 or 4", 0, rows, 0);
    for (int32_t flags : {-1, 16}) refuse("flags", 0, 4, flags);
    for (std::vector<float>* values : {&plan.timesteps, &plan.input_scale, &plan.coefficients}) {
        for (float bad :
             {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
            const float kept = values->back();
            values->back() = bad;
            refuse("Plan entry 11 is not finite", 0, 4, 0);
            values->back() = kept;
        }
    }
    const float* const floats = plan.timesteps.data();
    const float* const four = plan.coefficients.data();
    const uint8_t* const rest = plan.at_rest.data();
    refused(ARDIFF_INVALID_ARGUMENT, "array is NULL", ardiff_generation_step, batch.handle, 0, 1,
            nullptr, floats, four, rest, 0, nullptr, nullptr, nullptr);
    refused(ARDIFF_INVALID_ARGUMENT, "array is NULL", ardiff_generation_step, batch.handle, 0, 1,
            floats, nullptr, four, rest, 0, nullptr, nullptr, nullptr);
    refused(ARDIFF_INVALID_ARGUMENT, "array is NULL", ardiff_generation_step, batch.handle, 0, 1,
            floats, floats, nullptr, rest, 0, nullptr, nullptr, nullptr);
    refused(ARDIFF_INVALID_ARGUMENT, "array is NULL", ardiff_generation_step, batch.handle, 0, 1,
            floats, floats, four, nullptr, 0, nullptr, nullptr, nullptr);
    refused(ARDIFF_INVALID_ARGUMENT, "Generation is NULL", ardiff_generation_step, nullptr, 0, 1,
            floats, floats, four, rest, 0, nullptr, nullptr, nullptr);

    for (std::vector<int32_t> active : {std::vector{1, 2, 3, 0}, {1, 2, 3, 4}, {-1, 1, 1, 1}}) {
        refused(ARDIFF_INVALID_ARGUMENT, "Active slot count", ardiff_generation_shrink,
                batch.handle, active.data());
    }
    refused(ARDIFF_INVALID_ARGUMENT, "NULL", ardiff_generation_shrink, batch.handle, nullptr);
    refused(ARDIFF_INVALID_ARGUMENT, "Generation is NULL", ardiff_generation_shrink, nullptr,
            nullptr);
    for (int32_t present : {0, -1, batch.slots + 1}) {
        refused(ARDIFF_INVALID_ARGUMENT, "Number of present slots", ardiff_generation_present,
                batch.handle, present);
    }
    refused(ARDIFF_INVALID_ARGUMENT, "Generation is NULL", ardiff_generation_present, nullptr, 1);
    expect(batch.read(ARDIFF_STATE_Z) == before, "refused calls leave the latents alone");
    const std::vector<int32_t> fewer{2, 1, 2, 3}, more{2, 2, 2, 3};
    accepted("ardiff_generation_shrink", ardiff_generation_shrink, batch.handle, fewer.data());
    refused(ARDIFF_INVALID_ARGUMENT, "expected 1 to 1", ardiff_generation_shrink, batch.handle,
            more.data());
}

void test_wrong_access() {
    Model model(small_network(ARDIFF_TIME_TXL));
    model.fill(2);
    accepted("ardiff_model_prepare", ardiff_model_prepare, model.handle, ARDIFF_DEVICE_CPU, 0,
             ARDIFF_DTYPE_F32, 1);
    Generation batch(model, Sources(2, 4, 37, 1), 2, 3, 0);
    std::vector<float> values(batch.latents());
    const int64_t size = static_cast<int64_t>(values.size());
    for (int64_t wrong : {int64_t{0}, int64_t{-1}, size - 1, size + 1, INT64_MAX}) {
        refused(ARDIFF_INVALID_ARGUMENT, "has 120 values", ardiff_generation_read, batch.handle,
                ARDIFF_STATE_Z, values.data(), wrong);
        refused(ARDIFF_INVALID_ARGUMENT, "has 120 values", ardiff_generation_write, batch.handle,
                ARDIFF_STATE_Z, values.data(), wrong);
    }
    for (int32_t state : {-1, 4, INT32_MAX}) {
        refused(ARDIFF_INVALID_ARGUMENT, "does not exist", ardiff_generation_read, batch.handle,
                state, values.data(), size);
    }
    refused(ARDIFF_INVALID_ARGUMENT, "buffer is NULL", ardiff_generation_read, batch.handle,
            ARDIFF_STATE_Z, nullptr, size);
    refused(ARDIFF_INVALID_ARGUMENT, "Generation is NULL", ardiff_generation_read, nullptr,
            ARDIFF_STATE_Z, values.data(), size);
    refused(ARDIFF_INVALID_ARGUMENT, "Generation is NULL", ardiff_generation_write, nullptr,
            ARDIFF_STATE_Z, values.data(), size);
    std::vector<float> encoder = batch.read(ARDIFF_STATE_ENCODER),
                       logits = batch.read(ARDIFF_STATE_LOGITS);
    refused(ARDIFF_INVALID_ARGUMENT, "Only Z and X0", ardiff_generation_write, batch.handle,
            ARDIFF_STATE_ENCODER, encoder.data(), static_cast<int64_t>(encoder.size()));
    refused(ARDIFF_INVALID_ARGUMENT, "Only Z and X0", ardiff_generation_write, batch.handle,
            ARDIFF_STATE_LOGITS, logits.data(), static_cast<int64_t>(logits.size()));
    values[7] = std::numeric_limits<float>::quiet_NaN();
    refused(ARDIFF_NON_FINITE, "State value 7", ardiff_generation_write, batch.handle,
            ARDIFF_STATE_X0, values.data(), size);

    std::vector<int32_t> ids(batch.tokens());
    for (int32_t state : {ARDIFF_STATE_ENCODER, ARDIFF_STATE_LOGITS}) {
        refused(ARDIFF_INVALID_ARGUMENT, "Z or X0 only", ardiff_generation_tokens, batch.handle,
                state, ids.data(), nullptr);
    }
    refused(ARDIFF_INVALID_ARGUMENT, "output is NULL", ardiff_generation_tokens, batch.handle,
            ARDIFF_STATE_Z, nullptr, nullptr);
    refused(ARDIFF_INVALID_ARGUMENT, "Generation is NULL", ardiff_generation_tokens, nullptr,
            ARDIFF_STATE_Z, ids.data(), nullptr);
    std::vector<double> seconds(4);
    refused(ARDIFF_INVALID_ARGUMENT, "output is NULL", ardiff_generation_seconds, batch.handle,
            nullptr);
    refused(ARDIFF_INVALID_ARGUMENT, "Generation is NULL", ardiff_generation_seconds, nullptr,
            seconds.data());
}

}  // namespace

void test_generation() {
    test_every_network();
    test_infinite_latents();
    test_lifetimes_and_threads();
    test_wrong_creation();
    test_wrong_steps();
    test_wrong_access();
}

}  // namespace test
