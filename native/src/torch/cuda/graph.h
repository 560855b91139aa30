// Graphs of CUDA by the class that libtorch had for them before it had one interface for all
// devices, in torch 2.11 and 2.12. Compiled where CMake found that it compiles and links.
#pragma once

#include <memory>

#include "torch/device_graph.h"

namespace ardiff::cuda {

// Whether this build has them.
bool has_graphs();

// Null where it has not.
std::unique_ptr<portable::DeviceGraph> make_graph();

}  // namespace ardiff::cuda
