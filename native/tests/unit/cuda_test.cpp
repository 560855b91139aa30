// The CUDA kernels, run on the CPU: kernels.cu is compiled as C++, the 32 threads of a warp are
// threads that wait for each other where they exchange values. Held to libtorch's operators, which
// compute the same where there is no CUDA.
#include <ATen/ATen.h>

#include <barrier>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "torch/fused.h"
#include "torch/random.h"
#include "unit.h"

namespace {

struct Place {
    unsigned x;
};
thread_local Place threadIdx, blockIdx;
const Place blockDim{256};

float exchanged[32];
std::barrier<>* warp = nullptr;

float __shfl_xor_sync(unsigned, float value, int distance) {
    exchanged[threadIdx.x % 32] = value;
    warp->arrive_and_wait();
    const float other = exchanged[(threadIdx.x % 32) ^ static_cast<unsigned>(distance)];
    warp->arrive_and_wait();
    return other;
}

float __uint_as_float(uint32_t bits) {
    float x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

uint32_t __float_as_uint(float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    return bits;
}

void sincospif(float x, float* sine, float* cosine) {
    *sine = static_cast<float>(std::sin(M_PI * static_cast<double>(x)));
    *cosine = static_cast<float>(std::cos(M_PI * static_cast<double>(x)));
}

}  // namespace

#define __device__
#define __global__
#include "torch/cuda/kernels.cu"
#undef __device__
#undef __global__

namespace test {
namespace {

using at::Tensor;

// Runs so many threads of a kernel in blocks of 256, as driver.cpp launches them, but for the warps
// behind the last of them.
template <class Kernel>
void launch(int64_t threads, Kernel&& kernel) {
    const unsigned warps = static_cast<unsigned>((threads + 31) / 32);
    for (unsigned w = 0; w < warps; ++w) {
        std::barrier<> together(32);
        warp = &together;
        std::vector<std::thread> lanes;
        for (unsigned lane = 0; lane < 32; ++lane) {
            lanes.emplace_back([&, lane] {
                blockIdx.x = w / 8;
                threadIdx.x = w % 8 * 32 + lane;
                kernel();
                together.arrive_and_drop();
            });
        }
        for (std::thread& thread : lanes) thread.join();
    }
}

float largest_gap(const Tensor& a, const Tensor& b) {
    return (a.to(at::kFloat) - b.to(at::kFloat)).abs().max().item<float>();
}

Tensor values(at::IntArrayRef sizes, int seed) {
    const Tensor x = at::arange(c10::multiply_integers(sizes), at::kFloat);
    return (x * (0.37 + 0.11 * seed) + seed).sin().mul_(2.0).view(sizes);
}

void test_noise() {
    const ardiff::portable::GenerationNoise noise({{7u, 8u}, {0xfffffff0u, 3u}}, {4u, 0xffffffffu},
                                                  at::kCPU);
    const int64_t slots = 5, channels = 7;
    const int64_t* const keys = noise.keys().const_data_ptr<int64_t>();
    const Tensor drawn = at::empty({2, slots, channels});
    launch(2 * slots * 2, [&] {
        ardiff_generation_noise(keys, 9, 2, slots, channels, drawn.mutable_data_ptr<float>());
    });
    expect(largest_gap(drawn, noise.of_step(9, slots, channels)) < 1e-5f,
           "the CUDA kernel draws the noise of generation");

    const Tensor z = values({2, 6, channels}, 1), previous = values({2, 6, channels}, 2);
    const Tensor x0 = values({2, slots, channels}, 3), step = at::full({1}, 9, at::kLong);
    for (const int64_t plans : {1, 2}) {
        const Tensor k = values({plans, 6, 4}, 4);
        const Tensor moved = at::empty_like(x0);
        launch(2 * slots * 2, [&] {
            ardiff_update(keys, step.const_data_ptr<int64_t>(), 2, slots, channels, 6,
                          k.const_data_ptr<float>(), plans == 1 ? 0 : 6, z.const_data_ptr<float>(),
                          x0.const_data_ptr<float>(), previous.const_data_ptr<float>(),
                          moved.mutable_data_ptr<float>());
        });
        const ardiff::portable::UpdateInput in{
            z.narrow(1, 0, slots), x0, previous.narrow(1, 0, slots), k.narrow(1, 0, slots), step};
        expect(largest_gap(moved, ardiff::portable::update(in, noise, 9)) < 2e-5f,
               "the CUDA kernel moves latents");
    }
}

void test_training_random() {
    const ardiff::NoiseKey key{5, 6};
    const ardiff::portable::TrainingRandom random(key, 11, 2);
    const int64_t count = 203;
    const Tensor drawn = at::empty({count}), mask = at::empty({count});
    launch((count + 3) / 4, [&] {
        ardiff_training_normal(5, 6, ardiff::random_site(ardiff::Purpose::diffusion_noise, 0, 0),
                               11, 2, count, drawn.mutable_data_ptr<float>());
    });
    expect(largest_gap(drawn, random.normal({count}, ardiff::Purpose::diffusion_noise, at::kCPU)) <
               1e-5f,
           "the CUDA kernel draws the noise of training");
    launch((count + 7) / 8, [&] {
        ardiff_training_mask(5, 6, 77, 11, 2, ardiff::dropout_threshold(0.3f),
                             ardiff::dropout_scale(0.3f), count, mask.mutable_data_ptr<float>());
    });
    expect(at::equal(mask, random.mask({count}, 0.3f, 77, at::kCPU)),
           "the CUDA kernel drops what the CPU drops");
}

template <class T>
T* data(const Tensor& x) {
    return static_cast<T*>(x.mutable_data_ptr());
}

template <class T, class Norm, class Geglu>
void test_layers(at::ScalarType type, float tolerance, Norm&& norm, Geglu&& geglu) {
    const int64_t rows = 5, width = 45;
    const Tensor delta = values({rows, width}, 2).to(type), weight = values({width}, 3),
                 bias = values({width}, 4);
    for (const bool moved : {false, true}) {
        const Tensor hidden = values({rows, width}, 1), expected = hidden.clone();
        const Tensor out = at::empty({rows, width}, type);
        launch(rows * 32, [&] {
            norm(data<float>(hidden), moved ? data<T>(delta) : nullptr, data<float>(weight),
                 data<float>(bias), 1e-12f, rows, width, data<T>(out));
        });
        const Tensor normal = ardiff::portable::add_norm(expected, moved ? delta : Tensor(), weight,
                                                         bias, 1e-12, type);
        expect(largest_gap(hidden, expected) == 0.0f, "the CUDA kernel adds to the residual");
        expect(largest_gap(out, normal) < tolerance, "the CUDA kernel normalises");
    }
    const Tensor x = values({rows, 2 * width}, 5).to(type), out = at::empty({rows, width}, type);
    launch(rows * width, [&] { geglu(data<T>(x), rows, width, data<T>(out)); });
    expect(largest_gap(out, ardiff::portable::geglu(x)) < tolerance,
           "the CUDA kernel gates by GELU");
}

}  // namespace

void test_cuda_kernels() {
    test_noise();
    test_training_random();
    test_layers<float>(at::kFloat, 1e-5f, ardiff_add_norm_f32, ardiff_geglu_f32);
    test_layers<Half>(at::kBFloat16, 0.05f, ardiff_add_norm_bf16, ardiff_geglu_bf16);
}

}  // namespace test
