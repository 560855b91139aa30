#include "torch/step_graph.h"

#include <ATen/ATen.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <mutex>
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

std::mutex mutex;
RecordedSteps so_far;

template <class Change>
void note(Change&& change) {
    const std::lock_guard lock(mutex);
    change(so_far);
}

}  // namespace

RecordedSteps recorded_steps() {
    const std::lock_guard lock(mutex);
    return so_far;
}

struct StepGraph::Recording {
    std::unique_ptr<DeviceGraph> graph;
    std::vector<Tensor> places;   // what it reads, at addresses of its own
    std::vector<Tensor> lasting;  // what was last copied to the last of them
    std::vector<Tensor> outputs;  // what it writes
};

StepGraph::StepGraph(const at::Device& device)
    : device_(device), enabled_(is_asked_for() && device_graphs(device.type()) != nullptr) {}

// Of `job` on copies of `inputs`; null where that failed.
std::unique_ptr<StepGraph::Recording> StepGraph::record(const std::vector<Tensor>& inputs,
                                                        const Job& job) const {
    auto recording = std::make_unique<Recording>();
    for (const Tensor& x : inputs)
        recording->places.push_back(x.defined() ? x.to(device_, x.scalar_type(), false, true) : x);
    std::optional<c10::StreamGuard> aside;  // nothing can be recorded on the default stream
    bool begun = false;
    try {
        recording->graph = make_device_graph(device_.type());
        synchronize(device_);
        if (device_.is_cuda())
            aside.emplace(c10::impl::VirtualGuardImpl(at::kCUDA).getStreamFromGlobalPool(device_));
        job(recording->places);  // whatever is made once and then kept
        synchronize(device_);
        recording->graph->capture_begin();
        begun = true;
        recording->outputs = job(recording->places);
        begun = false;
        recording->graph->capture_end();
    } catch (const std::exception& failure) {
        note([&](RecordedSteps& all) { all.failure = failure.what(); });
        try {
            if (begun) recording->graph->capture_end();
        } catch (const std::exception&) {
            // What failed first is what counts.
        }
        return nullptr;
    }
    note([](RecordedSteps& all) { ++all.recorded; });
    return recording;
}

std::vector<Tensor> StepGraph::run(const std::vector<int64_t>& kind,
                                   const std::vector<Tensor>& moving,
                                   const std::vector<Tensor>& lasting, const Job& job) {
    const std::vector<Tensor> inputs = together(moving, lasting);
    const auto just_run = [&] { return job(on_device(inputs, device_)); };
    if (!enabled_) return just_run();
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
    note([](RecordedSteps& all) { ++all.replayed; });
    std::vector<Tensor> made;
    for (const Tensor& x : recording->outputs) made.push_back(x.defined() ? x.clone() : x);
    return made;
}

StepGraph::~StepGraph() = default;

}  // namespace ardiff::portable
