#include "torch/cuda/noise.h"

#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "torch/cuda/noise_kernels.h"

namespace ardiff::cuda {
namespace {

Site site_of(const NoiseKey& key, uint32_t site, uint32_t step, uint32_t micro_batch) {
    return {key.low, key.high, site, step, micro_batch};
}

}  // namespace

void generation_noise(const at::Tensor& low, const at::Tensor& high, const at::Tensor& candidate,
                      uint32_t step, const at::Tensor& noise) {
    const c10::cuda::CUDAGuard guard(noise.device());
    launch_generation_noise(low.const_data_ptr<int64_t>(), high.const_data_ptr<int64_t>(),
                            candidate.const_data_ptr<int64_t>(), step, noise.size(0), noise.size(1),
                            noise.size(2), noise.mutable_data_ptr<float>(),
                            c10::cuda::getCurrentCUDAStream(noise.device().index()).stream());
    C10_CUDA_KERNEL_LAUNCH_CHECK();
}

void training_normal(const NoiseKey& key, uint32_t site, uint32_t step, uint32_t micro_batch,
                     const at::Tensor& noise) {
    const c10::cuda::CUDAGuard guard(noise.device());
    launch_normal(site_of(key, site, step, micro_batch), noise.numel(),
                  noise.mutable_data_ptr<float>(),
                  c10::cuda::getCurrentCUDAStream(noise.device().index()).stream());
    C10_CUDA_KERNEL_LAUNCH_CHECK();
}

void training_mask(const NoiseKey& key, uint32_t site, uint32_t step, uint32_t micro_batch,
                   uint32_t threshold, float scale, const at::Tensor& mask) {
    const c10::cuda::CUDAGuard guard(mask.device());
    launch_mask(site_of(key, site, step, micro_batch), threshold, scale, mask.numel(),
                mask.mutable_data_ptr<float>(),
                c10::cuda::getCurrentCUDAStream(mask.device().index()).stream());
    C10_CUDA_KERNEL_LAUNCH_CHECK();
}

}  // namespace ardiff::cuda
