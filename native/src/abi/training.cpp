// ABI: training (see ardiff.h). Arguments are checked here; trainers trust them.
#include <algorithm>
#include <cstring>
#include <memory>

#include "abi/checks.h"
#include "ardiff.h"
#include "core/cpu.h"
#include "core/handles.h"
#include "core/trainer.h"

using namespace ardiff;

struct ardiff_trainer {
    NetworkConfig config;
    ParameterLayout layout;
    int diffusion_steps;
    std::unique_ptr<Trainer> trainer;
};

namespace {

constexpr int kMostSlots = 4;                   // for each position, where several share one
constexpr int64_t kLargest = int64_t{1} << 31;  // values in one buffer of a batch

const ardiff_trainer& checked(const ardiff_trainer* trainer) {
    require(trainer != nullptr, "Trainer is NULL");
    return *trainer;
}

Trainer& trainer_of(const ardiff_trainer* trainer) { return *checked(trainer).trainer; }

ardiff_training_state checked_state(int32_t state) {
    check_range("Training state", state, ARDIFF_TRAINING_WEIGHTS, ARDIFF_TRAINING_AVERAGE);
    return static_cast<ardiff_training_state>(state);
}

void check_config(const ardiff_trainer_config& c) {
    check_device(c.device, c.device_index);
    checked_dtype(c.dtype);
    check_range("Portable", c.portable, 0, 1);
    check_range("Chain only", c.chain_only, 0, 1);
    check_range("Number of diffusion steps", c.diffusion_steps, 1, 1 << 24);
    check_number("Embedding noise", c.embedding_noise, 0, 1e6);
    check_number("Prior scale", c.prior_scale, 0, 1e6);
}

void check_options(const ardiff_training_options& o, const NetworkConfig& config) {
    check_range("Backward", o.backward, 0, 1);
    check_range("Averaged", o.averaged, 0, 1);
    check_range("Self-condition", o.self_condition, 0, 1);
    check_range("Rounding loss", o.rounding_loss, ARDIFF_ROUNDING_LOSS_X0,
                ARDIFF_ROUNDING_LOSS_PREDICTION);
    check_range("Micro-batch", o.micro_batch, 0, 65535);
    check_number("Dropout", o.dropout, 0, 1, true);
    check_number("Attention dropout", o.attention_dropout, 0, 1, true);
    check_number("Label smoothing", o.label_smoothing, 0, 1, true);
    check_number("Squared error", o.squared_error, 0, 1e6);
    check_number("Self-condition noise", o.self_condition_noise, 0, 1e6);
    check_number("Normaliser", o.normaliser, 1e-6, 1e12);
    require(o.backward == 0 || o.averaged == 0, "Gradients of the averaged weights do not exist");
    require(o.self_condition == 0 || config.self_conditioning,
            "This network has no self-conditioning input");
}

void check_target(const TrainingBatch& b, int vocabulary, int diffusion_steps) {
    for (int row = 0; row < b.rows; ++row) {
        bool any = b.key_mask == nullptr;
        for (int n = 0; n < b.slots; ++n) {
            const ptrdiff_t at = static_cast<ptrdiff_t>(row) * b.slots + n;
            check_id("Token id", b.target_ids[at], vocabulary, "target", row);
            if (b.left_ids != nullptr)
                check_id("Left id", b.left_ids[at], vocabulary, "target", row);
            if (b.timesteps[at] < 0 || b.timesteps[at] >= diffusion_steps) {
                throw Error(ARDIFF_INVALID_ARGUMENT,
                            format("Timestep %d of target %d: expected 0 to %d", b.timesteps[at],
                                   row, diffusion_steps - 1));
            }
            if (b.weights != nullptr) check_number("Slot weight", b.weights[at], 0, 1e12);
            if (b.key_mask != nullptr && b.key_mask[at] != 0) any = true;
        }
        if (!any)
            throw Error(ARDIFF_INVALID_ARGUMENT, format("Target %d has no slot to attend to", row));
    }
}

// Positions exist, and every slot of every sentence has one that it attends to.
void check_layout(const TrainingBatch& b, const NetworkConfig& config) {
    for (int n = 0; n < b.slots && b.positions != nullptr; ++n) {
        check_range("Position of a slot", b.positions[n], 0, config.max_positions - 1);
    }
    if (b.attention_mask == nullptr) return;
    for (int row = 0; row < b.rows; ++row) {
        const ptrdiff_t first = static_cast<ptrdiff_t>(row) * b.slots;
        for (int n = 0; n < b.slots; ++n) {
            bool any = false;
            for (int k = 0; k < b.slots && !any; ++k) {
                any = (b.key_mask == nullptr || b.key_mask[first + k] != 0) &&
                      b.attention_mask[static_cast<ptrdiff_t>(n) * b.slots + k] != 0;
            }
            if (!any) {
                throw Error(ARDIFF_INVALID_ARGUMENT,
                            format("Slot %d of target %d has no slot to attend to", n, row));
            }
        }
    }
}

void check_update(const ardiff_update_options& o) {
    check_range("Update number", o.update, 1, INT32_MAX);
    check_number("Learning rate", o.learning_rate, 0, 1e6);
    check_number("Beta 1", o.beta1, 0, 1, true);
    check_number("Beta 2", o.beta2, 0, 1, true);
    check_number("Epsilon", o.epsilon, 0, 1e6);
    check_number("Weight decay", o.weight_decay, 0, 1e6);
    check_number("Clip norm", o.clip_norm, 0, 1e300);
    check_number("Average decay", o.average_decay, 0, 1);
}

bool same_tensors(const ParameterLayout& a, const ParameterLayout& b) {
    return std::equal(a.entries().begin(), a.entries().end(), b.entries().begin(),
                      b.entries().end(), [](const ParameterInfo& x, const ParameterInfo& y) {
                          return x.name == y.name && x.shape == y.shape;
                      });
}

void check_buffer(const ardiff_trainer* trainer, const void* data, int64_t count) {
    const int64_t expected = checked(trainer).layout.size();
    require(data != nullptr, "State buffer is NULL");
    check_count("A training state", expected, count);
}

}  // namespace

int32_t ardiff_trainer_create(const ardiff_model* model, const ardiff_trainer_config* config,
                              const float* schedule, ardiff_trainer** trainer, char* error,
                              int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        require(model != nullptr, "Model is NULL");
        require(schedule != nullptr, "Schedule is NULL");
        require(trainer != nullptr, "Trainer output is NULL");
        TrainerSetup setup{model->parameters, checked_struct(config, "Trainer options"), {}};
        check_config(setup.config);
        const Parameters& parameters = model->parameters;
        require(config->chain_only == 0 || parameters.config.token_chain > 0,
                "This network has no chain head to train");
        check_written(parameters);
        const int64_t bad = first_not_finite(schedule, int64_t{4} * config->diffusion_steps);
        if (bad >= 0) {
            throw Error(ARDIFF_INVALID_ARGUMENT,
                        format("Schedule row %lld is not finite", static_cast<long long>(bad / 4)));
        }
        setup.schedule.resize(static_cast<size_t>(config->diffusion_steps));
        std::memcpy(setup.schedule.data(), schedule, setup.schedule.size() * sizeof(ScheduleRow));
        setup.config.threads = checked_threads(config->threads);
        const bool on_cpu = config->device == ARDIFF_DEVICE_CPU && config->portable == 0;
        auto made = std::make_unique<ardiff_trainer>(
            ardiff_trainer{parameters.config, parameters.layout, config->diffusion_steps,
                           on_cpu ? make_cpu_trainer(setup) : make_portable_trainer(setup)});
        *trainer = made.release();
    });
}

void ardiff_trainer_free(ardiff_trainer* trainer) { delete trainer; }

int32_t ardiff_trainer_batch(ardiff_trainer* trainer, const ardiff_training_options* options,
                             const int32_t* ids, const uint8_t* mask, int32_t rows, int32_t length,
                             const int32_t* target_ids, const int32_t* left_ids,
                             const uint8_t* key_mask, const uint8_t* attention_mask,
                             const int32_t* positions, const int32_t* timesteps,
                             const float* weights, int32_t slots, const float* embedding_noise,
                             const float* diffusion_noise, float* terms, float* slot_terms,
                             char* error, int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        const NetworkConfig& config = checked(trainer).config;
        check_options(checked_struct(options, "Training options"), config);
        require(ids != nullptr && mask != nullptr, "Source ids or mask are NULL");
        require(target_ids != nullptr && timesteps != nullptr, "Target ids or timesteps are NULL");
        require(terms != nullptr, "Output of the loss terms is NULL");
        check_range("Number of rows", rows, 1, 1 << 20);
        check_range("Source length", length, 1, config.max_positions);
        check_range(
            "Number of slots", slots, 1,
            positions == nullptr ? config.max_positions : kMostSlots * config.max_positions);
        check_range("Number of hidden values", static_cast<int64_t>(rows) * std::max(length, slots),
                    1, kLargest / std::max(config.hidden, config.embedding));
        const TrainingBatch batch{ids,
                                  mask,
                                  rows,
                                  length,
                                  target_ids,
                                  left_ids,
                                  key_mask,
                                  attention_mask,
                                  positions,
                                  timesteps,
                                  weights,
                                  slots,
                                  embedding_noise,
                                  diffusion_noise,
                                  terms,
                                  slot_terms};
        check_sources(ids, mask, rows, length, config.vocabulary);
        require(
            (left_ids != nullptr) == config.shifted,
            config.shifted ? "Ids of left tokens are NULL" : "Only shifted networks take left ids");
        check_target(batch, config.vocabulary, trainer->diffusion_steps);
        check_layout(batch, config);
        trainer->trainer->batch(*options, batch);
    });
}

int32_t ardiff_trainer_update(ardiff_trainer* trainer, const ardiff_update_options* options,
                              double* gradient_norm, int32_t* applied, char* error,
                              int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        Trainer& target = trainer_of(trainer);
        check_update(checked_struct(options, "Update options"));
        require(gradient_norm != nullptr && applied != nullptr, "An output of the update is NULL");
        *applied = target.update(*options, *gradient_norm) ? 1 : 0;
    });
}

int64_t ardiff_trainer_size(const ardiff_trainer* trainer) {
    return trainer == nullptr ? -1 : trainer->layout.size();
}

int32_t ardiff_trainer_read(const ardiff_trainer* trainer, int32_t state, float* data,
                            int64_t count, char* error, int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        check_buffer(trainer, data, count);
        trainer->trainer->read(checked_state(state), data);
    });
}

int32_t ardiff_trainer_write(ardiff_trainer* trainer, int32_t state, const float* data,
                             int64_t count, char* error, int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        check_buffer(trainer, data, count);
        const ardiff_training_state target = checked_state(state);
        for (const ParameterInfo& info : trainer->layout.entries()) {
            if (target == ARDIFF_TRAINING_GRADIENTS) break;
            if (first_not_finite(data + info.offset, info.count) >= 0) {
                throw Error(ARDIFF_NON_FINITE,
                            "Training state of tensor " + info.name + " is not finite");
            }
        }
        trainer->trainer->write(target, data);
    });
}

int32_t ardiff_trainer_take_gradients(ardiff_trainer* trainer, float* data, int64_t count,
                                      char* error, int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        check_buffer(trainer, data, count);
        trainer->trainer->read(ARDIFF_TRAINING_GRADIENTS, data);
        trainer->trainer->clear_gradients();
    });
}

int32_t ardiff_trainer_export(const ardiff_trainer* trainer, int32_t state, ardiff_model* model,
                              char* error, int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        const ardiff_trainer& source = checked(trainer);
        require(model != nullptr, "Model is NULL");
        check_range("Training state", state, 0, ARDIFF_TRAINING_AVERAGE);
        require(state == ARDIFF_TRAINING_WEIGHTS || state == ARDIFF_TRAINING_AVERAGE,
                "Only weights and their average can be exported");
        Parameters& parameters = model->parameters;
        require(same_tensors(parameters.layout, source.layout),
                "Model and trainer have different configurations");
        source.trainer->read(static_cast<ardiff_training_state>(state), parameters.data());
        parameters.written.assign(parameters.written.size(), true);
    });
}

int32_t ardiff_trainer_usage_read(const ardiff_trainer* trainer, ardiff_trainer_usage* usage,
                                  char* error, int32_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        const Trainer& source = trainer_of(trainer);
        require(usage != nullptr, "Usage output is NULL");
        *usage = source.usage();
    });
}
