// How many kernels the portable path launches: for a generation step, a decoding call and a training
// micro-batch of the paper's CommonGen network, counted on the CPU as operators of libtorch. Where
// a kernel takes microseconds, their number is the time.
//
//   build/native/count_kernels [--list]
//
// An operator counts if it computes: views, allocations and what only calls others are left out.
// What is one kernel on CUDA counts as one whatever the CPU makes of it: ours (torch/counted.h),
// products with a bias, attention. Some of libtorch's launch more than one kernel, as the backward
// passes of attention and LayerNorm do. One line a case: number, name; --list adds the operators.
#include <ATen/record_function.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ardiff.h"

namespace {

// Those that call no other operator and yet compute nothing.
const std::set<std::string> kFree = {"aten::view",
                                     "aten::_unsafe_view",
                                     "aten::_reshape_alias",
                                     "aten::reshape",
                                     "aten::flatten",
                                     "aten::unflatten",
                                     "aten::narrow",
                                     "aten::slice",
                                     "aten::select",
                                     "aten::transpose",
                                     "aten::permute",
                                     "aten::t",
                                     "aten::numpy_T",
                                     "aten::expand",
                                     "aten::expand_as",
                                     "aten::unsqueeze",
                                     "aten::squeeze",
                                     "aten::split",
                                     "aten::split_with_sizes",
                                     "aten::chunk",
                                     "aten::unbind",
                                     "aten::as_strided",
                                     "aten::alias",
                                     "aten::detach",
                                     "aten::detach_",
                                     "aten::view_as_complex",
                                     "aten::view_as_real",
                                     "aten::empty",
                                     "aten::empty_like",
                                     "aten::empty_strided",
                                     "aten::new_empty",
                                     "aten::new_empty_strided",
                                     "aten::resize_",
                                     "aten::set_",
                                     "aten::lift_fresh",
                                     "aten::to",
                                     "aten::contiguous",
                                     "aten::result_type",
                                     "aten::resolve_conj",
                                     "aten::resolve_neg",
                                     "aten::sum_to_size",
                                     "aten::is_nonzero",
                                     "aten::_has_compatible_shallow_copy_type",
                                     "aten::is_same_size",
                                     "aten::_fused_sdp_choice",
                                     "aten::_local_scalar_dense"};

// Those that the CPU makes of others.
const std::set<std::string> kOne = {"aten::addmm",
                                    "aten::baddbmm",
                                    "aten::_scaled_dot_product_flash_attention_for_cpu",
                                    "aten::_scaled_dot_product_flash_attention_for_cpu_backward",
                                    "aten::native_layer_norm",
                                    "aten::native_layer_norm_backward"};

std::map<std::string, int> counts;

// An operator that runs, on the stack of those around it.
struct Running : at::ObserverContext {
    std::string name;
    Running* around = nullptr;
    bool counted = false;  // it or one that it called
    bool hidden = false;   // within a kernel of ours
};
thread_local Running* innermost = nullptr;

bool begins(const std::string& name, const char* prefix) { return name.rfind(prefix, 0) == 0; }

bool is_one(const std::string& name) { return begins(name, "ardiff::") || kOne.count(name) != 0; }

std::unique_ptr<at::ObserverContext> enter(const at::RecordFunction& function) {
    auto running = std::make_unique<Running>();
    running->name = function.name();
    running->around = innermost;
    running->hidden = innermost != nullptr && (innermost->hidden || is_one(innermost->name));
    innermost = running.get();
    return running;
}

void leave(const at::RecordFunction&, at::ObserverContext* context) {
    auto& running = *static_cast<Running*>(context);
    innermost = running.around;
    if (running.hidden) return;
    const bool computes = is_one(running.name) || begins(running.name, "aten::");
    if (!running.counted && computes && kFree.count(running.name) == 0) {
        running.counted = true;
        ++counts[running.name];
    }
    if (running.counted && innermost != nullptr) innermost->counted = true;
}

bool list = false;

void report(const char* name) {
    int total = 0;
    std::vector<std::pair<int, std::string>> all;
    for (const auto& [op, count] : counts) {
        total += count;
        all.push_back({count, op});
    }
    std::printf("%d %s\n", total, name);
    std::sort(all.rbegin(), all.rend());
    for (const auto& [count, op] : all) {
        if (list) std::printf("    %4d %s\n", count, op.c_str());
    }
    counts.clear();
}

char error[512];

void check(int32_t status) {
    if (status == ARDIFF_OK) return;
    std::fprintf(stderr, "%s\n", error);
    std::exit(1);
}

constexpr int kSlots = 54, kLength = 8, kSteps = 50, kBlock = 4;

// In the layout of the paper, or `shifted`, which decodes.
ardiff_model* make_model(bool shifted) {
    ardiff_network_config config{};
    config.struct_size = sizeof config;
    config.vocabulary_size = 30522;
    config.embedding_size = 64;
    config.hidden_size = 128;
    config.encoder_layers = config.decoder_layers = 6;
    config.attention_heads = 8;
    config.encoder_ffn_size = 512;
    config.time_channels = 64;
    config.max_positions = 512;
    config.time_conditioning = shifted ? ARDIFF_TIME_NONE : ARDIFF_TIME_TXL;
    config.shifted = shifted ? 1 : 0;
    config.token_chain = shifted ? 128 : 0;
    config.input_projection = 1;
    ardiff_model* model;
    check(ardiff_model_create(&config, &model, error, sizeof error));
    for (int i = 0; i < ardiff_model_tensor_count(model); ++i) {
        char name[256];
        int32_t shape[4], dimensions, count = 1;
        check(ardiff_model_tensor_info(model, i, name, sizeof name, shape, &dimensions, error,
                                       sizeof error));
        for (int d = 0; d < dimensions; ++d) count *= shape[d];
        std::vector<float> weights(static_cast<size_t>(count));
        for (int k = 0; k < count; ++k)
            weights[static_cast<size_t>(k)] = 4e-4f * static_cast<float>(k * 7919 % 101 - 50);
        check(ardiff_model_write_tensor(model, i, weights.data(), count, error, sizeof error));
    }
    return model;
}

void count_generation(ardiff_model* model, ardiff_dtype dtype, const char* name) {
    check(ardiff_model_prepare(model, ARDIFF_DEVICE_CPU, 0, dtype, 1, error, sizeof error));
    const std::vector<int32_t> ids(kLength, 5);
    const std::vector<uint8_t> mask(kLength, 1), at_rest(kSlots, 0);
    ardiff_generation* batch;
    check(ardiff_generation_create(model, ids.data(), mask.data(), 1, kLength, 1, 0, kSlots, 1,
                                   1.0f, ARDIFF_GENERATION_PORTABLE, &batch, error, sizeof error));
    std::vector<float> timesteps(kSlots, 500), scale(kSlots, 1), coefficients(4 * kSlots, 0.5f);
    // The second step of a schedule that is known: from then on every batch takes the same.
    for (int step = 0; step < 2; ++step) {
        counts.clear();
        check(ardiff_generation_step(batch, step, 1, timesteps.data(), scale.data(),
                                     coefficients.data(), at_rest.data(), ARDIFF_STEP_ROUND,
                                     nullptr, nullptr, nullptr, error, sizeof error));
    }
    report(name);
    ardiff_generation_free(batch);
}

// A call with a block beside the slots that it appends, and the draft that is made of it.
void count_decoding(ardiff_model* model, ardiff_dtype dtype, const char* call, const char* draft) {
    check(ardiff_model_prepare(model, ARDIFF_DEVICE_CPU, 0, dtype, 1, error, sizeof error));
    const std::vector<int32_t> ids(kLength, 5), stream(kBlock + 1, 7);
    const std::vector<uint8_t> mask(kLength, 1);
    const int32_t row = 0, count = kBlock + 1, left = 7;
    std::vector<uint8_t> block(kBlock + 1, 0);
    block.back() = 1;
    ardiff_decoding* decoding;
    check(ardiff_decoding_create(model, ids.data(), mask.data(), 1, kLength, 1, &row, kSlots,
                                 ARDIFF_DECODING_PORTABLE, &decoding, error, sizeof error));
    std::vector<int32_t> best(kBlock + 1), drafted(kBlock);
    counts.clear();
    check(ardiff_decoding_step(decoding, 1, &row, &count, stream.data(), kBlock, block.data(), 1,
                               best.data(), nullptr, nullptr, nullptr, error, sizeof error));
    report(call);
    check(ardiff_decoding_keep(decoding, 1, &row, &count, &left, drafted.data(), nullptr, error,
                               sizeof error));
    report(draft);
    ardiff_decoding_free(decoding);
}

void count_training(ardiff_model* model, ardiff_dtype dtype, float dropout, const char* name) {
    ardiff_trainer_config config{};
    config.struct_size = sizeof config;
    config.dtype = dtype;
    config.threads = 1;
    config.portable = 1;
    config.diffusion_steps = kSteps;
    config.embedding_noise = 0.1f;
    config.prior_scale = 0.05f;
    std::vector<float> schedule;
    for (int t = 0; t < kSteps; ++t)
        schedule.insert(schedule.end(), {20.0f * static_cast<float>(t), 0.8f, 0.6f, 1.0f});
    ardiff_trainer* trainer;
    check(ardiff_trainer_create(model, &config, schedule.data(), &trainer, error, sizeof error));
    constexpr int kRows = 2;
    const std::vector<int32_t> ids(kRows * kLength, 5), targets(kRows * kSlots, 7),
        timesteps(kRows * kSlots, 3);
    std::vector<uint8_t> mask(kRows * kLength, 1);
    mask.back() = 0;
    const std::vector<float> weights(kRows * kSlots, 1.0f);
    ardiff_training_options options{};
    options.struct_size = sizeof options;
    options.backward = 1;
    options.step = 1;
    options.normaliser = kRows * kSlots;
    options.squared_error = 1;
    options.dropout = dropout;
    float terms[4];
    counts.clear();
    check(ardiff_trainer_batch(trainer, &options, ids.data(), mask.data(), kRows, kLength,
                               targets.data(), nullptr, nullptr, nullptr, nullptr, timesteps.data(),
                               weights.data(), kSlots, nullptr, nullptr, terms, nullptr, error,
                               sizeof error));
    report(name);
    ardiff_trainer_free(trainer);
}

}  // namespace

int main(int argc, char** argv) {
    list = argc > 1 && std::strcmp(argv[1], "--list") == 0;
    at::addGlobalCallback(
        at::RecordFunctionCallback(enter, leave).scopes({at::RecordScope::FUNCTION}));
    ardiff_model* const model = make_model(false);
    count_generation(model, ARDIFF_DTYPE_F32, "generation step, f32");
    count_generation(model, ARDIFF_DTYPE_BF16, "generation step, bf16");
    ardiff_model* const shifted = make_model(true);
    count_decoding(shifted, ARDIFF_DTYPE_F32, "decoding call, f32", "draft of 4 tokens, f32");
    count_decoding(shifted, ARDIFF_DTYPE_BF16, "decoding call, bf16", "draft of 4 tokens, bf16");
    ardiff_model_free(shifted);
    count_training(model, ARDIFF_DTYPE_F32, 0, "training micro-batch, f32");
    count_training(model, ARDIFF_DTYPE_BF16, 0, "training micro-batch, bf16");
    count_training(model, ARDIFF_DTYPE_F32, 0.2f, "training micro-batch, f32, dropout");
    count_training(model, ARDIFF_DTYPE_BF16, 0.2f, "training micro-batch, bf16, dropout");
    ardiff_model_free(model);
    return 0;
}
