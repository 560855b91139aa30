#include "torch/random.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "torch/counted.h"
#include "torch/cuda/driver.h"

namespace ardiff::portable {

using at::Tensor;

namespace {

constexpr int64_t kGrain = 512;  // counters that are worth a thread

// Box-Muller: four words to four standard normal values.
void normal_values(const uint32_t words[4], float values[4]) {
    for (int i = 0; i < 4; i += 2) {
        const float radius = std::sqrt(-2.0f * std::log(unit_interval(words[i])));
        const float angle = unit_interval(words[i + 1]) * static_cast<float>(2.0 * M_PI);
        values[i] = radius * std::cos(angle);
        values[i + 1] = radius * std::sin(angle);
    }
}

// A dense float32 tensor that CUDA fills with `on_device`; the CPU with `on_host`, groups of values
// [first, last) at a time. A device without kernels gets what the CPU made.
template <class OnDevice, class OnHost>
Tensor fill(at::IntArrayRef sizes, const at::Device& device, int64_t groups, OnDevice&& on_device,
            OnHost&& on_host) {
    const bool kernels = cuda::has_kernels(device);
    const Tensor values = at::empty(
        sizes, at::TensorOptions(kernels ? device : at::Device(at::kCPU)).dtype(at::kFloat));
    if (kernels) {
        on_device(values);
        return values;
    }
    float* const to = values.mutable_data_ptr<float>();
    at::parallel_for(0, groups, kGrain,
                     [&](int64_t first, int64_t last) { on_host(to, first, last); });
    return values.to(device);
}

}  // namespace

GenerationNoise::GenerationNoise(const std::vector<NoiseKey>& keys,
                                 const std::vector<uint32_t>& candidates,
                                 const at::Device& device) {
    const int64_t rows = static_cast<int64_t>(keys.size());
    keys_ = at::empty({3, rows}, at::TensorOptions().dtype(at::kLong));
    int64_t* const to = keys_.mutable_data_ptr<int64_t>();
    for (int64_t r = 0; r < rows; ++r) {
        to[r] = keys[static_cast<size_t>(r)].low;
        to[rows + r] = keys[static_cast<size_t>(r)].high;
        to[2 * rows + r] = candidates[static_cast<size_t>(r)];
    }
    on_device_ = keys_.to(device);
}

Tensor GenerationNoise::of_step(uint32_t step, int64_t slots, int64_t channels) const {
    const int64_t rows = keys_.size(1), quads = (channels + 3) / 4;
    return fill(
        {rows, slots, channels}, on_device_.device(), rows * slots * quads,
        [&](const Tensor& noise) { cuda::generation_noise(on_device_, step, noise); },
        [&](float* to, int64_t first, int64_t last) {
            const int64_t* const keys = keys_.const_data_ptr<int64_t>();
            for (int64_t i = first; i < last; ++i) {
                const int64_t row = i / quads / slots, channel = i % quads * 4;
                const uint32_t counter[4] = {static_cast<uint32_t>(i % quads),
                                             static_cast<uint32_t>(i / quads % slots), step,
                                             static_cast<uint32_t>(keys[2 * rows + row])};
                const uint32_t key[2] = {static_cast<uint32_t>(keys[row]),
                                         static_cast<uint32_t>(keys[rows + row])};
                uint32_t words[4];
                philox4x32_10(counter, key, words);
                float values[4];
                normal_values(words, values);
                std::copy_n(values, std::min<int64_t>(4, channels - channel),
                            to + i / quads * channels + channel);
            }
        });
}

namespace {

// Calls visit(group, words) for the counters of groups [first, last) of a site.
template <class Visit>
void for_each_group(const cuda::Site& site, int64_t first, int64_t last, Visit&& visit) {
    const uint32_t key[2] = {site.key.low, site.key.high};
    for (int64_t group = first; group < last; ++group) {
        const uint32_t counter[4] = {static_cast<uint32_t>(group), site.site, site.step,
                                     site.micro_batch};
        uint32_t words[4];
        philox4x32_10(counter, key, words);
        visit(group, words);
    }
}

}  // namespace

Tensor TrainingRandom::normal(at::IntArrayRef sizes, Purpose purpose,
                              const at::Device& device) const {
    ARDIFF_ONE_KERNEL("training_normal");
    const int64_t count = c10::multiply_integers(sizes);
    const cuda::Site site{key_, random_site(purpose, 0, 0), step_, micro_batch_};
    return fill(
        sizes, device, (count + 3) / 4,
        [&](const Tensor& noise) { cuda::training_normal(site, noise); },
        [&](float* to, int64_t first, int64_t last) {
            for_each_group(site, first, last, [&](int64_t group, const uint32_t* words) {
                float values[4];
                normal_values(words, values);
                std::copy_n(values, std::min<int64_t>(4, count - 4 * group), to + 4 * group);
            });
        });
}

cuda::Drop TrainingRandom::drop(float rate, uint32_t site) const {
    return {{key_, site, step_, micro_batch_}, dropout_threshold(rate), dropout_scale(rate)};
}

Tensor dropout_mask(at::IntArrayRef sizes, const cuda::Drop& drop, const at::Device& device) {
    ARDIFF_ONE_KERNEL("training_mask");
    const int64_t count = c10::multiply_integers(sizes);
    return fill(
        sizes, device, (count + 7) / 8,
        [&](const Tensor& mask) { cuda::training_mask(drop, mask); },
        [&](float* to, int64_t first, int64_t last) {
            for_each_group(drop.site, first, last, [&](int64_t group, const uint32_t* words) {
                for (int64_t i = 8 * group; i < std::min(count, 8 * group + 8); ++i) {
                    const uint32_t word = words[i % 8 / 2];
                    const uint32_t half = i % 2 == 0 ? word & 0xffffu : word >> 16;
                    to[i] = half >= drop.threshold ? drop.scale : 0.0f;
                }
            });
        });
}

}  // namespace ardiff::portable
