#include "torch/cuda/kernels.h"

#include "torch/cuda/driver.h"

namespace ardiff::cuda {

using at::Tensor;

namespace {

constexpr int64_t kLanes = 32;  // threads that LayerNorm gives a row

// The types of `parameters` are those of the kernel's parameters, to the bit.
static_assert(sizeof(Drop) == 7 * sizeof(uint32_t));
template <class... Parameters>
void run(const at::Device& device, const char* kernel, int64_t threads, Parameters... parameters) {
    void* pointers[] = {&parameters...};
    launch(device, kernel, threads, pointers);
}

// Null where a tensor is undefined.
const float* floats(const Tensor& x) { return x.defined() ? x.const_data_ptr<float>() : nullptr; }

float* to_floats(const Tensor& x) { return x.defined() ? x.mutable_data_ptr<float>() : nullptr; }

void* to_data(const Tensor& x) { return x.defined() ? x.mutable_data_ptr() : nullptr; }

const void* data(const Tensor& x) { return x.defined() ? x.const_data_ptr() : nullptr; }

int64_t quads(const Tensor& x) { return x.size(0) * x.size(1) * ((x.size(2) + 3) / 4); }

bool is_half(const Tensor& x) { return x.scalar_type() == at::kBFloat16; }

}  // namespace

void generation_noise(const Tensor& keys, uint32_t step, const Tensor& noise) {
    run(noise.device(), "ardiff_generation_noise", quads(noise), keys.const_data_ptr<int64_t>(),
        step, noise.size(0), noise.size(1), noise.size(2), noise.mutable_data_ptr<float>());
}

void update(const Update& in, const Tensor& out) {
    const int64_t stride = in.z.stride(0) / in.z.size(2);
    const int64_t plan_stride = in.coefficients.size(0) == 1 ? 0 : in.coefficients.stride(0) / 4;
    run(out.device(), "ardiff_update", quads(out), in.keys.const_data_ptr<int64_t>(),
        in.step.const_data_ptr<int64_t>(), out.size(0), out.size(1), out.size(2), stride,
        floats(in.coefficients), plan_stride, floats(in.z), floats(in.x0), floats(in.previous),
        out.mutable_data_ptr<float>());
}

void training_normal(const Site& site, const Tensor& out) {
    run(out.device(), "ardiff_training_normal", (out.numel() + 3) / 4, site.key.low, site.key.high,
        site.site, site.step, site.micro_batch, out.numel(), out.mutable_data_ptr<float>());
}

void training_mask(const Drop& drop, const Tensor& out) {
    const Site& site = drop.site;
    run(out.device(), "ardiff_training_mask", (out.numel() + 7) / 8, site.key.low, site.key.high,
        site.site, site.step, site.micro_batch, drop.threshold, drop.scale, out.numel(),
        out.mutable_data_ptr<float>());
}

void add_norm(const AddNorm& n) {
    const int64_t width = n.hidden.size(-1), rows = n.hidden.numel() / width;
    run(n.out.device(), is_half(n.out) ? "ardiff_add_norm_bf16" : "ardiff_add_norm_f32",
        rows * kLanes, floats(n.hidden), data(n.delta), n.drop, floats(n.weight), floats(n.bias),
        static_cast<float>(n.epsilon), rows, width, to_floats(n.sum), to_floats(n.statistics),
        to_data(n.out), to_floats(n.normal));
}

void norm_gradient(const NormGradient& n, at::ScalarType compute) {
    const int64_t width = n.sum.size(-1), rows = n.sum.numel() / width;
    const bool half = compute == at::kBFloat16;
    run(n.sum.device(), half ? "ardiff_norm_gradient_bf16" : "ardiff_norm_gradient_f32",
        rows * kLanes, data(n.of_out), floats(n.of_normal), floats(n.of_sum), floats(n.sum),
        floats(n.statistics), floats(n.weight), n.drop, rows, width, to_floats(n.of_values),
        to_floats(n.of_hidden), to_data(n.of_delta));
}

void geglu(const Tensor& in, const Drop& drop, const Tensor& out) {
    const int64_t width = out.size(-1);
    run(out.device(), is_half(out) ? "ardiff_geglu_bf16" : "ardiff_geglu_f32", out.numel(),
        data(in), drop, out.numel() / width, width, to_data(out));
}

void geglu_gradient(const Tensor& of_out, const Tensor& in, const Drop& drop, const Tensor& of_in) {
    const int64_t width = of_out.size(-1);
    run(in.device(), is_half(in) ? "ardiff_geglu_gradient_bf16" : "ardiff_geglu_gradient_f32",
        of_out.numel(), data(of_out), data(in), drop, of_out.numel() / width, width,
        to_data(of_in));
}

}  // namespace ardiff::cuda
