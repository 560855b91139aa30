#include "torch/device_graph.h"

#if __has_include(<ATen/core/GraphImplInterface.h>)
#include <ATen/core/GraphImplInterface.h>  // from torch 2.13 on
#define ARDIFF_HAS_GRAPH_INTERFACE 1
#endif

#include <utility>

#include "torch/cuda/graph.h"

namespace ardiff::portable {

#if defined(ARDIFF_HAS_GRAPH_INTERFACE)
namespace {

class RegisteredGraph final : public DeviceGraph {
  public:
    explicit RegisteredGraph(std::unique_ptr<at::GraphImplInterface> graph)
        : graph_(std::move(graph)) {}
    void capture_begin() override {
        graph_->capture_begin({0, 0}, at::GraphCaptureMode::ThreadLocal);
    }
    void capture_end() override { graph_->capture_end(); }
    void replay() override { graph_->replay(); }

  private:
    const std::unique_ptr<at::GraphImplInterface> graph_;
};

}  // namespace
#endif

const char* device_graphs(c10::DeviceType type) {
#if defined(ARDIFF_HAS_GRAPH_INTERFACE)
    if (at::has_graph_impl(type)) return "at::GraphImplInterface";
#endif
    if (type == c10::DeviceType::CUDA && cuda::has_graphs()) return "at::cuda::CUDAGraph";
    return nullptr;
}

std::unique_ptr<DeviceGraph> make_device_graph(c10::DeviceType type) {
#if defined(ARDIFF_HAS_GRAPH_INTERFACE)
    if (at::has_graph_impl(type))
        return std::make_unique<RegisteredGraph>(at::create_graph_impl(type));
#endif
    return cuda::make_graph();
}

}  // namespace ardiff::portable
