#include "torch/cuda/devices.h"

#include <c10/cuda/CUDAException.h>
#include <cuda_runtime_api.h>

namespace ardiff {

std::string describe_cuda_device(int index) {
    cudaDeviceProp properties;
    C10_CUDA_CHECK(cudaGetDeviceProperties(&properties, index));
    std::string name;
    for (const char* c = properties.name; *c != '\0'; ++c) {
        if (*c == '"' || *c == '\\') name += '\\';
        name += *c;
    }
    return "{\"index\":" + std::to_string(index) + ",\"name\":\"" + name +
           "\",\"memory\":" + std::to_string(properties.totalGlobalMem) + "}";
}

}  // namespace ardiff
