// A network call as a graph of the device, with a stand-in for the device's graphs: one that
// computes again, where the recording computed, when it is replayed.
#include <ATen/ATen.h>

#if __has_include(<ATen/core/GraphImplInterface.h>)
#include <ATen/core/GraphImplInterface.h>

#include <cstdlib>
#include <stdexcept>
#include <vector>

#include "torch/step_graph.h"
#include "unit.h"

namespace {

using at::Tensor;

int begun = 0, ended = 0, replayed = 0, computed = 0;
bool recording = false, fails = false;
std::vector<Tensor> seen;  // what the recording read
Tensor made;               // and wrote

Tensor compute(const std::vector<Tensor>& x) { return x[0] * 2.0 + x[2]; }

struct StandIn final : at::GraphImplInterface {
    explicit StandIn(const at::GraphImplArgs&) {}
    void capture_begin(at::MempoolId_t, at::GraphCaptureMode) override {
        ++begun;
        recording = true;
    }
    void capture_end() override {
        ++ended;
        recording = false;
    }
    void instantiate() override {}
    void replay() override {
        ++replayed;
        made.copy_(compute(seen));
    }
    void reset() override {}
    at::MempoolId_t pool() const override { return {0, 0}; }
    void enable_debug_mode() override {}
    void debug_dump(const std::string&) override {}
};

Tensor job(const std::vector<Tensor>& x) {
    ++computed;
    if (recording && fails) throw std::runtime_error("no");
    const Tensor out = compute(x);
    if (recording) seen = x, made = out;
    return out;
}

}  // namespace

namespace at {
C10_REGISTER_CLASS(GraphImplRegistry, CPU, StandIn)
}

namespace test {

void test_step_graph() {
    using ardiff::portable::StepGraph;
    const Tensor lasting = at::ones({3}), other = at::full({3}, 5.0f);
    const auto call = [&](StepGraph& graph, float x, const Tensor& last) {
        const Tensor moving = at::full(last.sizes(), x);
        const Tensor found = graph.run({moving, Tensor()}, {last}, job);
        return at::equal(found, compute({moving, Tensor(), last}));
    };
    unsetenv("ARDIFF_STEP_GRAPH");
    StepGraph off;
    expect(call(off, 1, lasting) && call(off, 2, lasting) && begun == 0,
           "no graph is recorded unless it is asked for");

    setenv("ARDIFF_STEP_GRAPH", "1", 1);
    StepGraph graph;
    computed = 0;
    expect(call(graph, 1, lasting) && begun == 0 && computed == 1, "the first call just runs");
    expect(call(graph, 2, lasting) && begun == 1 && ended == 1 && replayed == 1 && computed == 3,
           "the second is recorded and replayed");
    const Tensor first = graph.run({at::zeros({3}), Tensor()}, {lasting}, job);
    expect(call(graph, 4, other) && call(graph, 5, lasting) && computed == 3 && replayed == 4,
           "further calls are replayed with their own tensors");
    expect(at::equal(first, lasting), "what a call made stays as it is");
    expect(call(graph, 6, at::ones({4})) && begun == 1 && computed == 4,
           "other shapes are recorded anew");

    StepGraph failing;
    fails = true;
    const int before = ended;
    expect(call(failing, 1, lasting) && call(failing, 2, lasting) && ended == before + 1,
           "a recording that fails is ended, and the call runs");
    fails = false;
    const int tried = begun;
    expect(call(failing, 3, lasting) && begun == tried, "it is not tried again");
    unsetenv("ARDIFF_STEP_GRAPH");
}

}  // namespace test

#else

namespace test {
void test_step_graph() {}
}  // namespace test

#endif
