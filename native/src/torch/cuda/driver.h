// CUDA through the driver that libtorch has loaded: no CUDA compiler and no CUDA header is needed
// to build the shim.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <string>

namespace ardiff::cuda {

// Whether the kernels of kernels.cu can be launched on `device`. They are loaded when first asked
// for, on a thread whose present device it is; a driver that refuses them is not asked again.
bool has_kernels(const at::Device& device);

// Launches a kernel of kernels.cu for so many `threads` or a few more, on the present stream of
// `device`. `parameters` points to the kernel's parameters, each of the type it has there.
void launch(const at::Device& device, const char* kernel, int64_t threads, void** parameters);

// A device as ardiff_describe lists it, one JSON object: index, name, memory in bytes.
std::string describe_device(int index);

}  // namespace ardiff::cuda
