// CUDA devices as ardiff_describe lists them.
#pragma once

#include <string>

namespace ardiff {

// One JSON object: index, name, memory in bytes.
std::string describe_cuda_device(int index);

}  // namespace ardiff
