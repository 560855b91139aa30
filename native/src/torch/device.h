// Devices, and copies between them and the caller's buffers.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "ardiff.h"

namespace ardiff::portable {

// The device, if this build and machine have it; else throws ARDIFF_UNSUPPORTED.
at::Device checked_device(ardiff_device device, int index);

// Waits until everything submitted to `device` is done.
void synchronize(const at::Device& device);

// A copy of host values on `device`, of the same type.
template <class T>
at::Tensor upload(const T* data, at::IntArrayRef sizes, const at::Device& device);

// Copies a float32 tensor into the caller's buffer.
void download(const at::Tensor& tensor, float* data);

}  // namespace ardiff::portable
