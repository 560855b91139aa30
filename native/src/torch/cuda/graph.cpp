#include "torch/cuda/graph.h"

#if defined(ARDIFF_CUDA_GRAPH)
#include <ATen/cuda/CUDAGraph.h>
#endif

namespace ardiff::cuda {

#if defined(ARDIFF_CUDA_GRAPH)
namespace {

// native/cmake/cuda_graph.cpp makes the same calls, for CMake to try.
class Graph final : public portable::DeviceGraph {
  public:
    void capture_begin() override {
        graph_.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
    }
    void capture_end() override { graph_.capture_end(); }
    void replay() override { graph_.replay(); }

  private:
    at::cuda::CUDAGraph graph_;
};

}  // namespace

bool has_graphs() { return true; }
std::unique_ptr<portable::DeviceGraph> make_graph() { return std::make_unique<Graph>(); }
#else
bool has_graphs() { return false; }
std::unique_ptr<portable::DeviceGraph> make_graph() { return nullptr; }
#endif

}  // namespace ardiff::cuda
