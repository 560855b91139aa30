// Whether src/torch/cuda/graph.cpp would compile and link: native/cmake/step_graphs.cmake tries.
#include <cuda_runtime_api.h>

#include <memory>

#include <ATen/cuda/CUDAGraph.h>

// Headers of another CUDA than libtorch's might lay the class out otherwise.
static_assert(CUDART_VERSION / 1000 == ARDIFF_CUDA_MAJOR && CUDART_VERSION >= 12040);

int main() {
    const auto graph = std::make_unique<at::cuda::CUDAGraph>();
    graph->capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
    graph->capture_end();
    graph->replay();
    return 0;
}
