#include "torch/cuda/kernels.h"

#include "torch/cuda/driver.h"

namespace ardiff::cuda {

using at::Tensor;

namespace {

constexpr int64_t kLanes = 32;  // threads that add_norm gives a row

// The types of `parameters` are those of the kernel's parameters, to the bit.
template <class... Parameters>
void run(const at::Device& device, const char* kernel, int64_t threads, Parameters... parameters) {
    void* pointers[] = {&parameters...};
    launch(device, kernel, threads, pointers);
}

const float* floats(const Tensor& x) { return x.const_data_ptr<float>(); }

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

void training_mask(const Site& site, uint32_t threshold, float scale, const Tensor& out) {
    run(out.device(), "ardiff_training_mask", (out.numel() + 7) / 8, site.key.low, site.key.high,
        site.site, site.step, site.micro_batch, threshold, scale, out.numel(),
        out.mutable_data_ptr<float>());
}

void add_norm(const Tensor& hidden, const Tensor& delta, const Tensor& weight, const Tensor& bias,
              double epsilon, const Tensor& out) {
    const int64_t width = hidden.size(-1), rows = hidden.numel() / width;
    run(out.device(), is_half(out) ? "ardiff_add_norm_bf16" : "ardiff_add_norm_f32", rows * kLanes,
        hidden.mutable_data_ptr<float>(), data(delta), floats(weight), floats(bias),
        static_cast<float>(epsilon), rows, width, out.mutable_data_ptr());
}

void geglu(const Tensor& in, const Tensor& out) {
    const int64_t width = out.size(-1);
    run(out.device(), is_half(out) ? "ardiff_geglu_bf16" : "ardiff_geglu_f32", out.numel(),
        data(in), out.numel() / width, width, out.mutable_data_ptr());
}

}  // namespace ardiff::cuda
