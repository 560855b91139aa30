// The network call of a generation step as a graph of the device: recorded once for its shapes,
// then replayed, one launch in place of some ninety. Off unless ARDIFF_STEP_GRAPH is 1. It has
// never run on a GPU: tests hold it to a stand-in.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <vector>

namespace ardiff::portable {

// One caller at a time. Where the device has no graphs, or once one has failed, jobs just run.
class StepGraph {
  public:
    // Computes one tensor of others.
    using Job = std::function<at::Tensor(const std::vector<at::Tensor>&)>;

    StepGraph();
    ~StepGraph();

    // What `job` makes of `moving` and then `lasting`, dense tensors of one device, some of which
    // may be undefined: `moving` are others in each call, `lasting` mostly the same ones. It must
    // be the same job in every call, launch the same for the same shapes, and never wait for the
    // device. The first call with its shapes just runs, the second is recorded.
    at::Tensor run(const std::vector<at::Tensor>& moving, const std::vector<at::Tensor>& lasting,
                   const Job& job);

  private:
    struct Recording;
    bool record(const std::vector<at::Tensor>& inputs, const Job& job);

    bool enabled_;
    std::vector<std::vector<int64_t>> shapes_;  // of the last call, or of the recording
    std::unique_ptr<Recording> recording_;      // of those shapes, if there is one
};

}  // namespace ardiff::portable
