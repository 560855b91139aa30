// The CUDA kernels, run on the CPU: kernels.cu is compiled as C++, the 32 threads of a warp are
// threads that wait for each other where they exchange values. Held to libtorch's operators, which
// compute the same where there is no CUDA.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <barrier>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "torch/fused.h"
#include "torch/random.h"
#include "torch/trained.h"
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
        const ardiff::portable::UpdateInput in{z.narrow(1, 0, slots),
                                               x0,
                                               previous.narrow(1, 0, slots),
                                               k.narrow(1, 0, slots),
                                               step,
                                               noise.keys(),
                                               noise.of_step(9, slots, channels)};
        expect(largest_gap(moved, ardiff::portable::update(in)) < 2e-5f,
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
    const auto drop = random.drop(0.3f, 77);
    expect(at::equal(mask, ardiff::portable::dropout_mask({count}, drop, at::kCPU)),
           "the CUDA kernel drops what the CPU drops");
}

template <class T>
T* data(const Tensor& x) {
    return static_cast<T*>(x.mutable_data_ptr());
}

// A dropout as the kernels take it, and as the shim does.
const Drop kDrop{5, 6, 77, 11, 2, ardiff::dropout_threshold(0.3f), ardiff::dropout_scale(0.3f)};
const ardiff::cuda::Drop kSameDrop{{{5, 6}, 77, 11, 2}, kDrop.threshold, kDrop.scale};

constexpr int64_t kRows = 3, kWidth = 45;

Tensor leaf(const Tensor& x) { return x.detach().requires_grad_(true); }

// LayerNorm of a sum as the operators of libtorch compute it, and its gradients.
struct Expected {
    Tensor sum, normal;
    std::vector<Tensor> gradients;  // of hidden, delta, weight, bias
};

struct Inputs {
    explicit Inputs(at::ScalarType type)
        : hidden(leaf(values({kRows, kWidth}, 1))),
          delta(leaf(values({kRows, kWidth}, 2).to(type))),
          weight(leaf(values({kWidth}, 3))),
          bias(leaf(values({kWidth}, 4))),
          of_sum(values({kRows, kWidth}, 5)),
          of_normal(values({kRows, kWidth}, 6)),
          of_out(values({kRows, kWidth}, 7).to(type)) {}

    Expected expected(bool drops, bool residual) const {
        const Tensor mask = ardiff::portable::dropout_mask(hidden.sizes(), kSameDrop, at::kCPU);
        const Tensor sum = hidden + (drops ? delta * mask : delta);
        const Tensor normal = at::layer_norm(sum, {kWidth}, weight, bias, 1e-12);
        const Tensor out = normal.to(delta.scalar_type());
        const std::vector<Tensor> made{residual ? normal : sum, out};
        return {sum, normal, gradients(made, residual)};
    }

    // Of hidden, delta, weight and bias, given what was made of them.
    std::vector<Tensor> gradients(const std::vector<Tensor>& made, bool residual) const {
        return torch::autograd::grad(made, {hidden, delta, weight, bias},
                                     {residual ? of_normal : of_sum, of_out});
    }

    Tensor hidden, delta, weight, bias, of_sum, of_normal, of_out;
};

// The differentiable functions are what the operators make of it, to the bit.
void test_trained(at::ScalarType type) {
    const Inputs in(type);
    const ardiff::portable::Norm norm{in.weight, in.bias, 1e-12};
    for (const bool drops : {false, true}) {
        const ardiff::cuda::Drop drop = drops ? kSameDrop : ardiff::cuda::Drop{};
        for (const bool residual : {false, true}) {
            const Expected expected = in.expected(drops, residual);
            Tensor first, out;
            if (residual) {
                const auto made =
                    ardiff::portable::norm_of_sum(in.hidden, in.delta, drop, norm, type);
                first = made.hidden, out = made.out;
            } else {
                const auto made = ardiff::portable::add_norm(in.hidden, in.delta, drop, norm, type);
                first = made.sum, out = made.out;
            }
            bool same = at::equal(first, residual ? expected.normal : expected.sum) &&
                        at::equal(out, expected.normal.to(type));
            const std::vector<Tensor> found = in.gradients({first, out}, residual);
            for (size_t i = 0; i < found.size(); ++i)
                same = same && at::equal(found[i], expected.gradients[i]);
            expect(same, "a sum and its LayerNorm are those of libtorch's operators");
        }
        const Tensor x = leaf(values({kRows, 2 * kWidth}, 5).to(type));
        const auto halves = x.chunk(2, -1);
        Tensor plain = halves[0] * at::gelu(halves[1]);
        if (drops) {
            plain = (plain * ardiff::portable::dropout_mask(plain.sizes(), kSameDrop, at::kCPU))
                        .to(type);
        }
        const Tensor gated = ardiff::portable::geglu(x, drop);
        const auto gradient = [&](const Tensor& y) {
            return torch::autograd::grad({y}, {x}, {in.of_out})[0];
        };
        expect(at::equal(gated, plain) && at::equal(gradient(gated), gradient(plain)),
               "GEGLU is that of libtorch's operators");
    }
}

// The kernels against the operators.
template <class T, class Norm, class NormGradient, class Geglu, class GegluGradient>
void test_layers(at::ScalarType type, float tolerance, Norm&& norm, NormGradient&& norm_gradient,
                 Geglu&& geglu, GegluGradient&& geglu_gradient) {
    const Inputs in(type);
    const auto space = [&](at::ScalarType of) { return at::empty({kRows, kWidth}, of); };
    const int64_t lanes = kRows * 32;
    for (const bool drops : {false, true}) {
        const Drop drop = drops ? kDrop : Drop{};
        const Tensor sum = space(at::kFloat), normal = space(at::kFloat), out = space(type);
        const Tensor statistics = at::empty({2, kRows});
        launch(lanes, [&] {
            norm(data<float>(in.hidden), data<T>(in.delta), drop, data<float>(in.weight),
                 data<float>(in.bias), 1e-12f, kRows, kWidth, data<float>(sum),
                 data<float>(statistics), data<T>(out), data<float>(normal));
        });
        for (const bool residual : {false, true}) {
            const Expected expected = in.expected(drops, residual);
            expect(largest_gap(sum, expected.sum) < 1e-6f, "the CUDA kernel adds to the residual");
            expect(largest_gap(normal, expected.normal) < 1e-5f &&
                       largest_gap(out, expected.normal) < tolerance,
                   "the CUDA kernel normalises");
            const Tensor all = space(at::kFloat), of_hidden = space(at::kFloat),
                         of_delta = space(type);
            launch(lanes, [&] {
                norm_gradient(data<T>(in.of_out), residual ? data<float>(in.of_normal) : nullptr,
                              residual ? nullptr : data<float>(in.of_sum), data<float>(sum),
                              data<float>(statistics), data<float>(in.weight), drop, kRows, kWidth,
                              data<float>(all), data<float>(of_hidden), data<T>(of_delta));
            });
            const Tensor given = in.of_out.to(at::kFloat);
            expect(largest_gap(all, residual ? given + in.of_normal : given) == 0.0f,
                   "the CUDA kernel adds up what LayerNorm's parameters are moved by");
            expect(largest_gap(of_hidden, expected.gradients[0]) < 2e-5f &&
                       largest_gap(of_delta, expected.gradients[1]) < tolerance,
                   "the CUDA kernel finds the way back through LayerNorm");
        }
        const Tensor x = leaf(values({kRows, 2 * kWidth}, 5).to(type));
        const Tensor gated = ardiff::portable::geglu(x, drops ? kSameDrop : ardiff::cuda::Drop{});
        const Tensor made = space(type), of_x = at::empty_like(x);
        launch(kRows * kWidth, [&] { geglu(data<T>(x), drop, kRows, kWidth, data<T>(made)); });
        launch(kRows * kWidth, [&] {
            geglu_gradient(data<T>(in.of_out), data<T>(x), drop, kRows, kWidth, data<T>(of_x));
        });
        expect(largest_gap(made, gated) < tolerance, "the CUDA kernel gates by GELU");
        expect(largest_gap(of_x, torch::autograd::grad({gated}, {x}, {in.of_out})[0]) < tolerance,
               "the CUDA kernel finds the way back through GEGLU");
    }
    // As generation takes it: in place, of a residual that nothing is added to too.
    for (const bool moved : {false, true}) {
        const Tensor hidden = in.hidden.detach().clone(), expected = hidden.clone();
        const Tensor out = space(type), weight = in.weight.detach(), bias = in.bias.detach();
        launch(lanes, [&] {
            norm(data<float>(hidden), moved ? data<T>(in.delta) : nullptr, Drop{},
                 data<float>(weight), data<float>(bias), 1e-12f, kRows, kWidth, data<float>(hidden),
                 nullptr, data<T>(out), nullptr);
        });
        const Tensor normal = ardiff::portable::add_norm(
            expected, moved ? in.delta.detach() : Tensor(), weight, bias, 1e-12, type);
        expect(largest_gap(hidden, expected) == 0.0f && largest_gap(out, normal) < tolerance,
               "the CUDA kernel normalises in place");
    }
}

}  // namespace

void test_cuda_kernels() {
    test_noise();
    test_training_random();
    test_trained(at::kFloat);
    test_trained(at::kBFloat16);
    test_layers<float>(at::kFloat, 2e-5f, ardiff_add_norm_f32, ardiff_norm_gradient_f32,
                       ardiff_geglu_f32, ardiff_geglu_gradient_f32);
    test_layers<Half>(at::kBFloat16, 0.05f, ardiff_add_norm_bf16, ardiff_norm_gradient_bf16,
                      ardiff_geglu_bf16, ardiff_geglu_gradient_bf16);
}

}  // namespace test
