// Training: every kind of network, kernel, data type and loss, then wrong arguments.
#include <algorithm>
#include <limits>
#include <memory>

#include "sample.h"

namespace test {
namespace {

constexpr int kDiffusionSteps = 50;
constexpr int32_t kStates[] = {ARDIFF_TRAINING_WEIGHTS, ARDIFF_TRAINING_GRADIENTS,
                               ARDIFF_TRAINING_FIRST_MOMENT, ARDIFF_TRAINING_SECOND_MOMENT,
                               ARDIFF_TRAINING_AVERAGE};

std::vector<float> make_schedule() {
    std::vector<float> rows;
    for (int t = 0; t < kDiffusionSteps; ++t) {
        const float share = static_cast<float>(t + 1) / (kDiffusionSteps + 1.0f);
        rows.insert(rows.end(), {1000.0f * share, std::sqrt(1.0f - share), std::sqrt(share), 1.0f});
    }
    return rows;
}

ardiff_trainer_config trainer_config(int32_t dtype, int32_t portable, int32_t threads) {
    ardiff_trainer_config config{};
    config.struct_size = sizeof config;
    config.device = ARDIFF_DEVICE_CPU;
    config.dtype = dtype;
    config.threads = threads;
    config.portable = portable;
    config.diffusion_steps = kDiffusionSteps;
    config.embedding_noise = 0.1f;
    config.prior_scale = 0.05f;
    return config;
}

ardiff_training_options training_options() {
    ardiff_training_options options{};
    options.struct_size = sizeof options;
    options.backward = 1;
    options.seed_low = 1;
    options.seed_high = 0xffffffffu;
    options.normaliser = 10.0f;
    return options;
}

ardiff_update_options update_options(int32_t number) {
    return {sizeof(ardiff_update_options), number, 1e-3, 0.9, 0.98, 1e-8, 0.01, 1.0, 0.5};
}

// Targets with padding, timesteps and weights, of slots that share positions and do not all see
// each other.
struct Targets {
    Targets(int rows, int slots, int vocabulary, uint64_t seed)
        : slots(slots),
          ids(count(rows)),
          timesteps(count(rows)),
          positions(count(1)),
          key_mask(count(rows)),
          attention_mask(count(slots)),
          weights(count(rows)) {
        Random random(seed);
        for (size_t i = 0; i < positions.size(); ++i) positions[i] = static_cast<int32_t>(i / 2);
        for (size_t i = 0; i < attention_mask.size(); ++i) {
            attention_mask[i] = i % static_cast<size_t>(slots) == 0 || random.below(3) > 0;
        }
        for (size_t i = 0; i < ids.size(); ++i) {
            ids[i] = random.below(vocabulary);
            timesteps[i] = i % 5 == 0 ? 0 : random.below(kDiffusionSteps);
            key_mask[i] = i % static_cast<size_t>(slots) == 0 || random.below(3) > 0;
            weights[i] = key_mask[i] != 0 ? 1.0f + random.value() : 0.0f;
        }
    }
    size_t count(int rows) const { return static_cast<size_t>(rows) * static_cast<size_t>(slots); }

    int slots;
    std::vector<int32_t> ids, timesteps, positions;
    std::vector<uint8_t> key_mask, attention_mask;
    std::vector<float> weights;
};

// A trainer, freed with its scope.
class Trainer {
  public:
    Trainer(const Model& model, int32_t dtype, int32_t portable, int32_t threads)
        : shifted_(model.config.shifted != 0) {
        const ardiff_trainer_config config = trainer_config(dtype, portable, threads);
        const std::vector<float> schedule = make_schedule();
        accepted("ardiff_trainer_create", ardiff_trainer_create, model.handle, &config,
                 schedule.data(), &handle);
    }
    Trainer(const Trainer&) = delete;
    ~Trainer() { ardiff_trainer_free(handle); }

    size_t size() const { return static_cast<size_t>(ardiff_trainer_size(handle)); }
    std::vector<float> read(int32_t state) const {
        std::vector<float> values(size(), std::numeric_limits<float>::quiet_NaN());
        accepted("ardiff_trainer_read", ardiff_trainer_read, handle, state, values.data(),
                 static_cast<int64_t>(values.size()));
        return values;
    }
    void write(int32_t state, const std::vector<float>& values) {
        accepted("ardiff_trainer_write", ardiff_trainer_write, handle, state, values.data(),
                 static_cast<int64_t>(values.size()));
    }
    // A micro-batch with all optional arrays, or with none.
    std::vector<float> batch(const ardiff_training_options& options, const Sources& sources,
                             const Targets& targets, int embedding_size, bool all) {
        std::vector<float> terms(4, std::numeric_limits<float>::quiet_NaN()),
            slot_terms(6 * targets.ids.size());
        const std::vector<float> noise =
            Random(3).values(targets.ids.size() * static_cast<size_t>(embedding_size));
        accepted("ardiff_trainer_batch", ardiff_trainer_batch, handle, &options, sources.ids.data(),
                 sources.mask.data(), sources.count, sources.length, targets.ids.data(),
                 shifted_ ? targets.ids.data() : nullptr, all ? targets.key_mask.data() : nullptr,
                 all ? targets.attention_mask.data() : nullptr,
                 all ? targets.positions.data() : nullptr, targets.timesteps.data(),
                 all ? targets.weights.data() : nullptr, targets.slots,
                 all ? noise.data() : nullptr, all ? noise.data() : nullptr, terms.data(),
                 all ? slot_terms.data() : nullptr);
        expect(!all || all_finite(slot_terms), "the terms of every slot are finite");
        return terms;
    }
    bool update(int32_t number) {
        const ardiff_update_options options = update_options(number);
        std::vector<double> norm(1, -1.0);
        std::vector<int32_t> applied(1, -9);
        accepted("ardiff_trainer_update", ardiff_trainer_update, handle, &options, norm.data(),
                 applied.data());
        expect(applied[0] == 0 || (applied[0] == 1 && norm[0] > 0),
               "an update that was made had a gradient");
        return applied[0] == 1;
    }

    ardiff_trainer* handle = nullptr;

  private:
    const bool shifted_;
};

// Two updates with every option; returns the weights after them.
std::vector<float> drive(const Model& model, int32_t dtype, int32_t portable, int32_t threads) {
    const ardiff_network_config& network = model.config;
    Trainer trainer(model, dtype, portable, threads);
    ardiff_training_options options = training_options();
    struct Size {
        int rows, length, slots;
    };
    const Size sizes[] = {{1, 1, 1}, {5, 7, 9}, {3, 19, 19}};
    for (int32_t update = 1; update <= 2; ++update) {
        options.step = static_cast<uint32_t>(update);
        options.micro_batch = 0;
        for (const Size& size : sizes) {
            const Sources sources(size.rows, size.length, network.vocabulary_size, 1);
            const Targets targets(size.rows, size.slots, network.vocabulary_size, 2);
            const bool all = options.micro_batch % 2 == 1;
            options.self_condition = network.self_conditioning != 0 && update == 1;
            options.self_condition_noise = options.self_condition ? 0.1f : 0.0f;
            options.rounding_loss = all ? ARDIFF_ROUNDING_LOSS_PREDICTION : ARDIFF_ROUNDING_LOSS_X0;
            options.dropout = options.attention_dropout = options.label_smoothing =
                all ? 0.1f : 0.0f;
            const int channels = network.embedding_size;
            expect(all_finite(trainer.batch(options, sources, targets, channels, all)),
                   "the loss is finite");
            ardiff_training_options evaluation = options;
            evaluation.backward = 0;
            evaluation.averaged = update == 2;
            const std::vector<float> gradients = trainer.read(ARDIFF_TRAINING_GRADIENTS);
            expect(all_finite(trainer.batch(evaluation, sources, targets, channels, !all)),
                   "the loss is finite without a backward pass");
            expect(trainer.read(ARDIFF_TRAINING_GRADIENTS) == gradients,
                   "an evaluation leaves gradients alone");
            ++options.micro_batch;
        }
        expect(trainer.update(update), "finite gradients are applied");
    }
    for (int32_t state : kStates)
        expect(all_finite(trainer.read(state)), "all of a state is finite");
    for (float x : trainer.read(ARDIFF_TRAINING_GRADIENTS)) {
        if (x != 0.0f)
            return expect(false, "an update sets gradients to zero"), std::vector<float>{};
    }
    ardiff_trainer_usage usage{-1, -1, -1, -1};
    accepted("ardiff_trainer_usage_read", ardiff_trainer_usage_read, trainer.handle, &usage);
    expect(usage.forward_seconds > 0 && usage.backward_seconds > 0 && usage.update_seconds > 0 &&
               usage.peak_bytes > 0,
           "every part took time and memory");
    return trainer.read(ARDIFF_TRAINING_WEIGHTS);
}

void test_every_network() {
    for (const char* kernels : kernel_names()) {
        accepted("ardiff_choose_kernels", ardiff_choose_kernels, kernels);
        for (const ardiff_network_config& config : sample_networks()) {
            Model model(config);
            model.fill(4);
            expect(drive(model, ARDIFF_DTYPE_F32, 0, 2) == drive(model, ARDIFF_DTYPE_F32, 0, 2),
                   "training gives the same bits again");
            drive(model, ARDIFF_DTYPE_BF16, 0, 1);
        }
    }
    for (const ardiff_network_config& config : sample_networks()) {
        Model model(config);
        model.fill(4);
        for (int32_t dtype : {ARDIFF_DTYPE_F32, ARDIFF_DTYPE_BF16}) drive(model, dtype, 1, 1);
    }
}

void test_states() {
    auto model = std::make_unique<Model>(small_network(ARDIFF_TIME_ROTARY));
    model->fill(1);
    Trainer trainer(*model, ARDIFF_DTYPE_F32, 0, 1);
    Model other(small_network(ARDIFF_TIME_ROTARY)), different(small_network(ARDIFF_TIME_ADDITIVE));
    model = nullptr;  // a trainer keeps what it needs
    expect(trainer.read(ARDIFF_TRAINING_AVERAGE) == trainer.read(ARDIFF_TRAINING_WEIGHTS),
           "the average starts at the weights");
    const int64_t size = ardiff_trainer_size(trainer.handle);
    for (int32_t state : kStates) {
        std::vector<float> values = trainer.read(state);
        values[0] = 2.0f;
        trainer.write(state, values);
        expect(trainer.read(state) == values, "a state reads as it was written");
        for (int64_t wrong : {int64_t{0}, int64_t{-1}, size - 1, size + 1}) {
            refused(ARDIFF_INVALID_ARGUMENT, "were given", ardiff_trainer_read, trainer.handle,
                    state, values.data(), wrong);
            refused(ARDIFF_INVALID_ARGUMENT, "were given", ardiff_trainer_write, trainer.handle,
                    state, values.data(), wrong);
        }
        refused(ARDIFF_INVALID_ARGUMENT, "buffer is NULL", ardiff_trainer_read, trainer.handle,
                state, nullptr, size);
        refused(ARDIFF_INVALID_ARGUMENT, "buffer is NULL", ardiff_trainer_write, trainer.handle,
                state, nullptr, size);
        if (state == ARDIFF_TRAINING_GRADIENTS) continue;
        values[0] = std::numeric_limits<float>::quiet_NaN();
        refused(ARDIFF_NON_FINITE, "word_embedding.weight is not finite", ardiff_trainer_write,
                trainer.handle, state, values.data(), size);
    }
    std::vector<float> values(static_cast<size_t>(size), 3.0f);
    trainer.write(ARDIFF_TRAINING_GRADIENTS, values);
    std::vector<float> taken(values.size());
    accepted("ardiff_trainer_take_gradients", ardiff_trainer_take_gradients, trainer.handle,
             taken.data(), size);
    expect(taken == values, "gradients are taken as they are");
    expect(trainer.read(ARDIFF_TRAINING_GRADIENTS) == std::vector<float>(values.size()),
           "gradients that were taken leave zeros");
    refused(ARDIFF_INVALID_ARGUMENT, "were given", ardiff_trainer_take_gradients, trainer.handle,
            taken.data(), size - 1);
    refused(ARDIFF_INVALID_ARGUMENT, "Trainer is NULL", ardiff_trainer_take_gradients, nullptr,
            taken.data(), size);
    for (int32_t state : {-1, 5, INT32_MAX}) {
        refused(ARDIFF_INVALID_ARGUMENT, "Training state is", ardiff_trainer_read, trainer.handle,
                state, values.data(), size);
        refused(ARDIFF_INVALID_ARGUMENT, "Training state is", ardiff_trainer_write, trainer.handle,
                state, values.data(), size);
        refused(ARDIFF_INVALID_ARGUMENT, "Training state is", ardiff_trainer_export, trainer.handle,
                state, other.handle);
    }
    refused(ARDIFF_INVALID_ARGUMENT, "Trainer is NULL", ardiff_trainer_read, nullptr, 0,
            values.data(), size);
    refused(ARDIFF_INVALID_ARGUMENT, "Trainer is NULL", ardiff_trainer_write, nullptr, 0,
            values.data(), size);
    expect(ardiff_trainer_size(nullptr) == -1, "NULL has no size");

    for (int32_t state : {ARDIFF_TRAINING_WEIGHTS, ARDIFF_TRAINING_AVERAGE}) {
        accepted("ardiff_trainer_export", ardiff_trainer_export, trainer.handle, state,
                 other.handle);
    }
    accepted("ardiff_model_prepare", ardiff_model_prepare, other.handle, ARDIFF_DEVICE_CPU, 0,
             ARDIFF_DTYPE_F32, 1);
    for (int32_t state : {ARDIFF_TRAINING_GRADIENTS, ARDIFF_TRAINING_FIRST_MOMENT}) {
        refused(ARDIFF_INVALID_ARGUMENT, "Only weights and their average", ardiff_trainer_export,
                trainer.handle, state, other.handle);
    }
    refused(ARDIFF_INVALID_ARGUMENT, "different configurations", ardiff_trainer_export,
            trainer.handle, ARDIFF_TRAINING_WEIGHTS, different.handle);
    refused(ARDIFF_INVALID_ARGUMENT, "Trainer is NULL", ardiff_trainer_export, nullptr, 0,
            other.handle);
    refused(ARDIFF_INVALID_ARGUMENT, "Model is NULL", ardiff_trainer_export, trainer.handle, 0,
            nullptr);
    ardiff_trainer_usage usage;
    refused(ARDIFF_INVALID_ARGUMENT, "Trainer is NULL", ardiff_trainer_usage_read, nullptr, &usage);
    refused(ARDIFF_INVALID_ARGUMENT, "output is NULL", ardiff_trainer_usage_read, trainer.handle,
            nullptr);
}

// Gradients that are not finite are refused by the update, and nothing is lost.
void test_divergence(int32_t portable) {
    Model model(small_network(ARDIFF_TIME_TXL));
    model.fill(1);
    Trainer trainer(model, ARDIFF_DTYPE_F32, portable, 1);
    std::vector<float> weights(trainer.size(), 3e30f);
    trainer.write(ARDIFF_TRAINING_WEIGHTS, weights);
    weights = trainer.read(ARDIFF_TRAINING_WEIGHTS);
    const Sources sources(2, 3, 37, 1);
    const Targets targets(2, 4, 37, 2);
    expect(!all_finite(trainer.batch(training_options(), sources, targets, 10, false)),
           "a loss that overflows is told, not an error");
    expect(!trainer.update(1), "gradients that are not finite are not applied");
    expect(trainer.read(ARDIFF_TRAINING_WEIGHTS) == weights, "a refused update leaves the weights");
    expect(all_finite(trainer.read(ARDIFF_TRAINING_GRADIENTS)),
           "a refused update clears the gradients");
}

void test_wrong_creation() {
    Model model(small_network(ARDIFF_TIME_TXL));
    std::vector<float> schedule = make_schedule();
    ardiff_trainer* const sentinel = reinterpret_cast<ardiff_trainer*>(1);
    ardiff_trainer* made = sentinel;
    const auto refuse = [&](int32_t status, const char* says,
                            void (*damage)(ardiff_trainer_config&)) {
        ardiff_trainer_config config = trainer_config(ARDIFF_DTYPE_F32, 0, 1);
        damage(config);
        refused(status, says, ardiff_trainer_create, model.handle, &config, schedule.data(), &made);
        expect(made == sentinel, "a refused trainer leaves its output untouched");
    };
    using Config = ardiff_trainer_config;
    refuse(ARDIFF_INVALID_STATE, "has not been written", [](Config&) {});
    model.fill(1);
    refuse(ARDIFF_INVALID_ARGUMENT, "struct_size 4", [](Config& c) { c.struct_size = 4; });
    refuse(ARDIFF_INVALID_ARGUMENT, "Device is 2", [](Config& c) { c.device = 2; });
    refuse(ARDIFF_INVALID_ARGUMENT, "Device index is -1", [](Config& c) { c.device_index = -1; });
    refuse(ARDIFF_INVALID_ARGUMENT, "Data type is 2", [](Config& c) { c.dtype = 2; });
    refuse(ARDIFF_INVALID_ARGUMENT, "threads is -1", [](Config& c) { c.threads = -1; });
    refuse(ARDIFF_INVALID_ARGUMENT, "threads is 2147483647",
           [](Config& c) { c.threads = INT32_MAX; });
    refuse(ARDIFF_INVALID_ARGUMENT, "Portable is 2", [](Config& c) { c.portable = 2; });
    refuse(ARDIFF_INVALID_ARGUMENT, "diffusion steps is 0",
           [](Config& c) { c.diffusion_steps = 0; });
    refuse(ARDIFF_INVALID_ARGUMENT, "Embedding noise", [](Config& c) { c.embedding_noise = NAN; });
    refuse(ARDIFF_INVALID_ARGUMENT, "Prior scale", [](Config& c) { c.prior_scale = -1.0f; });
    refuse(ARDIFF_UNSUPPORTED, "", [](Config& c) {
        c.device = ARDIFF_DEVICE_CUDA;
        c.device_index = 1000;
    });
    schedule.back() = std::numeric_limits<float>::infinity();
    refuse(ARDIFF_INVALID_ARGUMENT, "Schedule row 49 is not finite", [](Config&) {});
    const ardiff_trainer_config config = trainer_config(ARDIFF_DTYPE_F32, 0, 1);
    refused(ARDIFF_INVALID_ARGUMENT, "Model is NULL", ardiff_trainer_create, nullptr, &config,
            schedule.data(), &made);
    refused(ARDIFF_INVALID_ARGUMENT, "are NULL", ardiff_trainer_create, model.handle, nullptr,
            schedule.data(), &made);
    refused(ARDIFF_INVALID_ARGUMENT, "Schedule is NULL", ardiff_trainer_create, model.handle,
            &config, nullptr, &made);
    refused(ARDIFF_INVALID_ARGUMENT, "output is NULL", ardiff_trainer_create, model.handle, &config,
            schedule.data(), nullptr);
    ardiff_trainer_free(nullptr);
}

void test_wrong_batches() {
    Model model(small_network(ARDIFF_TIME_TXL));
    model.fill(1);
    Trainer trainer(model, ARDIFF_DTYPE_F32, 0, 1);
    Sources sources(2, 3, 37, 1);
    Targets targets(2, 4, 37, 2);
    std::vector<float> terms(4, 5.0f);
    struct Sizes {
        int32_t rows = 2, length = 3, slots = 4;
        const int32_t* positions = nullptr;
    };
    const auto refuse_sizes = [&](const char* says, const Sizes& s,
                                  const ardiff_training_options& options) {
        refused(ARDIFF_INVALID_ARGUMENT, says, ardiff_trainer_batch, trainer.handle, &options,
                sources.ids.data(), sources.mask.data(), s.rows, s.length, targets.ids.data(),
                nullptr, targets.key_mask.data(), targets.attention_mask.data(), s.positions,
                targets.timesteps.data(), targets.weights.data(), s.slots, nullptr, nullptr,
                terms.data(), nullptr);
        expect(terms == std::vector<float>(4, 5.0f), "a refused batch leaves its output untouched");
    };
    for (int32_t n : {0, -1, INT32_MAX}) {
        refuse_sizes("Number of rows", {.rows = n}, training_options());
        refuse_sizes("Source length", {.length = n}, training_options());
        refuse_sizes("Number of slots", {.slots = n}, training_options());
    }
    using Options = ardiff_training_options;
    const auto refuse = [&](const char* says, void (*damage)(Options&)) {
        Options options = training_options();
        damage(options);
        refuse_sizes(says, {}, options);
    };
    refuse("struct_size", [](Options& o) { o.struct_size += 4; });
    refuse("Backward", [](Options& o) { o.backward = 2; });
    refuse("Averaged", [](Options& o) { o.averaged = -1; });
    refuse("averaged weights do not exist", [](Options& o) { o.averaged = 1; });
    refuse("no self-conditioning input", [](Options& o) { o.self_condition = 1; });
    refuse("Rounding loss", [](Options& o) { o.rounding_loss = 2; });
    refuse("Micro-batch", [](Options& o) { o.micro_batch = 65536; });
    refuse("Dropout", [](Options& o) { o.dropout = 1.0f; });
    refuse("Attention dropout", [](Options& o) { o.attention_dropout = NAN; });
    refuse("Label smoothing", [](Options& o) { o.label_smoothing = -0.1f; });
    refuse("Self-condition noise", [](Options& o) { o.self_condition_noise = INFINITY; });
    refuse("Normaliser", [](Options& o) { o.normaliser = 0.0f; });

    // One damaged value at a time.
    const auto refuse_value = [&](const char* says, auto& place, auto damage) {
        const auto kept = place;
        place = damage;
        refuse_sizes(says, {}, training_options());
        place = kept;
    };
    sources.mask[0] = 1;
    sources.ids[0] = 0;
    for (int32_t id : {-1, 37}) {
        refuse_value("of source 0 is outside the vocabulary", sources.ids[0], id);
        refuse_value("of target 1 is outside the vocabulary", targets.ids[7], id);
    }
    for (int32_t t : {-1, kDiffusionSteps})
        refuse_value("expected 0 to 49", targets.timesteps[7], t);
    for (float w : {-1.0f, NAN, INFINITY}) refuse_value("Slot weight", targets.weights[7], w);
    const std::vector<uint8_t> mask = sources.mask, key_mask = targets.key_mask;
    std::fill(sources.mask.begin(), sources.mask.end(), uint8_t{0});
    refuse_sizes("Source 0 has no unmasked token", {}, training_options());
    sources.mask = mask;
    std::fill(targets.key_mask.begin(), targets.key_mask.end(), uint8_t{0});
    refuse_sizes("Target 0 has no slot", {}, training_options());
    targets.key_mask = key_mask;
    const std::vector<uint8_t> attention_mask = targets.attention_mask;
    std::fill_n(targets.attention_mask.begin() + 4, 4, uint8_t{0});
    refuse_sizes("Slot 1 of target 0 has no slot to attend to", {}, training_options());
    targets.attention_mask = attention_mask;
    for (int32_t position : {-1, 19}) {
        const int32_t kept = targets.positions[2];
        targets.positions[2] = position;
        refuse_sizes("Position of a slot", {.positions = targets.positions.data()},
                     training_options());
        targets.positions[2] = kept;
    }
    refuse_sizes("Number of slots", {.slots = 4 * 19 + 1, .positions = targets.positions.data()},
                 training_options());

    const Options options = training_options();
    const auto refuse_null = [&](const char* says, ardiff_trainer* to, const Options* with,
                                 const int32_t* ids, const uint8_t* source_mask,
                                 const int32_t* target_ids, const int32_t* timesteps,
                                 float* output) {
        refused(ARDIFF_INVALID_ARGUMENT, says, ardiff_trainer_batch, to, with, ids, source_mask, 2,
                3, target_ids, nullptr, nullptr, nullptr, nullptr, timesteps, nullptr, 4, nullptr,
                nullptr, output, nullptr);
    };
    const int32_t* const ids = sources.ids.data();
    const int32_t* const targeted = targets.ids.data();
    const int32_t* const times = targets.timesteps.data();
    refuse_null("Trainer is NULL", nullptr, &options, ids, mask.data(), targeted, times,
                terms.data());
    refuse_null("options are NULL", trainer.handle, nullptr, ids, mask.data(), targeted, times,
                terms.data());
    refuse_null("ids or mask", trainer.handle, &options, nullptr, mask.data(), targeted, times,
                terms.data());
    refuse_null("ids or mask", trainer.handle, &options, ids, nullptr, targeted, times,
                terms.data());
    refuse_null("or timesteps", trainer.handle, &options, ids, mask.data(), nullptr, times,
                terms.data());
    refuse_null("or timesteps", trainer.handle, &options, ids, mask.data(), targeted, nullptr,
                terms.data());
    refuse_null("loss terms is NULL", trainer.handle, &options, ids, mask.data(), targeted, times,
                nullptr);
    for (float x : trainer.read(ARDIFF_TRAINING_GRADIENTS)) {
        if (x != 0.0f) return expect(false, "refused batches leave the gradients alone");
    }
}

void test_wrong_updates() {
    Model model(small_network(ARDIFF_TIME_TXL));
    model.fill(1);
    Trainer trainer(model, ARDIFF_DTYPE_F32, 0, 1);
    double norm = -5;
    int32_t applied = -5;
    using Options = ardiff_update_options;
    const auto refuse = [&](const char* says, void (*damage)(Options&)) {
        Options options = update_options(1);
        damage(options);
        refused(ARDIFF_INVALID_ARGUMENT, says, ardiff_trainer_update, trainer.handle, &options,
                &norm, &applied);
        expect(norm == -5 && applied == -5, "a refused update leaves its outputs untouched");
    };
    refuse("struct_size", [](Options& o) { o.struct_size = 0; });
    refuse("Update number", [](Options& o) { o.update = 0; });
    refuse("Learning rate", [](Options& o) { o.learning_rate = NAN; });
    refuse("Beta 1", [](Options& o) { o.beta1 = 1.0; });
    refuse("Beta 2", [](Options& o) { o.beta2 = -0.1; });
    refuse("Epsilon", [](Options& o) { o.epsilon = INFINITY; });
    refuse("Weight decay", [](Options& o) { o.weight_decay = -1; });
    refuse("Clip norm", [](Options& o) { o.clip_norm = NAN; });
    refuse("Average decay", [](Options& o) { o.average_decay = 1.5; });
    const Options options = update_options(1);
    refused(ARDIFF_INVALID_ARGUMENT, "Trainer is NULL", ardiff_trainer_update, nullptr, &options,
            &norm, &applied);
    refused(ARDIFF_INVALID_ARGUMENT, "are NULL", ardiff_trainer_update, trainer.handle, nullptr,
            &norm, &applied);
    refused(ARDIFF_INVALID_ARGUMENT, "output of the update", ardiff_trainer_update, trainer.handle,
            &options, nullptr, &applied);
    refused(ARDIFF_INVALID_ARGUMENT, "output of the update", ardiff_trainer_update, trainer.handle,
            &options, &norm, nullptr);
}

}  // namespace

void test_training() {
    test_every_network();
    test_states();
    test_divergence(0);
    test_divergence(1);
    test_wrong_creation();
    test_wrong_batches();
    test_wrong_updates();
}

}  // namespace test
