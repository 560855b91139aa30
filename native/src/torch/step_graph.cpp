#include "torch/step_graph.h"

#include <ATen/ATen.h>

#if __has_include(<ATen/core/GraphImplInterface.h>)
#include <ATen/core/GraphImplInterface.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#define ARDIFF_HAS_GRAPHS 1  // from torch 2.13 on
#endif

#include <cstdlib>
#include <cstring>
#include <exception>
#include <optional>

#include "torch/device.h"

namespace ardiff::portable {

using at::Tensor;

namespace {

bool is_wanted() {
    const char* const value = std::getenv("ARDIFF_STEP_GRAPH");
    return value != nullptr && std::strcmp(value, "1") == 0;
}

std::vector<std::vector<int64_t>> shapes_of(const std::vector<Tensor>& tensors) {
    std::vector<std::vector<int64_t>> shapes;
    for (const Tensor& tensor : tensors) {
        shapes.push_back(tensor.defined() ? tensor.sizes().vec() : std::vector<int64_t>{-1});
    }
    return shapes;
}

}  // namespace

#if defined(ARDIFF_HAS_GRAPHS)

struct StepGraph::Recording {
    std::unique_ptr<at::GraphImplInterface> graph;
    std::vector<Tensor> places;   // what it reads, at addresses of its own
    std::vector<Tensor> sources;  // what was last copied there
    Tensor output;                // what it writes
};

StepGraph::StepGraph() : enabled_(is_wanted()) {}

// Records `job` on copies of `inputs`; false where that failed.
bool StepGraph::record(const std::vector<Tensor>& inputs, const Job& job) {
    const at::Device device = inputs[0].device();
    auto recording = std::make_unique<Recording>();
    recording->graph = at::create_graph_impl(device.type());
    for (const Tensor& input : inputs)
        recording->places.push_back(input.defined() ? input.clone() : input);
    recording->sources = inputs;
    std::optional<c10::StreamGuard> aside;  // nothing can be recorded on the default stream
    bool begun = false;
    try {
        synchronize(device);
        if (device.is_cuda())
            aside.emplace(c10::impl::VirtualGuardImpl(at::kCUDA).getStreamFromGlobalPool(device));
        job(recording->places);  // whatever is made once and then kept
        synchronize(device);
        recording->graph->capture_begin({0, 0}, at::GraphCaptureMode::ThreadLocal);
        begun = true;
        recording->output = job(recording->places);
        begun = false;
        recording->graph->capture_end();
    } catch (const std::exception&) {
        try {
            if (begun) recording->graph->capture_end();
        } catch (const std::exception&) {
            // What failed first is what counts.
        }
        return false;
    }
    recording_ = std::move(recording);
    return true;
}

Tensor StepGraph::run(const std::vector<Tensor>& moving, const std::vector<Tensor>& lasting,
                      const Job& job) {
    std::vector<Tensor> inputs = moving;
    inputs.insert(inputs.end(), lasting.begin(), lasting.end());
    if (!enabled_ || !at::has_graph_impl(inputs[0].device().type())) return job(inputs);
    std::vector<std::vector<int64_t>> shapes = shapes_of(inputs);
    if (shapes != shapes_) {
        recording_.reset();
        shapes_ = std::move(shapes);
        return job(inputs);
    }
    if (!recording_ && !record(inputs, job)) {
        enabled_ = false;
        return job(inputs);
    }
    for (size_t i = 0; i < inputs.size(); ++i) {
        const bool there = i >= moving.size() && inputs[i].is_same(recording_->sources[i]);
        if (inputs[i].defined() && !there) recording_->places[i].copy_(inputs[i]);
    }
    recording_->sources = inputs;
    recording_->graph->replay();
    return recording_->output.clone();
}

#else

struct StepGraph::Recording {};

StepGraph::StepGraph() : enabled_(false) {}

bool StepGraph::record(const std::vector<Tensor>&, const Job&) { return false; }

Tensor StepGraph::run(const std::vector<Tensor>& moving, const std::vector<Tensor>& lasting,
                      const Job& job) {
    std::vector<Tensor> inputs = moving;
    inputs.insert(inputs.end(), lasting.begin(), lasting.end());
    return job(inputs);
}

#endif

StepGraph::~StepGraph() = default;

}  // namespace ardiff::portable
