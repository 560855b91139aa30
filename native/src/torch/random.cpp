#include "torch/random.h"

#include <ATen/ATen.h>

#include <array>
#include <cmath>

#if defined(ARDIFF_CUDA_KERNELS)
#include "torch/cuda/noise.h"
#endif

namespace ardiff::portable {

using at::Tensor;

namespace {

using Words = std::array<Tensor, 4>;  // uint32 values held in int64

constexpr int64_t kLow = 0xffffffff;

Tensor words(const std::vector<int64_t>& values, const at::Device& device) {
    return at::tensor(values, at::kLong).to(device);
}

// High and low half of the 64-bit products: they wrap around like unsigned ones.
std::pair<Tensor, Tensor> multiply(const Tensor& a, int64_t b) {
    const Tensor product = a * b;
    return {product.bitwise_right_shift(32).bitwise_and_(kLow), product.bitwise_and(kLow)};
}

// philox4x32_10 of core/philox.h over tensors that broadcast together.
Words philox(Words c, Tensor k0, Tensor k1) {
    for (int round = 0; round < 10; ++round) {
        const auto [high0, low0] = multiply(c[0], 0xD2511F53);
        const auto [high1, low1] = multiply(c[2], 0xCD9E8D57);
        c = {high1.bitwise_xor(c[1]).bitwise_xor(k0), low1, high0.bitwise_xor(c[3]).bitwise_xor(k1),
             low0};
        k0 = (k0 + 0x9E3779B9).bitwise_and_(kLow);
        k1 = (k1 + 0xBB67AE85).bitwise_and_(kLow);
    }
    return c;
}

Tensor unit_interval(const Tensor& word) {
    return (word.bitwise_right_shift(8).to(at::kFloat) + 0.5) * (1.0 / 16777216.0);
}

// Box-Muller: [...] words to [...,4] standard normal values.
Tensor normal_values(const Words& w) {
    const auto pair = [](const Tensor& a, const Tensor& b, Tensor& cosine, Tensor& sine) {
        const Tensor radius = at::sqrt(at::log(unit_interval(a)) * -2.0);
        const Tensor angle = unit_interval(b) * (2.0 * M_PI);
        cosine = radius * at::cos(angle);
        sine = radius * at::sin(angle);
    };
    Tensor n0, n1, n2, n3;
    pair(w[0], w[1], n0, n1);
    pair(w[2], w[3], n2, n3);
    return at::stack({n0, n1, n2, n3}, -1);
}

}  // namespace

Tensor generation_noise(const std::vector<NoiseKey>& keys, const std::vector<uint32_t>& candidates,
                        uint32_t step, int64_t slots, int64_t channels, const at::Device& device) {
    const int64_t rows = static_cast<int64_t>(keys.size());
    std::vector<int64_t> low, high, candidate;
    for (size_t r = 0; r < keys.size(); ++r) {
        low.push_back(keys[r].low);
        high.push_back(keys[r].high);
        candidate.push_back(candidates[r]);
    }
    const auto column = [&](const std::vector<int64_t>& values) {
        return words(values, device).view({rows, 1, 1});
    };
#if defined(ARDIFF_CUDA_KERNELS)
    if (device.is_cuda()) {
        const Tensor noise =
            at::empty({rows, slots, channels}, at::TensorOptions(device).dtype(at::kFloat));
        cuda::generation_noise(column(low), column(high), column(candidate), step, noise);
        return noise;
    }
#endif
    const auto options = at::TensorOptions(device).dtype(at::kLong);
    const int64_t quads = (channels + 3) / 4;
    const Words counter = {at::arange(quads, options).view({1, 1, quads}),
                           at::arange(slots, options).view({1, slots, 1}),
                           at::full({1, 1, 1}, static_cast<int64_t>(step), options),
                           column(candidate)};
    return normal_values(philox(counter, column(low), column(high)))
        .view({rows, slots, 4 * quads})
        .narrow(2, 0, channels)
        .contiguous();
}

namespace {

// The words of counters 0..count-1 of one site.
Words training_words(const TrainingRandom& random, int64_t count, uint32_t site,
                     const at::Device& device) {
    const auto scalar = [&](uint32_t value) {
        return words({static_cast<int64_t>(value)}, device);
    };
    const Words counter = {at::arange(count, at::TensorOptions(device).dtype(at::kLong)),
                           scalar(site), scalar(random.step()), scalar(random.micro_batch())};
    return philox(counter, scalar(random.key().low), scalar(random.key().high));
}

}  // namespace

Tensor TrainingRandom::normal(at::IntArrayRef sizes, Purpose purpose,
                              const at::Device& device) const {
    const int64_t count = c10::multiply_integers(sizes);
#if defined(ARDIFF_CUDA_KERNELS)
    if (device.is_cuda()) {
        const Tensor noise = at::empty(sizes, at::TensorOptions(device).dtype(at::kFloat));
        cuda::training_normal(key_, random_site(purpose, 0, 0), step_, micro_batch_, noise);
        return noise;
    }
#endif
    const Words w = training_words(*this, (count + 3) / 4, random_site(purpose, 0, 0), device);
    return normal_values(w).flatten().narrow(0, 0, count).view(sizes);
}

Tensor TrainingRandom::mask(at::IntArrayRef sizes, float rate, uint32_t site,
                            const at::Device& device) const {
    const int64_t count = c10::multiply_integers(sizes);
    const uint32_t threshold = dropout_threshold(rate);
    const float scale = dropout_scale(rate);
#if defined(ARDIFF_CUDA_KERNELS)
    if (device.is_cuda()) {
        const Tensor mask = at::empty(sizes, at::TensorOptions(device).dtype(at::kFloat));
        cuda::training_mask(key_, site, step_, micro_batch_, threshold, scale, mask);
        return mask;
    }
#endif
    const Words w = training_words(*this, (count + 7) / 8, site, device);
    std::vector<Tensor> halves;
    for (const Tensor& word : w) {
        halves.push_back(word.bitwise_and(0xffff));
        halves.push_back(word.bitwise_right_shift(16));
    }
    const Tensor kept = at::stack(halves, -1)
                            .flatten()
                            .narrow(0, 0, count)
                            .view(sizes)
                            .ge(static_cast<int64_t>(threshold));
    return kept.to(at::kFloat) * scale;
}

}  // namespace ardiff::portable
