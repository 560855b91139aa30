// A generation step as a graph of the device: recorded once for its shapes, then replayed, one
// launch in place of some ninety. Off unless ARDIFF_STEP_GRAPH is 1. It has never run on a GPU:
// tests hold it to a stand-in.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "torch/device_graph.h"

namespace ardiff::portable {

// What this process made of ARDIFF_STEP_GRAPH so far.
struct RecordedSteps {
    int64_t recorded = 0;  // steps, each of its shapes
    int64_t replayed = 0;
    std::string failure;  // why the last recording that failed did
};
RecordedSteps recorded_steps();

// One caller at a time. Where the device has no graphs, or once one has failed, jobs just run.
class StepGraph {
  public:
    // Computes tensors of others.
    using Job = std::function<std::vector<at::Tensor>(const std::vector<at::Tensor>&)>;

    explicit StepGraph(const at::Device& device);
    ~StepGraph();

    // Whether recordings are asked for, so that it is worth while to keep to few shapes.
    bool is_wanted() const { return enabled_; }

    // What `job` makes of `moving` and then `lasting`, dense tensors of the device, some of which
    // may be undefined, as what it makes may: `moving` are others in each call, also pinned ones of
    // the host, which are copied beside the host's work; `lasting` are mostly the same ones. Jobs
    // of one `kind` and the same shapes must launch the same, read nothing else that changes, and
    // never wait for the device. The first of them just runs, the second is recorded.
    std::vector<at::Tensor> run(const std::vector<int64_t>& kind,
                                const std::vector<at::Tensor>& moving,
                                const std::vector<at::Tensor>& lasting, const Job& job);

  private:
    struct Recording;
    std::unique_ptr<Recording> record(const std::vector<at::Tensor>& inputs, const Job& job) const;

    const at::Device device_;
    bool enabled_;
    // By kind and shapes, null where one was met once.
    std::map<std::vector<std::vector<int64_t>>, std::unique_ptr<Recording>> recordings_;
};

}  // namespace ardiff::portable
