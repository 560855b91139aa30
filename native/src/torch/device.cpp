#include "torch/device.h"

#include <ATen/ATen.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <cstring>

#include "core/error.h"

namespace ardiff::portable {

at::Device checked_device(ardiff_device device, int index) {
    if (device == ARDIFF_DEVICE_CPU) return at::Device(at::kCPU);
    if (!at::globalContext().hasCUDA()) {
        throw Error(ARDIFF_UNSUPPORTED,
                    "This libtorch has no CUDA: use the CPU or install a CUDA build of torch");
    }
    const int count = c10::impl::VirtualGuardImpl(at::kCUDA).deviceCount();
    if (index >= count) {
        throw Error(ARDIFF_UNSUPPORTED,
                    format("CUDA device %d does not exist: there are %d", index, count));
    }
    return at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(index));
}

void synchronize(const at::Device& device) {
    if (!device.is_cuda()) return;
    const c10::impl::VirtualGuardImpl guard(at::kCUDA);
    guard.getStream(device).synchronize();
}

template <class T>
at::Tensor upload(const T* data, at::IntArrayRef sizes, const at::Device& device) {
    at::Tensor host =
        at::empty(sizes, at::TensorOptions().dtype(c10::CppTypeToScalarType<T>::value));
    std::memcpy(host.mutable_data_ptr(), data, host.nbytes());
    return host.to(device);
}

template at::Tensor upload(const float*, at::IntArrayRef, const at::Device&);
template at::Tensor upload(const int32_t*, at::IntArrayRef, const at::Device&);
template at::Tensor upload(const int64_t*, at::IntArrayRef, const at::Device&);
template at::Tensor upload(const uint8_t*, at::IntArrayRef, const at::Device&);

void download(const at::Tensor& tensor, float* data) {
    const at::Tensor host = tensor.to(at::kCPU).contiguous();
    std::memcpy(data, host.const_data_ptr(), host.nbytes());
}

}  // namespace ardiff::portable
