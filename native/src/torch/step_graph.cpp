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

bool is_asked_for() {
    const char* const value = std::getenv("ARDIFF_STEP_GRAPH");
    return value != nullptr && std::strcmp(value, "1") == 0;
}

// Of kinds and shapes at a time: each has memory of its own on the device.
constexpr size_t kMostRecordings = 8;

std::vector<Tensor> together(const std::vector<Tensor>& moving,
                             const std::vector<Tensor>& lasting) {
    std::vector<Tensor> all = moving;
    all.insert(all.end(), lasting.begin(), lasting.end());
    return all;
}

std::vector<Tensor> on_device(const std::vector<Tensor>& tensors, const at::Device& device) {
    std::vector<Tensor> there;
    for (const Tensor& x : tensors)
        there.push_back(x.defined() ? x.to(device, x.scalar_type(), true) : x);
    return there;
}

}  // namespace

#if defined(ARDIFF_HAS_GRAPHS)

struct StepGraph::Recording {
    std::unique_ptr<at::GraphImplInterface> graph;
    std::vector<Tensor> places;   // what it reads, at addresses of its own
    std::vector<Tensor> lasting;  // what was last copied to the last of them
    std::vector<Tensor> outputs;  // what it writes
};

StepGraph::StepGraph(const at::Device& device) : device_(device), enabled_(is_asked_for()) {}

// Of `job` on copies of `inputs`; null where that failed.
std::unique_ptr<StepGraph::Recording> StepGraph::record(const std::vector<Tensor>& inputs,
                                                        const Job& job) const {
    auto recording = std::make_unique<Recording>();
    recording->graph = at::create_graph_impl(device_.type());
    for (const Tensor& x : inputs)
        recording->places.push_back(x.defined() ? x.to(device_, x.scalar_type(), false, true) : x);
    std::optional<c10::StreamGuard> aside;  // nothing can be recorded on the default stream
    bool begun = false;
    try {
        synchronize(device_);
        if (device_.is_cuda())
            aside.emplace(c10::impl::VirtualGuardImpl(at::kCUDA).getStreamFromGlobalPool(device_));
        job(recording->places);  // whatever is made once and then kept
        synchronize(device_);
        recording->graph->capture_begin({0, 0}, at::GraphCaptureMode::ThreadLocal);
        begun = true;
        recording->outputs = job(recording->places);
        begun = false;
        recording->graph->capture_end();
    } catch (const std::exception&) {
        try {
            if (begun) recording->graph->capture_end();
        } catch (const std::exception&) {
            // What failed first is what counts.
        }
        return nullptr;
    }
    return recording;
}

std::vector<Tensor> StepGraph::run(const std::vector<int64_t>& kind,
                                   const std::vector<Tensor>& moving,
                                   const std::vector<Tensor>& lasting, const Job& job) {
    const std::vector<Tensor> inputs = together(moving, lasting);
    const auto just_run = [&] { return job(on_device(inputs, device_)); };
    if (!enabled_ || !at::has_graph_impl(device_.type())) return just_run();
    std::vector<std::vector<int64_t>> key{kind};
    for (const Tensor& x : inputs)
        key.push_back(x.defined() ? x.sizes().vec() : std::vector<int64_t>{-1});
    const auto found = recordings_.find(key);
    if (found == recordings_.end()) {
        if (recordings_.size() >= kMostRecordings) recordings_.clear();
        recordings_.emplace(std::move(key), nullptr);
        return just_run();
    }
    std::unique_ptr<Recording>& recording = found->second;
    if (!recording) recording = record(inputs, job);
    if (!recording) {
        enabled_ = false;
        recordings_.clear();
        return just_run();
    }
    for (size_t i = 0; i < inputs.size(); ++i) {
        const size_t last = i - moving.size();
        const bool there = i >= moving.size() && !recording->lasting.empty() &&
                           inputs[i].is_same(recording->lasting[last]);
        if (inputs[i].defined() && !there) recording->places[i].copy_(inputs[i], true);
    }
    recording->lasting = lasting;
    recording->graph->replay();
    std::vector<Tensor> made;
    for (const Tensor& x : recording->outputs) made.push_back(x.defined() ? x.clone() : x);
    return made;
}

#else

struct StepGraph::Recording {};

StepGraph::StepGraph(const at::Device& device) : device_(device), enabled_(false) {}

std::vector<Tensor> StepGraph::run(const std::vector<int64_t>&, const std::vector<Tensor>& moving,
                                   const std::vector<Tensor>& lasting, const Job& job) {
    return job(on_device(together(moving, lasting), device_));
}

#endif

StepGraph::~StepGraph() = default;

}  // namespace ardiff::portable
